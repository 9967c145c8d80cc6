"""What the summarizer needs: readings to open, something that summarizes, a model to ask."""

from typing import Protocol

from services.summarize.prompt import Prompt
from shared.events.payloads import Reference
from shared.events.results import Reading, Summary
from shared.telemetry.reasons import InsteadReason


class Readings(Protocol):
    """Where the words of documents are."""

    def open(self, source: Reference) -> Reading:
        """Return the reading at a reference.

        Raises:
            TransientError: the store is unavailable.
        """
        ...


class Summarizer(Protocol):
    """Says what a document is and says."""

    def summarize(self, reading: Reading) -> Summary:
        """Return type, fields with evidence and confidence, line items, summary and doubts.

        Raises:
            PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
            TransientError: a remote summarizer is unavailable.
        """
        ...


class InsteadError(Exception):
    """A model gives no answer: the embedded summarizer speaks instead.

    Args:
        reason: why, from the closed set; nothing of what the service said.
    """

    def __init__(self, reason: InsteadReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Model(Protocol):
    """Answers questions about one document each."""

    @property
    def name(self) -> str:
        """What the model is called."""
        ...

    @property
    def most_tokens(self) -> int:
        """How long a question may be."""
        ...

    def ask(self, prompt: Prompt) -> str:
        """Return the answer as it came: JSON, if the model kept to the schema.

        Raises:
            InsteadError: there is no answer in time, or none at all.
        """
        ...
