"""Alembic's entry: migrations run on the connection they are handed (``ledger/engine.py``)."""

from alembic import context

from connector.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
