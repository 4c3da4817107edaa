"""Whatever becomes of a letter's checks, and whenever its client leaves: 250 and the queue agree, and nothing is left.

Clients on real sockets hand letters in at once, small ones and such as go to a draft; each meets its own fate.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import smtp_site
from tests.support.loops import run, until

from hatoba.intake import asking
from hatoba.intake.subject import Subject
from hatoba.kit import ids
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status
from hatoba.net import tls

# What a letter's content check does, and what its client hears (None: nothing, it has left).
FATES: dict[str, str | None] = {
    "pass": "250",
    "wait": "250",
    "tag": "250",
    "refuse": "550",
    "refuse late": "550",
    "bug": "451",
    "bug late": "451",
    "hang": "451",
    "leave": None,
}
LETTER = st.tuples(st.sampled_from(sorted(FATES)), st.booleans())


class Fated:
    """Does to each letter what its Subject field says."""

    name = "fated"

    def at_content(self, subject: Subject) -> Generator[Any, Any, Sequence[Verdict]]:
        fate = subject.heading.subject
        if fate == "bug":
            raise ZeroDivisionError(fate)
        if fate not in ("pass", "tag", "refuse"):
            yield from asking.consult(f"service {fate}", subject)
        if fate == "bug late":
            raise ZeroDivisionError(fate)
        if fate.startswith("refuse"):
            return (Verdict("fated", "reject", Status("5.7.1", "no")),)
        return (Verdict("fated", "tag"),) if fate == "tag" else ()


async def service(consult: Any) -> None:
    """Answers after a turn of the loop, or never."""
    await (asyncio.Event().wait() if consult.service in ("service hang", "service leave") else asyncio.sleep(0))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], smtp_site.Site]:
    """A Site on a copy of one prepared data folder."""
    prepared = smtp_site.prepare(tmp_path_factory.mktemp("checks-property"))
    certificate = tls.self_signed(tmp_path_factory.mktemp("tls"), ["127.0.0.1"])

    def make(folder: Path) -> smtp_site.Site:
        return smtp_site.Site(Path(shutil.copytree(prepared, folder / "data")), certificate)

    return make


async def hand_in(port: int, fate: str, large: bool) -> str:
    """The answer to one letter; "" when its client did not stay for it."""
    async with smtp_site.connected(port) as client:
        await client.greet()
        body = "line of text\r\n" * (400 if large else 1)
        for line in ("MAIL FROM:<carol@remote.example>", "RCPT TO:<alice@example.org>", "DATA"):
            await client.say(line)
        client.writer.write(f"Subject: {fate}\r\n\r\n{body}.\r\n".encode())
        if fate == "leave":
            await client.writer.drain()
            client.writer.transport.abort()
            return ""
        return await client.reply()


@settings(max_examples=25, deadline=None)
@given(st.lists(LETTER, min_size=1, max_size=8), st.sampled_from(["asyncio", "uvloop"]))
def test_what_was_said_is_what_was_done(
    fresh: Callable[[Path], smtp_site.Site], letters: list[tuple[str, bool]], loop: str
) -> None:
    async def main(site: smtp_site.Site) -> list[str]:
        house = site.house(
            checks=[Fated()],
            services={"service": service},
            filters={"patience": 0.3, "late": "defer"},
            intake={"spill": 2000, "header": 2000},
        )
        async with site.door(house=house) as door:
            said = await asyncio.gather(*(hand_in(door.port, fate, large) for fate, large in letters))
            await until(lambda: not door.sessions)
        return list(said)

    with tempfile.TemporaryDirectory() as folder:
        site = fresh(Path(folder))
        try:
            said = run(loop, main(site))
            for (fate, _), answer in zip(letters, said, strict=True):
                expected = FATES[fate]
                assert answer == "" if expected is None else answer.startswith(expected), (fate, answer)
            taken = {ids.text(letter.id) for letter in site.seam.letters}
            promised = {answer.rsplit(maxsplit=1)[-1] for answer in said if answer.startswith("250")}
            assert taken == promised
            drafts = [draft for draft in site.seam.drafts if draft is not None]
            assert sorted(site.folder.path.iterdir()) == sorted(draft.path for draft in drafts)
            assert len(drafts) == sum(large for fate, large in letters if FATES[fate] == "250")
            for draft in drafts:
                draft.discard()
        finally:
            site.close()
