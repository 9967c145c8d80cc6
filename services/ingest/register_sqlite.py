"""The register's file on one machine: SQLite in WAL, brought up to date when it is opened."""

import fcntl
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL

from services.ingest.register import TableRegister
from services.ingest.register_order import Deadlines
from services.ingest.register_schema import HEAD
from services.ingest.register_sql import SqlTables, translated
from shared.errors import TransientError, UserError
from shared.sqlite import turn_to_wal

MIGRATIONS: Final = Path(__file__).resolve().parent / "migrations"


class SqliteRegister(TableRegister):
    """The register in ``<data-dir>/register.sqlite``. Safe for several processes and threads.

    Args:
        path: its file, made on first use.
        deadlines: how long a document may stay in a stage (``Topology.deadline``).
        busy_s: how long to wait for another process's transaction.

    Raises:
        TransientError: the file is unavailable.
        UserError: the file was made by a newer version.
    """

    def __init__(self, path: Path, deadlines: Deadlines, *, busy_s: float = 30.0) -> None:
        tables = SqlTables(_opened(path, busy_s))
        super().__init__(tables, deadlines)
        self._sql = tables

    def close(self) -> None:
        """Close the file."""
        self._sql.close()


def _opened(path: Path, busy_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_s, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One at a time migrates, or finds it done.
        with path.with_name(path.name + ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with translated(), engine.begin() as connection:
                _bring_up_to_date(connection, path)
    except OSError as err:
        raise TransientError("the register's folder is unavailable") from err
    except BaseException:
        engine.dispose()
        raise
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    turn_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("docledger_begin", "BEGIN IMMEDIATE"))


def _bring_up_to_date(connection: Connection, path: Path) -> None:
    """Migrate if need be, in the transaction that is open; Alembic is only imported then."""
    if inspect(connection).has_table("alembic_version"):
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if version == HEAD:
            return
        if not list(MIGRATIONS.glob(f"versions/{version}_*.py")):
            raise UserError(f"{path.name} was made by a newer version of docledger: use that one")
    from alembic import command  # noqa: PLC0415 - takes longer than opening a file that is current
    from alembic.config import Config  # noqa: PLC0415 - same

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
