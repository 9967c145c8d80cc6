"""Submissions and documents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "submissions",
        sa.Column("job_id", sa.String(40), primary_key=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("document_id", sa.String(40)),
        sa.Column("reason", sa.String(32)),
        sa.Column("first_job", sa.String(40)),
        sa.Column("parent", sa.String(40)),
    )
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("job_id", sa.String(40), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("replay", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("terminal", sa.String(16)),
        sa.Column("reason", sa.String(32)),
        sa.Column("erased", sa.Boolean, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("deadline", sa.BigInteger),
        sa.Column("last_event", sa.LargeBinary, nullable=False),
    )
    op.create_index("documents_by_deadline", "documents", ["deadline"])
    op.create_index("documents_by_id", "documents", ["document_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("documents")
    op.drop_table("submissions")
