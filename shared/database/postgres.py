"""PostgreSQL for many: migrated by its owner beforehand, asked by roles that may not migrate."""

from typing import Final

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shared.database.database import WRITES, Database
from shared.database.revisions import require_current
from shared.database.schema import Schema
from shared.errors import UserError

CONNECT_S: Final = 5

_SESSION: Final = {
    "timezone": "UTC",
    "synchronous_commit": "on",  # a commit that returned survives the power cut
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    # Who is paused in a transaction holds the write lock: the server ends it, and it is fenced.
    "idle_in_transaction_session_timeout": "20s",
    "tcp_keepalives_idle": "30",
    # Lists of hundreds of ids are compared one by one in a plan that was made for any list.
    "plan_cache_mode": "force_custom_plan",
}


def open_postgres(url: str, schema: Schema, *, connections: int = 5) -> Database:
    """Return the schema of a PostgreSQL database that was migrated.

    Args:
        url: ``postgresql://user@host/database``; a password, where one is used, is the driver's
            to find (``PGPASSFILE``) or stands in the URL.
        schema: whose tables.
        connections: that this process holds at most.

    Raises:
        TransientError: the server does not answer.
        UserError: the URL is none; or the schema is at another revision than the code.
    """
    database = connect(url, schema, connections=connections)
    return require_current(database, remedy="run 'docledger database migrate' as its owner")


def connect(url: str, schema: Schema, *, connections: int = 5) -> Database:
    """Return the schema of a PostgreSQL database, in whichever revision; nothing is asked yet.

    Raises:
        UserError: the URL is none.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is None or address.get_backend_name() != "postgresql":
        raise UserError(f"the address of {schema.called} is no postgresql:// URL: correct it")
    settings = {"search_path": schema.name, **_SESSION}
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": CONNECT_S,
            "application_name": f"docledger {schema.name}",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,  # a server that was restarted costs nobody an error
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "begin", _begin)
    return Database(engine, schema, isolation_level="REPEATABLE READ", postgresql_readonly=True)


_LOCK: Final = text("SELECT pg_advisory_xact_lock(:key)")


def _begin(connection: Connection) -> None:
    key = connection.get_execution_options().get(WRITES)
    if key:
        connection.execute(_LOCK, {"key": key})
