"""GETQUOTA, GETQUOTAROOT, SETQUOTA: how much an account holds, and may hold.

Called by session through its table.
Never changes a limit: that is the administrator's, in the directory.
Fails with Denied, NoBox and what the store raises.  # RFC 9208
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import quotas
from hatoba.wire.imap import events, responses

ROOT = ""  # an account has one


async def get_quota(state: State, event: events.GetQuota) -> list[Any]:
    if event.root != ROOT:
        return [words.no(event, "There is no such quota root", "NONEXISTENT")]
    return [await _quota(state, state.account), *await news.ended(state, words.ok(event))]


async def get_quota_root(state: State, event: events.GetQuotaRoot) -> list[Any]:
    """A box of another's counts there, which is no business of ours."""
    reach = await state.house.post.reach(state.account, event.mailbox)
    out: list[Any] = []
    if reach.owner == state.account:
        out = [responses.QuotaRoot(event.mailbox, [ROOT]), await _quota(state, state.account)]
    else:
        out = [responses.QuotaRoot(event.mailbox, [])]
    return [*out, *await news.ended(state, words.ok(event))]


def set_quota(state: State, event: events.SetQuota) -> Any:
    return words.no(event, "Limits are the administrator's to set", "NOPERM")


async def _quota(state: State, account: str) -> responses.Quota:
    usage, most = await quotas.of(state.house.post, account)
    resources = []
    if most.bytes:
        resources.append(("STORAGE", -(-usage.bytes // 1024), most.bytes // 1024))
    if most.letters:
        resources.append(("MESSAGE", usage.letters, most.letters))
    return responses.Quota(ROOT, resources)
