"""What each role may do with the register on PostgreSQL; whatever is not here, it may not."""

from typing import Final, Literal

from shared.database.schema import Grant

WORKER: Final = "worker"
"""Ingest, which books submissions, and the follower, which moves documents on."""

READER: Final = "reader"
"""The partner API, the sweeper's questions, ``status``: nothing of it is theirs to change."""

ERASER: Final = "eraser"
"""Looks for who brought a document. That it is erased, the follower writes."""

_TABLES: Final = ("submissions", "documents")
_KEPT: Final[tuple[tuple[Literal["SELECT", "INSERT", "UPDATE"], str], ...]] = (
    ("SELECT", "what is there decides what may be booked"),
    ("INSERT", "it books"),
    ("UPDATE", "documents move on; a submission lost its stand-in"),
)

GRANTS: Final = (
    *(Grant(WORKER, privilege, table, why) for table in _TABLES for privilege, why in _KEPT),
    Grant(
        WORKER, "DELETE", "documents", "what stood in for a document goes; a trigger keeps others"
    ),
    Grant(WORKER, "SELECT", "flow", "counts of a slot are added up"),
    Grant(WORKER, "INSERT", "flow", "a new slot"),
    Grant(WORKER, "UPDATE", "flow", "a slot's counts grow"),
    Grant(WORKER, "DELETE", "flow", "an hour is kept"),
    Grant(WORKER, "SELECT", "reservations", "pages are reserved once"),
    Grant(WORKER, "INSERT", "reservations", "it reserves"),
    Grant(WORKER, "SELECT", "spent", "what is left decides what is reserved"),
    Grant(WORKER, "INSERT", "spent", "a new day"),
    Grant(WORKER, "UPDATE", "spent", "a day's pages grow; a trigger keeps them from falling"),
    *(Grant(READER, "SELECT", table, "it tells how far") for table in (*_TABLES, "flow", "spent")),
    *(Grant(ERASER, "SELECT", table, "whose uploads to remove") for table in _TABLES),
)
