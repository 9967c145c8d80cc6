"""On PostgreSQL, what was booked stays: only what stood in for a document may be removed.

A worker whose role may delete what stood in could delete documents too, and nobody would see more
than sums that differ. On SQLite who can write the file can write anything.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION booked_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the register keeps what was booked'
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""
_GUARDS = {
    "documents": "BEFORE DELETE ON documents FOR EACH ROW WHEN (OLD.document_id <> OLD.job_id)",
    "submissions": "BEFORE DELETE ON submissions FOR EACH ROW",
    "erased": "BEFORE UPDATE ON documents FOR EACH ROW WHEN (OLD.erased AND NOT NEW.erased)",
}


def upgrade() -> None:
    """Let the database refuse it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE)
        for name, what in _GUARDS.items():
            op.execute(f"CREATE TRIGGER {name}_stay {what} EXECUTE FUNCTION booked_stays()")


def downgrade() -> None:
    """Let it be."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION booked_stays() CASCADE")
