"""Access: what accounts may do, their app passwords, and when they last came in over which protocol."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _key(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, primary_key=True, nullable=False)


def _big(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False)


def _blob(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.create_table("allowance", _key("account"), _big("changed"), _blob("data"), sqlite_with_rowid=False)
    op.create_table(
        "app_password", _key("account"), _key("id"), _big("created"), _blob("data"), sqlite_with_rowid=False
    )
    op.create_table("login", _key("account"), _key("protocol"), _key("password"), _big("at"), sqlite_with_rowid=False)
