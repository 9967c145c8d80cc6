"""Asking for one of many values, at the price of one."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY


def among(
    connection: Connection, column: ColumnElement[str], values: Sequence[str]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` has one of ``values``.

    PostgreSQL gets them as one array: a statement with hundreds of parameters costs more to write,
    by SQLAlchemy and by the driver, than to answer. SQLite has no arrays, and few microseconds to
    spare on them.
    """
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(values)
