"""What the journal holds: entries, their postings, and where they are on their way.

No names and no text from a document: ids, codes, amounts, accounts and dates.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.reasons import HeldReason


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry.

    Attributes:
        account: its code in the chart.
        currency: ISO 4217.
        amount: in minor units; a debit is positive, a credit negative.
    """

    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was drawn up. Immutable from then on.

    Attributes:
        entry_id: keyed id of the five that follow; the only one of them that a leaf shows.
        tenant: whose books.
        document_id: what it is about.
        revision: of the document.
        kind: what it does.
        ordinal: from 0; counts entries of one kind for one revision (a second post by hand).
        commitment: HMAC over the canonical fields, hex; also tells whether an input is the same.
            Empty for an erasure: the key that would make it is gone.
        document_type: what the document is; None for an erasure.
        date: on which it counts; of a period close the period's last day; None where nothing is
            posted.
        reason: of a hold.
        postings: balanced per currency; none for memo, hold, void, erasure, period close.
        settles: the entry whose state this one ends: the hold that was posted or voided, the
            post that was reversed, the reversal that was posted anew. Each ends once.
        actor: opaque id of the person who decided; None when the rules did.
        leaf: the bytes that go into the log.
        links: the post that a conversion (``fx``), or the reversal of one, belongs to.
        approver: opaque id of the second person, where one was needed; never the actor's.
        particulars: what only some entries say (see ``leaf.PARTICULARS``), as RFC 8785 JSON; empty
            when there is nothing.
    """

    entry_id: str
    tenant: str
    document_id: str
    revision: int
    kind: EntryKind
    ordinal: int
    commitment: str
    document_type: DocumentType | None
    date: dt.date | None
    reason: HeldReason | None
    postings: tuple[Posting, ...]
    settles: str | None
    actor: str | None
    leaf: bytes = field(repr=False)
    links: str | None = None
    approver: str | None = None
    particulars: str = ""

    @property
    def is_decision(self) -> bool:
        """Whether this is what the rules decided about a revision: exactly one of each."""
        return self.actor is None and self.settles is None and self.kind is not EntryKind.ERASURE


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the work began, carried on into the events about the entry.

    Attributes:
        jobid: the submission.
        traceparent: W3C Trace Context of the origin trace.
    """

    jobid: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry that stands in the journal.

    Attributes:
        entry: what was drawn up.
        index: in the tenant's log; None until the sequencer came by.
    """

    entry: Entry
    index: int | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's yes.

    Attributes:
        proposal_id: to what.
        at: when, UTC.
    """

    proposal_id: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the books is looked at. Two different questions, and they may be combined.

    Attributes:
        since: the accounting date of the first day; None from the beginning.
        until: the accounting date of the last day, included; None to the end.
        size: what the log knew at that size: entries with an index below it. None for everything
            booked, sequenced or not.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    size: int | None = None

    def shows(self, booked: Booked) -> bool:
        """Tell whether an entry is seen; one without a date is seen on every day."""
        date = booked.entry.date
        return (
            (self.size is None or (booked.index is not None and booked.index < self.size))
            and (self.since is None or date is None or date >= self.since)
            and (self.until is None or date is None or date <= self.until)
        )


ALL: Final = View()


@dataclass(frozen=True, slots=True)
class Booking:
    """Entries that are appended in one transaction, with their outbox rows.

    Attributes:
        entries: the last one is what it is about; those before it end what stood before.
        trail: kept in the outbox.
        fingerprint: supplier, invoice id and total under the tenant's key; None without all three.
        instead: appended in place of ``entries`` when another document has the same fingerprint;
            empty where a person decides.
        forget: drop the document's fingerprint (it is voided, reversed or erased).
        approval: of the proposal that this carries out; it ends in the same transaction.
    """

    entries: tuple[Entry, ...]
    trail: Trail
    fingerprint: str | None = None
    instead: tuple[Entry, ...] = ()
    forget: bool = False
    approval: Approval | None = None

    @property
    def subject(self) -> Entry:
        """The entry that it is about."""
        return self.entries[-1]


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append came to.

    Attributes:
        entry: the one that stands now.
        fresh: False when it stood there already, from the same input.
    """

    entry: Entry
    fresh: bool


POSTING_KINDS: Final = frozenset({EntryKind.POST, EntryKind.REVERSAL, EntryKind.FX})
"""The kinds that have postings; the others must not have any."""


class Standing(StrEnum):
    """Where a document stands in the books."""

    POSTED = "posted"
    MEMO = "memo"
    HELD = "held"
    VOIDED = "voided"
    REVERSED = "reversed"


_STANDING = {
    EntryKind.POST: Standing.POSTED,
    EntryKind.MEMO: Standing.MEMO,
    EntryKind.HOLD: Standing.HELD,
    EntryKind.VOID: Standing.VOIDED,
    EntryKind.REVERSAL: Standing.REVERSED,
}


def standing_entry(history: Sequence[Booked]) -> Booked | None:
    """Return the entry that says where a document stands: the newest of its newest revision.

    A conversion and its reversal say nothing of it: they go with a post.

    Args:
        history: of one document, in the order of the journal.
    """
    speaking = [b for b in history if b.entry.kind in _STANDING and b.entry.links is None]
    newest = max((booked.entry.revision for booked in speaking), default=0)
    return next((b for b in reversed(speaking) if b.entry.revision == newest), None)


def standing_of(booked: Booked) -> Standing:
    """Return where a document stands whose standing entry is ``booked``."""
    return _STANDING[booked.entry.kind]


def unbalanced(postings: Iterable[Posting]) -> dict[str, int]:
    """Return the currencies whose postings do not sum to exactly zero, with what is over."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
    return {currency: rest for currency, rest in sums.items() if rest}
