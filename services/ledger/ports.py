"""What the ledger needs: a journal, a log to publish to and to read, summaries, and names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.ledger.entries import ALL, Appended, Booked, Booking, Entry, Trail, View
from services.ledger.proposals import Ended, Proposal
from services.ledger.publication import Intents
from shared.events.payloads import Reference
from shared.events.results import Summary
from shared.tlog.checkpoint import LogKeys, SignedCheckpoint


class ConflictError(Exception):
    """The journal holds this entry already, drawn up from another input."""


class AlreadySettledError(Exception):
    """Somebody else ended the state of that entry first; look again."""


class FencedError(Exception):
    """Another sequencer took over; what this one was about to write was not written."""


class RolledBackError(Exception):
    """A checkpoint contradicts one that is on record."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What waits to be told, or was: one row an entry, kept so that an audit can compare.

    Attributes:
        entry_id: the entry.
        tenant: whose.
        document_id: what the entry is about (it names the document when the entry is gone).
        trail: where the work began.
        published: when its event was last handed to the bus, UTC; None while it waits.
    """

    entry_id: str
    tenant: str
    document_id: str
    trail: Trail
    published: datetime | None


@dataclass(frozen=True, slots=True)
class SealedRow:
    """What the journal's database says was decided, signed or recorded at one size of a log.

    Attributes:
        tenant: whose log.
        size: of the tree.
        root: of the tree.
        note: the signed checkpoint; None while it was decided but not signed.
        recorded: whether it stands in the history of checkpoints, not among the decisions.
    """

    tenant: str
    size: int
    root: bytes
    note: str | None
    recorded: bool


@dataclass(frozen=True, slots=True)
class StrayPosting:
    """A row among the postings that no entry has.

    Attributes:
        tenant: in whose balance it counts.
        document_id: of the entry that it was put beside; None where there is none.
        entry_id: likewise.
        index: likewise, in the log.
    """

    tenant: str
    document_id: str | None = None
    entry_id: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of one account in one currency, in minor units; debits are positive."""

    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the checkpoints are behind the journal.

    Attributes:
        unsealed: entries of all tenants that no recorded checkpoint covers.
        since: of the tenants with such entries, when the last checkpoint of the one was recorded
            that has waited longest for the next, UTC; None without such entries, or where there
            never was a checkpoint.
    """

    unsealed: int = 0
    since: datetime | None = None


class Books(Protocol):
    """Appending to the journal and asking it; what the handler and the bookkeeper's desk need.

    Every method raises ``TransientError`` when the database is unavailable.
    """

    def append(self, booking: Booking) -> Appended:
        """Append one booking in one transaction.

        A decision (``Entry.is_decision``) that stands already for that revision, from the same
        commitment, is success and changes nothing, whatever the rules would say today.

        Raises:
            ConflictError: it stands there from another input.
            AlreadySettledError: it settles an entry that is settled.
        """
        ...

    def append_many(self, bookings: Sequence[Booking]) -> list[Appended]:
        """Append several in one transaction, all or none, as if one after the other."""
        ...

    def announce_again(self, entry_id: str) -> None:
        """Let the sequencer publish the entry's event once more (the first one may be lost)."""
        ...

    def history(self, tenant: str, document_id: str) -> list[Booked]:
        """Return the document's entries in the order of the journal."""
        ...

    def trail(self, entry_id: str) -> Trail | None:
        """Return where the entry's work began; None when its outbox row is gone."""
        ...

    def open_holds(self, tenant: str) -> list[Booked]:
        """Return the holds that nobody has posted or voided, oldest first."""
        ...

    def trial_balance(self, tenant: str, view: View = ALL) -> list[Balance]:
        """Return every account's sum in what is looked at, ordered by currency and account."""
        ...

    def entries(self, tenant: str, *, first: int = 0) -> Iterator[Booked]:
        """Stream the sequenced entries from log index ``first``, in the order of the log."""
        ...

    def dated(self, tenant: str, since: date | None, until: date) -> Iterator[Booked]:
        """Stream the entries with postings dated in those days, in the order of the log.

        Those that are not sequenced come last.
        """
        ...

    def closed_until(self, tenant: str) -> date | None:
        """Return the last day of the last closed period; None when none is closed."""
        ...

    def closes(self, tenant: str) -> list[Booked]:
        """Return the closes of periods, oldest first."""
        ...

    def size_at(self, tenant: str, moment: datetime) -> int:
        """Return how many entries a checkpoint covered at that time."""
        ...

    def tenants(self) -> list[str]:
        """Return whoever has entries or outbox rows, in order."""
        ...


class Proposals(Protocol):
    """What waits for a second person, and what became of it."""

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal.

        Raises:
            ConflictError: it is there already.
        """
        ...

    def end_proposal(self, proposal_id: str, ended: Ended) -> None:
        """Keep how it ended; approving it is ``append``'s, in one transaction.

        Raises:
            AlreadySettledError: it has ended, or is none.
        """
        ...

    def proposals(self, tenant: str) -> list[Proposal]:
        """Return all of them, oldest first."""
        ...


class Decisions(Books, Proposals, Protocol):
    """What the bookkeeper's desk needs of the journal."""


