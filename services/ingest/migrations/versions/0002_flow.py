"""Since when a document is where it is, and how many came into each stage and left it."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 1000

_DOCUMENTS = sa.table(
    "documents",
    sa.column("tenant", sa.String),
    sa.column("document_id", sa.String),
    sa.column("deadline", sa.BigInteger),
    sa.column("since", sa.BigInteger),
    sa.column("last_event", sa.LargeBinary),
)


def upgrade() -> None:
    """Add the column, filled from the events that brought documents where they are; and the table.

    What moved before is not counted. The default lets an older version, which still runs while this
    is done, go on.
    """
    op.add_column(
        "documents", sa.Column("since", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_table(
        "flow",
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("stage", sa.String(16), primary_key=True),
        sa.Column("entered", sa.Integer, nullable=False),
        sa.Column("departed", sa.Integer, nullable=False),
    )
    _fill()


def downgrade() -> None:
    """Remove both."""
    op.drop_table("flow")
    op.drop_column("documents", "since")


def _fill() -> None:
    connection = op.get_bind()
    change = (
        _DOCUMENTS.update()
        .where(
            _DOCUMENTS.c.tenant == sa.bindparam("key_tenant"),
            _DOCUMENTS.c.document_id == sa.bindparam("key_document"),
        )
        .values(since=sa.bindparam("at"))
    )
    last = ("", "")
    while True:
        key = sa.tuple_(_DOCUMENTS.c.tenant, _DOCUMENTS.c.document_id)
        rows = connection.execute(
            sa.select(_DOCUMENTS)
            .where(key > sa.tuple_(*map(sa.literal, last)))
            .order_by(_DOCUMENTS.c.tenant, _DOCUMENTS.c.document_id)
            .limit(_BATCH)
        ).all()
        if not rows:
            return
        last = (rows[-1].tenant, rows[-1].document_id)
        connection.execute(
            change,
            [
                {"key_tenant": row.tenant, "key_document": row.document_id, "at": _since(row)}
                for row in rows
            ],
        )


def _since(row: "sa.Row[tuple[str, str, int | None, int, bytes]]") -> int:
    """Return the time of a document's last event; of one that cannot be read, its deadline."""
    try:
        said = datetime.fromisoformat(json.loads(row.last_event)["time"])
        return (said - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, KeyError, TypeError):
        return row.deadline or 0
