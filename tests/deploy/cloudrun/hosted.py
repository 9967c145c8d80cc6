"""A worker for tests of its host: it does what each message's body says."""

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared.bus.port import Delivery
from shared.clock import SystemClock
from shared.errors import UserError
from shared.logging import get_logger
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.registry import MemoryMetrics
from shared.worker.authentication import UnsafeNoAuth
from shared.worker.settlement import Settlement
from shared.worker.web import Service

SUBSCRIPTION: Final = "summarize.document-read"
DONE: Final = Settlement(acknowledge=True, code=DeliveryOutcome.DONE)
LATER: Final = Settlement(acknowledge=False, code=DeliveryOutcome.RETRY)


class Door(UnsafeNoAuth):
    """Lets everybody in, and notes what they brought where a test asks for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(os.environ)
        self._folder = folder

    def check(self, headers: Mapping[str, str], subscription: str) -> None:
        """Note it."""
        del subscription
        if "SHOW_AUTHORIZATION" in os.environ:
            (self._folder / "authorization").write_text(headers.get("authorization", ""))


class Obedient:
    """Takes deliveries; ``go`` is a file that appears, ``closed`` is the sandbox's end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed = threading.Event()

    def receive(self, delivery: Delivery) -> Settlement:
        """Do what the body says."""
        what = json.loads(delivery.message.body or b'"nothing"')
        self._leave(f"begun-{what}")
        match what.split()[0]:
            case "wait":  # until the test lets go
                while not (self.folder / "go").exists():
                    threading.Event().wait(0.01)
                return DONE
            case "stuck":  # in its sandbox
                return LATER if self.closed.wait(60) else DONE
            case "hopeless":  # in something that nobody can end
                threading.Event().wait(60)
        return DONE

    def close(self) -> None:
        """End the sandbox."""
        self._leave("closed")
        self.closed.set()

    def flush(self) -> None:
        """Send what telemetry holds."""
        self._leave("flushed")

    def _leave(self, name: str) -> None:
        (self.folder / name).touch()


def build(name: str) -> Service:
    """Return the service, or refuse as a misconfigured one does."""
    if os.environ.get("REFUSE"):
        raise UserError("DOCLEDGER_OBJECTS_BUCKET is not set: set it")
    receiver = Obedient(Path(os.environ["FOLDER"]))
    return Service(
        name=name,
        receivers={SUBSCRIPTION: receiver},
        authenticator=Door(receiver.folder),
        checks={},
        metrics=MemoryMetrics(),
        jobs={},
        log=get_logger("summarize", sink=lambda line: print(line, file=sys.stderr, flush=True)),  # noqa: T201 - the log
        clock=SystemClock(),
        concurrency=int(os.environ.get("DOCLEDGER_PUSH_CONCURRENCY", "2")),
        close=receiver.close,
        flush=receiver.flush,
        drain_s=float(os.environ.get("DRAIN_S", "8")),
    )
