"""How the register's tables came to be, one step a file (Alembic)."""
