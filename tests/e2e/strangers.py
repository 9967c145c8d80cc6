"""Requests that no client of ours makes, with words to be found again at every place of them."""

import base64
import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from shared.bus.topology import load_topology
from shared.worker.push import MOST_BYTES
from tests.waiting import PATIENCE_S

WAIT_S: Final = PATIENCE_S
Word = Callable[[str], str]


def wire(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a request as it travels."""
    said = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**said, **(headers or {})}.items()]
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines)
    return head.encode() + b"\r\n" + body


def told(port: int, request: bytes) -> bytes:
    """Send bytes and return all that comes back, status line and headers included."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        with contextlib.suppress(OSError):  # whoever has heard enough hangs up
            connection.sendall(request)
        with contextlib.suppress(OSError):
            while part := connection.recv(65_536):
                answer += part
    return answer


def requests_to(name: str, at: Word) -> Iterator[bytes]:
    """Yield requests that a deployable should refuse, and some that it should not."""
    yield from _anywhere(name, at)
    if name == "ingest-api":
        yield from _to_partners_api(at)
    elif name == "ledger-api":
        yield from _to_auditors_api(at)
    else:
        yield from _pushes(name, at)


def _anywhere(name: str, at: Word) -> Iterator[bytes]:
    word = at(f"header to {name}")
    yield wire("GET", f"/{at(f'path to {name}')}")
    yield wire("GET", f"/health/{at(f'path to {name}')}?{at(f'query to {name}')}=x")
    yield wire("GET", f"/ready?{at(f'query to {name}')}=x", headers={"X-Own": word, word: "x"})
    yield wire("POST", f"/internal/jobs/{at(f'job of {name}')}")
    yield wire("POST", "/health", at(f"body to {name}").encode())
    yield wire(at(f"method to {name}").upper(), "/ready")
    yield wire("GET", "/metrics", headers={"Host": f"{word}.example"})
    yield wire("GET", f"http://{at(f'url to {name}')}.example/ready")
    yield wire("GET", "/ready", headers={"Cookie": word, "Referer": f"http://{word}/"})
    yield wire("GET", "/ready", headers={"Traceparent": word, "Forwarded": f"for={word}"})
    yield wire("GET", "/ready", headers={word: word * 2_000})
    yield wire("POST", "/ready", headers={"Content-Length": word})
    yield wire("POST", "/ready", headers={"Transfer-Encoding": word})
    yield f"{at(f'no http to {name}')}\r\n\r\n".encode()
    yield f"GET /{'x' * 9_000}{word} HTTP/1.1\r\n\r\n".encode()
    yield f"GET / HTTP/1.1\r\nHost: x\r\n{word}\r\n\r\n".encode()
    yield b"\x16\x03\x01" + word.encode() + b"\r\n\r\n"


def _pushes(name: str, at: Word) -> Iterator[bytes]:
    every = load_topology().subscriptions
    subscriptions = [one for one, its in every.items() if its.worker == name]
    yield wire("POST", f"/push/{at(f'subscription in path of {name}')}", b"{}")
    for subscription in subscriptions[:2]:
        path = f"/push/{subscription}"

        def push(
            path: str = path,
            subscription: str = subscription,
            headers: Mapping[str, str] | None = None,
            more: Mapping[str, object] | None = None,
            **message: object,
        ) -> bytes:
            whole: dict[str, object] = {
                "attributes": {},
                "data": base64.b64encode(at(f"pushed data to {name}").encode()).decode(),
                "messageId": "1",
                "publishTime": "2026-04-14T09:30:00Z",
                **message,
            }
            told = {"message": whole, "subscription": f"projects/p/subscriptions/{subscription}"}
            said = {"Content-Type": "application/json", **(headers or {})}
            return wire("POST", path, json.dumps({**told, **(more or {})}).encode(), said)

        word = at(f"pushed attribute to {name}")
        yield push()
        yield push(headers={"Authorization": f"Bearer {at(f'token to {name}')}"})
        yield push(headers={"Content-Type": f"text/{word}"}, messageId=at(f"message to {name}"))
        yield push(attributes=event_like(word), publishTime=word)
        yield push(attributes=event_like(word))
        yield push(attributes={word: word, "eventType": word, "bucketId": word})
        yield push(attributes=notification(word, bucket="docledger-uploads"))
        yield push(attributes=notification(word, bucket=word.lower()))
        yield push(data=at(f"no base64 to {name}"))
        yield push(deliveryAttempt=word, more={word: word, "deliveryAttempt": word})
        yield push(more={"subscription": f"projects/p/subscriptions/{word}"})
        yield push(path=f"{path}.dead", attributes=event_like(word))
        yield push(path=f"{path}?{at(f'query of a push to {name}')}")
        yield wire("POST", path, at(f"no json to {name}").encode())
        yield wire("POST", path, f'{{"message": {{"{word}'.encode())
        yield wire("PUT", path, word.encode())
        yield wire("POST", path, (word * (MOST_BYTES // len(word) + 1)).encode())


def audits() -> Iterator[bytes]:
    """Yield what an auditor asks for who looks at everything; some of it fails inside."""
    for index in range(4):
        yield wire("GET", "/v1/tenants/default/entries")
        yield wire("GET", f"/v1/tenants/default/entries/{index}")
        yield wire("GET", f"/v1/tenants/default/entries/{index}/proof")
    yield wire("GET", "/log/default/checkpoint")


def event_like(word: str) -> dict[str, str]:
    """Return the attributes of an event of ours, had it not been for its values."""
    names = ("id", "source", "subject", "jobid", "tenant", "traceparent", "time", "dataschema")
    wrong = {f"ce-{name}": word for name in names}
    return {
        **wrong,
        "ce-specversion": "1.0",
        "ce-type": "docledger.upload.arrived.v1",
        f"ce-{word.lower()}": word,
        "content-type": "application/json",
        "googclient_traceparent": word,
    }


def notification(word: str, *, bucket: str) -> dict[str, str]:
    """Return the attributes of a notification of Cloud Storage about an object so named."""
    return {
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "NONE",
        "bucketId": bucket,
        "objectId": f"{word}.pdf",
        "objectGeneration": "1",
    }


def _to_partners_api(at: Word) -> Iterator[bytes]:
    name = at("name at the partner API")
    named = {"Content-Disposition": f'attachment; filename="{name}.txt"'}
    key = {"Idempotency-Key": at("key at the partner API")}
    body = at("body at the partner API").encode()
    yield wire("POST", "/v1/documents", body, {"Content-Disposition": f"attachment; {name}=\x01"})
    yield wire("POST", "/v1/documents", body, {"Idempotency-Key": f"{name} {name}"})
    yield wire("POST", "/v1/documents", body, {"Content-Encoding": name})
    yield wire("POST", "/v1/documents", b"", named)
    yield wire("POST", f"/v1/documents?{name}={name}", body, {"Content-Type": f"text/{name}"})
    for number in range(6):  # some fail inside
        yield wire("POST", "/v1/documents", body + str(number).encode(), named)
        yield wire("GET", f"/v1/jobs/{number:040x}")
    yield wire("GET", f"/v1/jobs/{name}")
    yield wire("DELETE", "/v1/documents")
    event = {
        "specversion": "1.0",
        "id": at("id of a partner's event"),
        "source": at("source of a partner's event"),
        "type": "docledger.partner.document.v1",
        "subject": at("subject of a partner's event"),
        at("extension of a partner's event").lower(): at("value of a partner's event"),
        "data_base64": base64.b64encode(at("data of a partner's event").encode()).decode(),
    }
    structured = {"Content-Type": "application/cloudevents+json"}
    for wrong in ({}, {"type": name}, {"data_base64": name}, {"id": [name]}, {"specversion": name}):
        yield wire("POST", "/v1/events", json.dumps({**event, **wrong}).encode(), structured)
    yield wire("POST", "/v1/events", f'{{"{name}'.encode(), structured)
    yield wire("POST", "/v1/events", body, {"ce-id": name, "ce-source": name, "ce-type": name})
    for content in (*[body] * 4, *[body + b"other"] * 2):  # at last nothing fails inside
        yield wire("POST", "/v1/documents", content, {**named, **key})
        yield wire("POST", "/v1/events", json.dumps(event).encode(), structured)


def _to_auditors_api(at: Word) -> Iterator[bytes]:
    word = at("path at the auditor API")
    for path in (
        f"/v1/tenants/{word}/entries",
        f"/v1/tenants/default/entries?since={word}",
        f"/v1/tenants/default/entries?cursor={word}&kind={word}&from={word}&sealed_after={word}",
        f"/v1/tenants/default/checkpoints/{word}",
        f"/v1/tenants/default/consistency?from={word}",
        f"/log/{word}.keys",
        f"/page/{word}",
        f"/v1/tenants/default/entries?limit={word}&{word}=1",
        f"/v1/tenants/default/entries/{word}",
        f"/v1/tenants/default/entries/{word}/proof",
        f"/log/{word}/checkpoint",
        f"/log/default/{word}",
        f"/log/default/..%2f{word}",
        f"/log/default/tile/0/{word}",
    ):
        yield wire("GET", path, headers={"Authorization": f"Bearer {word}"})
    yield wire("POST", "/v1/tenants/default/entries", word.encode())
