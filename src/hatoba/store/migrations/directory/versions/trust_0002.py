"""Trust: keys, aliases, lists, greylisting, policies of others, what reports are made of, and who changed what."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _key(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, primary_key=True, nullable=False)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _big(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False)


def _blob(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.create_table("change", _big("n"))
        op.execute("INSERT INTO change VALUES (0)")
    _changed_by_people()
    _noted_by_machines()


def _changed_by_people() -> None:
    op.create_table(
        "dkim_key", _key("domain"), _key("selector"), _big("created"), _big("retires"), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table("alias", _key("key"), _text("domain"), _big("created"), _blob("data"), sqlite_with_rowid=False)
    op.create_table(
        "secret", _key("name"),
        sa.Column("created", sa.BigInteger, primary_key=True, autoincrement=False, nullable=False), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "listing", _key("verdict"), _key("subject"), _key("value"), _key("scope"), _big("created"), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip


def _noted_by_machines() -> None:
    op.create_table("greylist", _key("key"), _big("first"), _big("last"), _big("passed"), sqlite_with_rowid=False)
    op.create_index("greylist_last", "greylist", ["last"])
    op.create_table(
        "policy", _key("domain"), _key("kind"), _big("fetched"), _big("until"), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "tally", _key("kind"), sa.Column("day", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        _key("domain"), _key("key"), _big("count"), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "report", _key("id"), _big("at"), _text("kind"), _text("domain"), _text("reporter"), _big("begins"),
        _big("ends"), _blob("data"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("report_domain", "report", ["domain", "kind", "at"])
    op.create_index("report_kind", "report", ["kind", "at"])
    op.create_table(
        "admin", sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        _big("at"), _text("who"), _text("verb"), _blob("data"), _blob("hash"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table("head", _key("name"), _big("seq"), _blob("hash"), sqlite_with_rowid=False)
