"""Alembic's entry: runs revisions on the open connection that `gateway.storage.migrate` hands over.

There is no alembic.ini and no logging set-up: who calls decides where the database is and what is said.
"""

from __future__ import annotations

from alembic import context

from gateway.storage import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.metadata)
with context.begin_transaction():
    context.run_migrations()
