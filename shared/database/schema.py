"""What one owner keeps in a database, and in which version."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Schema:
    """The tables of one owner.

    Attributes:
        name: of the schema on PostgreSQL.
        called: what people call it, in errors: ``the journal``.
        migrations: Alembic's folder; files in ``versions/`` are named ``<revision>_<what>.py``.
        newest: the revision that this version of the code works on, so that opening a current
            database need not import Alembic (0.3 s).
    """

    name: str
    called: str
    migrations: Path
    newest: str

    @cached_property
    def lock(self) -> int:
        """The key of the advisory lock that its writers take, 64 bits with a sign."""
        return int.from_bytes(sha256(f"docledger/{self.name}".encode()).digest()[:8], signed=True)

    def knows(self, revision: str) -> bool:
        """Tell whether a migration leads to ``revision``: else a newer version made it."""
        return any(self.migrations.glob(f"versions/{revision}_*.py"))
