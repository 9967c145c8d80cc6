"""What an append does with a booking, decided in one place for every journal. Pure."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from services.ledger.entries import POSTING_KINDS, Appended, Booked, Booking, Entry, unbalanced
from services.ledger.periods import (
    Close,
    PeriodClosedError,
    StaleCloseError,
    close_of,
    since_of,
)
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

    def linked(self, entry_id: str) -> list[str]:
        """Return the conversions that belong to that post and are not reversed."""
        ...

    def closed_until(self, tenant: str) -> dt.date | None:
        """Return the last day of the last closed period; None when none is closed."""
        ...

    def last_close(self, tenant: str) -> Entry | None:
        """Return the newest close of a period; None before the first."""
        ...

    def dated(self, tenant: str, since: dt.date | None, until: dt.date) -> Iterable[Booked]:
        """Return the entries with postings dated in those days, in the order of the log.

        Those that are not sequenced come last.
        """
        ...

    def proposal_ended(self, proposal_id: str) -> bool:
        """Return whether that proposal was decided, or is none."""
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
        AlreadySettledError: it settles what is settled, converts what is reversed, leaves a
            conversion of what it reverses standing, or was proposed and is decided already.
        PeriodClosedError: an entry is dated in a closed period.
        StaleCloseError: a close does not say what the period holds now.
        UnbalancedError: its postings are wrong; no journal takes them.
        ValueError: an approver without a proposal, a proposal without one, or the actor's own.
    """
    standing = _standing(booking.subject, facts)
    if standing is not None:
        return Admitted(Appended(standing, fresh=False))
    doubled = bool(booking.instead and booking.fingerprint) and facts.others_with(
        booking.subject.tenant, booking.fingerprint or "", booking.subject.document_id
    )
    entries = booking.instead if doubled else booking.entries
    _check_persons(booking, entries)
    if booking.approval and facts.proposal_ended(booking.approval.proposal_id):
        raise AlreadySettledError
    ended = {entry.settles for entry in entries}
    for entry in entries:
        check_postings(entry)
        _check_state(entry, ended, facts)
        _check_period(entry, facts)
    return Admitted(
        Appended(entries[-1], fresh=True),
        entries,
        forget=booking.forget or _ends_fingerprint(booking.subject),
        fingerprint=booking.fingerprint,
    )


def _ends_fingerprint(subject: Entry) -> bool:
    if subject.kind in (EntryKind.FX, EntryKind.PERIOD_CLOSE):
        return False  # the document stays where it stood
    # Only the decision about revision 0 can be sure that there is none yet.
    return subject.revision > 0 or not subject.is_decision


def check_postings(entry: Entry) -> None:
    """Refuse an entry whose postings do not sum to zero per currency.

    Raises:
        UnbalancedError: so it is.
    """
    posts = entry.kind in POSTING_KINDS
    if unbalanced(entry.postings) or posts != bool(entry.postings):
        raise UnbalancedError


def _check_persons(booking: Booking, entries: Iterable[Entry]) -> None:
    for entry in entries:
        wanted = booking.approval is not None
        if (entry.approver is not None) != wanted or (wanted and entry.approver == entry.actor):
            raise ValueError("an approval is a second person's, of a proposal")


def _check_state(entry: Entry, ended: set[str | None], facts: Facts) -> None:
    if entry.settles is not None:
        if facts.is_settled(entry.settles):
            raise AlreadySettledError
        # What is converted is reversed with its conversions, or they would stand for nothing.
        if any(one not in ended for one in facts.linked(entry.settles)):
            raise AlreadySettledError
    if entry.kind is EntryKind.FX and facts.is_settled(entry.links or ""):
        raise AlreadySettledError


def _check_period(entry: Entry, facts: Facts) -> None:
    if entry.date is None:
        return
    if entry.kind is EntryKind.PERIOD_CLOSE:
        last = facts.last_close(entry.tenant)
        said = Close.read(entry.particulars)
        before = Close.read(last.particulars) if last is not None else None
        held = facts.dated(entry.tenant, since_of(before), said.period.last)
        found = close_of(said.period, held, previous=last, open_holds=said.open_holds)
        if found != said or entry.date != said.period.last:
            raise StaleCloseError
        return
    closed = facts.closed_until(entry.tenant)
    if closed is not None and entry.date <= closed:
        raise PeriodClosedError


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
