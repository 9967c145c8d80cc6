"""A gate before Pub/Sub that takes no topic without its key, as an organisation's policy does.

The emulator stores the name of any key and asks for none.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc
from google.pubsub_v1 import types

_PUBLISHER: Final = "/google.pubsub.v1.Publisher"


class _Gate(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def __init__(self, beyond: grpc.Channel, key: str) -> None:
        self._beyond = beyond
        self._key = key

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def pass_on(request: bytes, context: grpc.ServicerContext) -> bytes:
            if self._key not in self._keys_of(details.method, request):
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "Constraint constraints/gcp.restrictNonCmekServices violated",
                )
            try:
                answer: bytes = self._beyond.unary_unary(details.method)(request, timeout=30)
            except grpc.RpcError as error:
                context.abort(error.code(), "the server's answer")
            return answer

        return grpc.unary_unary_rpc_method_handler(pass_on)

    def _keys_of(self, method: str, request: bytes) -> tuple[str, ...]:
        """Return the key that a call names; the right one for calls that are about none."""
        if method == f"{_PUBLISHER}/CreateTopic":
            return (types.Topic.pb().FromString(request).kms_key_name,)
        if method == f"{_PUBLISHER}/UpdateTopic":
            asked = types.UpdateTopicRequest.pb().FromString(request)
            if "kms_key_name" in asked.update_mask.paths:
                return (asked.topic.kms_key_name,)
        return (self._key,)


@contextmanager
def keyed_topics(host: str, key: str) -> Iterator[str]:
    """Stand before the Pub/Sub at ``host``; give the gate's ``host:port``."""
    pool = ThreadPoolExecutor(4)
    with grpc.insecure_channel(host) as beyond:
        server = grpc.server(pool, handlers=[_Gate(beyond, key)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(grace=None).wait()
            pool.shutdown()
