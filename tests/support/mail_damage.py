"""Ways to damage a mail shard, and the kind of finding that `hatoba verify` makes of each: (statement, kind)."""

DAMAGE = [
    ("UPDATE box SET unseen = unseen + 1", "mailbox-counts"),
    ("UPDATE box SET uidnext = 1", "mailbox-ahead"),
    ("UPDATE account SET bytes = 0", "account-usage"),
    ("DELETE FROM box", "message-without-mailbox"),
    ("DELETE FROM content", "content-missing"),
    ("UPDATE content SET refs = 7", "content-references"),
    ("UPDATE header SET data = body.data FROM body WHERE body.content = header.content", "content-damaged"),
    ("UPDATE body SET data = header.data FROM header WHERE body.content = header.content", "content-damaged"),
    ("DELETE FROM body", "content-damaged"),
    ("DELETE FROM posting", "mail-index"),
]
