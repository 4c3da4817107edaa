"""DATA and BDAT: the content goes to intake, the letter to the queue; 250 is said once it is on disk.

Called by session through its table; hot.
Never touches an octet of the content.
StoreTrouble is 451 4.3.0: nothing was taken, the client keeps the letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from hatoba.doors.smtp import inquiry, words
from hatoba.doors.smtp.house import House
from hatoba.doors.smtp.state import State
from hatoba.intake.transaction import Transaction
from hatoba.kit import ids
from hatoba.model.envelope import Letter
from hatoba.model.status import Refusal
from hatoba.net.session import Later
from hatoba.store.blobs import Draft
from hatoba.store.trouble import StoreTrouble
from hatoba.wire.smtp import events
from hatoba.wire.smtp.reply import Reply


def data(state: State, event: events.Data) -> Reply:
    """# RFC 5321 §4.1.1.4"""
    return words.GO_AHEAD


def content(state: State, event: events.Content) -> Reply | None:
    """A piece. A chunk that ends here (`due`) is answered; what fails in between is said at the end. # RFC 3030 §2"""
    state.left += 1  # no command: a large letter has many pieces
    transaction = state.transaction
    assert transaction is not None  # noqa: S101 # the engine lets no content through before a MAIL was accepted
    try:
        transaction.chunk(event.data)
    except Refusal as refusal:
        if event.due:
            return _refused(state, refusal)
    except StoreTrouble as trouble:
        if event.due:
            return _trouble(state, trouble)
    return words.CHUNK_OK if event.due else None


def end(state: State, event: events.End) -> Reply | Later | None:
    """The content is complete: the letter is made and handed over."""
    state.left += 1
    transaction, state.transaction = state.transaction, None
    assert transaction is not None  # noqa: S101 # as above
    if event.fault is not None:
        transaction.discard()
        state.house.counts.refused_letters += 1
        return _after(state, state.erred(event.fault))
    state.transaction = transaction  # ours until the letter is queued: who leaves meanwhile takes it along
    try:
        made = transaction.end(event.data, dotted=event.dotted, eightbit=event.eightbit, now=state.house.clock())
        if isinstance(made, Letter):
            return _ready(state, transaction, made)
    except Refusal as refusal:
        return _refused(state, refusal)
    except StoreTrouble as trouble:
        return _trouble(state, trouble)
    return inquiry.ask(state, made, partial(_judged, state, transaction))


def _judged(state: State, transaction: Transaction, result: Callable[[], Letter]) -> Reply | Later | None:
    """The checks are through with the letter."""
    try:
        letter = result()
        if state.pump.closing:  # nobody is there to be told 250: they will send it again
            state.drop()
            return None
        return _ready(state, transaction, letter)
    except Refusal as refusal:
        _record(state, transaction, refusal)
        return _refused(state, refusal)
    except StoreTrouble as trouble:
        return _trouble(state, trouble)


def _record(state: State, transaction: Transaction, refusal: Refusal) -> None:
    """Why a letter was not wanted, for the journal."""
    happened = transaction.refused(refusal)
    if happened is not None and state.house.record is not None:
        state.house.record(happened)


def _ready(state: State, transaction: Transaction, letter: Letter) -> Reply | Later:
    """The letter is as it is to go on: signed where it is ours, and into the queue. StoreTrouble."""
    house, draft = state.house, transaction.draft
    signed = house.sign(letter, draft) if transaction.ours and house.sign is not None else None
    sealed = house.enqueue(letter, draft) if signed is None else _when_signed(house, letter, draft, signed)
    state.transaction = None
    state.letter = letter
    return Later(sealed, partial(_sealed, state))


def _when_signed(
    house: House, letter: Letter, draft: Draft | None, signed: asyncio.Future[None]
) -> asyncio.Future[None]:
    """Handed over once it is signed; the future ends as the one of `enqueue` does."""
    sealed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hand_over(_signed: asyncio.Future[None]) -> None:
        try:
            house.enqueue(letter, draft).add_done_callback(over)
        except BaseException as error:  # noqa: BLE001  told to whoever waits
            if draft is not None:
                draft.discard()
            sealed.set_exception(error)

    def over(done: asyncio.Future[None]) -> None:
        error = done.exception()
        if error is None:
            sealed.set_result(None)
        else:
            sealed.set_exception(error)

    signed.add_done_callback(hand_over)
    return sealed


def _sealed(state: State, sealed: asyncio.Future[None]) -> Reply:
    """The commit is over: now, and only now, it is said that the letter is ours. # RFC 5321 §6.1"""
    letter, state.letter = state.letter, None
    assert letter is not None  # noqa: S101 # set in `end`
    error = sealed.exception()
    if error is not None:
        if isinstance(error, StoreTrouble):
            return _trouble(state, error)
        if isinstance(error, Refusal):
            return _refused(state, error)
        raise error
    counts = state.house.counts
    counts.letters += 1
    counts.octets += letter.size
    counts.recipients += len(letter.envelope.recipients)
    state.letters += 1
    state.left, state.errors = state.house.settings.commands, 0
    name = ids.text(letter.id)
    state.house.log.debug("letter accepted", letter=name, door=state.place.kind, ip=state.ip, size=letter.size)
    state.last = name
    return _after(state, Reply(250, "2.0.0", "Ok: queued as " + name))


def _refused(state: State, refusal: Refusal) -> Reply:
    state.drop()
    state.house.counts.refused_letters += 1
    state.log("letter refused", status=str(refusal.status))
    return _after(state, state.refuse(refusal.status, content=True))


def _trouble(state: State, trouble: StoreTrouble) -> Reply:
    state.drop()
    state.house.counts.store_troubles += 1
    state.house.log.error("letter not stored", door=state.place.kind, ip=state.ip, kind=trouble.kind, why=str(trouble))
    return _after(state, words.STORE_TROUBLE)


def _after(state: State, said: Reply) -> Reply:
    """The transaction is over; while the door is being closed, so is the session."""
    if state.draining:
        state.pump.push(words.CLOSING)
    return said
