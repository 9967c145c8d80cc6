"""Readings that carry foreign XML are summarized in a sandboxed process, the others here."""

from typing import Final

from pydantic import ValidationError

from services.summarize.ports import Summarizer
from shared.errors import PermanentError
from shared.events.results import Reading, Summary
from shared.sandbox.port import TaskRunner
from shared.telemetry.reasons import QuarantineReason

TASK: Final = "services.summarize.adapters.task:summarize"


class SandboxedSummarizer:
    """Keeps foreign XML out of a process that holds keys.

    Args:
        runner: the sandbox.
        here: summarizes words, which are only text.
    """

    def __init__(self, runner: TaskRunner, here: Summarizer) -> None:
        self._runner = runner
        self._here = here

    def summarize(self, reading: Reading) -> Summary:
        """Return the summary; see ``services.summarize.ports.Summarizer``."""
        if reading.einvoice is None:
            return self._here.summarize(reading)
        answer = self._runner.run(TASK, reading.model_dump_json().encode(), {})
        try:
            return Summary.model_validate_json(answer)
        except ValidationError:
            # The child held foreign bytes: an answer out of shape means that they took it over.
            # The chain is cut, because a validation error quotes its input.
            raise PermanentError(QuarantineReason.MALFORMED_XML) from None
