"""The journal: entries, postings, outbox, fingerprints, intents, checkpoints, sequencer."""

import sqlalchemy as sa
from alembic import op

from shared.errors import UserError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")

FACTS = (
    "seq, entry_id, tenant, document_id, revision, kind, ordinal, commitment, document_type, "
    "date, reason, settles, actor, leaf"
)

# What the database itself refuses. RAISE(ABORT) undoes the statement, whoever sent it.
SQLITE_GUARDS = (
    f"""CREATE TRIGGER entries_never_change BEFORE UPDATE OF {FACTS} ON entries
    BEGIN SELECT RAISE(ABORT, 'entries never change'); END""",
    """CREATE TRIGGER entries_one_index BEFORE UPDATE OF log_index ON entries
    WHEN OLD.log_index IS NOT NULL OR NEW.log_index IS NULL
    BEGIN SELECT RAISE(ABORT, 'an index is set once'); END""",
    """CREATE TRIGGER entries_stay BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END""",
    """CREATE TRIGGER intents_one_note BEFORE UPDATE OF note ON intents
    WHEN OLD.note IS NOT NULL OR NEW.note IS NULL
    BEGIN SELECT RAISE(ABORT, 'a note is kept once'); END""",
    """CREATE TRIGGER postings_never_change BEFORE UPDATE ON postings
    BEGIN SELECT RAISE(ABORT, 'postings never change'); END""",
    """CREATE TRIGGER postings_stay BEFORE DELETE ON postings
    BEGIN SELECT RAISE(ABORT, 'postings are never deleted'); END""",
    """CREATE TRIGGER outbox_never_change
    BEFORE UPDATE OF seq, entry_id, tenant, document_id, jobid, traceparent ON outbox
    BEGIN SELECT RAISE(ABORT, 'only the time of publication changes'); END""",
    """CREATE TRIGGER outbox_stay BEFORE DELETE ON outbox
    BEGIN SELECT RAISE(ABORT, 'the outbox is kept'); END""",
    *(
        statement
        for table, columns in (
            ("checkpoints", "tenant, size, root, note, recorded_at"),
            ("intents", "tenant, size, root"),
        )
        for statement in (
            f"""CREATE TRIGGER {table}_never_change BEFORE UPDATE OF {columns} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} never change'); END""",
            f"""CREATE TRIGGER {table}_stay BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END""",
            # INSERT OR REPLACE deletes without asking delete triggers (recursive_triggers off).
            f"""CREATE TRIGGER {table}_never_replaced BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE tenant = NEW.tenant AND size = NEW.size)
            BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END""",  # noqa: S608 - the names stand above
        )
    ),
)


def _refusal(name: str, event: str, table: str, message: str, *, each_row_when: str = "") -> str:
    """Return a trigger that refuses, also where triggers are turned off for replication.

    One for the statement costs nothing a row, and refuses even what finds no row.
    """
    scope = f"FOR EACH ROW WHEN ({each_row_when})" if each_row_when else "FOR EACH STATEMENT"
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {scope} "
        f"EXECUTE FUNCTION refuse('{message}'); "
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    )


POSTGRES_GUARDS = (
    """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
    BEGIN
        RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation';
    END $$""",
    _refusal("entries_never_change", f"UPDATE OF {FACTS}", "entries", "entries never change"),
    _refusal(
        *("entries_one_index", "UPDATE OF log_index", "entries", "an index is set once"),
        each_row_when="OLD.log_index IS NOT NULL OR NEW.log_index IS NULL",
    ),
    _refusal(
        *("intents_one_note", "UPDATE OF note", "intents", "a note is kept once"),
        each_row_when="OLD.note IS NOT NULL OR NEW.note IS NULL",
    ),
    _refusal("intents_never_change", "UPDATE OF tenant, size, root", "intents", "intents stay"),
    _refusal("postings_never_change", "UPDATE", "postings", "postings never change"),
    _refusal("checkpoints_never_change", "UPDATE", "checkpoints", "checkpoints never change"),
    _refusal(
        "outbox_never_change",
        "UPDATE OF seq, entry_id, tenant, document_id, jobid, traceparent",
        "outbox",
        "only the time of publication changes",
    ),
    *(
        _refusal(f"{table}_stay", "DELETE OR TRUNCATE", table, f"{table}: no row is ever deleted")
        for table in ("entries", "postings", "outbox", "intents", "checkpoints")
    ),
)

GUARDS = {"sqlite": SQLITE_GUARDS, "postgresql": POSTGRES_GUARDS}


def upgrade() -> None:
    """Make the tables, their indices, and the triggers that keep history as it is."""
    _make_entries()
    op.create_table(
        "postings",
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("account", sa.String(4), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("document_id", sa.String(40), nullable=False),
        sa.Column("jobid", sa.String(64), nullable=False),
        sa.Column("traceparent", sa.String(64), nullable=False),
        sa.Column("published_at", sa.BigInteger),
    )
    _index("ix_outbox_waiting", "outbox", "tenant", "seq", where="published_at IS NULL")
    op.create_table(
        "fingerprints",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("fingerprint", sa.String(40), nullable=False),
        sqlite_with_rowid=False,
    )
    _index("ix_fingerprints_fingerprint", "fingerprints", "tenant", "fingerprint")
    op.create_table(
        "intents",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("size", BIG, primary_key=True),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.String),
    )
    op.create_table(
        "checkpoints",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("size", BIG, primary_key=True),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sequencer",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    for statement in GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take the tables away, while they are empty: what is booked cannot be made again."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM entries LIMIT 1")).first() is not None:
        raise UserError("the journal holds entries: it is not taken away; restore a backup instead")
    tables = "sequencer", "checkpoints", "intents", "fingerprints", "outbox", "postings", "entries"
    for table in tables:
        op.drop_table(table)
    if connection.dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse()")


def _make_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("document_id", sa.String(40), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("document_type", sa.String(32)),
        sa.Column("date", sa.Date),
        sa.Column("reason", sa.String(32)),
        sa.Column("settles", sa.String(40)),
        sa.Column("actor", sa.String(40)),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("log_index", BIG),
        sa.UniqueConstraint("entry_id", name="uq_entries_entry_id"),
        sa.UniqueConstraint(
            "tenant", "document_id", "revision", "kind", "ordinal", name="uq_entries_identity"
        ),
    )
    _index("uq_entries_settles", "entries", "settles", unique=True, where="settles IS NOT NULL")
    _index(
        "uq_entries_log_index",
        "entries",
        "tenant",
        "log_index",
        unique=True,
        where="log_index IS NOT NULL",
    )
    _index("ix_entries_unsequenced", "entries", "tenant", "seq", where="log_index IS NULL")
    _index("ix_entries_holds", "entries", "tenant", "seq", where="kind = 'hold'")


def _index(
    name: str, table: str, *columns: str, unique: bool = False, where: str | None = None
) -> None:
    clause = sa.text(where) if where else None
    op.create_index(
        name, table, list(columns), unique=unique, sqlite_where=clause, postgresql_where=clause
    )
