"""A server that speaks Cloud Storage's JSON API strictly, and breaks when told to.

It refuses what Cloud Storage refuses: a write without the key it expects, a checksum that is not
that of the bytes, any precondition that does not hold. It says what it was asked. Below
``/strict-objects/`` it serves the objects as files, as Cloud Storage does where everybody may read.
"""

import base64
import json
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

from shared.clock import Clock

BUCKET = "strict-objects"


class Fault(Enum):
    """What happens to one request."""

    SERVE = auto()  # nothing
    STORE_THEN_503 = auto()  # it is done, and the answer says that it is not
    STORE_THEN_RESET = auto()  # it is done, and the connection breaks
    RESET = auto()  # the connection breaks before anything is done
    HANG = auto()  # nobody ever answers
    CORRUPT = auto()  # one bit of the body is turned over, either way
    TRUNCATE = auto()  # half of a download, and the connection is closed
    NO_CHECKSUM = auto()  # a download says nothing of its bytes
    NO_TIME = auto()  # a download does not say when it was written


@dataclass
class Stored:
    """One object."""

    name: str
    data: bytes = field(repr=False)
    generation: int
    updated: datetime
    metadata: dict[str, str]
    kms_key: str | None
    encoding: str | None = None
    content_type: str = "application/octet-stream"
    cache_control: str | None = None

    def resource(self) -> dict[str, Any]:
        return {
            "kind": "storage#object",
            "bucket": BUCKET,
            "name": self.name,
            "generation": str(self.generation),
            "size": str(len(self.data)),
            "updated": self.updated.isoformat().replace("+00:00", "Z"),
            "crc32c": crc32c(self.data),
            "metadata": self.metadata,
            **({"kmsKeyName": self.kms_key + "/cryptoKeyVersions/1"} if self.kms_key else {}),
        }


