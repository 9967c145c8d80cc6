"""A Google provider that knows the schema and nothing else: Terraform validates and plans offline.

It speaks Terraform's plugin protocol 5 inside the test's own process (``TF_REATTACH_PROVIDERS``).
Every argument may be of any type: the extract of the real schema says names, nesting and what is
required. What only Google can know is unknown, as in a real plan.
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import msgpack

from tests.infra.terraform.schema import Schema
from tests.infra.terraform.wire import entries, fields, message

COMPUTED: Final[Mapping[str, tuple[str, ...]]] = {
    "google_cloud_run_v2_service": ("uri",),
    "google_logging_project_sink": ("writer_identity",),
    "google_project_iam_custom_role": ("name",),
    "google_secret_manager_secret": ("name",),
    "google_secret_manager_secret_version": ("secret_data",),
    "google_service_account": ("email", "name"),
    "google_sql_database_instance": ("connection_name",),
}
"""What Google says of a resource and we use; the extract holds arguments alone."""

_ANY: Final = b'"dynamic"'
_LIST: Final = 2
_UNKNOWN: Final = msgpack.ExtType(0, b"\x00")
_READ: Final = [b'"string"', "as Google has it"]


class Provider:
    """Answers of the plugin.

    Args:
        schema: what there is.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.planned: list[str] = []

    def answer(self, method: str, request: bytes) -> bytes:
        """Answer one call; nothing is said against any other."""
        told = fields(request)
        match method:
            case "GetSchema":
                return self._schemas()
            case "PrepareProviderConfig":
                said = (1, told[1])
            case "PlanResourceChange":
                kind = told[1].decode()
                self.planned.append(kind)
                return message((1, self._computed(kind, told[3])), (5, True))
            case "ApplyResourceChange":
                said = (1, message((1, _known(fields(told[3])[1]))))
            case "UpgradeResourceState":  # a state of ours is of this version
                said = (1, message((2, fields(told[3])[1])))
            case "ReadDataSource":
                said = (1, self._computed(told[1].decode(), told[2], value=_READ))
            case _:
                return b""
        return message(said)

    def _schemas(self) -> bytes:
        schema = self._schema
        provider = dict.fromkeys(schema.provider, "optional")
        return message(
            (1, _schema("", provider)),
            *entries(2, ((name, _schema(name, body)) for name, body in schema.resources.items())),
            *entries(3, ((name, _schema(name, body)) for name, body in schema.data.items())),
        )

    def _computed(self, kind: str, state_now: bytes, value: object = _UNKNOWN) -> bytes:
        """Return a resource as it will be, or was read, with what only Google knows."""
        state: dict[str, Any] = msgpack.unpackb(fields(state_now)[1], strict_map_key=False)
        for name in ("id", *COMPUTED.get(kind, ())):
            if state.get(name) is None:
                state[name] = value
        return message((1, msgpack.packb(state)))


@contextmanager
def running(schema: Schema, folder: Path) -> Iterator[dict[str, str]]:
    """Serve for the time of a block; gives the environment in which Terraform finds it.

    Args:
        schema: what there is.
        folder: for the socket; its path must be short.
    """
    provider = Provider(schema)

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
        def service(self, call: Any) -> Any:
            path: str = call.method
            if not path.startswith("/tfplugin5.Provider/"):
                return None
            method = path.rpartition("/")[2]
            return grpc.unary_unary_rpc_method_handler(
                lambda data, _: provider.answer(method, data)
            )

    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((Handler(),))
    socket = folder / "provider.sock"
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    reattach = {
        "Protocol": "grpc",
        "ProtocolVersion": 5,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": {"Network": "unix", "String": str(socket)},
    }
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/google": reattach})}
    finally:
        server.stop(grace=None).wait()


def _known(state: bytes) -> bytes:
    """Return a resource as it is when it was made: what only Google knew is known."""
    told: dict[str, Any] = msgpack.unpackb(state, strict_map_key=False)
    made = {name: _READ if value == _UNKNOWN else value for name, value in told.items()}
    packed: bytes = msgpack.packb(made)
    return packed


def _schema(kind: str, body: Mapping[str, Any]) -> bytes:
    return message((2, _block(body, computed=COMPUTED.get(kind, ()))))


def _block(body: Mapping[str, Any], computed: tuple[str, ...] = ()) -> bytes:
    attributes: list[tuple[int, bytes]] = []
    blocks: list[tuple[int, bytes]] = []
    for name, its in body.items():
        if isinstance(its, str):
            if name in computed:
                continue
            required = its == "required"
            attributes.append(
                (
                    2,
                    message(
                        (1, name),
                        (2, _ANY),
                        (4, required),
                        (5, not required),
                        (6, name == "id" and not required),
                    ),
                )
            )
        else:
            inner = _block(its["block"])
            blocks.append(
                (3, message((1, name), (2, inner), (3, _LIST), (4, int(its["required"]))))
            )
    attributes += [
        (2, message((1, name), (2, _ANY), (5, body.get(name) == "optional"), (6, True)))
        for name in computed
    ]
    return message(*attributes, *blocks)
