"""The journal in SQL: SQLite today; the statements are those that PostgreSQL takes as well."""

from services.ledger.adapters.books import SqlBooks
from services.ledger.adapters.restoring import SqlRestoring
from services.ledger.adapters.sequencing import SqlAudit, SqlSequencing


class SqlJournal(SqlBooks, SqlSequencing, SqlAudit, SqlRestoring):
    """``ports.Journal`` over SQLAlchemy.

    Args:
        engine: from ``engine.open_sqlite``.
    """

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()
