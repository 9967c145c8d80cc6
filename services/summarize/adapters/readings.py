"""What the reader stored, opened for the summarizer."""

from shared.events.payloads import Reference
from shared.events.results import Reading
from shared.worker.results import Results


class StoredReadings:
    """``ports.Readings`` over the stored results.

    Args:
        results: opens sealed results.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    def open(self, source: Reference) -> Reading:
        """Return the reading at a reference.

        Raises:
            ErasedError: the document was erased meanwhile; the edge knows what to do.
            TransientError: the store is unavailable.
        """
        return self._results.open(source, Reading)
