"""Second persons, conversions and closed periods: columns of entries, and the proposals."""

import json

import rfc8785
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = "links, approver, particulars"
CLOSES = sa.text("kind = 'period_close'")
TABLES = ("proposals", "proposal_ends")
PAGE = 1_000

PARTICULARS = ("document_date", "fx", "period")
MARKS = tuple(f'"{key}":'.encode() for key in ("links", "approver", *PARTICULARS))


def _refusal(name: str, event: str, table: str, message: str) -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION refuse('{message}'); "
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    )


ENTRY_GUARDS = {
    "sqlite": f"""CREATE TRIGGER entries_added_never_change BEFORE UPDATE OF {ADDED} ON entries
    BEGIN SELECT RAISE(ABORT, 'entries never change'); END""",
    "postgresql": _refusal(
        "entries_added_never_change", f"UPDATE OF {ADDED}", "entries", "entries never change"
    ),
}

PROPOSAL_GUARDS = {
    "sqlite": tuple(
        statement
        for table in TABLES
        for statement in (
            f"""CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} never change'); END""",
            f"""CREATE TRIGGER {table}_stay BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END""",
            # INSERT OR REPLACE deletes without asking delete triggers (recursive_triggers off).
            f"""CREATE TRIGGER {table}_never_replaced BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE proposal_id = NEW.proposal_id)
            BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END""",  # noqa: S608 - the names stand above
        )
    ),
    "postgresql": (
        *(_refusal(f"{one}_never_change", "UPDATE", one, f"{one} never change") for one in TABLES),
        *(_refusal(f"{one}_stay", "DELETE OR TRUNCATE", one, f"{one} stay") for one in TABLES),
    ),
}


def upgrade() -> None:
    """Add what entries may say besides, and the proposals with their ends."""
    bind = op.get_bind()
    # One statement a column, without a copy of the table: it has triggers, and may be large.
    op.execute("ALTER TABLE entries ADD COLUMN links VARCHAR(40)")
    op.execute(
        "ALTER TABLE entries ADD COLUMN approver VARCHAR(40) "
        "CONSTRAINT ck_entries_two_persons CHECK (approver <> actor)"
    )
    op.execute("ALTER TABLE entries ADD COLUMN particulars TEXT")
    op.create_index(
        *("ix_entries_closes", "entries", ["tenant", "date"]),
        sqlite_where=CLOSES,
        postgresql_where=CLOSES,
    )
    _fill(bind)
    op.execute(ENTRY_GUARDS[bind.dialect.name])
    if not sa.inspect(bind).has_table("proposals"):
        _make_proposals(bind.dialect.name)


def _fill(bind: sa.Connection) -> None:
    """Read what entries say from their leaves: somebody may have gone back to 0001 and returned."""
    some = sa.text("SELECT seq, leaf FROM entries WHERE seq > :done ORDER BY seq LIMIT :page")
    change = sa.text(
        "UPDATE entries SET links = :links, approver = :approver, particulars = :particulars "
        "WHERE seq = :seq"
    )
    done = 0
    while rows := bind.execute(some, {"done": done, "page": PAGE}).all():
        done = rows[-1].seq
        for row in rows:
            leaf = bytes(row.leaf)
            if any(mark in leaf for mark in MARKS):
                said = json.loads(leaf)
                told = {"links": said.get("links"), "approver": said.get("approver")}
                found = {key: said[key] for key in PARTICULARS if key in said}
                text = rfc8785.dumps(found).decode() if found else None
                kept = {"seq": row.seq, "particulars": text}
                bind.execute(change, told | kept)


def _make_proposals(dialect: str) -> None:
    op.create_table(
        "proposals",
        sa.Column("proposal_id", sa.String(40), primary_key=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("document_id", sa.String(40), nullable=False),
        sa.Column("base", sa.String(40), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("drafted", sa.Text, nullable=False),
        sa.Column("proposer", sa.String(40), nullable=False),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_proposals_tenant", "proposals", ["tenant", "proposed_at"])
    op.create_table(
        "proposal_ends",
        sa.Column("proposal_id", sa.String(40), primary_key=True),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("entry_id", sa.String(40)),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
    )
    for statement in PROPOSAL_GUARDS[dialect]:
        op.execute(statement)


def downgrade() -> None:
    """Take the columns away: their content is in the leaves. Proposals stay, where there are any.

    The way back up finds both. An older version of the code must not book meanwhile what closed
    periods and second persons would refuse: it does not know of them.
    """
    bind = op.get_bind()
    on = "" if bind.dialect.name == "sqlite" else " ON entries"
    op.execute(f"DROP TRIGGER entries_added_never_change{on}")
    op.drop_index("ix_entries_closes", "entries")
    for column in ("particulars", "approver", "links"):
        op.execute(f"ALTER TABLE entries DROP COLUMN {column}")
    if bind.execute(sa.text("SELECT 1 FROM proposals LIMIT 1")).one_or_none() is None:
        op.drop_table("proposal_ends")
        op.drop_table("proposals")
