"""A second process at a mail shard: mail_writer.py HOME COUNT puts letters into an INBOX, and marks and moves some.

HOME is a JSON object: "data", "url" ("" for files), "mail" (shards). Says "ready", waits for a line, and ends with what
it was given: UIDs and MODSEQs, as JSON.
"""

import itertools
import json
import sys
from pathlib import Path

from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.store import base, blobs
from hatoba.store.mailboxes import accounts, boxes, marks, messages
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database, Settings

KEY = "bob@c.example"


def work(box: Mailbox, count: int, part: int) -> list[tuple[int, int]]:
    """Puts letters in, each in a commit of its own but for the company it finds; (UID, MODSEQ) of each change."""
    seen = []
    for number in range(count):
        new = New(content(octets(part * 10_000 + number)), NOW)
        placed = box.do(lambda tx, new=new: messages.append(tx, box.box, new, NOW))  # type: ignore[misc]
        seen.append((placed.uid, placed.modseq))
        if number % 3 == 0:
            seen.append((placed.uid, box.mark([placed.uid], marks.ADD, f"k{part}").modseq))
    return seen


def main(home: dict[str, object], count: int) -> None:
    database = Database(url=str(home["url"]), shards=1)
    opened = base.of(Path(str(home["data"])), Settings(busy_timeout=30.0), database, blobs.Settings())
    store = MailStore(opened, MailSettings(shards=int(str(home["mail"])), readers=1))
    shard = store.shard(KEY)
    account = shard.wait(lambda tx: accounts.ensure(tx, KEY, NOW))
    inbox = shard.look(lambda reader: boxes.find(reader, account, boxes.INBOX))
    assert inbox is not None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    seen = work(Mailbox(shard, account, inbox.id, itertools.count(1)), count, 1)
    sys.stdout.write(json.dumps(seen))
    store.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))
