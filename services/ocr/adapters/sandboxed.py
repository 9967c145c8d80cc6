"""The reader behind the port: foreign bytes are parsed in a sandboxed process."""

from typing import Final

from pydantic import ValidationError

from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import PageRange
from shared.sandbox.port import TaskRunner
from shared.telemetry.reasons import QuarantineReason

TASK: Final = "services.ocr.adapters.task:read_pages"


class SandboxReader:
    """Reads pages in a sandboxed process.

    Args:
        runner: the sandbox.
    """

    def __init__(self, runner: TaskRunner) -> None:
        self._runner = runner

    def read(self, content: bytes, media_type: MediaType, *, first: int, last: int) -> PageRange:
        """Read pages ``first`` to ``last``; see ``services.ocr.ports.Reader``."""
        answer = self._runner.run(
            TASK, content, {"media_type": media_type.value, "first": first, "last": last}
        )
        try:
            return PageRange.model_validate_json(answer)
        except ValidationError:
            # The child held foreign bytes: an answer out of shape means that they took it over.
            # The chain is cut, because a validation error quotes its input.
            raise PermanentError(QuarantineReason.UNREADABLE) from None
