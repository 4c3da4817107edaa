"""Naming: what mailboxes of another server are called here, which of them are taken, and what they are used for.

Called by source with what LIST, LSUB and NAMESPACE said.
Never asks anybody; the same list gives the same names.
Fails never: a name that cannot be is made one that can.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any
from urllib.parse import quote

from hatoba.app.migrating.sink import Folder
from hatoba.mailboxes import names

INBOX = "INBOX"
USES = ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")  # RFC 6154 §2: those that are mailboxes of their own
_VIRTUAL = {"\\all", "\\flagged", "\\important"}  # they show letters of other mailboxes
_CLOSED = {"\\noselect", "\\nonexistent"}
# Where a server says of no mailbox what it is for: names that mail programs give them, in small letters.
_USUAL: Mapping[str, str] = {
    "archive": "\\Archive", "archives": "\\Archive", "アーカイブ": "\\Archive",
    "draft": "\\Drafts", "drafts": "\\Drafts", "下書き": "\\Drafts",
    "junk": "\\Junk", "junk e-mail": "\\Junk", "junk email": "\\Junk", "spam": "\\Junk", "迷惑メール": "\\Junk",
    "sent": "\\Sent", "sent items": "\\Sent", "sent mail": "\\Sent", "sent messages": "\\Sent",
    "送信済み": "\\Sent", "送信済みアイテム": "\\Sent", "送信済みメール": "\\Sent",
    "trash": "\\Trash", "deleted": "\\Trash", "deleted items": "\\Trash", "deleted messages": "\\Trash",
    "ゴミ箱": "\\Trash", "削除済みアイテム": "\\Trash",
}  # fmt: skip
_BARRED, _CONTROLS = "/%*\u2028\u2029", ("Cc", "Cs")
Row = tuple[tuple[str, ...], str, str]  # attributes, delimiter, name
Space = tuple[str, tuple[str, ...]]  # prefix of the own mailboxes, prefixes of others'


def origin(user: str, host: str, port: int) -> str:
    """The source account as the start of an IMAP URL.  # RFC 5092 §3"""
    return f"imap://{quote(user, safe='')}@{host.lower()}:{port}"


def place(source: str, folder: str, uidvalidity: int) -> str:
    """A mailbox of it with its UIDVALIDITY: its UIDs mean the same letters for ever.  # RFC 5092 §4"""
    return f"{source}/{quote(folder, safe='/')};UIDVALIDITY={uidvalidity}"


def space(told: Sequence[Any] | None) -> Space:
    """What NAMESPACE said, as prefixes.  # RFC 2342 §5"""
    if not told:
        return "", ()
    own, *others = told
    prefix = str(own[0][0]) if own else ""
    return prefix, tuple(str(name) for some in others for name, _ in some or () if name)


def folders(rows: Iterable[Row], subscribed: Set[str], known: Space, *, gmail: bool) -> list[Folder]:
    """Those that are taken: the account's own which hold letters, INBOX first."""
    prefix, others = known
    own = [row for row in rows if not _closed(row[0]) and not any(row[2].startswith(other) for other in others)]
    told = any(_use(flags) for flags, _, _ in own)
    taken = []
    for flags, delimiter, name in own:
        kinds = {flag.lower() for flag in flags}
        archived = gmail and "\\all" in kinds
        if kinds & _VIRTUAL and not archived:
            continue
        short = name.removeprefix(prefix) if prefix and name.upper() != INBOX else name
        target = called(short, delimiter)
        use = _use(flags) or ("" if told else usual(target))
        if archived:
            target, use = "Archive", "\\Archive"
        taken.append(Folder(name, target, use, name in subscribed or archived, archived))
    return sorted(taken, key=lambda folder: (folder.archived, folder.target != INBOX, folder.target))


def usual(name: str) -> str:
    """What a mailbox of that name is for, mostly; "" for all others."""
    return _USUAL.get(name.lower(), "")


def called(name: str, delimiter: str) -> str:
    """A source's name with "/" between its levels, INBOX in capitals, NFC, without what no name has here."""
    levels = name.split(delimiter) if delimiter else [name]
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    clean = [level for level in map(_level, levels) if level] or ["_"]
    if clean[0] == names.OTHERS:
        clean[0] += "_"  # other people's mailboxes stand there
    deep = clean[: names.DEEPEST - 1] + (["_".join(clean[names.DEEPEST - 1 :])] if len(clean) >= names.DEEPEST else [])
    return "/".join(level[: names.LONGEST] for level in deep)[: names.LONG].rstrip("/")


def _level(text: str) -> str:
    swapped = "".join("_" if one in _BARRED or unicodedata.category(one) in _CONTROLS else one for one in text)
    return unicodedata.normalize("NFC", swapped).strip()


def _closed(flags: Iterable[str]) -> bool:
    return any(flag.lower() in _CLOSED for flag in flags)


def _use(flags: Iterable[str]) -> str:
    wanted = {use.lower(): use for use in USES}
    return next((wanted[flag.lower()] for flag in flags if flag.lower() in wanted), "")
