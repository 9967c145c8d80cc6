"""Between the HTTP host and a worker: requests in, answers out, built once.

functions-framework loads the launcher as a module of its own, so what must exist once is here.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from shared.worker.web import Service

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
TARGET: Final = "FUNCTION_TARGET"

_FIELD: Final = "HTTP_"
_built: Final[dict[str, "Service"]] = {}
_building: Final = threading.Lock()

Answer = tuple[Iterator[bytes], int, dict[str, str]]
"""What a function gives back to functions-framework: body, status, headers.

The body is an iterator on purpose: a response that could be rewound makes the framework read the
rest of the request into memory before it answers, however long that is.
"""


class HostRequest(Protocol):
    """What we need of a Flask request."""

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def path(self) -> str:
        """Decoded."""
        ...

    @property
    def content_length(self) -> int | None:
        """Of the body, None where it comes in chunks."""
        ...

    @property
    def environ(self) -> Mapping[str, Any]:
        """WSGI's."""
        ...


def service(name: str) -> "Service":
    """Return the service of a deployable, built when first asked for.

    Raises:
        UserError: a setting is wrong, or there is no such deployable.
    """
    found = _built.get(name)
    if found is not None:
        return found
    with _building:
        if name not in _built:
            from deploy.cloudrun.deployables import build  # noqa: PLC0415 - costs what it imports

            _built[name] = build(name)
        return _built[name]


def serve(name: str, request: HostRequest) -> Answer:
    """Answer one request of a deployable."""
    from shared.worker.web import Request  # noqa: PLC0415 - loaded with the service

    try:
        body = _body(request)
    except Exception:  # noqa: BLE001 - the host's error quotes what came, and would be logged
        body = b""  # which is no push
    answer = service(name).respond(
        Request(request.method, request.path, _Headers(request.environ), body)
    )
    told = {"content-type": answer.content_type, "content-length": str(len(answer.body))}
    if not answer.body:
        del told["content-type"]
    return iter((answer.body,)), answer.status, {**told, **answer.headers}


def drain() -> None:
    """End every service that was built; returns when each has."""
    for one in list(_built.values()):
        one.drain()


def application(target: str | None = None) -> "WSGIApplication":
    """Return the WSGI application of the worker that ``FUNCTION_TARGET`` names."""
    import functions_framework  # noqa: PLC0415 - after the fork: the arbiter does without

    create: Callable[..., Any] = functions_framework.create_app
    app = create(target=target, source=str(LAUNCHER), signature_type="http")
    # Each would answer with a page of its own that shows what was asked for.
    app.url_map.merge_slashes = False
    app.register_error_handler(500, _crashed)
    # An id for every request, of a dozen random numbers, that nothing of ours reads.
    app.wsgi_app = app.wsgi_app.wsgi_app
    sys.path.remove(str(LAUNCHER.parent))  # our folders are packages: nothing is imported from here
    made: WSGIApplication = app
    return made


def _crashed(_error: object) -> tuple[bytes, int]:
    """Answer for the framework's own failures, without their messages."""
    return b'{"code":"internal"}', 500


class _Headers(Mapping[str, str]):
    """The headers in a WSGI environment, translated when asked for: a push needs one of twenty."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ[_FIELD + name.upper().replace("-", "_")]
        return value

    def __iter__(self) -> Iterator[str]:
        own = (name for name in self._environ if name.startswith(_FIELD))
        return (name[len(_FIELD) :].replace("_", "-").lower() for name in own)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _body(request: HostRequest) -> bytes:
    """Read the body, but for one that is over the limit: then one byte too many says so."""
    from shared.worker.push import MOST_BYTES  # noqa: PLC0415 - loaded with the service

    length = request.content_length
    if length is not None and length > MOST_BYTES:
        return bytes(MOST_BYTES + 1)
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = request.environ["wsgi.input"].read(MOST_BYTES + 1 if length is None else length)
    return body
