"""What the sequencer asks of the journal in SQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, insert, select, union, update

from services.ledger.adapters.intents import SqlIntents
from services.ledger.adapters.rows import ENTRIES, PAGE, booked, chunks, micros, moment
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import checkpoints, entries, outbox, sequencer
from services.ledger.entries import Booked, Trail
from services.ledger.ports import FencedError, Freshness, RolledBackError
from services.ledger.publication import Intents
from shared.database.among import among
from shared.tlog.checkpoint import Checkpoint, SignedCheckpoint

_WAITING: Final = union(
    select(entries.c.tenant).where(entries.c.log_index.is_(None)),
    select(outbox.c.tenant).where(outbox.c.published_at.is_(None)),
)


class SqlSequencing(OnDatabase):
    """``ports.Sequencing`` over SQLAlchemy."""

    def claim(self, holder: str, *, now: datetime, lease_s: float) -> int | None:
        """Take or extend the one sequencer lease."""
        expires = micros(now + timedelta(seconds=lease_s))
        with self._database.writing() as connection:
            row = connection.execute(select(sequencer).with_for_update()).one_or_none()
            if row is None:
                first = {"id": 1, "holder": holder, "fence": 1, "expires_at": expires}
                connection.execute(insert(sequencer).values(first))
                return 1
            if row.holder != holder and micros(now) < row.expires_at:
                return None
            fence: int = row.fence + (row.holder != holder)
            changed = {"holder": holder, "fence": fence, "expires_at": expires}
            connection.execute(update(sequencer).values(changed))
            return fence

    def tenants_waiting(self) -> list[str]:
        """Return the tenants with entries to sequence or outbox rows to publish."""
        with self._database.reading() as connection:
            return sorted(connection.execute(_WAITING).scalars())

    def assign(self, tenant: str, *, fence: int, most: int) -> int:
        """Give the next indices to up to ``most`` entries, in the order of the journal."""
        with self._database.writing() as connection:
            lease = select(sequencer.c.fence).with_for_update()
            if connection.execute(lease).scalar() != fence:
                raise FencedError
            largest = select(func.max(entries.c.log_index)).where(
                entries.c.tenant == tenant, entries.c.log_index.is_not(None)
            )
            top = connection.execute(largest).scalar()
            first = 0 if top is None else int(top) + 1
            chosen = (
                select(
                    entries.c.seq,
                    (func.row_number().over(order_by=entries.c.seq) + (first - 1)).label("place"),
                )
                .where(entries.c.tenant == tenant, entries.c.log_index.is_(None))
                .order_by(entries.c.seq)
                .limit(most)
                .subquery("chosen")
            )
            statement = update(entries).where(entries.c.seq == chosen.c.seq)
            return connection.execute(statement.values(log_index=chosen.c.place)).rowcount

    def sequenced(self, tenant: str) -> int:
        """Return how many entries have an index."""
        query = select(func.max(entries.c.log_index)).where(
            entries.c.tenant == tenant, entries.c.log_index.is_not(None)
        )
        with self._database.reading() as connection:
            top = connection.execute(query).scalar()
        return 0 if top is None else int(top) + 1

    def leaves(self, tenant: str, start: int, end: int) -> list[bytes]:
        """Return the leaves at ``start <= index < end``, in order."""
        query = (
            select(entries.c.leaf)
            .where(
                entries.c.tenant == tenant,
                entries.c.log_index >= start,
                entries.c.log_index < end,
            )
            .order_by(entries.c.log_index)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def intents(self, tenant: str) -> Intents:
        """Return the tenant's checkpoint intents."""
        return SqlIntents(self._database, tenant)

    def record_checkpoint(self, tenant: str, signed: SignedCheckpoint, *, at: datetime) -> None:
        """Append a checkpoint to the history; the same again is no error."""
        size, root = signed.checkpoint.size, signed.checkpoint.root
        known = select(checkpoints.c.root).where(
            checkpoints.c.tenant == tenant, checkpoints.c.size == size
        )
        with self._database.writing() as connection:
            there = connection.execute(known).scalar()
            if there is None:
                row = {"tenant": tenant, "size": size, "root": root, "note": signed.note}
                statement = insert(checkpoints).values(row | {"recorded_at": micros(at)})
                connection.execute(statement)
            elif there != root:
                raise RolledBackError

    def checkpoints(self, tenant: str) -> list[SignedCheckpoint]:
        """Return the history by size."""
        query = (
            select(checkpoints.c.note)
            .where(checkpoints.c.tenant == tenant)
            .order_by(checkpoints.c.size)
        )
        with self._database.reading() as connection:
            notes = list(connection.execute(query).scalars())
        return [
            SignedCheckpoint(Checkpoint.parse(note.rpartition("\n\n")[0] + "\n"), note)
            for note in notes
        ]

    def freshness(self) -> Freshness:
        """Return how far the checkpoints are behind the entries."""
        unsealed, since = 0, set()
        with self._database.reading() as connection:
            for tenant in connection.execute(_WAITING).scalars().all():
                last = (
                    select(checkpoints.c.size, checkpoints.c.recorded_at)
                    .where(checkpoints.c.tenant == tenant)
                    .order_by(checkpoints.c.size.desc())
                    .limit(1)
                )
                row = connection.execute(last).one_or_none()
                size = row.size if row is not None else 0
                its = select(func.count()).where(entries.c.tenant == tenant)
                beyond = [
                    connection.execute(its.where(condition)).scalar_one()
                    for condition in (entries.c.log_index.is_(None), entries.c.log_index >= size)
                ]
                unsealed += sum(beyond)
                if sum(beyond) and row is not None:
                    since.add(moment(row.recorded_at))
        return Freshness(unsealed, min(since, default=None))

    def unpublished(self, tenant: str, *, below: int, most: int) -> list[tuple[Booked, Trail]]:
        """Return entries whose event waits and whose index is below ``below``, by index."""
        waiting = outbox.c.tenant == tenant, outbox.c.published_at.is_(None)
        due = (
            select(outbox.c.seq, outbox.c.entry_id, outbox.c.jobid, outbox.c.traceparent)
            .join(entries, entries.c.seq == outbox.c.seq)
            .where(*waiting, entries.c.log_index < below)
            .order_by(outbox.c.seq)  # as the index orders them: indices follow the journal
            .limit(min(most, PAGE))
        )
        with self._database.reading() as connection:
            rows = connection.execute(due).all()
            trails = {row.entry_id: Trail(row.jobid, row.traceparent) for row in rows}
            if not rows:
                return []
            query = ENTRIES.where(entries.c.seq.in_([row.seq for row in rows]))
            return [
                (one, trails[one.entry.entry_id])
                for one in booked(connection, query.order_by(entries.c.seq))
            ]

    def mark_published(self, entry_ids: Sequence[str], *, at: datetime) -> None:
        """Set when the events were handed to the bus."""
        with self._database.writing() as connection:
            for page in chunks(entry_ids):
                theirs = select(entries.c.seq).where(among(connection, entries.c.entry_id, page))
                statement = update(outbox).where(outbox.c.seq.in_(theirs))
                connection.execute(statement.values(published_at=micros(at)))
