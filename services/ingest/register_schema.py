"""The register's tables. Times are microseconds since the epoch; ids and codes, no content."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String
from sqlalchemy import Table as SqlTable

from services.ingest.register_grants import GRANTS
from shared.database.schema import Schema

REGISTER: Final = Schema(
    name="register",
    called="the register",
    migrations=Path(__file__).parent / "migrations",
    newest="0006for0005",
    grants=GRANTS,
)

METADATA: Final = MetaData()

SUBMISSIONS: Final = SqlTable(
    "submissions",
    METADATA,
    Column("job_id", String(40), primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("document_id", String(40)),
    Column("reason", String(32)),
    Column("first_job", String(40)),
    Column("parent", String(40)),
)

DOCUMENTS: Final = SqlTable(
    "documents",
    METADATA,
    Column("tenant", String(63), primary_key=True),
    Column("document_id", String(40), primary_key=True),
    Column("job_id", String(40), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("replay", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("terminal", String(16)),
    Column("reason", String(32)),
    Column("erased", Boolean, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("document_type", String(16)),
    Column("deadline", BigInteger),
    Column("since", BigInteger, nullable=False, server_default="0"),
    Column("last_event", LargeBinary, nullable=False),
)

FLOW: Final = SqlTable(
    "flow",
    METADATA,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String(63), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("entered", Integer, nullable=False),
    Column("departed", Integer, nullable=False),
)

RESERVATIONS: Final = SqlTable(
    "reservations",
    METADATA,
    Column("document_id", String(40), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String(63), primary_key=True),
    Column("pages", Integer, nullable=False),
    Column("day", Integer, nullable=False),
)

SPENT: Final = SqlTable(
    "spent",
    METADATA,
    Column("tenant", String(63), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("pages", BigInteger, nullable=False),
)

Index("documents_by_deadline", DOCUMENTS.c.deadline)
Index("submissions_by_document", SUBMISSIONS.c.document_id)
Index("submissions_by_parent", SUBMISSIONS.c.parent)
Index("documents_by_id", DOCUMENTS.c.document_id)  # ids are keyed by tenant: one row each

_MOST_VALUES: Final = 500  # in one IN (…)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime) -> int:
    """Return a time as the tables hold it."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """Return what ``micros`` made of it."""
    return _EPOCH + timedelta(microseconds=micros)


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ``values`` in pieces that one statement takes."""
    for first in range(0, len(values), _MOST_VALUES):
        yield values[first : first + _MOST_VALUES]
