"""The journal in SQL, on SQLite or PostgreSQL."""

from services.ledger.adapters.auditing import SqlAudit
from services.ledger.adapters.balances import SqlBalances
from services.ledger.adapters.books import SqlBooks
from services.ledger.adapters.proposing import SqlProposals
from services.ledger.adapters.restoring import SqlRestoring
from services.ledger.adapters.sequencing import SqlSequencing


class SqlJournal(SqlBooks, SqlBalances, SqlProposals, SqlSequencing, SqlAudit, SqlRestoring):
    """``ports.Journal`` over SQLAlchemy.

    Args:
        database: migrated.
    """

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()
