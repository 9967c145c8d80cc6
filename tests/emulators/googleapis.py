"""A local stand-in for the REST APIs that ``docledger doctor`` reads, strict about reading only.

It answers what it holds, page by page, masked as ``fields`` says, and policies as old clients see
them unless version 3 is asked for. Whatever could change something stands in ``wrong``.
"""

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

PAGE: Final = 3
"""Items in an answer, whatever is asked for: nobody gets by without following pages."""

TOKEN: Final = "local"


Fault = int | bytes
"""What goes wrong: a status, or the bytes of an answer that is none."""

_ITEMS: Final = {"b": "items", "o": "items", "instances": "items", "backupRuns": "items"}
_LISTS: Final = frozenset(
    {
        *("b", "topics", "subscriptions", "secrets", "instances", "services", "jobs"),
        *("keys", "cryptoKeys", "processors", "sinks", "backupRuns"),
    }
)
_POLICIES: Final = (":getIamPolicy", "/iam")


@dataclass
class GoogleApis:
    """Everything in one project.

    Attributes:
        resources: by host and path, what is there.
        policies: by host and path of the resource, who may do what.
        recorded: by host and path of the resource, whose calls are recorded (``auditConfigs``).
        objects: by bucket, by name, the key version of each object.
        faults: by host and path as asked, or by host alone, what goes wrong.
        asked: every question, in order.
        wrong: what nobody who only reads would do.
    """

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    recorded: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    objects: dict[str, dict[str, str | None]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def answer(
        self, method: str, url: str, authorization: str | None, body: bytes
    ) -> tuple[int, bytes]:
        """Return status and body for a question to ``https://<host>/<path>``."""
        parts = urlsplit(url)
        place = (parts.hostname or "") + parts.path
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(f"{method} {place}")
        reads = method == "GET" or (method == "POST" and place.endswith(_POLICIES[0]))
        if not reads:
            self.wrong.append(f"{method} {place}")
            return 405, b"{}"
        if authorization != f"Bearer {TOKEN}":
            self.wrong.append(f"no identity for {place}")
            return 401, b"{}"
        fault = self.faults.get(place, self.faults.get(parts.hostname or ""))
        if isinstance(fault, bytes):
            return 200, fault
        if fault is not None:
            status = {403: "PERMISSION_DENIED", 404: "NOT_FOUND"}.get(fault, "UNAVAILABLE")
            error = {"code": fault, "status": status, "message": "SECRET text of a server"}
            return fault, json.dumps({"error": error}).encode()
        said = self._said(place, query, json.loads(body or b"{}"))
        if said is None:
            return 404, b'{"error": {"code": 404, "status": "NOT_FOUND"}}'
        return 200, json.dumps(_masked(said, query.get("fields"))).encode()

    def _said(self, place: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        for suffix in _POLICIES:
            if place.endswith(suffix) and place.removesuffix(suffix) in self.policies:
                # The version is a parameter, but where the API is POSTed a body of its own.
                of_project = place.startswith("cloudresourcemanager.")
                told = body.get("options", {}).get("requestedPolicyVersion") if of_project else None
                version = told or next(
                    (value for name, value in query.items() if "equestedPolicyVersion" in name), 1
                )
                if (body and not of_project) or (told is None and of_project):
                    self.wrong.append(f"version of {place}")
                return self._policy(place.removesuffix(suffix), int(version))
        if place in self.resources:
            return self.resources[place]
        listed = self._listed(place, query)
        return None if listed is None else _paged(place, listed, query)

    def _policy(self, place: str, version: int) -> dict[str, Any]:
        """Return a policy; who asks for an old one is not told of conditions."""
        bindings = [
            {
                "role": one["role"] if version == 3 else f"{one['role']}_withcond_0123",
                "members": one["members"],
                **({"condition": one["condition"]} if version == 3 else {}),
            }
            if "condition" in one
            else one
            for one in self.policies[place]
        ]
        said = {"version": version, "etag": "BwX", "bindings": bindings} if bindings else {}
        return said | ({"auditConfigs": self.recorded[place]} if place in self.recorded else {})

    def _listed(self, place: str, query: dict[str, str]) -> list[Any] | None:
        head, _, last = place.rpartition("/")
        if last == "o":
            prefix = query.get("prefix", "")
            its = self.objects.get(head.rpartition("/")[2])
            return (
                None
                if its is None
                else [
                    {"name": name, "kmsKeyName": key} if key else {"name": name}
                    for name, key in sorted(its.items())
                    if name.startswith(prefix)
                ]
            )
        if last not in _LISTS:
            return None
        if "/topics/" in head:
            topic = head.partition("/v1/")[2]
            return [one["name"] for one in self.resources.values() if one.get("topic") == topic]
        return [its for name, its in self.resources.items() if name.rpartition("/")[0] == place]


def _paged(place: str, listed: list[Any], query: dict[str, str]) -> dict[str, Any]:
    last = place.rpartition("/")[2]
    start = int(query.get("pageToken", "0"))
    page = listed[start : start + PAGE]
    more = start + PAGE < len(listed)
    # As Google's do: an empty list is not there at all.
    return {
        **({_ITEMS.get(last, last): page} if page else {}),
        **({"nextPageToken": str(start + PAGE)} if more else {}),
    }


def _masked(said: Any, mask: str | None) -> Any:
    """Return what a ``fields`` mask such as ``a/b,c`` leaves."""
    if mask is None or not isinstance(said, dict):
        return said
    wanted: dict[str, list[str]] = {}
    for path in mask.split(","):
        head, _, rest = path.partition("/")
        wanted.setdefault(head, []).append(rest)
    left = {}
    for name, rests in wanted.items():
        if name not in said:
            continue
        value = said[name]
        inner = None if "" in rests else ",".join(rests)
        if isinstance(value, list):
            left[name] = [_masked(one, inner) for one in value]
        else:
            left[name] = _masked(value, inner)
    return left


class InProcess(BaseAdapter):
    """The APIs without a socket, for a session of requests."""

    def __init__(self, apis: GoogleApis) -> None:
        super().__init__()
        self._apis = apis

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        body = request.body or b""
        assert isinstance(body, bytes)  # as requests encodes JSON
        response = Response()
        response.status_code, content = self._apis.answer(
            request.method or "",
            request.url or "",
            str(request.headers.get("Authorization")),
            body,
        )
        response.raw = io.BytesIO(content)
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a caller that has read enough hangs up."""


class Served:
    """The APIs on a free port of this machine; the host is the first part of the path.

    Attributes:
        url: ``http://127.0.0.1:PORT``.
    """

    def __init__(self, apis: GoogleApis) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = "https:/" + self.path
                status, said = apis.answer(self.command, url, self.headers["Authorization"], body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler._do)
        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serving(apis: GoogleApis) -> Iterator[Served]:
    """Serve, and end afterwards."""
    served = Served(apis)
    try:
        yield served
    finally:
        served.stop()
