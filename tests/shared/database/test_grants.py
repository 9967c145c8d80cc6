"""Privileges are what a schema declares, at whichever revision, whoever may make roles."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from services.ingest.register_schema import REGISTER
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.schema import Grant, Schema
from shared.errors import UserError


@pytest.fixture
def schema(postgres: str) -> Iterator[Schema]:
    """Give a schema with roles that no other test knows; they are the server's."""
    role = f"r{secrets.token_hex(4)}"
    grants = (
        Grant(role, "SELECT", "submissions", "it looks"),
        Grant(role, "UPDATE", "documents", "it notes when", ("deadline", "since")),
        Grant(role, "INSERT", "flow", "it counts"),
    )
    declared = replace(REGISTER, grants=grants)
    yield declared
    with psycopg.connect(postgres, autocommit=True) as connection:
        name = declared.role(role)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")


def can(url: str, schema: Schema, table: str, privilege: str, column: str | None = None) -> bool:
    """Ask the server what the schema's role may do."""
    kind, of = ("column", (column,)) if column else ("table", ())
    role = schema.role(schema.grants[0].role)
    marks = ", ".join(["%s"] * (3 + len(of)))
    with psycopg.connect(url) as connection:
        asked = (role, f"register.{table}", *of, privilege)
        row = connection.execute(f"SELECT has_{kind}_privilege({marks})", asked).fetchone()
    assert row is not None
    return bool(row[0])


def migrated(url: str, schema: Schema, to: str = "head") -> None:
    """Bring the schema to a revision, as whoever the URL names."""
    owner = connect(url, schema)
    try:
        migrate(owner, to=to)
    finally:
        owner.close()


def test_a_role_may_what_is_declared_and_nothing_else(postgres: str, schema: Schema) -> None:
    """Tables whole, or single columns of them."""
    migrated(postgres, schema)
    assert can(postgres, schema, "submissions", "SELECT")
    assert can(postgres, schema, "alembic_version", "SELECT")
    assert can(postgres, schema, "documents", "UPDATE", "deadline")
    assert not can(postgres, schema, "documents", "UPDATE", "stage")
    assert not can(postgres, schema, "documents", "UPDATE")
    assert not can(postgres, schema, "submissions", "INSERT")
    assert not can(postgres, schema, "alembic_version", "UPDATE")


def test_what_an_older_revision_does_not_have_is_not_granted(postgres: str, schema: Schema) -> None:
    """Down with a release, its tables and columns are gone; up again, the grants are back."""
    migrated(postgres, schema, to="0001")
    assert can(postgres, schema, "documents", "UPDATE", "deadline")
    migrated(postgres, schema)
    assert can(postgres, schema, "documents", "UPDATE", "since")
    assert can(postgres, schema, "flow", "INSERT")


def test_what_is_no_longer_declared_is_taken_back(postgres: str, schema: Schema) -> None:
    """The next release withdraws what this one granted, by column too."""
    migrated(postgres, schema)
    migrated(postgres, replace(schema, grants=schema.grants[:1]))
    assert can(postgres, schema, "submissions", "SELECT")
    assert not can(postgres, schema, "documents", "UPDATE", "deadline")
    assert not can(postgres, schema, "flow", "INSERT")


def test_an_owner_who_may_not_make_roles_is_told_which(postgres: str, schema: Schema) -> None:
    """Nothing is half done; once they are there, the owner goes on."""
    owner = f"o{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN")
        (database,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        connection.execute(f"GRANT CREATE ON DATABASE {database} TO {owner}")
    url = postgres.replace("postgres@", f"{owner}@")
    name = schema.role(schema.grants[0].role)
    with pytest.raises(UserError, match=f"have a superuser do 'CREATE ROLE {name} NOLOGIN'"):
        migrated(url, schema)
    with psycopg.connect(postgres, autocommit=True) as connection:
        assert connection.execute("SELECT to_regnamespace('register')").fetchone() == (None,)
        connection.execute(f"CREATE ROLE {name} NOLOGIN")
    migrated(url, schema)
    assert can(postgres, schema, "submissions", "SELECT")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}, {owner} CASCADE")
        connection.execute(f"REVOKE CREATE ON DATABASE {database} FROM {owner}")
        connection.execute(f"DROP ROLE {owner}")
