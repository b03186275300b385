"""What Alembic runs: the steps, on the connection that `cds.store.database` gives it."""

from alembic import context

from cds.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes tables by making them anew
)
with context.begin_transaction():
    context.run_migrations()
