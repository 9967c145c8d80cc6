"""What the summarizer needs: readings to open, and something that summarizes them."""

from typing import Protocol

from shared.events.payloads import Reference
from shared.events.results import Reading, Summary


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
