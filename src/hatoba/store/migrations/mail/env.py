"""Alembic's entry into this history: runs it on the connection that upgrade handed over.

Loaded by Alembic alone, never imported.
Never opens a database by itself: without a connection there is nothing to do.
Fails with KeyError when it is run by hand; use `store.prepare`.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
