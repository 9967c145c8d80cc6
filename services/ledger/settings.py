"""What an operator may set for the ledger; read once from the environment."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import DatabaseUrl, Settings


class LedgerSettings(Settings):
    """Variables ``DOCLEDGER_LEDGER_…``.

    Attributes:
        origin: what the logs' names start with, a schema-less URL; the tenant follows after a
            slash. Set it once, before the first entry: a log's name is in every checkpoint.
        batch: entries of one tenant that the sequencer takes at once.
        database: ``postgresql://`` URL of the journal; ``ledger.sqlite`` in the data folder when
            unset. It names no password: the driver finds one in ``PGPASSFILE``.
    """

    section: ClassVar[str] = "ledger"

    origin: Annotated[str, Field(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._-]+)*$")] = (
        "docledger.example/log"
    )
    batch: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    database: DatabaseUrl | None = None


class LogPlaceSettings(Settings):
    """Variables ``DOCLEDGER_LEDGER_LOG_…``: where logs are published, for who writes or reads them.

    Attributes:
        bucket: of Cloud Storage, which holds logs and nothing else; the folder ``log/`` of the data
            folder when unset.
        kms_key: ``projects/…/cryptoKeys/…`` that every object is written with; the bucket's default
            key when unset.
    """

    section: ClassVar[str] = "ledger_log"

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")] | None = None
    kms_key: Annotated[str, Field(pattern=r"^projects/.+/cryptoKeys/[^/]+$")] | None = None
