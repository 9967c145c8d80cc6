"""Submissions are found by the document they became, and by the e-mail that carried them."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indices."""
    op.create_index("submissions_by_document", "submissions", ["document_id"])
    op.create_index("submissions_by_parent", "submissions", ["parent"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("submissions_by_parent", "submissions")
    op.drop_index("submissions_by_document", "submissions")
