"""The database's administrator as Cloud SQL makes one: who may make roles, and is no superuser."""

from collections.abc import Iterable
from typing import Final

import psycopg

from services.ingest.register_schema import REGISTER
from services.ledger.adapters.schema import JOURNAL
from shared.database.migrations import migrate
from shared.database.postgres import connect
from tests.emulators.postgres import Postgres

ADMINISTRATOR: Final = "administrator"
DATABASE: Final = "docledger"


def prepared(server: Postgres, logins: Iterable[str]) -> None:
    """Make what is there when Terraform has made the server: a database, logins, an administrator.

    Cloud SQL's databases belong to ``cloudsqlsuperuser``, of which its administrator is a member.
    """
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE cloudsqlsuperuser NOLOGIN CREATEROLE CREATEDB")
        connection.execute(f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB")
        connection.execute(f"GRANT cloudsqlsuperuser TO {ADMINISTRATOR} WITH ADMIN OPTION")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER cloudsqlsuperuser")
        for login in logins:
            connection.execute(f'CREATE ROLE "{login}" LOGIN')


def administered(server: Postgres, statements: Iterable[str]) -> None:
    """Run statements as the administrator.

    Raises:
        psycopg.Error: it may not.
    """
    url = server.url(DATABASE, user=ADMINISTRATOR)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def migrated(server: Postgres, login: str) -> None:
    """Migrate both schemas as a login, as the job does.

    Raises:
        UserError: a role is missing.
        psycopg.Error: it may not.
    """
    for schema in (REGISTER, JOURNAL):
        database = connect(server.url(DATABASE, user=login.replace("@", "%40")), schema)
        try:
            migrate(database)
        finally:
            database.close()


def may_use(server: Postgres, login: str) -> set[str]:
    """Return the schemas that a login may look into."""
    with psycopg.connect(server.url(DATABASE)) as connection:
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('register', 'ledger')"
            " AND has_schema_privilege(%s, oid, 'USAGE')",
            [login],
        ).fetchall()
    return {name for (name,) in found}
