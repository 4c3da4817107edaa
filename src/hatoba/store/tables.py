"""The tables, as SQLAlchemy Core metadata: one set for a shard of the spool, one for the directory.

Read by every module of store that makes a statement, and by the tests that compare them with the migrations.
Never opens a database; never creates a table (migrations do, so that every database has a history).
Fails with nothing: it is data.
"""

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)
from sqlalchemy import text as literal_text

SHARD_REVISION = "0003"  # the head of migrations/shard; a worker refuses any other
DIRECTORY_REVISION = "0003"  # the head of migrations/directory

# SQLite's rowid is an INTEGER PRIMARY KEY and nothing else; PostgreSQL wants 8 bytes.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")  # by octet, as SQLite compares
_KEY = BigInteger().with_variant(Integer(), "sqlite")


def _big(name: str, default: int | None = None) -> "Column[int]":
    server = None if default is None else str(default)
    return Column(name, BigInteger, nullable=False, server_default=server)


def _text(name: str, primary_key: bool = False) -> "Column[str]":
    return Column(name, _TEXT, nullable=False, primary_key=primary_key)


def _blob(name: str) -> "Column[bytes]":
    return Column(name, LargeBinary, nullable=False)


shard_tables = MetaData()

# The body stands last: whoever reads only the columns before it touches no overflow page.
letter = Table(
    "letter",
    shard_tables,
    Column("id", _KEY, primary_key=True, autoincrement=False),
    _big("accepted"),
    _big("expires"),
    _text("sender"),
    _big("size"),
    _big("flags"),
    _blob("meta"),
    _text("blob"),
    Column("body", LargeBinary),
)

