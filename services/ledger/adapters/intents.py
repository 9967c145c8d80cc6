"""Checkpoint intents in the journal's own database: as old as the journal, whatever happens."""

from sqlalchemy import ColumnElement, Engine, insert, select, update

from services.ledger.adapters.engine import reading, writing
from services.ledger.adapters.tables import intents
from services.ledger.publication import Intent


class SqlIntents:
    """``publication.Intents`` of one tenant; the database refuses to change what is decided.

    Args:
        engine: a migrated database.
        tenant: whose log.
    """

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine = engine
        self._tenant = tenant

    def claim(self, size: int, root: bytes) -> bytes:
        """Store ``root`` for ``size`` unless one is stored; return the one that stands."""
        with writing(self._engine) as connection:
            known = select(intents.c.root).where(*self._at(size))
            standing: bytes | None = connection.execute(known).scalar()
            if standing is not None:
                return standing
            row = {"tenant": self._tenant, "size": size, "root": root}
            connection.execute(insert(intents).values(row))
            return root

    def keep_note(self, size: int, note: str) -> str:
        """Store the signed note of a claimed size unless one is stored; return what stands."""
        with writing(self._engine) as connection:
            known = select(intents.c.note).where(*self._at(size))
            standing: str | None = connection.execute(known).scalar_one()
            if standing is not None:
                return standing
            connection.execute(update(intents).where(*self._at(size)).values(note=note))
            return note

    def get(self, size: int) -> Intent | None:
        """Return what was decided for ``size``, if anything."""
        with reading(self._engine) as connection:
            row = connection.execute(select(intents).where(*self._at(size))).one_or_none()
        return Intent(row.size, row.root, row.note) if row is not None else None

    def after(self, size: int) -> list[Intent]:
        """Return the intents of greater sizes, smallest first."""
        greater = intents.c.tenant == self._tenant, intents.c.size > size
        query = select(intents).where(*greater).order_by(intents.c.size)
        with reading(self._engine) as connection:
            return [Intent(row.size, row.root, row.note) for row in connection.execute(query)]

    def _at(self, size: int) -> tuple[ColumnElement[bool], ...]:
        return intents.c.tenant == self._tenant, intents.c.size == size
