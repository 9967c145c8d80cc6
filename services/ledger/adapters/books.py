"""Appending to the journal in SQL, and asking it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, ScalarSelect, delete, func, select, union, update

from services.ledger.adapters.admission import Admitted, admit
from services.ledger.adapters.balances import closed_until, closes_of, dated_in
from services.ledger.adapters.proposing import has_ended, write_end
from services.ledger.adapters.rows import (
    ENTRIES,
    PAGE,
    booked,
    chunks,
    entry_row,
    posting_rows,
)
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import entries, fingerprints, outbox, postings
from services.ledger.entries import Appended, Booked, Booking, Entry, Trail
from services.ledger.periods import dated_within
from services.ledger.proposals import approved
from shared.database.among import among
from shared.database.inserting import insert_rows
from shared.events.payloads import EntryKind

_TOP: Final = select(func.max(entries.c.seq))
_TOLD: Final = select(func.max(outbox.c.seq))


class _Snapshot:
    """What the database says about the bookings of one batch, kept up to date as it is admitted."""

    def __init__(self, connection: Connection, bookings: Sequence[Booking]) -> None:
        drafted = [e for booking in bookings for e in (*booking.entries, *booking.instead)]
        self._decisions: dict[tuple[str, str, int], Entry] = {}
        self._entries: dict[str, Entry] = {}
        self._settled: set[str] = set()
        self._fingerprints: dict[tuple[str, str], set[str]] = {}
        self._connection = connection
        self._closed: dict[str, Entry] = {}  # in this batch
        self._until: dict[str, date | None] = {}
        self._new: list[Booked] = []
        tenants = {entry.tenant for entry in drafted}  # the indices start with the tenant
        for page in chunks(entry.document_id for entry in drafted):
            theirs = among(connection, entries.c.document_id, page)
            whose = entries.c.tenant.in_(tenants), theirs
            query = ENTRIES.where(*whose).order_by(entries.c.seq)
            for found in booked(connection, query):
                self._learn(found.entry)
        for page in chunks(booking.fingerprint for booking in bookings if booking.fingerprint):
            kept = select(fingerprints).where(
                fingerprints.c.tenant.in_(tenants),
                among(connection, fingerprints.c.fingerprint, page),
            )
            for row in connection.execute(kept):
                self._keep(row.tenant, row.fingerprint, row.document_id)

    def decision(self, tenant: str, document_id: str, revision: int) -> Entry | None:
        return self._decisions.get((tenant, document_id, revision))

    def entry(self, entry_id: str) -> Entry | None:
        return self._entries.get(entry_id)

    def is_settled(self, entry_id: str) -> bool:
        return entry_id in self._settled

    def linked(self, entry_id: str) -> list[str]:
        same = [one for one in self._entries.values() if one.links == entry_id]
        return [
            one.entry_id
            for one in same
            if one.kind is EntryKind.FX and one.entry_id not in self._settled
        ]

    def closed_until(self, tenant: str) -> date | None:
        if tenant not in self._until:
            self._until[tenant] = closed_until(self._connection, tenant)
        return self._until[tenant]

    def last_close(self, tenant: str) -> Entry | None:
        if tenant in self._closed:
            return self._closed[tenant]
        query = closes_of(tenant).order_by(entries.c.date.desc()).limit(1)
        found = booked(self._connection, query)
        return found[0].entry if found else None

    def dated(self, tenant: str, since: date | None, until: date) -> Iterator[Booked]:
        yield from dated_in(self._connection, tenant, since, until)
        new = [one for one in self._new if one.entry.tenant == tenant]
        yield from dated_within(new, since, until)

    def proposal_ended(self, proposal_id: str) -> bool:
        return has_ended(self._connection, proposal_id)

    def others_with(self, tenant: str, fingerprint: str, document_id: str) -> bool:
        return bool(self._fingerprints.get((tenant, fingerprint), set()) - {document_id})

    def write(self, admitted: Admitted, booking: Booking) -> None:
        """Remember what was admitted, for the bookings that follow in the batch.

        A proposal ends here, in the transaction that writes its entries.
        """
        for entry in admitted.entries:
            self._learn(entry)
            self._new.append(Booked(entry, None))
            if entry.kind is EntryKind.PERIOD_CLOSE:
                self._closed[entry.tenant] = entry
                self._until[entry.tenant] = entry.date
        if admitted.entries and booking.approval is not None:
            write_end(self._connection, booking.approval.proposal_id, approved(booking))
        if admitted.entries and admitted.forget:
            for documents in self._fingerprints.values():
                documents.discard(booking.subject.document_id)
        if admitted.entries and admitted.fingerprint is not None:
            self._keep(booking.subject.tenant, admitted.fingerprint, booking.subject.document_id)

    def _learn(self, entry: Entry) -> None:
        self._entries[entry.entry_id] = entry
        if entry.is_decision:
            self._decisions[entry.tenant, entry.document_id, entry.revision] = entry
        if entry.settles is not None:
            self._settled.add(entry.settles)

    def _keep(self, tenant: str, fingerprint: str, document_id: str) -> None:
        self._fingerprints.setdefault((tenant, fingerprint), set()).add(document_id)


class SqlBooks(OnDatabase):
    """``ports.Books`` over SQLAlchemy."""

    def append(self, booking: Booking) -> Appended:
        """Append one booking in one transaction."""
        return self.append_many([booking])[0]

    def append_many(self, bookings: Sequence[Booking]) -> list[Appended]:
        """Append several in one transaction, all or none."""
        with self._database.writing() as connection:
            snapshot = _Snapshot(connection, bookings)
            admitted = []
            for booking in bookings:
                one = admit(booking, snapshot)
                snapshot.write(one, booking)
                admitted.append(one)
            _insert(connection, bookings, admitted)
        return [one.appended for one in admitted]

    def announce_again(self, entry_id: str) -> None:
        """Let the sequencer publish the entry's event once more."""
        with self._database.writing() as connection:
            statement = update(outbox).where(outbox.c.seq == _seq_of(entry_id))
            connection.execute(statement.values(published_at=None))

    def history(self, tenant: str, document_id: str) -> list[Booked]:
        """Return the document's entries in the order of the journal."""
        query = ENTRIES.where(entries.c.tenant == tenant, entries.c.document_id == document_id)
        with self._database.reading() as connection:
            return booked(connection, query.order_by(entries.c.seq))

    def trail(self, entry_id: str) -> Trail | None:
        """Return where the entry's work began."""
        query = select(outbox.c.jobid, outbox.c.traceparent).where(
            outbox.c.seq == _seq_of(entry_id)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return Trail(row.jobid, row.traceparent) if row is not None else None

    def open_holds(self, tenant: str) -> list[Booked]:
        """Return the holds that nobody has posted or voided, oldest first."""
        settling = entries.alias("settling")
        query = ENTRIES.where(
            entries.c.tenant == tenant,
            entries.c.kind == EntryKind.HOLD.value,
            ~select(settling.c.seq).where(settling.c.settles == entries.c.entry_id).exists(),
        )
        with self._database.reading() as connection:
            return booked(connection, query.order_by(entries.c.seq))

    def entries(self, tenant: str, *, first: int = 0) -> Iterator[Booked]:
        """Stream the sequenced entries from log index ``first``, in the order of the log."""
        while True:
            query = ENTRIES.where(entries.c.tenant == tenant, entries.c.log_index >= first)
            with self._database.reading() as connection:
                page = booked(connection, query.order_by(entries.c.log_index).limit(PAGE))
            yield from page
            if len(page) < PAGE or page[-1].index is None:
                return
            first = page[-1].index + 1

    def tenants(self) -> list[str]:
        """Return whoever has entries or outbox rows, in order."""
        query = union(select(entries.c.tenant), select(outbox.c.tenant))
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())


