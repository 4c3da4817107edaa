"""Rules: an account's active Sieve script run over a letter that arrives, its questions answered from the store.

Called by local delivery in a thread, before the letter is deposited; and after it, for what is to be remembered.
Never files and never sends: it gives the Result, which says what is to be done.
Fails with StoreTrouble; a script that does not compile any more is as none, and the log says so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import msgspec

from hatoba.mailboxes import names
from hatoba.net import session as sessions
from hatoba.sieve import actions, engine, extensions, faults, limits, questions, script
from hatoba.sieve.node import Script
from hatoba.sieve.situation import Situation
from hatoba.store.mailboxes import accounts, boxes, notes, replies, scripts
from hatoba.store.mailboxes.refusals import NoSuch
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx

_KEPT = 1000  # compiled scripts


class Rules:
    """Of all accounts in `store`. `clock` gives ms. From any thread."""

    def __init__(self, store: MailStore, clock: Callable[[], int], log: sessions.Log) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._compiled: OrderedDict[bytes, Script | None] = OrderedDict()
        self._turn = Lock()

    def judge(self, account: str, content: bytes, situation: Situation) -> actions.Result | None:
        """What the active script of the account says; None when it has none. Blocks."""
        return self._store.shard(account).look(lambda reader: self._judge(reader, account, content, situation))

    def remember(self, account: str, seen: tuple[questions.Seen, ...]) -> None:
        """The letter was delivered: what "duplicate" looked for is known from now on. Blocks until it is written."""

        def write(tx: Tx) -> None:
            number, now = accounts.ensure(tx, account, self._clock()), self._clock()
            for one in seen:
                until = now + one.seconds * 1000
                if one.last:
                    replies.extend(tx, number, replies.DUPLICATE, one.key, until)
                else:
                    replies.note(tx, number, replies.DUPLICATE, one.key, until, now)

        if seen:
            self._store.shard(account).wait(write)

    def replies(self, account: str, vacation: actions.Vacation) -> bool:
        """Whether a vacation reply is due; from now on it is not, for its time. Blocks until that is written."""
        name = f"{vacation.handle}\n{vacation.to.casefold()}"

        def write(tx: Tx) -> bool:
            number, now = accounts.ensure(tx, account, self._clock()), self._clock()
            return replies.note(tx, number, replies.VACATION, name, now + vacation.seconds * 1000, now)

        return self._store.shard(account).wait(write)

    def _judge(self, reader: Reader, account: str, content: bytes, situation: Situation) -> actions.Result | None:
        number = accounts.find(reader, account)
        found = scripts.active(reader, number) if number is not None else None
        if found is None or number is None:
            return None
        name, source = found
        ready = self._ready(account, name, source)
        if ready is None:
            return None
        look = _Look(reader, account, number, self._clock())
        result = questions.run(engine.run(ready, content, situation), look)
        if result.fault is not None:
            self._log.warning("a Sieve script failed", account=account, script=name, why=str(result.fault))
        placed = tuple(_placed(reader, number, action) for action in result.actions)
        return msgspec.structs.replace(result, actions=placed)

    def _ready(self, account: str, name: str, source: bytes) -> Script | None:
        with self._turn:
            if source in self._compiled:
                self._compiled.move_to_end(source)
                return self._compiled[source]
        try:
            made: Script | None = script.compile(source, extensions.ALL, limits.USUAL)
        except faults.SieveError as error:  # it did when it was put: an extension was taken away since
            self._log.warning("a Sieve script does not compile", account=account, script=name, why=str(error))
            made = None
        with self._turn:
            self._compiled[source] = made
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        return made


class _Look:
    """Answers of the store, for one run."""

    def __init__(self, reader: Reader, key: str, account: int, now: int) -> None:
        self._reader = reader
        self._key = key
        self._account = account
        self._now = now

    def __call__(self, question: questions.Question) -> questions.Answer:
        reader, account = self._reader, self._account
        match question:
            case questions.MailboxExists(mailbox):
                return self._box(mailbox) is not None
            case questions.MailboxIdExists(wanted):
                return any(box.objectid == wanted for box in boxes.all_of(reader, account))
            case questions.SpecialUseExists(use, mailbox):
                found = boxes.all_of(reader, account) if not mailbox else [self._box(mailbox)]
                return any(box is not None and use.lower() in box.special.lower().split() for box in found)
            case questions.Metadata(mailbox, entry):
                box = self._box(mailbox) if mailbox else None
                if mailbox and box is None:
                    return None
                return self._note(box.id if box is not None else 0, entry)
            case questions.Seen(key):
                return replies.known(reader, account, replies.DUPLICATE, key, self._now)
            case questions.Included(name, personal):
                return self._included(name) if personal else None

    def _box(self, name: str) -> boxes.Box | None:
        return boxes.find(self._reader, self._account, names.normal(name))

    def _note(self, box: int, entry: str) -> str | None:
        value = notes.all_of(self._reader, self._account, box, self._key).get(entry.lower())
        return None if value is None else value.decode("utf-8", "replace")

    def _included(self, name: str) -> str | None:
        try:
            return scripts.get(self._reader, self._account, name).decode("utf-8", "replace")
        except NoSuch:
            return None


def _placed(reader: Reader, account: int, action: actions.Action) -> actions.Action:
    """A FileInto with the box it means as its `mailbox`: by its id, else by its use, else by its name.

    # RFC 9042 §4, RFC 8579 §5
    """
    if not isinstance(action, actions.FileInto):
        return action
    found, create = names.normal(action.mailbox), action.create
    if action.mailbox_id or action.special_use:
        wanted = action.special_use.lower()
        known = boxes.all_of(reader, account)
        named = [box for box in known if box.objectid == action.mailbox_id]
        used = [box for box in known if wanted and wanted in box.special.lower().split()]
        if named or used:
            found, create = (named or used)[0].name, False
    return msgspec.structs.replace(action, mailbox=found, create=create)
