"""The embedded summarizer: rules and arithmetic, deterministic, extractive."""

from services.summarize.folding import forget_texts
from services.summarize.from_pages import summarize_pages
from services.summarize.from_xml import summarize_xml
from services.summarize.labels import forget_labels
from services.summarize.page_reading import PageReading
from shared.events.results import Reading, Summary


class RulesSummarizer:
    """Says what a document is and says. The same reading gives the same bytes.

    What a document said does not stay in memory after it.
    """

    def summarize(self, reading: Reading) -> Summary:
        """Return type, fields with evidence, line items, summary and doubts.

        Raises:
            PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
        """
        page = PageReading(reading.pages)
        try:
            if reading.einvoice is not None:
                return summarize_xml(reading.einvoice, page)
            return summarize_pages(page)
        finally:
            forget()


def forget() -> None:
    """Drop what is remembered of a document's text: it may be erased."""
    forget_texts()
    forget_labels()
