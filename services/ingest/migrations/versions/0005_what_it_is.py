"""Which type a document is of: how long it is kept depends on it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; events tell again what it is when a document is summarized anew.

    Of documents that ended before, nobody says it: no rule about a type is about them.
    """
    op.add_column("documents", sa.Column("document_type", sa.String(16)))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("documents", "document_type")
