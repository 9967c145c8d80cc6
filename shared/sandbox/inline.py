"""Tasks in the caller's own process: no protection at all; for the simulation only."""

from collections.abc import Mapping

from shared.errors import PermanentError
from shared.sandbox.child import Task, load
from shared.sandbox.port import JSON, SandboxError
from shared.telemetry.reasons import QuarantineReason


class InlineSandbox:
    """Runs tasks where it stands. It protects from nothing; feed it documents of our own making."""

    def __init__(self) -> None:
        self._loaded: dict[str, Task] = {}

    def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        """Return what ``task`` returned; errors as from ``shared.sandbox.pool.Sandbox.run``."""
        try:
            return load(task, self._loaded)(content, dict(parameters))
        except PermanentError:
            raise
        except MemoryError as err:
            raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED) from err
        except Exception as err:
            raise SandboxError(f"{task} raised {type(err).__name__}") from err
