"""The databases' histories: one for shards, one for the directory, each a folder that Alembic reads.

Run by store.upgrade before any worker starts.
Never imported by a worker, and never changed once released: a new step is a new file.
Fails with what Alembic raises; upgrade turns that into StoreTrouble.
"""
