"""Bringing a database to a revision and back, with what is in it."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from shared.database.database import Database
from shared.database.grants import apply_grants
from shared.database.revisions import require_known, revision_of
from shared.database.schema import Schema
from shared.errors import UserError


def config_of(schema: Schema) -> Config:
    """Return Alembic's configuration of a schema."""
    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(database: Database, *, to: str = "head") -> str | None:
    """Bring the schema to a revision, up or down, in one transaction.

    Two processes at once do it one after the other; the second finds it done. On PostgreSQL the
    privileges of roles are made those that the schema declares, each time.

    Args:
        database: need not have any tables yet.
        to: a revision; ``head`` is the newest, ``base`` takes every table away.

    Returns:
        The revision before; None when there was nothing.

    Raises:
        TransientError: the database is unavailable.
        UserError: ``to`` is no revision; a newer version made the database; a role is missing and
            this login may not create it.
    """
    config = config_of(database.schema)
    script = ScriptDirectory.from_config(config)
    order = [one.revision for one in script.walk_revisions()][::-1]
    wanted = {"head": len(order), "base": 0}.get(to)
    if wanted is None:
        if to not in order:
            raise UserError(f"{to} is no revision of {database.schema.called}: {', '.join(order)}")
        wanted = order.index(to) + 1
    with database.writing() as connection:
        before = revision_of(connection, database.schema)
        require_known(before, database.schema)
        config.attributes["connection"] = connection
        if database.kind == "postgresql":
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.schema.name}"'))
        there = order.index(before) + 1 if before else 0
        if wanted > there:
            command.upgrade(config, to)
        elif wanted < there:
            command.downgrade(config, to)
        if database.kind == "postgresql":
            apply_grants(connection, database.schema)
    return before
