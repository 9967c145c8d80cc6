"""One database and the two ways to ask it: a transaction that looks, and one that writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.database.schema import Schema
from shared.errors import TransientError

WRITES: Final = "docledger_writes"
"""Execution option of transactions that write; its value is the key of the lock that they take."""

REFUSALS: Final = frozenset({"3F000", "42501", "42703", "42704", "42P01"})
"""What a missing grant, membership, schema or migration looks like: insufficient privilege; no such
schema, column, role or table. Who may not use a schema sees no table in it.

Source: PostgreSQL, "Error Codes".
"""

_RAISED_IN_A_TRIGGER: Final = "exec_stmt_raise"


class Database:
    """The tables of one schema.

    Writers take turns, on both kinds of database: whoever is in ``writing`` numbers rows and
    decides by what it read, and nobody else does meanwhile. Who looks waits for nobody.

    Args:
        engine: from ``sqlite.open_sqlite`` or ``postgres.open_postgres``.
        schema: whose tables.
        looks: execution options of transactions that look.
    """

    def __init__(self, engine: Engine, schema: Schema, **looks: Any) -> None:  # noqa: ANN401 - SQLAlchemy's options
        self.engine = engine
        self.schema = schema
        self._readers = engine.execution_options(**looks)
        self._writers = engine.execution_options(**{WRITES: schema.lock})

    def __repr__(self) -> str:
        return f"Database({self.schema.name}, {self.kind})"

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the tables.

        Raises:
            TransientError: the database is unavailable.
        """
        with translated(self.schema), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in the one write transaction; an exception undoes all of it.

        Raises:
            TransientError: the database is unavailable, locked for long, or full.
        """
        with translated(self.schema), self._writers.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@contextmanager
def translated(schema: Schema) -> Iterator[None]:
    """Turn what a database raises when it is locked, full, gone or closed to us into a wait.

    What our login may not do, or does not find, is the deployment's to mend: no document is at
    fault. A statement that is refused for what it says (a constraint, a trigger that keeps
    history) is a fault of ours: it stays what it is.

    Raises:
        TransientError: it is unavailable, or refuses us.
    """
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except ProgrammingError as err:
        if not _refuses_us(err.orig):
            raise
        raise TransientError(f"{schema.called} refuses us ({_code(err.orig)})") from err
    except DBAPIError as err:
        raise TransientError(f"{schema.called} is unavailable ({_code(err.orig)})") from err
    except PoolTimeoutError as err:
        raise TransientError(f"{schema.called} is unavailable (no connection is free)") from err


def _refuses_us(error: BaseException | None) -> bool:
    """Tell whether the server refuses our login, whatever it asks; not whether our trigger does."""
    diagnosed = getattr(error, "diag", None)
    raised_in = getattr(diagnosed, "source_function", None)
    return getattr(error, "sqlstate", None) in REFUSALS and raised_in != _RAISED_IN_A_TRIGGER


def _code(error: BaseException | None) -> str:
    """Return what the driver calls the error: never its text, which may show values."""
    for attribute in ("sqlite_errorname", "sqlstate"):
        code = getattr(error, attribute, None)
        if code:
            return str(code)
    return type(error).__name__