class JsonApi:
    """One bucket.

    Args:
        clock: stamps objects.
        kms_key: what every write must name.
    """

    def __init__(self, clock: Clock, *, kms_key: str | None = None) -> None:
        self.clock = clock
        self.kms_key = kms_key
        self.objects: dict[str, Stored] = {}
        self.older: list[Stored] = []
        self.described: dict[str, Any] = {}
        self.faults: deque[Fault | int] = deque()
        self.asked: list[str] = []
        self.connections: set[tuple[str, int]] = set()
        self.released = threading.Event()
        self.page = 1000
        self._generation = 1_795_337_640_000_000
        self._sessions: dict[str, tuple[dict[str, list[str]], dict[str, Any]]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve for the time of a block; give the URL."""
        api = self

        class Handler(_Handler):
            pass

        Handler.api = api
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.released.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def count(self) -> int:
        """Return how many requests there were since this was asked last."""
        asked, self.asked = len(self.asked), []
        return asked

    def upload(self, query: dict[str, list[str]], said: dict[str, Any], data: bytes) -> Any:
        """Store an object if everything holds."""
        with self._lock:
            refused = self.refusal(said["name"], query, writes=True)
            if refused:
                return refused
            if said.get("crc32c") != crc32c(data):
                return 400, "Provided CRC32C doesn't match calculated CRC32C"
            self._generation += 1
            stored = Stored(
                said["name"], data, self._generation, self.clock.now(),
                said.get("metadata", {}), self.kms_key,
                content_type=said["contentType"], cache_control=said.get("cacheControl"),
            )  # fmt: skip
            self._retire(stored.name)
            self.objects[stored.name] = stored
            return 200, stored.resource()

    def begin(self, query: dict[str, list[str]], said: dict[str, Any]) -> Any:
        """Begin a resumable upload."""
        refused = self.refusal(said["name"], query, writes=True)
        if refused:
            return refused
        session = f"session{len(self._sessions)}"
        self._sessions[session] = (query, said)
        return session

    def finish(self, session: str, data: bytes, hashes: str) -> Any:
        """End a resumable upload: the conditions must still hold."""
        query, said = self._sessions[session]
        told = dict(one.split("=", 1) for one in hashes.split(",") if one)
        return self.upload(query, {**said, **told}, data)

    def delete(self, name: str, query: dict[str, list[str]]) -> Any:
        """Delete an object, or exactly one generation of it."""
        with self._lock:
            refused = self.refusal(name, query)
            if refused:
                return refused
            stored = self.find(name, query)
            if stored is None:
                return 404, "No such object"
            if stored in self.older:
                self.older.remove(stored)
            elif "generation" in query:
                del self.objects[name]
            else:
                self._retire(name)
            return 204, None

    def _retire(self, name: str) -> None:
        """Take an object out of sight; where the bucket keeps versions, it stays."""
        stored = self.objects.pop(name, None)
        if stored is not None and self.described.get("versioning", {}).get("enabled"):
            self.older.append(stored)

    def find(self, name: str, query: dict[str, list[str]]) -> Stored | None:
        """Return an object; of another generation there is none."""
        wanted = query.get("generation")
        if not wanted:
            return self.objects.get(name)
        there = [one for one in (*self.objects.values(), *self.older) if one.name == name]
        return next((one for one in there if one.generation == int(wanted[0])), None)

    def listing(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Return one page."""
        prefix, token = query.get("prefix", [""])[0], query.get("pageToken", [""])[0]
        if query.get("versions", [""])[0].lower() == "true":
            every = sorted((*self.objects.values(), *self.older), key=lambda one: one.generation)
            found = [one.resource() for one in every if one.name.startswith(prefix)]
            return {"items": found[: self.page]}
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > token)
        shown = names[: min(self.page, int(query["maxResults"][0]))]
        more = {"nextPageToken": shown[-1]} if len(shown) < len(names) else {}
        wanted = query["fields"][0].removeprefix("items(").partition(")")[0].split(",")
        items = [self.objects[name].resource() for name in shown]
        return {"items": [{key: one[key] for key in wanted} for one in items], **more}

    def refusal(self, name: str, query: dict[str, list[str]], *, writes: bool = False) -> Any:
        standing = self.objects.get(name)
        generation = standing.generation if standing else 0
        condition = query.get("ifGenerationMatch")
        if condition and int(condition[0]) != generation:
            return 412, "At least one of the pre-conditions you specified did not hold."
        if writes and self.kms_key and query.get("kmsKeyName") != [self.kms_key]:
            return 403, "The key is not the one that the policy asks for."
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for an acknowledgement
    api: JsonApi

    def do_GET(self) -> None:
        self.serve()

    do_POST = do_GET  # noqa: N815 - the base class calls it so
    do_PUT = do_GET  # noqa: N815 - same
    do_DELETE = do_GET  # noqa: N815 - same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass

    def serve(self) -> None:
        api = self.api
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        api.connections.add(self.client_address)
        api.asked.append(f"{self.command} {self.path}")
        fault = api.faults.popleft() if api.faults else Fault.SERVE
        if isinstance(fault, int):
            self.answer(fault, {"error": {"code": fault, "message": "broken on purpose"}})
        elif fault is Fault.HANG:
            api.released.wait(30)
            self.close_connection = True
        elif fault is Fault.RESET:
            self.reset()
        else:
            self.act(url.path, parse_qs(url.query), body, fault)

    def act(self, path: str, query: dict[str, list[str]], body: bytes, fault: Fault) -> None:
        if fault is Fault.CORRUPT and self.command in {"POST", "PUT"}:
            body = flipped(body, body.rindex(b"content") if b"content" in body else 0)
        status, answer = self.decide(path, query, body, fault)
        if fault is Fault.STORE_THEN_503:
            self.answer(503, {"error": {"code": 503, "message": "broken on purpose"}})
        elif fault is Fault.STORE_THEN_RESET:
            self.reset()
        elif answer is not None:
            if status >= 400:
                answer = {"error": {"code": status, "message": answer}}
            self.answer(status, answer)
        elif status:
            self.answer(status, None)

    def decide(
        self, path: str, query: dict[str, list[str]], body: bytes, fault: Fault
    ) -> tuple[int, Any]:
        api = self.api
        if path.endswith(f"/b/{BUCKET}"):
            return 200, {"kind": "storage#bucket", "name": BUCKET, **api.described}
        if path.startswith(f"/{BUCKET}/"):  # as everybody reads a public one
            return self.look(unquote(path.removeprefix(f"/{BUCKET}/")), {"alt": ["media"]}, fault)
        start, bucket, rest = path.partition(f"/b/{BUCKET}/o")
        if not bucket:
            return 404, "The specified bucket does not exist."
        if start == "/upload/storage/v1":
            return self.write(query, body)
        name = unquote(rest.removeprefix("/"))
        return self.look(name, query, fault) if name else (200, api.listing(query))

    def look(self, name: str, query: dict[str, list[str]], fault: Fault) -> tuple[int, Any]:
        api = self.api
        if self.command == "DELETE":
            return api.delete(name, query)  # type: ignore[no-any-return]
        stored = api.find(name, query)
        if stored is None:
            return 404, "No such object"
        if "alt" not in query:
            return 200, stored.resource()
        self.download(stored, fault)
        return 0, None

    def write(self, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if query["uploadType"] == ["multipart"]:
            boundary = self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
            _, first, second, _ = body.split(b"--" + boundary)
            said = json.loads(first.partition(b"\r\n\r\n")[2])
            headers, _, data = second.partition(b"\r\n\r\n")
            said["contentType"] = headers.partition(b": ")[2].decode()
            data = data.removesuffix(b"\r\n")
            return self.api.upload(query, said, data)  # type: ignore[no-any-return]
        if "upload_id" in query:
            hashes = self.headers.get("x-goog-hash", "")
            return self.api.finish(query["upload_id"][0], body, hashes)  # type: ignore[no-any-return]
        said = {**json.loads(body), "contentType": self.headers["x-upload-content-type"]}
        session = self.api.begin(query, said)
        if not isinstance(session, str):
            return session  # type: ignore[no-any-return]
        host = self.headers["host"]
        place = f"http://{host}/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable"
        self.answer(200, {}, {"location": f"{place}&upload_id={session}"})
        return 0, None

    def download(self, stored: Stored, fault: Fault) -> None:
        data = stored.data
        headers = {
            "x-goog-generation": str(stored.generation),
            "x-goog-hash": f"crc32c={crc32c(data)},md5=CS9tHYTtyFntzj7B9nkkJQ==",
            "x-goog-stored-content-length": str(len(data)),
            "last-modified": format_datetime(stored.updated, usegmt=True),
            "content-type": stored.content_type,
            **({"cache-control": stored.cache_control} if stored.cache_control else {}),
        }
        if stored.encoding:
            headers["content-encoding"] = stored.encoding
        if fault is Fault.NO_CHECKSUM:
            del headers["x-goog-hash"]
        if fault is Fault.NO_TIME:
            del headers["last-modified"]
        if fault is Fault.CORRUPT:
            data = flipped(data, 0)
        self.send_response(200)
        for header, value in {**headers, "content-length": str(len(data))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fault is Fault.TRUNCATE else data)
        self.close_connection = fault is Fault.TRUNCATE

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for header, value in (headers or {}).items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(data)

    def reset(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def flipped(data: bytes, at: int) -> bytes:
    """Return ``data`` with one bit turned over."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def crc32c(data: bytes) -> str:
    """Return the checksum as Cloud Storage writes it."""
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
