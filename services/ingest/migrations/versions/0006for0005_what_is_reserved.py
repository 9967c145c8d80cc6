"""Pages are reserved out of a tenant's budget, once a revision of a document."""

import sqlalchemy as sa
from alembic import op

revision = "0006for0005"
down_revision = "0005"
branch_labels = None
depends_on = None

_FILL = (
    # What was handed in, on that day.
    (
        "INSERT INTO reservations (document_id, revision, tenant, pages, day)"
        " SELECT d.document_id, 0, d.tenant, d.pages,"
        " coalesce(s.received_at, d.since) / 86400000000"
        " FROM documents d LEFT JOIN submissions s ON s.job_id = d.job_id"
        " WHERE d.pages > 0 AND d.stage <> 'ingest'"
    ),
    # What was read anew: of the latest revision alone it is known when.
    (
        "INSERT INTO reservations (document_id, revision, tenant, pages, day)"
        " SELECT document_id, revision, tenant, pages, since / 86400000000"
        " FROM documents WHERE pages > 0 AND stage <> 'ingest' AND revision > 0"
    ),
    (
        "INSERT INTO spent (tenant, day, pages)"
        " SELECT tenant, day, sum(pages) FROM reservations GROUP BY tenant, day"
    ),
)
_GUARDS = {
    "reservations": "BEFORE UPDATE OR DELETE ON reservations FOR EACH ROW",
    "spent": "BEFORE DELETE ON spent FOR EACH ROW",
    "sums": "BEFORE UPDATE ON spent FOR EACH ROW WHEN (NEW.pages < OLD.pages)",
}


def upgrade() -> None:
    """Make the two tables, and reserve what went to a reader before.

    What still lies in ingest is reserved when it goes on. On PostgreSQL nothing that is spent comes
    back, whoever asks.
    """
    op.create_table(
        "reservations",
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
    )
    op.create_table(
        "spent",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("pages", sa.BigInteger, nullable=False),
    )
    for statement in _FILL:
        op.execute(statement)
    if op.get_bind().dialect.name == "postgresql":
        for name, what in _GUARDS.items():
            op.execute(f"CREATE TRIGGER {name}_stay {what} EXECUTE FUNCTION booked_stays()")


def downgrade() -> None:
    """Remove both."""
    op.drop_table("spent")
    op.drop_table("reservations")
