"""The tables of a mail shard, as SQLAlchemy Core metadata: accounts, boxes, messages, contents and what is theirs.

Read by every module of this package that makes a statement, and by the tests that compare them with the migrations.
Never opens a database; never creates a table (migrations/mail does).
Fails with nothing: it is data.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy import text as literal_text

MAIL_REVISION = "0001"  # the head of migrations/mail; nobody opens a mail shard at any other

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")  # by octet, as SQLite compares
_KEY = BigInteger().with_variant(Integer(), "sqlite")
mail_tables = MetaData()


def _big(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _text(name: str) -> "Column[str]":
    return Column(name, _TEXT, nullable=False)


def _blob(name: str) -> "Column[bytes]":
    return Column(name, LargeBinary, nullable=False)


def _id(name: str = "id") -> "Column[int]":
    return Column(name, _KEY, primary_key=True, autoincrement=False)


def _key(name: str) -> "Column[int]":
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _word(name: str) -> "Column[str]":
    return Column(name, _TEXT, primary_key=True, nullable=False)


def _table(name: str, *columns: "Column[Any]") -> Table:
    return Table(name, mail_tables, *columns)


def _packed(name: str, *columns: "Column[Any]") -> Table:
    """In the order of its key: what is read together lies together."""
    return Table(name, mail_tables, *columns, sqlite_with_rowid=False)


# One row: which shard this is, of how many. Its row lock is PostgreSQL's lock of the whole shard for who writes.
shard = _table("shard", _id("number"), _big("count"), _big("created"))
# Counters: "id" is the last one given to an account, a box, a content; "thread" and so on. And cursors by name.
cursor = _packed("cursor", _word("name"), _big("seq"))
# PostgreSQL only: the number of the last commit of each writing process, see shards.Link.
writer = _packed("writer", _word("name"), _big("mark"), _big("at"))

# `validity`: the last UIDVALIDITY given to one of its boxes; `bytes` and `letters` are what the quota counts.
account = _table("account", _id(), _text("key"), _big("validity"), _big("bytes"), _big("letters"), _big("created"))
Index("account_key", account.c.key, unique=True)

# `told`: UIDs up to it were told to a session as new (\Recent). `keywords` in the order of their bits, by spaces.
# `lost`: what vanished at or before this MODSEQ is not listed any more.
box = _table(
    "box",
    _id(),
    _big("account"),
    _text("name"),
    _big("uidvalidity"),
    _big("uidnext"),
    _big("modseq"),
    _big("letters"),
    _big("unseen"),
    _big("deleted"),
    _big("bytes"),
    _big("told"),
    _big("lost"),
    _big("created"),
    _text("special"),
    _text("keywords"),
)
Index("box_account", box.c.account, box.c.name, unique=True)

subscription = _packed("subscription", _key("account"), _word("name"))

# `internal` and `saved`: ms since 1970; `zone`: minutes east, as INTERNALDATE came; `flags`: bits, see flags.
message = _packed(
    "message",
    _key("box"),
    _key("uid"),
    _big("flags"),
    _big("modseq"),
    _big("content"),
    _big("size"),
    _big("internal"),
    _big("zone"),
    _big("saved"),
    _big("thread"),
)
Index("message_modseq", message.c.box, message.c.modseq)
Index("message_content", message.c.box, message.c.content)

vanished = _packed("vanished", _key("box"), _key("modseq"), _key("first"), _big("last"))

# What was expunged, until its time is over. `keywords` by spaces; `name` of the box it was in.
trash = _packed(
    "trash",
    _key("box"),
    _key("uid"),
    _big("account"),
    _big("flags"),
    _big("content"),
    _big("size"),
    _big("internal"),
    _big("zone"),
    _big("saved"),
    _big("thread"),
    _big("gone"),
    _text("name"),
    _text("keywords"),
)
Index("trash_gone", trash.c.gone)
Index("trash_account", trash.c.account, trash.c.gone)

# What was delivered, so that the same letter is not delivered twice to the same place.
delivery = _packed("delivery", _key("letter"), _word("place"), _big("box"), _big("uid"))

# The contents, one for all messages that share it, in tables by what is read together. `letter`: of the spool, 0: none.
content = _table(
    "content",
    _id(),
    _big("refs"),
    _big("letter"),
    _big("size"),
    _big("header_end"),
    _big("sent"),
    _big("day"),
    _big("reply"),
    _big("attachments"),
    _blob("digest"),
    _text("subject"),
    _text("from_"),
    _text("to_"),
    _text("cc"),
    _text("display_from"),
    _text("display_to"),
    _text("message_id"),
    _text("references_"),
)
_shared = literal_text("letter <> 0")
Index("content_letter", content.c.letter, sqlite_where=_shared, postgresql_where=_shared)
# What FETCH answers without parsing: texts of ENVELOPE, BODY and BODYSTRUCTURE; offsets of the parts.
form = _table(
    "form", _id("content"), _text("preview"), _blob("envelope"), _blob("body"), _blob("structure"), _blob("offsets")
)
header = _table("header", _id("content"), _blob("data"))
# What stands behind the header: `data` its first piece, the others in `piece`; each is compressed by itself.
body = _table("body", _id("content"), _big("pieces"), _blob("data"))
piece = _table("piece", _id(), _blob("data"))  # see contents.piece
# The folded text that searches compare with.
words = _table("words", _id("content"), _blob("head"), _blob("body"))

# Message-IDs (hashed) of an account's letters, and the thread they belong to.
thread = _packed("thread", _key("account"), _key("reference"), _big("thread"))

# The index, see search. `pending`: contents an account has that no segment of it knows yet. `fences`: the first key of
# each block, whose row's id is made of the segment's number and its own.
pending = _packed("pending", _key("account"), _key("content"))
segment = _packed(
    "segment", _key("account"), _key("number"), _big("count"), _big("state"), _blob("contents"), _blob("fences")
)
posting = _table("posting", _id(), _blob("data"))

# Sieve. One of an account's is active.
script = _packed("script", _key("account"), _word("name"), _big("active"), _big("changed"), _blob("source"))
# METADATA: `box` 0 is the account itself; `who` is "" for /shared.
note = _packed("note", _key("account"), _key("box"), _word("entry"), _word("who"), _blob("value"))
# ACL: `who` as RFC 4314 writes identifiers; `owner` is the box's account.
right = _packed("right", _key("box"), _word("who"), _big("owner"), _text("rights"))
Index("right_who", right.c.who)
# Vacation answers given, and what "duplicate" remembers, until a time.
reply = _packed("reply", _key("account"), _word("kind"), _word("name"), _big("until"))
Index("reply_until", reply.c.until)
