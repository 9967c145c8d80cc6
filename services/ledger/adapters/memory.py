"""The journal in memory, for the simulation: every rule of the real one, none of its disk."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from services.ledger.adapters.admission import Admitted, admit
from services.ledger.adapters.memory_proposals import MemoryProposals
from services.ledger.adapters.memory_rows import Rows
from services.ledger.entries import ALL, Appended, Booked, Booking, Entry, Trail, View
from services.ledger.periods import dated_within
from services.ledger.ports import (
    Balance,
    FencedError,
    Freshness,
    OutboxRow,
    RolledBackError,
    SealedRow,
    StrayPosting,
)
from services.ledger.proposals import approved
from services.ledger.publication import Intents
from shared.events.payloads import EntryKind
from shared.tlog.checkpoint import SignedCheckpoint


class MemoryJournal(MemoryProposals):
    """A journal that dies with the process; safe to share between threads."""

    def __init__(self) -> None:
        super().__init__()
        self._books: dict[str, Rows] = {}
        self._tenant_of: dict[str, str] = {}
        self._lease: tuple[str, datetime, int] | None = None

    def __repr__(self) -> str:
        return f"MemoryJournal({len(self._tenant_of)} entries)"

    # Facts, for admission

    def decision(self, tenant: str, document_id: str, revision: int) -> Entry | None:
        """Return what the rules decided about that revision."""
        return self._of(tenant).decisions.get((document_id, revision))

    def entry(self, entry_id: str) -> Entry | None:
        """Return the entry."""
        tenant = self._tenant_of.get(entry_id)
        return self._books[tenant].entries[entry_id].entry if tenant is not None else None

    def is_settled(self, entry_id: str) -> bool:
        """Return whether an entry settles it."""
        tenant = self._tenant_of.get(entry_id)
        return tenant is not None and entry_id in self._books[tenant].settled

    def linked(self, entry_id: str) -> list[str]:
        """Return the conversions that belong to that post and are not reversed."""
        tenant = self._tenant_of.get(entry_id)
        if tenant is None:
            return []
        return self._books[tenant].linked(entry_id)

    def closed_until(self, tenant: str) -> date | None:
        """Return the last day of the last closed period; None when none is closed."""
        with self._lock:
            last = self.last_close(tenant)
            return last.date if last is not None else None

    def last_close(self, tenant: str) -> Entry | None:
        """Return the newest close of a period."""
        books = self._of(tenant)
        return books.entries[books.closes[-1]].entry if books.closes else None

    def others_with(self, tenant: str, fingerprint: str, document_id: str) -> bool:
        """Return whether another document has that fingerprint."""
        return bool(self._of(tenant).fingerprints.get(fingerprint, set()) - {document_id})

    # Books

    def append(self, booking: Booking) -> Appended:
        """Append one booking."""
        with self._lock:
            admitted = admit(booking, self)
            self._write(booking, admitted)
            return admitted.appended

    def append_many(self, bookings: Sequence[Booking]) -> list[Appended]:
        """Append several, all or none."""
        with self._lock:
            before, known = copy.deepcopy(self._books), dict(self._tenant_of)
            try:
                return [self.append(booking) for booking in bookings]
            except Exception:
                self._books, self._tenant_of = before, known
                raise

    def announce_again(self, entry_id: str) -> None:
        """Let the sequencer publish the entry's event once more."""
        with self._lock:
            tenant = self._tenant_of.get(entry_id)
            books = self._books.get(tenant or "")
            if books is None or entry_id not in books.outbox:
                return
            books.outbox[entry_id] = replace(books.outbox[entry_id], published=None)
            books.waiting[entry_id] = None

    def history(self, tenant: str, document_id: str) -> list[Booked]:
        """Return the document's entries in the order of the journal."""
        with self._lock:
            books = self._of(tenant)
            ids = books.by_document.get(document_id, ())
            return [books.entries[entry_id] for entry_id in ids]

    def trail(self, entry_id: str) -> Trail | None:
        """Return where the entry's work began."""
        with self._lock:
            row = self._of(self._tenant_of.get(entry_id, "")).outbox.get(entry_id)
            return row.trail if row is not None else None

    def open_holds(self, tenant: str) -> list[Booked]:
        """Return the holds that nobody has posted or voided, oldest first."""
        with self._lock:
            books = self._of(tenant)
            return [
                booked
                for entry_id, booked in books.entries.items()
                if booked.entry.kind is EntryKind.HOLD and entry_id not in books.settled
            ]

    def trial_balance(self, tenant: str, view: View = ALL) -> list[Balance]:
        """Return every account's sum in what is looked at, ordered by currency and account."""
        sums: dict[tuple[str, str], int] = {}
        for booked in filter(view.shows, self.all_entries(tenant)):
            for posting in booked.entry.postings:
                key = (posting.currency, posting.account)
                sums[key] = sums.get(key, 0) + posting.amount
        return [
            Balance(account, currency, sums[currency, account])
            for currency, account in sorted(sums)
        ]

    def entries(self, tenant: str, *, first: int = 0) -> Iterator[Booked]:
        """Stream the sequenced entries from log index ``first``."""
        with self._lock:
            books = self._of(tenant)
            rows = [books.entries[entry_id] for entry_id in books.log[first:]]
        yield from rows

    def dated(self, tenant: str, since: date | None, until: date) -> Iterator[Booked]:
        """Stream the entries with postings dated in those days, in the order of the log."""
        with self._lock:
            books = self._of(tenant)
            rows = [books.entries[one] for one in (*books.log, *books.unsequenced)]
        yield from dated_within(rows, since, until)

    def closes(self, tenant: str) -> list[Booked]:
        """Return the closes of periods, oldest first."""
        with self._lock:
            books = self._of(tenant)
            return [books.entries[one] for one in books.closes]

    def size_at(self, tenant: str, moment: datetime) -> int:
        """Return how many entries a checkpoint covered at that time."""
        with self._lock:
            found = [size for at, size in self._of(tenant).recorded if at <= moment]
            return max(found, default=0)

    def tenants(self) -> list[str]:
        """Return whoever has entries or outbox rows, in order."""
        with self._lock:
            return sorted(t for t, books in self._books.items() if books.entries or books.outbox)

    # Sequencing

    def claim(self, holder: str, *, now: datetime, lease_s: float) -> int | None:
        """Take or extend the one sequencer lease."""
        with self._lock:
            until = now + timedelta(seconds=lease_s)
            if self._lease is None:
                self._lease = (holder, until, 1)
                return 1
            owner, expires, fence = self._lease
            if owner != holder and now < expires:
                return None
            fence += owner != holder
            self._lease = (holder, until, fence)
            return fence

    def tenants_waiting(self) -> list[str]:
        """Return the tenants with entries to sequence or outbox rows to publish."""
        with self._lock:
            return sorted(
                t for t, books in self._books.items() if books.unsequenced or books.waiting
            )

    def assign(self, tenant: str, *, fence: int, most: int) -> int:
        """Give the next indices to up to ``most`` entries."""
        with self._lock:
            if self._lease is None or self._lease[2] != fence:
                raise FencedError
            books = self._of(tenant)
            chosen, books.unsequenced = books.unsequenced[:most], books.unsequenced[most:]
            for entry_id in chosen:
                books.entries[entry_id] = Booked(books.entries[entry_id].entry, len(books.log))
                books.log.append(entry_id)
            return len(chosen)

    def sequenced(self, tenant: str) -> int:
        """Return how many entries have an index."""
        with self._lock:
            return len(self._of(tenant).log)

    def leaves(self, tenant: str, start: int, end: int) -> list[bytes]:
        """Return the leaves at ``start <= index < end``, in order."""
        with self._lock:
            books = self._of(tenant)
            return [books.entries[entry_id].entry.leaf for entry_id in books.log[start:end]]

    def intents(self, tenant: str) -> Intents:
        """Return the tenant's checkpoint intents."""
        with self._lock:
            return self._of(tenant, make=True).intents

    def record_checkpoint(self, tenant: str, signed: SignedCheckpoint, *, at: datetime) -> None:
        """Append a checkpoint to the history."""
        with self._lock:
            books = self._of(tenant, make=True)
            history = books.checkpoints
            if signed.checkpoint.size not in history:
                books.recorded.append((at, signed.checkpoint.size))
            known = history.setdefault(signed.checkpoint.size, signed)
            if known.checkpoint.root != signed.checkpoint.root:
                raise RolledBackError

    def checkpoints(self, tenant: str) -> list[SignedCheckpoint]:
        """Return the history by size."""
        with self._lock:
            return [signed for _, signed in sorted(self._of(tenant).checkpoints.items())]

    def freshness(self) -> Freshness:
        """Return how far the checkpoints are behind the entries."""
        with self._lock:
            behind = [
                (len(books.entries) - max(books.checkpoints, default=0), books.recorded)
                for books in self._books.values()
            ]
            since = {max(recorded)[0] for unsealed, recorded in behind if unsealed and recorded}
            return Freshness(sum(unsealed for unsealed, _ in behind), min(since, default=None))

    def unpublished(self, tenant: str, *, below: int, most: int) -> list[tuple[Booked, Trail]]:
        """Return entries whose event waits and whose index is below ``below``, by index."""
        with self._lock:
            books = self._of(tenant)
            waiting = [books.entries[i] for i in books.waiting if i in books.entries]
            due = sorted((b.index, b) for b in waiting if b.index is not None and b.index < below)
            return [(b, books.outbox[b.entry.entry_id].trail) for _, b in due[:most]]

    def mark_published(self, entry_ids: Sequence[str], *, at: datetime) -> None:
        """Set when the events were handed to the bus."""
        with self._lock:
            for entry_id in entry_ids:
                books = self._books[self._tenant_of[entry_id]]
                books.outbox[entry_id] = replace(books.outbox[entry_id], published=at)
                books.waiting.pop(entry_id, None)

    # Audit

    def outbox(self, tenant: str) -> Iterator[OutboxRow]:
        """Stream every outbox row of the tenant."""
        with self._lock:
            rows = list(self._of(tenant).outbox.values())
        yield from rows

    def all_entries(self, tenant: str) -> Iterator[Booked]:
        """Stream every entry of the tenant in the order of the journal."""
        with self._lock:
            rows = list(self._of(tenant).entries.values())
        yield from rows

    def sealed(self) -> list[SealedRow]:
        """Return every decision and every recorded checkpoint."""
        with self._lock:
            books = list(self._books.items())
        return [
            *(
                SealedRow(tenant, one.size, one.root, one.note, recorded=False)
                for tenant, theirs in books
                for one in theirs.intents.after(0)
            ),
            *(
                SealedRow(tenant, size, signed.checkpoint.root, signed.note, recorded=True)
                for tenant, theirs in books
                for size, signed in theirs.checkpoints.items()
            ),
        ]

    def stray_postings(self) -> list[StrayPosting]:
        """Return nothing: here an entry holds its postings itself."""
        return []

    def audited_tenants(self) -> list[str]:
        """Return whoever has entries or outbox rows, in order."""
        return self.tenants()

    # Restoring

    def restore_outbox(self, entry_id: str, trail: Trail) -> None:
        """Make the entry's outbox row again, its event to be told once more."""
        with self._lock:
            books = self._of(self._tenant_of.get(entry_id, ""))
            booked = books.entries.get(entry_id)
            if booked is not None and entry_id not in books.outbox:
                entry = booked.entry
                row = OutboxRow(entry_id, entry.tenant, entry.document_id, trail, None)
                books.outbox[entry_id] = row
                books.waiting[entry_id] = None

    def restore_entry(self, entry: Entry, index: int) -> None:
        """Make a sealed entry's row again where its outbox row is."""
        with self._lock:
            books = self._of(entry.tenant)
            if entry.entry_id in books.outbox and entry.entry_id not in books.entries:
                books.entries[entry.entry_id] = Booked(entry, index)

    def _of(self, tenant: str, *, make: bool = False) -> Rows:
        books = self._books.get(tenant)
        if books is None:
            books = Rows()
            if make:
                self._books[tenant] = books
        return books

    def _write(self, booking: Booking, admitted: Admitted) -> None:
        for entry in admitted.entries:
            books = self._of(entry.tenant, make=True)
            books.entries[entry.entry_id] = Booked(entry, None)
            books.by_document[entry.document_id].append(entry.entry_id)
            books.unsequenced.append(entry.entry_id)
            books.outbox[entry.entry_id] = OutboxRow(
                entry.entry_id, entry.tenant, entry.document_id, booking.trail, None
            )
            books.waiting[entry.entry_id] = None
            self._tenant_of[entry.entry_id] = entry.tenant
            if entry.is_decision:
                books.decisions[entry.document_id, entry.revision] = entry
            if entry.kind is EntryKind.PERIOD_CLOSE:
                books.closes.append(entry.entry_id)
            if entry.settles is not None:
                books.settled.add(entry.settles)
        if not admitted.entries:
            return
        if booking.approval is not None:
            self.end_proposal(booking.approval.proposal_id, approved(booking))
        subject = booking.subject
        fingerprints = self._of(subject.tenant).fingerprints
        if admitted.forget:
            for documents in fingerprints.values():
                documents.discard(subject.document_id)
        if admitted.fingerprint is not None:
            fingerprints[admitted.fingerprint].add(subject.document_id)
