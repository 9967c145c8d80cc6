"""Second persons, conversions and closed periods: columns of entries, and the proposals."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = "links, approver, particulars"
CLOSES = sa.text("kind = 'period_close'")

TABLES = ("proposals", "proposal_ends")

SQLITE_GUARDS = (
    f"""CREATE TRIGGER entries_added_never_change BEFORE UPDATE OF {ADDED} ON entries
    BEGIN SELECT RAISE(ABORT, 'entries never change'); END""",
    *(
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
)


def _refusal(name: str, event: str, table: str, message: str) -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION refuse('{message}'); "
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    )


POSTGRES_GUARDS = (
    _refusal("entries_added_never_change", f"UPDATE OF {ADDED}", "entries", "entries never change"),
    *(_refusal(f"{one}_never_change", "UPDATE", one, f"{one} never change") for one in TABLES),
    *(_refusal(f"{one}_stay", "DELETE OR TRUNCATE", one, f"{one} stay") for one in TABLES),
)

GUARDS = {"sqlite": SQLITE_GUARDS, "postgresql": POSTGRES_GUARDS}


def upgrade() -> None:
    """Add what entries may say besides, and the proposals with their ends."""
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
    for statement in GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take it all away; what it held is lost, and so is what leaves were made of."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER entries_added_never_change")
    else:
        op.execute("DROP TRIGGER entries_added_never_change ON entries")
    op.drop_table("proposal_ends")
    op.drop_table("proposals")
    op.drop_index("ix_entries_closes", "entries")
    for column in ("particulars", "approver", "links"):
        op.execute(f"ALTER TABLE entries DROP COLUMN {column}")
