"""Checkpoint intents in the journal's own database: as old as the journal, whatever happens."""

from sqlalchemy import ColumnElement, insert, select, update

from services.ledger.adapters.tables import intents
from services.ledger.publication import Intent
from shared.database.database import Database


class SqlIntents:
    """``publication.Intents`` of one tenant; the database refuses to change what is decided.

    Args:
        database: migrated.
        tenant: whose log.
    """

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    def claim(self, size: int, root: bytes) -> bytes:
        """Store ``root`` for ``size`` unless one is stored; return the one that stands."""
        with self._database.writing() as connection:
            known = select(intents.c.root).where(*self._at(size))
            standing: bytes | None = connection.execute(known).scalar()
            if standing is not None:
                return standing
            row = {"tenant": self._tenant, "size": size, "root": root}
            connection.execute(insert(intents).values(row))
            return root

    def keep_note(self, size: int, note: str) -> str:
        """Store the signed note of a claimed size unless one is stored; return what stands."""
        with self._database.writing() as connection:
            known = select(intents.c.note).where(*self._at(size))
            standing: str | None = connection.execute(known).scalar_one()
            if standing is not None:
                return standing
            connection.execute(update(intents).where(*self._at(size)).values(note=note))
            return note

    def get(self, size: int) -> Intent | None:
        """Return what was decided for ``size``, if anything."""
        with self._database.reading() as connection:
            row = connection.execute(select(intents).where(*self._at(size))).one_or_none()
        return Intent(row.size, row.root, row.note) if row is not None else None

    def after(self, size: int) -> list[Intent]:
        """Return the intents of greater sizes, smallest first."""
        greater = intents.c.tenant == self._tenant, intents.c.size > size
        query = select(intents).where(*greater).order_by(intents.c.size)
        with self._database.reading() as connection:
            return [Intent(row.size, row.root, row.note) for row in connection.execute(query)]

    def _at(self, size: int) -> tuple[ColumnElement[bool], ...]:
        return intents.c.tenant == self._tenant, intents.c.size == size
