"""The journal's tables. ``migrations/`` makes them; a test holds the two together.

Ids, codes, amounts, accounts and dates; no names. Times are microseconds since 1970, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

BIG: Final = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite stores an INTEGER key as the row id

metadata: Final = MetaData()

entries: Final = Table(
    "entries",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),  # the order of the journal
    Column("entry_id", String(40), nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("document_id", String(40), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("commitment", String(64), nullable=False),
    Column("document_type", String(32)),
    Column("date", Date),
    Column("reason", String(32)),
    Column("settles", String(40)),
    Column("actor", String(40)),
    Column("leaf", LargeBinary, nullable=False),
    Column("log_index", BIG),  # set once, by the sequencer; everything else never changes
    Column("links", String(40)),
    Column("approver", String(40)),  # the database refuses the actor's
    Column("particulars", Text),
    UniqueConstraint("entry_id", name="uq_entries_entry_id"),
    UniqueConstraint(
        "tenant", "document_id", "revision", "kind", "ordinal", name="uq_entries_identity"
    ),
)

_SETTLES = text("settles IS NOT NULL")
Index(
    "uq_entries_settles",
    entries.c.settles,
    unique=True,
    sqlite_where=_SETTLES,
    postgresql_where=_SETTLES,
)
_SEQUENCED = text("log_index IS NOT NULL")
Index(
    "uq_entries_log_index",
    entries.c.tenant,
    entries.c.log_index,
    unique=True,
    sqlite_where=_SEQUENCED,
    postgresql_where=_SEQUENCED,
)
_UNSEQUENCED = text("log_index IS NULL")
Index(
    "ix_entries_unsequenced",
    entries.c.tenant,
    entries.c.seq,
    sqlite_where=_UNSEQUENCED,
    postgresql_where=_UNSEQUENCED,
)
_HOLDS = text("kind = 'hold'")
Index(
    "ix_entries_holds",
    entries.c.tenant,
    entries.c.seq,
    sqlite_where=_HOLDS,
    postgresql_where=_HOLDS,
)

_CLOSES = text("kind = 'period_close'")
Index(
    "ix_entries_closes",
    entries.c.tenant,
    entries.c.date,
    sqlite_where=_CLOSES,
    postgresql_where=_CLOSES,
)

postings: Final = Table(
    "postings",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),  # of the entry
    Column("line", Integer, primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("account", String(4), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units, debits positive
    sqlite_with_rowid=False,
)

outbox: Final = Table(
    "outbox",
    metadata,
    # The entry's; no foreign key: an audit compares the two, so either may be gone.
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("entry_id", String(40), nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("document_id", String(40), nullable=False),
    Column("jobid", String(64), nullable=False),
    Column("traceparent", String(64), nullable=False),
    Column("published_at", BigInteger),
)
_WAITING = text("published_at IS NULL")
Index(
    "ix_outbox_waiting",
    outbox.c.tenant,
    outbox.c.seq,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)

# The one table whose rows are deleted: erasing, voiding and reversing take them away.
fingerprints: Final = Table(
    "fingerprints",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("document_id", String(40), primary_key=True),
    Column("fingerprint", String(40), nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_fingerprints_fingerprint", fingerprints.c.tenant, fingerprints.c.fingerprint)

# What one bookkeeper proposed and a second one must decide; never changed, never deleted.
proposals: Final = Table(
    "proposals",
    metadata,
    Column("proposal_id", String(40), primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("document_id", String(40), nullable=False),
    Column("base", String(40), nullable=False),  # the entry that stood when it was proposed
    Column("asked", Text, nullable=False),  # figures and codes, as JSON
    Column("drafted", Text, nullable=False),  # the postings that it would make, as JSON
    Column("proposer", String(40), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_proposals_tenant", "tenant", "proposed_at"),
)

# How each ended: once.
proposal_ends: Final = Table(
    "proposal_ends",
    metadata,
    Column("proposal_id", String(40), primary_key=True),
    Column("how", String(16), nullable=False),
    Column("actor", String(40), nullable=False),
    Column("entry_id", String(40)),  # of what was approved
    Column("ended_at", BigInteger, nullable=False),
)

intents: Final = Table(
    "intents",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("size", BIG, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("note", String),  # the signed checkpoint, set once
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("size", BIG, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("note", String, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)

sequencer: Final = Table(
    "sequencer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row
    Column("holder", String(64), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
