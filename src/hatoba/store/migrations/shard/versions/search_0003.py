"""Search and audit: the index by words in stretches of time, the hash chain of the events, kept contents.

The index of 0002 goes: its rows have no fields. The new one fills itself behind the letters, from the first event on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_table("term")
    op.create_table(
        "word",
        sa.Column("span", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("letter", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "link",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("leaves", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "content",
        sa.Column("letter", KEY, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("octets", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("content_octets", "content", ["letter", "octets"])
    if op.get_bind().dialect.name == "postgresql":  # hashes and what is packed already: pglz would find nothing
        op.execute("ALTER TABLE link ALTER COLUMN leaves SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE content ALTER COLUMN data SET STORAGE EXTERNAL")
    # They count rows of the tables above: after a way back and forth again these are empty. `search`, the cursor of
    # 0002's own index, stays where it stood: so does that index, should the way back bring it again.
    op.execute("DELETE FROM cursor WHERE name IN ('word', 'chain')")
