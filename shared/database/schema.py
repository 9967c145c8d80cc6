"""What one owner keeps in a database, in which version, and who may do what with it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege of one role.

    Attributes:
        role: who, by its short name: ``worker``.
        privilege: what it may do.
        table: with which table.
        why: what it could not do otherwise.
        columns: with which of its columns only; all when empty.
    """

    role: str
    privilege: Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
    table: str
    why: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The tables of one owner.

    Attributes:
        name: of the schema on PostgreSQL.
        called: what people call it, in errors: ``the journal``.
        migrations: Alembic's folder; files in ``versions/`` are named ``<revision>_<what>.py``;
            ``shared/database/revisions.py`` says how a revision is named.
        newest: the revision that this version of the code works on, so that opening a current
            database need not import Alembic (0.3 s).
        grants: what each role may do on PostgreSQL; whatever is not here, it may not.
    """

    name: str
    called: str
    migrations: Path
    newest: str
    grants: tuple[Grant, ...] = ()

    @cached_property
    def lock(self) -> int:
        """The key of the advisory lock that its writers take, 64 bits with a sign."""
        return int.from_bytes(sha256(f"docledger/{self.name}".encode()).digest()[:8], signed=True)

    def knows(self, revision: str) -> bool:
        """Tell whether a migration leads to ``revision``: else a newer version made it."""
        return any(self.migrations.glob(f"versions/{revision}_*.py"))

    def role(self, short: str) -> str:
        """Return the role's name on the server, which has one name space for all databases."""
        return f"docledger_{self.name}_{short}"
