"""Alembic's entry: migrates over the connection that ``adapters/engine.py`` hands in."""

from alembic import context

from services.ledger.adapters.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can; Alembic's default for it dates from old drivers
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
