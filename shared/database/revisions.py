"""Which revision a database has. Asking needs no Alembic, which takes long to import.

A revision is ``0006for0005``: the sixth, and code made for the fifth works on its tables as well.
So the release before goes on while a new one comes, and can have all the traffic back (ADR 29).
"""

import re
from typing import Final

from sqlalchemy import Connection, inspect, text

from shared.database.database import Database
from shared.database.schema import Schema
from shared.errors import UserError

_NAME: Final = re.compile(r"([0-9]{4})(?:for([0-9]{4}))?")


def revision_of(connection: Connection, schema: Schema) -> str | None:
    """Return the revision of the tables; None before the first."""
    its = None if connection.dialect.name == "sqlite" else schema.name
    if not inspect(connection).has_table("alembic_version", schema=its):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def suits(revision: str | None, schema: Schema) -> bool:
    """Tell whether this version of the code works on tables of that revision."""
    if revision == schema.newest:
        return True
    if revision is None or schema.knows(revision):
        return False  # it is older than the code: what this needs may not be there
    theirs, ours = _NAME.fullmatch(revision), _NAME.fullmatch(schema.newest)
    return bool(theirs and ours and theirs[2] and theirs[2] <= ours[1] < theirs[1])


def require_known(revision: str | None, schema: Schema) -> None:
    """Refuse what a newer version of the code made.

    Raises:
        UserError: it did.
    """
    if revision is not None and not schema.knows(revision):
        raise UserError(f"{schema.called} was made by a newer version of docledger: use that one")


def require_current(database: Database, *, remedy: str) -> Database:
    """Return the database if its tables are those that this version works on; else close it.

    Args:
        database: just connected.
        remedy: what brings the tables there, for the one who reads the error.

    Raises:
        TransientError: it is unavailable.
        UserError: its tables are at another revision, or a newer version made them.
    """
    schema = database.schema
    try:
        with database.reading() as connection:
            revision = revision_of(connection, schema)
        if not suits(revision, schema):
            _refuse(revision, schema, remedy)
    except BaseException:
        database.close()
        raise
    return database


def _refuse(revision: str | None, schema: Schema, remedy: str) -> None:
    require_known(revision, schema)
    raise UserError(
        f"{schema.called} is at revision {revision or 'none'}, this version needs "
        f"{schema.newest}: {remedy}"
    )
