"""What the summarizer stored, opened for the books and for exports."""

from services.ledger.entries import Entry
from services.ledger.exports.lines import ERASED, Names
from services.ledger.ports import Summaries
from services.ledger.postings import value_of
from shared.events.payloads import Reference
from shared.events.results import Summary
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError
from shared.worker import names
from shared.worker.results import Results


class StoredSummaries:
    """``ports.Summaries`` over the stored results.

    Args:
        results: opens sealed results.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    def open(self, source: Reference | str) -> Summary:
        """Return the summary at a reference or an object's name.

        Raises:
            NotFoundError: nothing is there.
            ErasedError: the document's key is destroyed.
        """
        return self._results.open(source, Summary)


class SummaryNames:
    """The names that exports show: decrypted one at a time, kept nowhere.

    Args:
        summaries: where names are.
    """

    def __init__(self, summaries: Summaries) -> None:
        self._summaries = summaries

    def __call__(self, entry: Entry) -> Names:
        """Return what the document calls itself, or that it is erased."""
        try:
            summary = self._summaries.open(
                names.stage_result("summarize", entry.document_id, entry.revision)
            )
        except ErasedError:
            return ERASED
        except NotFoundError:
            return Names()
        return Names(value_of(summary, "supplier_name"), value_of(summary, "invoice_id"))
