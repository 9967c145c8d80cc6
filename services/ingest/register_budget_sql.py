"""Reserved pages in SQL: a row for each revision of a document, and their sums by day.

The sums are kept beside the rows that they are made of: a tenant with millions of documents would
add them up at each of them. Both are written in the transaction that read them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy import bindparam as bound

from services.ingest.budget import Days, Reservation, ReservationKey
from services.ingest.register_schema import RESERVATIONS, SPENT, chunks

_FIND: Final = select(
    RESERVATIONS.c.tenant, RESERVATIONS.c.document_id, RESERVATIONS.c.revision
).where(RESERVATIONS.c.document_id.in_(bound("ids", expanding=True)))
_SPENT: Final = select(func.sum(SPENT.c.pages)).where(
    SPENT.c.tenant == bound("tenant"), SPENT.c.day >= bound("first"), SPENT.c.day <= bound("last")
)
_RESERVE: Final = RESERVATIONS.insert()
# SQLAlchemy knows this one by dialect only; SQLite and PostgreSQL spell it alike.
_SPEND: Final = text(
    "INSERT INTO spent (tenant, day, pages) VALUES (:tenant, :day, :pages)"
    " ON CONFLICT (tenant, day) DO UPDATE SET pages = spent.pages + excluded.pages"
)


def find_reserved(
    connection: Connection, keys: AbstractSet[ReservationKey]
) -> Iterator[ReservationKey]:
    """Yield those of ``keys`` that are reserved."""
    for some in chunks(sorted({document_id for _tenant, document_id, _revision in keys})):
        for row in connection.execute(_FIND, {"ids": some}):
            if (key := (row.tenant, row.document_id, row.revision)) in keys:
                yield key


def spent_in(connection: Connection, tenant: str, days: Days) -> int:
    """Return how many pages are reserved in some days."""
    first, last = days
    found = connection.execute(_SPENT, {"tenant": tenant, "first": first, "last": last}).scalar()
    return int(found or 0)


def write_reservations(connection: Connection, reservations: Sequence[Reservation]) -> None:
    """Write new reservations, and add them up."""
    connection.execute(
        _RESERVE,
        [
            {
                "document_id": one.document_id,
                "revision": one.revision,
                "tenant": one.tenant,
                "pages": one.pages,
                "day": one.day,
            }
            for one in reservations
        ],
    )
    sums: Counter[tuple[str, int]] = Counter()
    for one in reservations:
        sums[one.tenant, one.day] += one.pages
    connection.execute(
        _SPEND,
        [
            {"tenant": tenant, "day": day, "pages": pages}
            for (tenant, day), pages in sorted(sums.items())
        ],
    )
