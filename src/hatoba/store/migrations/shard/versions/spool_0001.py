"""The spool: letters, recipients, lanes and the lease of the shard."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# By octet, as SQLite compares: the order is the same everywhere, and does not change with the system's locales.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite's rowid is an INTEGER PRIMARY KEY and nothing else


def partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("flags", sa.BigInteger, nullable=False),
        sa.Column("meta", sa.LargeBinary, nullable=False),
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_table(
        "recipient",
        sa.Column("letter", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("domain", TEXT, nullable=False),
        sa.Column("site", TEXT, nullable=False),
        sa.Column("state", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("crashes", sa.BigInteger, nullable=False),
        sa.Column("params", sa.LargeBinary, nullable=False),
        sa.Column("last", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":  # a body is packed as it came, or not at all: 0.1 ms for 10 KB
        op.execute("ALTER TABLE letter ALTER COLUMN body SET STORAGE EXTERNAL")
        keys = ["letter", "n"]  # SQLite's index ends with them by itself; a plan that need not sort is always chosen
    else:
        keys = []
    due = [sa.text(column) for column in ("state", "site", "priority DESC", "next_at", *keys)]
    op.create_index("recipient_active", "recipient", ["state", "site"], **partial("state = 1"))
    op.create_index("recipient_due", "recipient", due, **partial("state = 0"))
    rest = partial("state != 1") | {"postgresql_where": sa.text("state + 0 <> 1")}  # see tables.NOT_ACTIVE_OPAQUE
    op.create_index("recipient_rest", "recipient", ["state", "site", "next_at"], **rest)
    op.create_table(
        "lane",
        sa.Column("site", TEXT, primary_key=True, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shard",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
