"""One read document becomes a summary: its type, its fields, and what is doubtful about them."""

from services.summarize.ports import Readings, Summarizer
from shared.errors import PermanentError
from shared.events.envelope import Child, Event
from shared.events.payloads import DocumentRead, EventType
from shared.telemetry.reasons import QuarantineReason
from shared.worker.outcome import Outcome


def handle(event: Event, *, readings: Readings, summarizer: Summarizer) -> Outcome:
    """Summarize one document.

    Raises:
        PermanentError: reason ``malformed_event``, ``malformed_xml`` or ``forbidden_xml``.
        TransientError: the store or a remote summarizer is unavailable.
    """
    data = event.data
    if not isinstance(data, DocumentRead):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    summary = summarizer.summarize(readings.open(data.result))
    child = Child(
        type=EventType.DOCUMENT_SUMMARIZED,
        data={
            "document_id": data.document_id,
            "revision": data.revision,
            "original": data.original.model_dump(),
            "pages": data.pages,
            "document_type": summary.document_type.value,
        },
        takes_result=True,
    )
    return Outcome(result=summary, children=(child,))
