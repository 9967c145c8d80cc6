"""A local gRPC server that speaks Google's real protos, and answers as a test says."""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc

Answer = Callable[[Any], Any]
"""Takes a request and returns the response, or raises ``Refused``."""


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """What a server says instead of an answer."""

    def __init__(self, code: grpc.StatusCode, details: str = "the server's own words") -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@contextmanager
def serving(service: str, methods: Mapping[str, tuple[Answer, type, type]]) -> Iterator[str]:
    """Serve one service on a free port of this machine; give its ``host:port``.

    Args:
        service: its full name, ``google.pubsub.v1.Publisher``.
        methods: by name: what answers, and the types of request and response (proto-plus).
    """
    handlers = {name: _handler(*method) for name, method in methods.items()}
    pool = futures.ThreadPoolExecutor(max_workers=4)
    server = grpc.server(pool, handlers=[grpc.method_handlers_generic_handler(service, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        pool.shutdown()


def _handler(answer: Answer, request: Any, response: Any) -> grpc.RpcMethodHandler:
    def handle(asked: Any, context: grpc.ServicerContext) -> Any:
        try:
            return answer(asked)
        except Refused as refused:
            context.abort(refused.code, refused.details)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=request.deserialize, response_serializer=response.serialize
    )
