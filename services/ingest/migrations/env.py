"""Alembic's entry: migrates over the connection that the register hands in, in its transaction."""

from alembic import context

from services.ingest.register_schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
