"""A letter that waits for its signature at the door: queued afterwards, answered after the commit, never twice."""

import asyncio
import dataclasses
from typing import Any

import pytest
from tests.support.loops import LOOPS, run, until

from hatoba.doors.smtp.house import House
from hatoba.model.envelope import Letter
from hatoba.model.status import Refusal, Status
from hatoba.store.blobs import Draft
from hatoba.store.trouble import StoreTrouble

both = pytest.mark.parametrize("loop", LOOPS)
TRUSTED = {"relay_networks": ("127.0.0.0/8",)}


class Pen:
    """Signs when the test says so. `at_once`: without anything to wait for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Letter, Draft | None]] = []
        self.waiting: list[asyncio.Future[None]] = []
        self.at_once = False

    def __call__(self, letter: Letter, draft: Draft | None) -> "asyncio.Future[None] | None":
        self.asked.append((letter, draft))
        assert letter.content is not None or draft is not None
        if self.at_once:
            self.write(letter)
            return None
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def write(self, letter: Letter) -> None:
        letter.content = b"DKIM-Signature: made\r\n" + (letter.content or b"")
        letter.size = len(letter.content)

    def finish(self) -> None:
        for (letter, _), future in zip(self.asked[-len(self.waiting) :], self.waiting, strict=True):
            self.write(letter)
            future.set_result(None)
        self.waiting.clear()


def signing(site: Any, pen: Pen, **intake: Any) -> House:
    house: House = site.house(intake=TRUSTED | intake)
    return dataclasses.replace(house, sign=pen)


@both
def test_queued_once_it_is_signed(loop: str, site: Any, dial: Any) -> None:
    pen = Pen()

    async def main() -> None:
        async with site.door(house=signing(site, pen)) as door, dial(door.port) as client:
            await client.greet()
            answer = asyncio.ensure_future(client.letter())
            await until(lambda: pen.asked)
            assert (site.seam.letters, answer.done()) == ([], False)
            site.seam.hold = True
            pen.finish()
            await until(lambda: site.seam.letters)
            assert not answer.done()
            site.seam.commit()
            assert (await answer).startswith("250 2.0.0 Ok: queued as ")
            pen.at_once, site.seam.hold = True, False
            assert (await client.letter()).startswith("250 2.0.0 Ok: queued as ")

    run(loop, main())
    assert [letter.content[:20] for letter in site.seam.letters] == [b"DKIM-Signature: made"] * 2


@both
def test_letters_of_strangers_are_not_asked_about(loop: str, site: Any, dial: Any) -> None:
    pen = Pen()

    async def main() -> None:
        house = dataclasses.replace(site.house(), sign=pen)
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            assert (await client.letter()).startswith("250 2.0.0")

    run(loop, main())
    assert (pen.asked, len(site.seam.letters)) == ([], 1)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("failure", "reply"),
    [
        (StoreTrouble("disk full", "full"), "451 4.3.0"),
        (Refusal(Status("4.3.2", "This server is between two shards, try again")), "451 4.3.2 This server is between"),
        (KeyError("a bug"), "451 4.3.0 Internal error "),
    ],
)
def test_a_queue_that_says_no_after_the_signature(
    site: Any, dial: Any, failure: Exception, reply: str, large: bool
) -> None:
    pen = Pen()

    def full(letter: Letter, draft: Draft | None = None) -> "asyncio.Future[None]":
        raise failure

    async def main() -> None:
        house = dataclasses.replace(signing(site, pen, spill=300_000), enqueue=full)
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            text = "Subject: x\r\n\r\n" + ("a line\r\n" * 100_000 if large else "hi")
            answer = asyncio.ensure_future(client.letter(text=text))
            await until(lambda: pen.asked)
            pen.finish()
            assert (await answer).startswith(reply)

    run("asyncio", main())
    assert site.seam.letters == []
    assert (pen.asked[0][1] is not None) == large
    assert list((site.data / "blobs" / "0000").iterdir()) == [], "the draft is gone"


@both
def test_a_client_that_leaves_meanwhile_gets_its_letter_sent(loop: str, site: Any, dial: Any) -> None:
    """As one that leaves during the commit: nobody can tell it apart from an answer that was lost."""
    pen = Pen()

    async def main() -> None:
        async with site.door(house=signing(site, pen, spill=300_000)) as door:
            async with dial(door.port) as client:
                await client.greet()
                await client.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", 3)
                client.writer.write(b"Subject: x\r\n\r\n" + b"a line\r\n" * 100_000 + b".\r\n")
                await until(lambda: pen.asked)
            pen.finish()
            await until(lambda: site.seam.letters)
            draft = site.seam.drafts[0]
            assert draft is not None
            assert draft.path.exists()
            draft.discard()

    run(loop, main())
