"""One summarized document becomes one decision in the books: post, memo or hold.

An erased one leaves its mark.
"""

from services.ledger.chart import Chart
from services.ledger.drafting import Paper, decide, fingerprint_of
from services.ledger.entries import Trail, standing_entry
from services.ledger.erasure import record_erasure
from services.ledger.leaf import commitment
from services.ledger.periods import PeriodClosedError
from services.ledger.ports import AlreadySettledError, Books, ConflictError, Summaries
from services.ledger.postings import draw_up
from shared.errors import PermanentError, TransientError
from shared.events.envelope import Event
from shared.events.payloads import DocumentErased, DocumentSummarized
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.telemetry.reasons import QuarantineReason
from shared.worker.outcome import Outcome


def handle(
    event: Event, *, summaries: Summaries, keyring: Keyring, journal: Books, chart: Chart
) -> Outcome:
    """Book one summarized document, or the erasure of one.

    A sure invoice, receipt or credit note posts; a doubtful one is held with the reason; anything
    else is a memo. What is dated in a closed period is held, and so is the same supplier, invoice
    id and total in another document. The entry and its outbox row are one transaction; the
    sequencer tells the world after a checkpoint covers it. A redelivery finds the decision standing
    and only has its event told again.

    Raises:
        PermanentError: reason ``malformed_event``, ``key_missing``, or ``conflicting_input`` when
            the books hold another decision about this revision.
        TransientError: the journal, the keys or the store are unavailable, or a race was lost.
    """
    data = event.data
    if isinstance(data, DocumentErased):
        record_erasure(event.tenant, data.document_id, journal=journal, keyring=keyring)
        return Outcome()
    if not isinstance(data, DocumentSummarized):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    summary = summaries.open(data.result)
    tenant_key = keyring.tenant_key(event.tenant, TenantPurpose.IDS)
    try:
        document_key = keyring.document_key(data.document_id)
    except KeyMissingError as err:
        raise PermanentError(QuarantineReason.KEY_MISSING) from err
    paper = Paper(
        tenant=event.tenant,
        tenant_key=tenant_key,
        document_id=data.document_id,
        revision=data.revision,
        document_type=summary.document_type,
        commitment=commitment(document_key, summary),
    )
    history = journal.history(event.tenant, data.document_id)
    booking = decide(
        paper,
        draw_up(summary, chart),
        history=history,
        trail=Trail(event.jobid, event.traceparent),
        fingerprint=fingerprint_of(tenant_key, summary),
        closed=journal.closed_until(event.tenant),
    )
    try:
        appended = journal.append(booking)
    except ConflictError as err:
        raise PermanentError(QuarantineReason.CONFLICTING_INPUT) from err
    except (AlreadySettledError, PeriodClosedError) as err:
        raise TransientError("the books changed meanwhile") from err
    standing = standing_entry(history)
    if not appended.fresh and standing is not None:
        journal.announce_again(standing.entry.entry_id)
    return Outcome()
