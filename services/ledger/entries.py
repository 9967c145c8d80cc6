"""What the journal holds: entries, their postings, and where they are on their way.

No names and no text from a document: ids, codes, amounts, accounts and dates.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

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
        date: of the business transaction; None where nothing is posted.
        reason: of a hold.
        postings: balanced per currency; none for memo, hold, void, erasure.
        settles: the entry whose state this one ends: the hold that was posted or voided, the
            post that was reversed, the reversal that was posted anew. Each ends once.
        actor: opaque id of the person who decided; None when the rules did.
        leaf: the bytes that go into the log.
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
class Booking:
    """Entries that are appended in one transaction, with their outbox rows.

    Attributes:
        entries: the last one is what it is about; those before it end what stood before.
        trail: kept in the outbox.
        fingerprint: supplier, invoice id and total under the tenant's key; None without all three.
        instead: appended in place of ``entries`` when another document has the same fingerprint;
            empty where a person decides.
        forget: drop the document's fingerprint (it is voided, reversed or erased).
    """

    entries: tuple[Entry, ...]
    trail: Trail
    fingerprint: str | None = None
    instead: tuple[Entry, ...] = ()
    forget: bool = False

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

    Args:
        history: of one document, in the order of the journal.
    """
    speaking = [booked for booked in history if booked.entry.kind in _STANDING]
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
