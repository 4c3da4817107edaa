"""The commands about scripts: kept once they compile, listed, fetched, chosen, renamed, deleted.

Called by session through its table.
Never keeps a script that does not compile, and never runs one.
Fails with NO: the script's faults line by line, QUOTA, NONEXISTENT, ALREADYEXISTS, ACTIVE.  # RFC 5804 §2.5 to §2.12
"""

from __future__ import annotations

from hatoba.doors.sieve import words
from hatoba.doors.sieve.state import State
from hatoba.mailboxes import scripts
from hatoba.sieve import extensions, faults, script
from hatoba.wire.managesieve import events, reply
from hatoba.wire.managesieve.reply import Data, Reply


async def have_space(state: State, event: events.HaveSpace) -> Reply:
    await scripts.fits(state.house.post, state.account, event.name, event.size, state.place.most)
    return words.OK


async def put(state: State, event: events.PutScript) -> Reply:
    """One of that name is replaced; if it is active, the new one is."""
    refused = await _compiled(state, event.content)
    if refused is not None:
        return refused
    await scripts.put(state.house.post, state.account, event.name, event.content, state.place.most)
    state.house.counts.put += 1
    state.log("script kept", account=state.account, name=event.name, size=len(event.content))
    return words.OK


async def check(state: State, event: events.CheckScript) -> Reply:
    return await _compiled(state, event.content) or words.OK


async def listed(state: State, event: events.ListScripts) -> Data:
    found = await scripts.listed(state.house.post, state.account)
    return reply.listed([(each.name, each.active) for each in found], words.OK)


async def get(state: State, event: events.GetScript) -> Data:
    return reply.script(await scripts.get(state.house.post, state.account, event.name), words.OK)


async def activate(state: State, event: events.SetActive) -> Reply:
    await scripts.activate(state.house.post, state.account, event.name)
    state.log("script chosen", account=state.account, name=event.name)
    return words.OK


async def delete(state: State, event: events.DeleteScript) -> Reply:
    await scripts.delete(state.house.post, state.account, event.name)
    state.log("script deleted", account=state.account, name=event.name)
    return words.OK


async def rename(state: State, event: events.RenameScript) -> Reply:
    await scripts.rename(state.house.post, state.account, event.old, event.new)
    return words.OK


async def _compiled(state: State, content: bytes) -> Reply | None:
    """What is wrong with a script, None for nothing. In a thread: a long one takes a while."""
    bounds = state.place.bounds
    try:
        await state.house.post.store.run(lambda: script.compile(content, extensions.ALL, bounds))
    except faults.SieveError as error:
        state.house.counts.faulty += 1
        return Reply("NO", str(error))
    return None