def _seq_of(entry_id: str) -> ScalarSelect[int]:
    return select(entries.c.seq).where(entries.c.entry_id == entry_id).scalar_subquery()


def _insert(
    connection: Connection, bookings: Sequence[Booking], admitted: Sequence[Admitted]
) -> None:
    """Write what was admitted: one statement a table, however many bookings."""
    fresh = [(b, a) for b, a in zip(bookings, admitted, strict=True) if a.entries]
    if not fresh:
        return
    # The write lock is ours (Database.writing), so nobody else numbers at the same time.
    top = connection.execute(_TOP).scalar() or 0
    told = connection.execute(_TOLD).scalar() or 0
    new = [(b, entry) for b, one in fresh for entry in one.entries]
    numbered = [(seq, b, entry) for seq, (b, entry) in enumerate(new, start=max(top, told) + 1)]
    insert_rows(connection, entries, [entry_row(entry, seq) for seq, _, entry in numbered])
    lines = [row for seq, _, entry in numbered for row in posting_rows(entry, seq)]
    insert_rows(connection, postings, lines)
    rows = [
        {
            "seq": seq,
            "entry_id": entry.entry_id,
            "tenant": entry.tenant,
            "document_id": entry.document_id,
            "jobid": booking.trail.jobid,
            "traceparent": booking.trail.traceparent,
        }
        for seq, booking, entry in numbered
    ]
    insert_rows(connection, outbox, rows)
    _keep_fingerprints(connection, fresh)


def _keep_fingerprints(connection: Connection, fresh: Sequence[tuple[Booking, Admitted]]) -> None:
    # In order: a later booking of the same document replaces or removes an earlier fingerprint.
    kept: dict[tuple[str, str], str | None] = {}
    for booking, one in fresh:
        document = (booking.subject.tenant, booking.subject.document_id)
        if one.forget or one.fingerprint is not None:
            kept[document] = one.fingerprint
    gone = {(b.subject.tenant, b.subject.document_id) for b, one in fresh if one.forget}
    for tenant in {tenant for tenant, _ in gone}:
        for page in chunks(document for of, document in gone if of == tenant):
            theirs = fingerprints.c.tenant == tenant, fingerprints.c.document_id.in_(page)
            connection.execute(delete(fingerprints).where(*theirs))
    rows = [
        {"tenant": tenant, "document_id": document, "fingerprint": fingerprint}
        for (tenant, document), fingerprint in kept.items()
        if fingerprint is not None
    ]
    insert_rows(connection, fingerprints, rows)
