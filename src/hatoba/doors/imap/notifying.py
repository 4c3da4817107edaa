"""Notifying: what a client asked NOTIFY to be told of, and the boxes that are watched for it.

Held by the session from NOTIFY SET on; the hub wakes it.
Never tells a box's change as more than a STATUS; names and subscriptions as LIST.
Fails with nothing: what cannot be looked at now is told with the next change.  # RFC 5465
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from hatoba.doors.imap import status
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders, names
from hatoba.mailboxes.hub import LIST, Key, Watcher
from hatoba.store import trouble
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.wire.imap import responses
from hatoba.wire.imap.items import EventGroup, Item

_ITEMS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ")
_MESSAGES = {"MessageNew", "MessageExpunge", "FlagChange"}
_NAMES = {"MailboxName", "SubscriptionChange"}


class Notifying:
    """`selected`: the open box's changes are told at once; `delayed`: but for expunges, which wait for a command.
    `items` are fetched of each new letter there."""

    def __init__(self, state: State, groups: Sequence[EventGroup]) -> None:
        self._state = state
        self._groups = [group for group in groups if not group.which.startswith("SELECTED")]
        own = next((group for group in groups if group.which.startswith("SELECTED")), None)
        self.selected = own is not None and "MessageNew" in own.events
        self.delayed = own is not None and own.which == "SELECTED-DELAYED"
        self.items: tuple[Item, ...] = own.items if own is not None else ()
        self._watched: dict[Key, tuple[str, Watcher]] = {}
        self._known: dict[str, names.Box] = {}
        self._changed: set[str] = set()
        self._listed = False
        self._unsaid: list[Any] = []  # a command began before it could be said
        self._task: asyncio.Task[None] | None = None

    async def begin(self, *, tell: bool) -> list[Any]:
        """Watches; with `tell` the STATUS of every box that is watched for letters."""
        await self._watch()
        if not tell:
            return []
        return await self._statuses([name for key, (name, _) in self._watched.items() if key[1] != LIST])

    def end(self) -> None:
        """Nothing is watched any more."""
        for key, (_, watcher) in self._watched.items():
            self._state.house.post.hub.leave(key, watcher)
        self._watched = {}
        if self._task is not None:
            self._task.cancel()

    # ---- what is watched

    async def _watch(self) -> None:
        state = self._state
        post, account = state.house.post, state.account
        self._known = {box.name: box for box in await folders.listing(post, account)}
        wanted: dict[Key, str] = {(account, LIST): ""}
        modseqs: dict[Key, int] = {}
        chosen = [name for name in self._known if self._wants(name, _MESSAGES)]
        for name in chosen:
            try:
                reach = await post.find(account, name, "r")
            except NoBox:
                continue
            wanted[(reach.owner, reach.there.id)] = name
            modseqs[(reach.owner, reach.there.id)] = reach.there.modseq
        for key in self._watched.keys() - wanted.keys():
            post.hub.leave(key, self._watched.pop(key)[1])
        for key, name in wanted.items():
            if key in self._watched:
                if self._watched[key][0] == name:
                    continue
                post.hub.leave(key, self._watched[key][1])
            watcher = partial(self._heard, name)
            self._watched[key] = (name, watcher)
            post.hub.watch(key, watcher, modseqs.get(key, 0))

    def _wants(self, name: str, events: set[str]) -> bool:
        """Whether the first group that the box is in asks for one of the events. # RFC 5465 §3.1"""
        box = self._known[name]
        group = next((group for group in self._groups if _within(group, box)), None)
        return group is not None and bool(events & set(group.events))

    # ---- what is told

    def _heard(self, name: str) -> None:
        if name:
            self._changed.add(name)
        else:
            self._listed = True
        self.resume()

    def resume(self) -> None:
        """Tells what is untold, now that no command is under way."""
        state = self._state
        if (self._changed or self._listed or self._unsaid) and self._task is None and not state.commanding:
            self._task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        state = self._state
        try:
            while (self._changed or self._listed) and not state.commanding:
                changed, self._changed = self._changed, set()
                listed, self._listed = self._listed, False
                out = await self._lists() if listed else []
                out += await self._statuses(sorted(changed))
                self._unsaid += out
            if self._unsaid and not state.commanding and not state.pump.closing:
                unsaid, self._unsaid = self._unsaid, []
                state.pump.push(unsaid)
        except trouble.StoreTrouble as error:
            state.log("mailboxes of a watching client out of reach", account=state.account, why=str(error))
        except Exception as error:  # law 6: nobody else would hear of it
            state.house.log.error("fault", door=state.place.kind, account=state.account, exc_info=error)
            state.pump.abort()
        finally:
            self._task = None

    async def _statuses(self, changed: Sequence[str]) -> list[Any]:
        state = self._state
        opened = state.selected
        found = await folders.statuses(state.house.post, state.account, changed)
        return [
            status.told(state, name, box, _ITEMS)
            for name, box in found.items()
            if opened is None or box.id != opened.box.id
        ]

    async def _lists(self) -> list[Any]:
        before = self._known
        await self._watch()
        out: list[Any] = []
        for name, box in self._known.items():
            if self._wants(name, _NAMES) and box != before.get(name):
                words = (["\\Subscribed"] if box.subscribed else []) + ([] if box.exists else ["\\NonExistent"])
                out.append(responses.List([*words, *box.special], name))
        out += [responses.List(("\\NonExistent",), name) for name in before.keys() - self._known.keys()]
        return out


def _within(group: EventGroup, box: names.Box) -> bool:
    name, which = box.name, group.which
    if which == "INBOXES":
        return name == names.INBOX
    if which == "PERSONAL":
        return not name.startswith(names.OTHERS + names.SEPARATOR)
    if which == "SUBSCRIBED":
        return box.subscribed
    if which == "SUBTREE":
        return any(name == top or name.startswith(top + names.SEPARATOR) for top in group.mailboxes)
    return name in group.mailboxes
