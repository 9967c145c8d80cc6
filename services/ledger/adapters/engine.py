"""Opening the journal's database: durable, erasable, migrated; foreign errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from shared.errors import TransientError
from shared.sqlite import turn_to_wal

MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"

NEWEST_REVISION: Final = "0001"
"""The newest migration, so that opening a migrated journal need not import Alembic (0.3 s)."""

_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",  # a commit that returned survives the power cut
    "PRAGMA secure_delete=ON",  # a deleted fingerprint is gone from the file as well
    "PRAGMA recursive_triggers=ON",  # or INSERT OR REPLACE would delete past the delete triggers
    "PRAGMA busy_timeout=10000",
    "PRAGMA wal_autocheckpoint=8000",  # 32 MB: a batch of thousands does not copy the WAL twice
)


def open_sqlite(path: Path) -> Engine:
    """Return an engine on the SQLite file at ``path``, made and migrated where necessary.

    Raises:
        TransientError: the file cannot be opened now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named parameters, so that rows.insert_rows can hand its rows to the driver as they are.
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, paramstyle="named")
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    migrate(engine)
    return engine


class OnEngine:
    """Base of what asks the journal's database.

    Args:
        engine: a migrated database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.dialect.name})"


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; two processes at once do it once."""
    with reading(engine) as connection:
        if _revision(connection) == NEWEST_REVISION:
            return
    from alembic import command  # noqa: PLC0415 - see NEWEST_REVISION
    from alembic.config import Config  # noqa: PLC0415 - see NEWEST_REVISION

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        if _revision(connection) != NEWEST_REVISION:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a read transaction.

    Raises:
        TransientError: the database is unavailable.
    """
    with _translated(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a write transaction, which begins by taking the one write lock.

    Admission and numbering rely on it; on PostgreSQL ``_begin`` has to take an advisory lock.

    Raises:
        TransientError: the database is unavailable, locked for long, full; or a race was lost.
    """
    with _translated(), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as err:
        raise TransientError("the journal's database is unavailable") from err
    except IntegrityError as err:
        raise TransientError("another writer was faster; look again") from err


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a raw driver connection
    connection.isolation_level = None  # transactions begin where _begin says, not at some INSERT
    turn_to_wal(connection)
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
