"""The journal's schema: where its migrations are, which is the newest, who may do what."""

from pathlib import Path
from typing import Final

from services.ledger.adapters.grants import GRANTS
from shared.database.database import Database
from shared.database.schema import Schema

JOURNAL: Final = Schema(
    name="ledger",
    called="the journal",
    migrations=Path(__file__).parents[1] / "migrations",
    newest="0002",
    grants=GRANTS,
)


class OnDatabase:
    """Base of what asks the journal's database.

    Args:
        database: migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.kind})"
