"""The mailboxes: accounts, boxes, messages, contents, the search index, scripts, notes, rights."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# By octet, as SQLite compares: the order is the same everywhere, and does not change with the system's locales.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite's rowid is an INTEGER PRIMARY KEY and nothing else


def upgrade() -> None:
    accounts()
    messages()
    contents()
    search()
    beside()
    if op.get_bind().dialect.name == "postgresql":  # packed already: pglz would find nothing
        for table in ("body", "piece", "posting"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN data SET STORAGE EXTERNAL")
        for column in ("head", "body"):
            op.execute(f"ALTER TABLE words ALTER COLUMN {column} SET STORAGE EXTERNAL")


def accounts() -> None:
    op.create_table(
        "shard",
        sa.Column("number", KEY, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cursor",
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "writer",
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("mark", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("validity", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("letters", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("account_key", "account", ["key"], unique=True)
    op.create_table(
        "box",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("account", sa.BigInteger, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("uidvalidity", sa.BigInteger, nullable=False),
        sa.Column("uidnext", sa.BigInteger, nullable=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("letters", sa.BigInteger, nullable=False),
        sa.Column("unseen", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("told", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("special", TEXT, nullable=False),
        sa.Column("keywords", TEXT, nullable=False),
    )
    op.create_index("box_account", "box", ["account", "name"], unique=True)
    op.create_table(
        "subscription",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )


def messages() -> None:
    op.create_table(
        "message",
        sa.Column("box", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("flags", sa.BigInteger, nullable=False),
        sa.Column("modseq", sa.BigInteger, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("internal", sa.BigInteger, nullable=False),
        sa.Column("zone", sa.BigInteger, nullable=False),
        sa.Column("saved", sa.BigInteger, nullable=False),
        sa.Column("thread", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("message_content", "message", ["box", "content"])
    op.create_index("message_modseq", "message", ["box", "modseq"])
    op.create_table(
        "vanished",
        sa.Column("box", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("modseq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trash",
        sa.Column("box", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("account", sa.BigInteger, nullable=False),
        sa.Column("flags", sa.BigInteger, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("internal", sa.BigInteger, nullable=False),
        sa.Column("zone", sa.BigInteger, nullable=False),
        sa.Column("saved", sa.BigInteger, nullable=False),
        sa.Column("thread", sa.BigInteger, nullable=False),
        sa.Column("gone", sa.BigInteger, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("keywords", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("trash_account", "trash", ["account", "gone"])
    op.create_index("trash_gone", "trash", ["gone"])
    op.create_table(
        "delivery",
        sa.Column("letter", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", TEXT, primary_key=True, nullable=False),
        sa.Column("box", sa.BigInteger, nullable=False),
        sa.Column("uid", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def contents() -> None:
    op.create_table(
        "content",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("refs", sa.BigInteger, nullable=False),
        sa.Column("letter", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("header_end", sa.BigInteger, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("reply", sa.BigInteger, nullable=False),
        sa.Column("attachments", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("from_", TEXT, nullable=False),
        sa.Column("to_", TEXT, nullable=False),
        sa.Column("cc", TEXT, nullable=False),
        sa.Column("display_from", TEXT, nullable=False),
        sa.Column("display_to", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("references_", TEXT, nullable=False),
    )
    op.create_index(
        "content_letter",
        "content",
        ["letter"],
        sqlite_where=sa.text("letter <> 0"),
        postgresql_where=sa.text("letter <> 0"),
    )
    op.create_table(
        "form",
        sa.Column("content", KEY, primary_key=True, autoincrement=False),
        sa.Column("preview", TEXT, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("structure", sa.LargeBinary, nullable=False),
        sa.Column("offsets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "header",
        sa.Column("content", KEY, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "body",
        sa.Column("content", KEY, primary_key=True, autoincrement=False),
        sa.Column("pieces", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "piece",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "words",
        sa.Column("content", KEY, primary_key=True, autoincrement=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def search() -> None:
    op.create_table(
        "thread",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("reference", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("thread", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pending",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("content", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "segment",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("state", sa.BigInteger, nullable=False),
        sa.Column("contents", sa.LargeBinary, nullable=False),
        sa.Column("fences", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "posting",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def beside() -> None:
    op.create_table(
        "script",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("active", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "note",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("box", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", TEXT, primary_key=True, nullable=False),
        sa.Column("who", TEXT, primary_key=True, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "right",
        sa.Column("box", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("who", TEXT, primary_key=True, nullable=False),
        sa.Column("owner", sa.BigInteger, nullable=False),
        sa.Column("rights", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("right_who", "right", ["who"])
    op.create_table(
        "reply",
        sa.Column("account", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, primary_key=True, nullable=False),
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("reply_until", "reply", ["until"])
