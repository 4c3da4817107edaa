"""News: what a client is to be told of the box that is open, as untagged answers.

Called by the verbs before they end a command, and by idle.
Never tells of a letter that is gone where sequence numbers must hold still; with UIDONLY there are none.
Fails with what the store raises when the box is looked at anew.  # RFC 9051 §7.4, §7.5, RFC 7162 §3.2
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap.state import State
from hatoba.mailboxes.selected import Selected
from hatoba.mailboxes.view import News
from hatoba.model import numbers
from hatoba.wire.imap import fetched, responses


async def up_to_date(state: State, *, always: bool = False) -> None:
    """Takes in what has changed since, where anything has."""
    selected = state.selected
    if selected is not None and (selected.dirty or always):
        await selected.refresh()


def told(state: State, *, expunges: bool = True) -> list[Any]:
    """What is untold, as answers; it counts as told then."""
    selected = state.selected
    if selected is None or not selected.view.pending:
        return []
    return written(state, selected, selected.view.news(expunges=expunges))


def written(state: State, selected: Selected, news: News) -> list[Any]:
    """The answers that say it."""
    out: list[Any] = []
    enabled = state.engine.enabled
    if news.gone:
        if "QRESYNC" in enabled or "UIDONLY" in enabled:
            out.append(responses.Vanished(numbers.of(uid for _, uid in news.gone)))
        else:
            out += [responses.Expunge(number) for number, _ in news.gone]
    if news.exists is not None:
        out.append(responses.Exists(news.exists))
        if "IMAP4REV2" not in enabled:
            out.append(responses.Recent(selected.recent))
    keywords = selected.new_keywords()
    if keywords:
        out += flags(selected)
    if news.marks:
        out.append(marks(state, selected, news.marks))
    return out


def flags(selected: Selected) -> list[Any]:
    """FLAGS and PERMANENTFLAGS, at SELECT and whenever there is a keyword more."""
    known = [*selected.flags(), *selected.keywords()]
    permanent = [*selected.flags(changeable=True), *(selected.keywords() if selected.may_write else ()), "\\*"]
    return [
        responses.Flags(known),
        responses.Untagged(
            "OK", "These can be changed", f"PERMANENTFLAGS ({' '.join(permanent if selected.may_write else ())})"
        ),
    ]


def marks(state: State, selected: Selected, places: tuple[int, ...] | list[int], *, uid: bool = False) -> bytes:
    """FETCH answers with the flags of letters, and their MODSEQ where the client knows of that."""
    enabled = state.engine.enabled
    view, words = selected.view, selected.words
    modseq = bool(enabled & {"CONDSTORE", "QRESYNC"}) or selected.condstore
    by_uid = "UIDONLY" in enabled
    names = [b"UID"] if (uid or "QRESYNC" in enabled) and not by_uid else []
    row = fetched.Row(
        [*names, b"FLAGS", *([b"MODSEQ"] if modseq else [])], fetched.UIDFETCH if by_uid else fetched.FETCH
    )
    rows = []
    for place in places:
        number = view.uids[place]
        values: list[int | bytes] = [number if by_uid else place + 1]
        if names:
            values.append(b"%d" % number)
        values.append(words(view.bits[place], number))
        if modseq:
            values.append(b"(%d)" % view.modseqs[place])
        rows.append(tuple(values))
    return row.lines(rows)


async def ended(state: State, answer: Any, *, expunges: bool = True) -> list[Any]:
    """A command's end with what has changed meanwhile before it."""
    await up_to_date(state)
    return [*told(state, expunges=expunges), answer]
