"""The directory: domains and accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "domain",
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account",
        sa.Column("key", TEXT, primary_key=True, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("scram", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("last_login", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":  # SQLite counts its commits by itself
        op.create_table("change", sa.Column("n", sa.BigInteger, nullable=False), sa.Column("home", sa.Text))
        op.execute("INSERT INTO change VALUES (0, gen_random_uuid()::text)")
        op.create_table(  # the workers of all nodes, and when each last showed that it lives
            "member",
            sa.Column("name", TEXT, primary_key=True),
            sa.Column("at", sa.BigInteger, nullable=False),
        )
        op.create_table(  # what is asked of the workers of all nodes; `until` and `at` in ms of the server's clock
            "message",
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("at", sa.BigInteger, nullable=False),
            sa.Column("until", sa.BigInteger, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
        op.create_table(  # a shard's owner claims a message with a row, and writes its answer there
            "answer",
            sa.Column("message", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("at", sa.BigInteger, nullable=False),
            sa.Column("owner", TEXT, nullable=False),
            sa.Column("token", sa.BigInteger, nullable=False),
            sa.Column("body", sa.LargeBinary),
        )
