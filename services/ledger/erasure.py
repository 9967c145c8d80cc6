"""An erasure leaves a mark in the books and takes the document's fingerprint with it."""

from services.ledger.drafting import Paper
from services.ledger.entries import Booking, Entry
from services.ledger.ports import Books
from shared.events.payloads import EntryKind
from shared.keys.port import Keyring, TenantPurpose


def record_erasure(
    tenant: str, document_id: str, *, journal: Books, keyring: Keyring
) -> Entry | None:
    """Append the erasure entry of a document whose key is destroyed; the same again is success.

    Its amounts, accounts and dates stay in the books: they name nobody. The commitments in its
    leaves can no longer be opened, because their key was derived from the document's.

    Returns:
        The entry; None when the books never heard of the document.
    """
    history = journal.history(tenant, document_id)
    if not history:
        return None
    trail = journal.trail(history[-1].entry.entry_id)
    if trail is None:
        return None  # the audit names the missing outbox row
    paper = Paper(
        tenant=tenant,
        tenant_key=keyring.tenant_key(tenant, TenantPurpose.IDS),
        document_id=document_id,
        revision=max(booked.entry.revision for booked in history),
        document_type=None,
        commitment="",
    )
    entry = paper.entry(EntryKind.ERASURE)
    return journal.append(Booking((entry,), trail, forget=True)).entry
