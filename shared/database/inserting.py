"""Many rows at once, as fast as the driver can take them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, insert
from sqlalchemy.exc import DBAPIError


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of plain values in one go, all with the same columns.

    SQLite's driver takes the rows as they are: passing them through SQLAlchemy's parameters costs
    as much again as SQLite itself. PostgreSQL takes them by COPY: a seventh of the CPU time of as
    many INSERTs, and no more for a single row. Both obey constraints, grants and triggers.

    Raises:
        IntegrityError: (SQLAlchemy's) a row is there already, or a constraint refuses it.
        DBAPIError: whatever else the database says.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, _copy_into(table, connection.dialect, *rows[0]), rows)
    else:
        connection.exec_driver_sql(_insert_into(table, connection.dialect, *rows[0]), list(rows))


def _copy(connection: Connection, statement: str, rows: Sequence[dict[str, Any]]) -> None:
    driver = connection.dialect.loaded_dbapi
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined] # psycopg's
            for row in rows:
                copy.write_row(tuple(row.values()))
    except driver.Error as err:
        # As SQLAlchemy does with what it executes itself, so that callers know one kind of error.
        raise DBAPIError.instance(
            statement, None, err, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from err


@cache
def _insert_into(table: Table, dialect: Dialect, *columns: str) -> str:
    statement = insert(table).values({column: bindparam(column) for column in columns})
    return str(statement.compile(dialect=dialect))


@cache
def _copy_into(table: Table, dialect: Dialect, *columns: str) -> str:
    quote = dialect.identifier_preparer.quote
    listed = ", ".join(quote(column) for column in columns)
    return f"COPY {quote(table.name)} ({listed}) FROM STDIN"
