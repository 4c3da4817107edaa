"""LIST and LSUB: the names there are, with what a client wants to know of each.

Called by session through its table.
Never shows a box that the account may not know of.
Fails with what the store raises.  # RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, status, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import folders, names, notes, rights, sharing
from hatoba.mailboxes.names import Listed, Pattern
from hatoba.mailboxes.post import Denied
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.wire.imap import events, responses


async def list_(state: State, event: events.List) -> list[Any]:
    """The names, and behind each what RETURN asked for."""
    if not event.extended and event.patterns == ("",):  # what separates levels? # RFC 9051 §6.3.9
        root = "" if not event.reference else event.reference.partition(names.SEPARATOR)[0]
        root = root + names.SEPARATOR if names.SEPARATOR in event.reference else ""
        return [responses.List(("\\Noselect",), root), *await news.ended(state, words.ok(event))]
    known = await folders.listing(state.house.post, state.account)
    found = names.listed(
        known,
        [Pattern(event.reference, pattern) for pattern in event.patterns if pattern],
        subscribed="SUBSCRIBED" in event.select,
        special="SPECIAL-USE" in event.select,
        recursive="RECURSIVEMATCH" in event.select,
    )
    numbers = {}
    if event.status:
        selectable = [one.box.name for one in found if one.box.selectable]
        numbers = await folders.statuses(state.house.post, state.account, selectable)
    out: list[Any] = []
    for one in found:
        out.append(_line(state, event, one))
        if box := numbers.get(one.box.name):
            out.append(status.told(state, one.box.name, box, event.status))
        out += await _more(state, event, one)
    return [*out, *await news.ended(state, words.ok(event, "Listed"))]


def _line(state: State, event: events.List, one: Listed) -> responses.List:
    selects = "SUBSCRIBED" in event.select
    return responses.List(
        attributes(
            one,
            subscribed=selects or "SUBSCRIBED" in event.returns,
            ancient="IMAP4REV2" not in state.engine.enabled and not event.extended,
        ),
        one.box.name,
        childinfo=_childinfo(event) if one.below else (),
    )


def _childinfo(event: events.List) -> tuple[str, ...]:
    return tuple(option for option in ("SUBSCRIBED", "SPECIAL-USE") if option in event.select)


def attributes(one: Listed, *, subscribed: bool, ancient: bool) -> list[str]:
    """\\NonExistent says more than \\Noselect; a client of IMAP4rev1 gets the word it knows."""
    found = []
    if not one.box.exists or not one.box.selectable:
        found.append("\\Noselect" if ancient else "\\NonExistent")
    if subscribed and one.box.subscribed:
        found.append("\\Subscribed")
    found.append("\\HasChildren" if one.children else "\\HasNoChildren")
    return [*found, *one.box.special]


async def _more(state: State, event: events.List, one: Listed) -> list[Any]:
    out: list[Any] = []
    if not one.box.selectable:
        return out
    post, name = state.house.post, one.box.name
    if "MYRIGHTS" in event.returns:
        out.append(responses.MyRights(name, rights.shown(await sharing.mine(post, state.account, name))))
    if event.metadata:
        try:
            values = await notes.get(post, state.account, name, event.metadata, 0)
        except (NoBox, Denied):
            return out
        entries: list[tuple[str, bytes | None]] = [(entry, values.get(entry)) for entry in event.metadata]
        out.append(responses.Metadata(name, entries))
    return out


async def lsub(state: State, event: events.Lsub) -> list[Any]:
    """The subscribed names; superiors of such that are not themselves get \\Noselect. # RFC 3501 §6.3.9"""
    known = await folders.listing(state.house.post, state.account)
    out: list[Any] = []
    for one in names.lsub(known, [Pattern(event.reference, event.pattern)]):
        own = one.box.subscribed
        if own or event.pattern.endswith("%"):
            out.append(responses.Lsub(() if own else ("\\Noselect",), one.box.name))
    return [*out, *await news.ended(state, words.ok(event, "Listed"))]