recipient = Table(
    "recipient",
    shard_tables,
    Column("letter", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _text("address"),
    _text("domain"),
    _text("site"),
    _big("state"),
    _big("attempts"),
    _big("next_at"),
    _big("priority"),
    _big("crashes"),
    _blob("params"),
    _blob("last"),
    sqlite_with_rowid=False,
)

# Partial on purpose: a letter on the fast way is born ACTIVE and dies ACTIVE, and touches the smallest alone.
# The numbers stand as literals because SQLite matches a partial index by the text of its condition; `state` stands
# first, though it is constant in two of them, so that a count by state reads the index and not the rows.
_state = recipient.c.state
IS_READY = _state == literal_column("0")
IS_ACTIVE = _state == literal_column("1")
NOT_ACTIVE = _state != literal_column("1")
# PostgreSQL proves that state = 0 implies state != 1; where both indexes would do, it may take recipient_rest and walk
# a lane that recipient_due goes straight into. Written like this it proves nothing: each statement says which it means.
NOT_ACTIVE_WRITTEN = re.compile(r"\bstate (?:!=|<>) 1\b")
NOT_ACTIVE_OPAQUE = "state + 0 <> 1"


def _partial(name: str, where: ColumnElement[bool], *columns: ColumnElement[Any]) -> None:
    opaque = literal_text(NOT_ACTIVE_OPAQUE) if where is NOT_ACTIVE else where
    Index(name, *columns, sqlite_where=where, postgresql_where=opaque)


_partial("recipient_active", IS_ACTIVE, _state, recipient.c.site)
_partial("recipient_due", IS_READY, _state, recipient.c.site, recipient.c.priority.desc(), recipient.c.next_at)
_partial("recipient_rest", NOT_ACTIVE, _state, recipient.c.site, recipient.c.next_at)

lane = Table(
    "lane",
    shard_tables,
    _text("site", primary_key=True),
    _big("held"),
    _text("reason"),
    _big("changed"),
    _blob("data"),
    sqlite_with_rowid=False,
)

# One row: the lease. `epoch` counts the openings.
shard = Table(
    "shard",
    shard_tables,
    Column("number", Integer, primary_key=True, autoincrement=False),
    _big("epoch"),
    _text("owner"),
    _big("at"),
)

# AUTOINCREMENT: a seq must never come back after a purge, cursors remember it.
event = Table(
    "event",
    shard_tables,
    Column("seq", _KEY, primary_key=True),
    _big("letter"),
    _big("at"),
    _text("kind"),
    _blob("data"),
    sqlite_autoincrement=True,
)
Index("event_letter", event.c.letter)

# The index: letters by the numbers of their words. `span` is the stretch of time the letter's id is of (journal.terms),
# so that what is written now lies together, however long the journal is kept, and an old stretch goes as a whole.
word = Table(
    "word",
    shard_tables,
    Column("span", BigInteger, primary_key=True, autoincrement=False),
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("letter", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The hash chain: a link covers the events from `first` to `seq`, the last one it has. See store.chain.
link = Table(
    "link",
    shard_tables,
    Column("seq", _KEY, primary_key=True, autoincrement=False),
    _big("first"),
    _big("at"),
    _big("count"),
    _blob("hash"),
    _blob("leaves"),
)

# What the audit keeps of contents. `size` is the whole letter's, `octets` what `data` takes: the index tells it alone.
content = Table(
    "content",
    shard_tables,
    Column("letter", _KEY, primary_key=True, autoincrement=False),
    _big("at"),
    _text("kind"),
    _big("size"),
    _big("octets"),
    _blob("data"),
)
Index("content_octets", content.c.letter, content.c.octets)

cursor = Table("cursor", shard_tables, _text("name", primary_key=True), _big("seq"), sqlite_with_rowid=False)

directory_tables = MetaData()

domain = Table(
    "domain",
    directory_tables,
    _text("name", primary_key=True),
    _text("kind"),
    _big("created"),
    _blob("data"),
    sqlite_with_rowid=False,
)

account = Table(
    "account",
    directory_tables,
    _text("key", primary_key=True),
    _text("address"),
    _text("hash"),
    _blob("scram"),
    _big("created"),
    _big("changed"),
    _big("last_login"),
    _big("enabled"),
    sqlite_with_rowid=False,
)

# What an account may do, where it is not what the settings say; `account` itself stays as it was in 0001, so that there
# is a way back.
allowance = Table(
    "allowance",
    directory_tables,
    _text("account", primary_key=True),
    _big("changed"),
    _blob("data"),
    sqlite_with_rowid=False,
)

app_password = Table(
    "app_password",
    directory_tables,
    _text("account", primary_key=True),
    _text("id", primary_key=True),
    _big("created"),
    _blob("data"),
    sqlite_with_rowid=False,
)

dkim_key = Table(
    "dkim_key",
    directory_tables,
    _text("domain", primary_key=True),
    _text("selector", primary_key=True),
    _big("created"),
    _big("retires"),
    _blob("data"),
    sqlite_with_rowid=False,
)

# "@example.org" is the key of what takes all the rest of a domain.
alias = Table(
    "alias",
    directory_tables,
    _text("key", primary_key=True),
    _text("domain"),
    _big("created"),
    _blob("data"),
    sqlite_with_rowid=False,
)

# What addresses of ours are signed with (SRS); all processes of all nodes share it.
secret = Table(
    "secret",
    directory_tables,
    _text("name", primary_key=True),
    Column("created", BigInteger, primary_key=True, autoincrement=False),
    _blob("data"),
    sqlite_with_rowid=False,
)

# Whom we always or never take letters from (or for): `scope` is the recipient domain it counts for, "" for all.
listing = Table(
    "listing",
    directory_tables,
    _text("verdict", primary_key=True),
    _text("subject", primary_key=True),
    _text("value", primary_key=True),
    _text("scope", primary_key=True),
    _big("created"),
    _blob("data"),
    sqlite_with_rowid=False,
)

# What follows is noted by machines, not changed by people: it is written through Register.note.
# Who last came in how: `password` is the id of the app password, "" the account's own.
login = Table(
    "login",
    directory_tables,
    _text("account", primary_key=True),
    _text("protocol", primary_key=True),
    _text("password", primary_key=True),
    _big("at"),
    sqlite_with_rowid=False,
)

greylist = Table(
    "greylist",
    directory_tables,
    _text("key", primary_key=True),
    _big("first"),
    _big("last"),
    _big("passed"),
    sqlite_with_rowid=False,
)
Index("greylist_last", greylist.c.last)

policy = Table(
    "policy",
    directory_tables,
    _text("domain", primary_key=True),
    _text("kind", primary_key=True),
    _big("fetched"),
    _big("until"),
    _blob("data"),
    sqlite_with_rowid=False,
)

tally = Table(
    "tally",
    directory_tables,
    _text("kind", primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    _text("domain", primary_key=True),
    _text("key", primary_key=True),
    _big("count"),
    _blob("data"),
    sqlite_with_rowid=False,
)

report = Table(
    "report",
    directory_tables,
    _text("id", primary_key=True),
    _big("at"),
    _text("kind"),
    _text("domain"),
    _text("reporter"),
    _big("begins"),
    _big("ends"),
    _blob("data"),
    sqlite_with_rowid=False,
)
Index("report_domain", report.c.domain, report.c.kind, report.c.at)
Index("report_kind", report.c.kind, report.c.at)

admin = Table(
    "admin",
    directory_tables,
    Column("seq", _KEY, primary_key=True),
    _big("at"),
    _text("who"),
    _text("verb"),
    _blob("data"),
    _blob("hash"),
    sqlite_autoincrement=True,
)

# Where a log ends that only grows: without its newest entries this says that they are missing. See store.admin.
head = Table(
    "head",
    directory_tables,
    _text("name", primary_key=True),
    _big("seq"),
    _blob("hash"),
    sqlite_with_rowid=False,
)

# One row, counted up by every change that all processes must see. PostgreSQL has had it since 0001, with a column more.
change = Table("change", directory_tables, _big("n"))
