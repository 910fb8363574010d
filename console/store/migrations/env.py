"""Alembic's entry: works on the Database it is handed."""

from alembic import context

from console.store import escalation_tables, sign_in_tables  # noqa: F401  # their tables are of the metadata, too
from console.store.tables import metadata

database = context.config.attributes["database"]
with database.write() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