class Sequencing(Protocol):
    """What the sequencer needs of the journal."""

    def claim(self, holder: str, *, now: datetime, lease_s: float) -> int | None:
        """Take or extend the one sequencer lease.

        Returns:
            The fence: it grows whenever the lease changes hands. None while another holds it.
        """
        ...

    def tenants_waiting(self) -> list[str]:
        """Return the tenants with entries to sequence or outbox rows to publish."""
        ...

    def assign(self, tenant: str, *, fence: int, most: int) -> int:
        """Give the next indices to up to ``most`` entries, in the order of the journal.

        Returns:
            How many.

        Raises:
            FencedError: the lease is another's by now.
        """
        ...

    def sequenced(self, tenant: str) -> int:
        """Return how many entries have an index."""
        ...

    def leaves(self, tenant: str, start: int, end: int) -> list[bytes]:
        """Return the leaves at ``start <= index < end``, in order."""
        ...

    def intents(self, tenant: str) -> Intents:
        """Return the tenant's checkpoint intents, for its ``Publication``."""
        ...

    def record_checkpoint(self, tenant: str, signed: SignedCheckpoint, *, at: datetime) -> None:
        """Append a checkpoint to the history; the same again is no error.

        Raises:
            RolledBackError: the history has that size with another root.
        """
        ...

    def checkpoints(self, tenant: str) -> list[SignedCheckpoint]:
        """Return the history by size."""
        ...

    def freshness(self) -> Freshness:
        """Return how far the checkpoints are behind the entries."""
        ...

    def unpublished(self, tenant: str, *, below: int, most: int) -> list[tuple[Booked, Trail]]:
        """Return entries whose event waits and whose index is below ``below``, by index."""
        ...

    def mark_published(self, entry_ids: Sequence[str], *, at: datetime) -> None:
        """Set when the events were handed to the bus."""
        ...


class Audit(Protocol):
    """What an audit asks of the journal, row by row, without trusting its joins."""

    def outbox(self, tenant: str) -> Iterator[OutboxRow]:
        """Stream every outbox row of the tenant.

        A row that is none any more, or stands at another place than its entry, is left out.
        """
        ...

    def all_entries(self, tenant: str) -> Iterator[Booked]:
        """Stream every entry of the tenant in the order of the journal, sequenced or not.

        A row that is no entry any more is left out: it is missed at its index.
        """
        ...

    def sealed(self) -> list[SealedRow]:
        """Return every decision and every recorded checkpoint, whoever they say they are of."""
        ...

    def stray_postings(self) -> list[StrayPosting]:
        """Return the postings that no entry is read with, and balances add up all the same.

        Those of a lost entry, whose outbox row is left, are that entry's.
        """
        ...

    def audited_tenants(self) -> list[str]:
        """Return whoever the entries and outbox rows say they are of, readable or not."""
        ...


class Restoring(Protocol):
    """Putting back rows that were taken behind the journal's back."""

    def restore_outbox(self, entry_id: str, trail: Trail) -> None:
        """Make the entry's outbox row again, its event to be told once more.

        No error when it is there, or the entry is not.
        """
        ...

    def restore_entry(self, entry: Entry, index: int) -> None:
        """Make a sealed entry's rows again at the place that its outbox row keeps.

        No error when it is there. Nothing is done when its outbox row is gone too.
        """
        ...


class Journal(Decisions, Sequencing, Audit, Restoring, Protocol):
    """The whole journal; ``tests/services/ledger/test_journal.py`` is its contract."""


class LogReader(Protocol):
    """Reading the published logs, as anybody could."""

    def leaves(self, tenant: str) -> Iterator[bytes]:
        """Stream the leaves that the published checkpoint covers; none before the first.

        Raises:
            TlogError: the published log is damaged.
        """
        ...

    def wrongly_sealed(self, tenant: str, rows: Iterable[SealedRow]) -> Iterator[SealedRow]:
        """Yield the rows that are not of the published log's history, or wrongly signed.

        Raises:
            TlogError: the published log is damaged.
        """
        ...


class GrowingLog(Protocol):
    """One tenant's log as the sequencer sees it (``publication.Publication``)."""

    def published(self) -> SignedCheckpoint | None:
        """Return the published checkpoint, its signature checked; None before the first."""
        ...

    def extend(self, leaves: Iterable[bytes], *, first_index: int) -> SignedCheckpoint:
        """Publish the leaves from ``first_index`` on and return a checkpoint that covers them."""
        ...

    @property
    def keys(self) -> LogKeys:
        """What verifies the log."""
        ...

    def prove(self, index: int, *, under: SignedCheckpoint | None = None) -> str:
        """Return the ``.tlog-proof`` of the leaf at ``index``.

        Args:
            index: of the leaf.
            under: an earlier checkpoint to prove it under; the published one when None.
        """
        ...


class Summaries(Protocol):
    """Opening what the summarizer stored."""

    def open(self, source: Reference | str) -> Summary:
        """Return the summary at a reference or an object's name, decrypted."""
        ...
