"""GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS: who may do what with a box.

Called by session through its table.
Never shows a list to who may not administer it.
Fails with Denied, NoBox and what the store raises.  # RFC 4314 §3
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import rights, sharing
from hatoba.wire.imap import events, responses


async def get_acl(state: State, event: events.GetAcl) -> list[Any]:
    found = await sharing.entries(state.house.post, state.account, event.mailbox)
    shown = [(who, rights.shown(letters)) for who, letters in found]
    return [responses.Acl(event.mailbox, shown), *await news.ended(state, words.ok(event))]


async def my_rights(state: State, event: events.MyRights) -> list[Any]:
    mine = await sharing.mine(state.house.post, state.account, event.mailbox)
    return [responses.MyRights(event.mailbox, rights.shown(mine)), *await news.ended(state, words.ok(event))]


async def list_rights(state: State, event: events.ListRights) -> list[Any]:
    always, possible = await sharing.possible(state.house.post, state.account, event.mailbox, event.identifier)
    answer = responses.ListRights(event.mailbox, event.identifier, always, possible)
    return [answer, *await news.ended(state, words.ok(event))]


async def set_acl(state: State, event: events.SetAcl) -> list[Any]:
    await sharing.change(state.house.post, state.account, event.mailbox, event.identifier, event.mode, event.rights)
    return await news.ended(state, words.ok(event))


async def delete_acl(state: State, event: events.DeleteAcl) -> list[Any]:
    await sharing.remove(state.house.post, state.account, event.mailbox, event.identifier)
    return await news.ended(state, words.ok(event))
