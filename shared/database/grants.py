"""Who may do what with which table of a PostgreSQL schema: declared, and made so by migrating.

Roles are groups that nobody logs in as; a login is made a member of those whose work it does. Who
migrates owns the tables and works on none.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import ProgrammingError

from shared.database.schema import Grant, Schema
from shared.errors import UserError

REVISIONS: Final = "alembic_version"
"""Read by every role: whoever opens a schema asks for its revision."""


def apply_grants(connection: Connection, schema: Schema) -> None:
    """Make the privileges in a schema those that it declares, and no others, for its roles.

    What the tables do not have yet, or have no more, at the revision that they are at is left out.

    Raises:
        UserError: a role is missing and may not be created.
    """
    if not schema.grants:
        return
    roles = sorted({schema.role(grant.role) for grant in schema.grants})
    _require_roles(connection, roles)
    its, members = _quoted(schema.name), ", ".join(map(_quoted, roles))
    for of in (f"SCHEMA {its}", f"ALL TABLES IN SCHEMA {its}", f"ALL ROUTINES IN SCHEMA {its}"):
        connection.execute(text(f"REVOKE ALL ON {of} FROM PUBLIC, {members}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {its} TO {members}"))
    connection.execute(text(f"GRANT SELECT ON {its}.{REVISIONS} TO {members}"))
    columns = _columns(connection, schema)
    for grant in schema.grants:
        there = columns.get(grant.table, set())
        only = [column for column in grant.columns if column in there]
        if there and (only or not grant.columns):
            connection.execute(text(_statement(schema, grant, only)))


def _statement(schema: Schema, grant: Grant, columns: Iterable[str]) -> str:
    listed = ", ".join(map(_quoted, columns))
    what = f"{grant.privilege} ({listed})" if listed else grant.privilege
    table = f"{_quoted(schema.name)}.{_quoted(grant.table)}"
    return f"GRANT {what} ON {table} TO {_quoted(schema.role(grant.role))}"


def _columns(connection: Connection, schema: Schema) -> dict[str, set[str]]:
    found = inspect(connection).get_multi_columns(schema=schema.name)
    return {name: {column["name"] for column in listed} for (_, name), listed in found.items()}


def _require_roles(connection: Connection, roles: Iterable[str]) -> None:
    """Make the roles that are missing: they are the server's, not the database's."""
    known = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for role in roles:
        if role in known:
            continue
        try:
            # Whoever migrates another database of the server may make it at the same moment.
            connection.execute(
                text(
                    f"DO $$ BEGIN CREATE ROLE {_quoted(role)} NOLOGIN; "
                    "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
                )
            )
        except ProgrammingError as err:
            raise UserError(
                f"the role {role} is missing and this login may not create it: "
                f"have a superuser do 'CREATE ROLE {role} NOLOGIN', then migrate again"
            ) from err


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
