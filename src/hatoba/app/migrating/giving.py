"""Giving: an account's boxes written to files, as a Maildir++ or as a folder of mbox files.

Called by `hatoba mailbox export`; works while hatoba runs: each box is what it was when its turn came.
Never writes into a folder that has something in it.
Fails with OSError, StoreTrouble, ValueError where the folder is not empty.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from hatoba.app.migrating.pull import Reel
from hatoba.mailboxes.post import Post
from hatoba.message import maildir, mbox
from hatoba.store import maildir as folders
from hatoba.store.mailboxes import accounts, boxes, contents, messages
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.shards import MailShard

FORMS = ("maildir", "mbox")
_CHUNK = 16  # letters in memory
_WORD = ("flags", "internal", "raw")


def give(post: Post, key: str, root: Path, form: str, only: Sequence[str], reel: Reel) -> dict[str, int]:
    """Box → how many of its letters were written below `root`, all of them on the disk."""
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    if any(root.iterdir()):
        raise ValueError(f"{root} is not empty")
    shard = post.store.shard(key)
    number = shard.look(lambda reader: accounts.find(reader, key))
    known = shard.look(lambda reader: boxes.all_of(reader, number)) if number is not None else []
    subscribed = set(shard.look(lambda reader: boxes.subscribed(reader, number))) if number is not None else set()
    wanted = [box for box in known if not only or any(box.name == o or box.name.startswith(o + "/") for o in only)]
    reel.found(sum(box.letters for box in wanted), sum(box.bytes for box in wanted))
    write = _maildir if form == "maildir" else _mbox
    written = {box.name: write(root, shard, box, reel) for box in wanted}
    if form == "maildir":
        names = sorted(name for name in subscribed if name in written and name != boxes.INBOX)
        (root / "subscriptions").write_text("".join(f"{maildir.folder(name)[1:]}\n" for name in names), "utf-8")
    os.sync()  # once for all files: none of them is anybody's only copy yet
    return written


def _letters(shard: MailShard, box: Box) -> Iterator[tuple[int, int, int, bytes]]:
    """(UID, flags, INTERNALDATE, octets) of each, some at a time."""
    uids = list(shard.look(lambda reader: messages.view(reader, box.id)).uids)
    for at in range(0, len(uids), _CHUNK):
        part = uids[at : at + _CHUNK]
        rows = shard.look(lambda reader, part=part: list(contents.fetch(reader, box.id, part, _WORD)))  # type: ignore[misc]  # a default argument
        for chunk in rows:
            yield from chunk


def _maildir(root: Path, shard: MailShard, box: Box, reel: Reel) -> int:
    place = root / maildir.folder(box.name) if box.name != boxes.INBOX else root
    folders.create(place)
    names = box.names
    if names.keywords:
        (place / "dovecot-keywords").write_text(maildir.keyword_lines(names.keywords), "utf-8")
    if place != root:
        (place / "maildirfolder").touch()
    count = 0
    for uid, flags, internal, raw in _letters(shard, box):
        octets = raw.replace(b"\r\n", b"\n")
        name = maildir.name(
            f"U{uid}V{box.uidvalidity}", "hatoba", internal=internal, size=len(octets), flags=names(flags),
            keywords=names.keywords,
        )  # fmt: skip
        (place / "cur" / name).write_bytes(octets)
        os.utime(place / "cur" / name, (internal / 1000, internal / 1000))
        count += 1
        reel.pulled(1, len(raw))
    return count


def _mbox(root: Path, shard: MailShard, box: Box, reel: Reel) -> int:
    path = root / f"{'/'.join(map(_component, box.name.split('/')))}.mbox"
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    names, count = box.names, 0
    with ExitStack() as stack:
        file = stack.enter_context(path.open("xb"))
        for _, flags, internal, raw in _letters(shard, box):
            file.write(mbox.entry(raw, internal=internal, flags=names(flags)))
            count += 1
            reel.pulled(1, len(raw))
    return count


def _component(level: str) -> str:
    """A level of a box's name as a file's: "..", and what begins with a dot, would be something else."""
    return level.replace("\0", "_") if not level.startswith(".") else "_" + level
