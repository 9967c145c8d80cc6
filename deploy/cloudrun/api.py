"""Runs one of the two HTTP APIs: ``python -m deploy.cloudrun.api ingest-api|ledger-api``."""

import argparse
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import uvicorn
from fastapi import FastAPI

from deploy.cloudrun.platform import Platform
from shared.errors import UserError
from shared.logging import LogSettings, capture

DRAIN_S: Final = 8
"""Of the 10 seconds that Cloud Run gives; what is left belongs to telemetry."""

_KEEP_ALIVE_S: Final = 75  # longer than front ends and load balancers keep an idle connection
_MOST_CONNECTIONS: Final = 1_024
_MOST_HEADER_BYTES: Final = 16_384
_DEFAULT_PORT: Final = 8080


def ingest_api(platform: Platform) -> FastAPI:
    """Return the partner API on a platform."""
    from services.ingest.api_main import build  # noqa: PLC0415 - one API's image

    return build(
        objects=platform.objects,
        vault=platform.vault,
        keyring=platform.keyring,
        register=platform.register,
        publisher=platform.publisher,
        log=platform.log,
        metrics=platform.metrics,
        clock=platform.clock,
        tracing=platform.tracing,
        flush=platform.flush,
    )


def ledger_api(platform: Platform) -> FastAPI:
    """Return the auditor API on a platform."""
    from services.ledger.api_main import build  # noqa: PLC0415 - one API's image

    return build(
        data_dir=platform.settings.data_dir,
        log=platform.log,
        metrics=platform.metrics,
        clock=platform.clock,
        flush=platform.flush,
    )


APIS: Final[Mapping[str, tuple[str, Callable[[Platform], FastAPI]]]] = {
    "ingest-api": ("entrance", ingest_api),
    "ledger-api": ("auditor", ledger_api),
}
"""By name of the deployable: the stage that speaks in its log, and what builds it."""


def build(name: str, *, platform: Platform | None = None) -> FastAPI:
    """Return one API; its settings come from the environment.

    Raises:
        UserError: there is no such API, or a setting is wrong.
    """
    if name not in APIS:
        raise UserError(f"{name} is no API: name one of {', '.join(APIS)}")
    stage, builder = APIS[name]
    return builder(platform or Platform(stage))


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing more, finish what is in hand, and return.

    What is not finished after ``DRAIN_S`` is broken off: nothing was promised for it.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="asyncio",
        http="h11",  # strict, and the same everywhere
        ws="none",
        lifespan="on",
        log_config=None,  # what uvicorn has to say goes through our filter
        access_log=False,  # the gate tells of every request, without its path
        proxy_headers=False,  # nobody's headers change who called
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it once more when it has ended
    _Server(config, app).run()


class _Server(uvicorn.Server):
    """Lets nothing in any more before it begins to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.drain()
        await super().shutdown(sockets)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the API that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cloudrun.api")
    parser.add_argument("name", choices=tuple(APIS))
    parser.add_argument(
        "--port", type=int, default=int(os.environ.get("PORT") or _DEFAULT_PORT), help="else PORT"
    )
    chosen = parser.parse_args(arguments)
    # On Cloud Run its front end is the only one that can call; elsewhere this machine is.
    host = "0.0.0.0" if "K_SERVICE" in os.environ else "127.0.0.1"  # noqa: S104 - see above
    try:
        platform = Platform(APIS[chosen.name][0])
        capture(platform.log, level=LogSettings.from_environment().level)
        serve(build(chosen.name, platform=platform), host=host, port=chosen.port)
    except UserError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
