"""Which revision a database has. Asking needs no Alembic, which takes long to import."""

from sqlalchemy import Connection, inspect, text

from shared.database.schema import Schema
from shared.errors import UserError


def revision_of(connection: Connection, schema: Schema) -> str | None:
    """Return the revision of the tables; None before the first."""
    its = None if connection.dialect.name == "sqlite" else schema.name
    if not inspect(connection).has_table("alembic_version", schema=its):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def require_known(revision: str | None, schema: Schema) -> None:
    """Refuse what a newer version of the code made.

    Raises:
        UserError: it did.
    """
    if revision is not None and not schema.knows(revision):
        raise UserError(f"{schema.called} was made by a newer version of docledger: use that one")
