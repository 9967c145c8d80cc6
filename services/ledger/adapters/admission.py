"""What an append does with a booking, decided in one place for every journal. Pure."""

from dataclasses import dataclass, field
from typing import Protocol

from services.ledger.entries import Appended, Booking, Entry, unbalanced
from services.ledger.ports import AlreadySettledError, ConflictError
from shared.events.payloads import EntryKind


class UnbalancedError(Exception):
    """An entry's postings do not sum to zero, or its kind must not have any."""


class Facts(Protocol):
    """What the journal knows, asked within the transaction that will append."""

    def decision(self, tenant: str, document_id: str, revision: int) -> Entry | None:
        """Return what the rules decided about that revision."""
        ...

    def entry(self, entry_id: str) -> Entry | None:
        """Return the entry."""
        ...

    def is_settled(self, entry_id: str) -> bool:
        """Return whether an entry settles it."""
        ...

    def others_with(self, tenant: str, fingerprint: str, document_id: str) -> bool:
        """Return whether another document has that fingerprint."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """What to write for one booking.

    Attributes:
        appended: the answer.
        entries: to insert with their outbox rows; none when it stands already.
        forget: whether the document's fingerprints go first.
        fingerprint: to keep for the document, or None.
    """

    appended: Appended
    entries: tuple[Entry, ...] = field(default=())
    forget: bool = False
    fingerprint: str | None = None


def admit(booking: Booking, facts: Facts) -> Admitted:
    """Decide what one booking comes to.

    Raises:
        ConflictError: it stands there from another input.
        AlreadySettledError: it settles what is settled.
        UnbalancedError: its postings are wrong; no journal takes them.
    """
    standing = _standing(booking.subject, facts)
    if standing is not None:
        return Admitted(Appended(standing, fresh=False))
    doubled = bool(booking.instead and booking.fingerprint) and facts.others_with(
        booking.subject.tenant, booking.fingerprint or "", booking.subject.document_id
    )
    entries = booking.instead if doubled else booking.entries
    for entry in entries:
        check_postings(entry)
        if entry.settles is not None and facts.is_settled(entry.settles):
            raise AlreadySettledError
    return Admitted(
        Appended(entries[-1], fresh=True),
        entries,
        # Only the decision about revision 0 can be sure that there is none yet.
        forget=booking.forget or booking.subject.revision > 0 or not booking.subject.is_decision,
        fingerprint=booking.fingerprint,
    )


def check_postings(entry: Entry) -> None:
    """Refuse an entry whose postings do not sum to zero per currency.

    Raises:
        UnbalancedError: so it is.
    """
    posts = entry.kind in (EntryKind.POST, EntryKind.REVERSAL)
    if unbalanced(entry.postings) or posts != bool(entry.postings):
        raise UnbalancedError


def _standing(entry: Entry, facts: Facts) -> Entry | None:
    if entry.is_decision:
        standing = facts.decision(entry.tenant, entry.document_id, entry.revision)
        if standing is not None and standing.commitment != entry.commitment:
            raise ConflictError
        return standing
    standing = facts.entry(entry.entry_id)
    if standing is not None and standing.leaf != entry.leaf:
        raise ConflictError
    return standing
