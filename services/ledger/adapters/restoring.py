"""Putting rows back in SQL."""

from sqlalchemy import select, update

from services.ledger.adapters.rows import entry_row, posting_rows
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import entries, outbox, postings
from services.ledger.entries import Entry, Trail
from shared.database.inserting import insert_rows


class SqlRestoring(OnDatabase):
    """``ports.Restoring`` over SQLAlchemy."""

    def restore_outbox(self, entry_id: str, trail: Trail) -> None:
        """Make the entry's outbox row again, its event to be told once more."""
        with self._database.writing() as connection:
            query = select(entries.c.seq, entries.c.tenant, entries.c.document_id)
            found = connection.execute(query.where(entries.c.entry_id == entry_id)).one_or_none()
            if found is None:
                return
            there = select(outbox.c.seq).where(outbox.c.seq == found.seq)
            if connection.execute(there).one_or_none() is not None:
                return
            row = {
                "seq": found.seq,
                "entry_id": entry_id,
                "tenant": found.tenant,
                "document_id": found.document_id,
                "jobid": trail.jobid,
                "traceparent": trail.traceparent,
            }
            insert_rows(connection, outbox, [row])

    def restore_entry(self, entry: Entry, index: int) -> None:
        """Make a sealed entry's rows again at the place that its outbox row keeps."""
        with self._database.writing() as connection:
            query = select(outbox.c.seq).where(outbox.c.entry_id == entry.entry_id)
            seq = connection.execute(query).scalar()
            there = select(entries.c.seq).where(entries.c.entry_id == entry.entry_id)
            if seq is None or connection.execute(there).one_or_none() is not None:
                return
            insert_rows(connection, entries, [entry_row(entry, seq)])
            kept = select(postings.c.line).where(postings.c.seq == seq)
            if not connection.execute(kept).all():
                insert_rows(connection, postings, posting_rows(entry, seq))
            sealed = update(entries).where(entries.c.seq == seq).values(log_index=index)
            connection.execute(sealed)
