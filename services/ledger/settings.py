"""What an operator may set for the ledger; read once from the environment."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import Settings


class LedgerSettings(Settings):
    """Variables ``DOCLEDGER_LEDGER_…``.

    Attributes:
        origin: what the logs' names start with, a schema-less URL; the tenant follows after a
            slash. Set it once, before the first entry: a log's name is in every checkpoint.
        batch: entries of one tenant that the sequencer takes at once.
    """

    section: ClassVar[str] = "ledger"

    origin: Annotated[str, Field(pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._-]+)*$")] = (
        "docledger.example/log"
    )
    batch: Annotated[int, Field(ge=1, le=100_000)] = 1_000
