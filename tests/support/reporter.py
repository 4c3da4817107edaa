"""A node's reports without the node: a real store of either engine, a zone, a clock, and the letters that go out.

Used by the tests of reports. `journal` writes events as a worker's queue does; `deliver` puts a letter into a Maildir.
Never a double of our own rooms: what is handed in are the edges (DNS answers, the queue's end, HTTPS).
"""

import asyncio
import email
import email.policy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.support import zone

from hatoba.directory import changes
from hatoba.directory import settings as directory_settings
from hatoba.directory.directory import Directory
from hatoba.journal import forms
from hatoba.kit import ids
from hatoba.mailauth import questions
from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published, Row, SpfAuth
from hatoba.mailauth.questions import Asking
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import ACCEPTED, DELIVERED, Event
from hatoba.reports import shelf
from hatoba.reports.means import Means
from hatoba.reports.office import Office
from hatoba.reports.settings import Settings
from hatoba.store import base, journal, maildir, reports
from hatoba.store.rows import ReportRow
from hatoba.store.shard import Shard

T = TypeVar("T")
DAY = 86_400_000
MONDAY = 20_000  # a day, in days since 1970
START = MONDAY * DAY + DAY // 2
HOST = "mx.home.example"
HOME = "home.example"
ZONE: dict[str, dict[str, Any]] = {"_dmarc.out.example": {"TXT": [b"v=DMARC1; p=reject; rua=mailto:dmarc@out.example"]}}
PUBLISHED = Published("out.example", "reject", adkim="r", aspf="r", fo="0", testing="n", discovery_method="treewalk")


def row(ip: str = "192.0.2.1", **fields: Any) -> Row:
    """One letter of out.example that failed, unless `fields` say otherwise."""
    base_ = Row(
        ip, 1, "reject", "fail", "fail", "out.example", "bounce.out.example", "", (),
        (DkimAuth("out.example", "s1", "fail"),), (SpfAuth("bounce.out.example", "mfrom", "softfail"),),
    )  # fmt: skip
    return msgspec.structs.replace(base_, **fields)


class Node:
    """`name` tells several nodes on one store apart; `settings` may be exchanged as a reload does."""

    def __init__(self, home: base.Base, shards: Mapping[int, Shard], name: str = "n1/0", **settings: Any) -> None:
        self.home = home
        self.shards = shards
        self.settings = Settings(**({"dmarc": True, "tls": True, "spread": 0.0} | settings))
        self.now = START
        self.zone = dict(ZONE)
        self.asked: list[str] = []
        self.letters: list[Letter] = []
        self.posted: list[tuple[str, Mapping[str, str], bytes]] = []
        self.answer: int | OSError = 200
        self.taken: Callable[[Letter], Awaitable[None]] = self.take  # what the queue does with a letter
        self._register = home.register()
        self.directory = Directory(self._register, directory_settings.Settings(), b"S" * 32)
        self.mail = home.data / "mail"
        self.numbers = ids.Numbers(0)
        self.office = Office(
            Means(
                settings=lambda: self.settings,
                base=home,
                directory=self.directory,
                hostname=HOST,
                lies=shelf.Files(self.mail, HOST),
                shards=lambda: self.shards,
                ask=self._ask,
                draw=lambda: (self.numbers.next(self.now), self.now),
                enqueue=self._enqueue,
                post=self._post,
                clock=lambda: self.now,
                owner=name,
            )
        )

    async def _ask(self, engine: Asking[T]) -> T:
        look = zone.look(self.zone)

        def seen(question: questions.Question) -> questions.Answer:
            self.asked.append(question.name)
            return look(question)

        return questions.run(engine, seen)

    async def _enqueue(self, letter: Letter) -> None:
        await self.taken(letter)

    async def take(self, letter: Letter) -> None:
        """Sealed in the journal of the first shard, as the queue would."""
        self.letters.append(letter)
        event = forms.accepted(letter)
        await self.shards[0].writer.do(lambda tx: journal.append(tx, [event]))

    async def _post(self, url: str, fields: Mapping[str, str], octets: bytes) -> int:
        if isinstance(self.answer, OSError):
            raise self.answer
        self.posted.append((url, fields, octets))
        return self.answer

    def settle_in(self) -> None:
        """home.example with the mailbox of its postmaster."""
        changes.add_domain(self.directory, HOME, "local", 1)
        changes.add_account(self.directory, f"alice@{HOME}", "correct horse battery", b"0123456789abcdef", 1)

    def turn(self) -> int:
        """What the worker does again and again, once."""

        async def both() -> int:
            return await self.office.gather() + await self.office.turn()

        return asyncio.run(both())

    def send(self, day: int) -> dict[str, int]:
        return asyncio.run(self.office.send(day))

    def close(self) -> None:
        asyncio.run(self.office.close())
        self._register.close()

    def write(self, shard: int, events: Sequence[Event]) -> None:
        self.shards[shard].writer.wait(lambda tx: journal.append(tx, events))

    def judged(
        self, *rows: Row, at: int = 0, shard: int = 0, published: Published = PUBLISHED, rua: bool = True, **more: Any
    ) -> None:
        """A letter was taken in for each row."""
        at = at or self.now
        form = forms.Accepted("x@out.example", ("alice@home.example",), "mx", 100, **more)
        events = [
            Event(
                self.numbers.next(at), at, ACCEPTED,
                msgspec.json.encode(msgspec.structs.replace(form, dmarc=forms.Dmarc(published, each, rua))),
            )
            for each in rows
        ]  # fmt: skip
        self.write(shard, events)

    def deliver(self, content: bytes, to: str = f"alice@{HOME}", *, auth: str = "", rewrites: Any = ()) -> Path:
        """A letter lies in the mailbox of `to`, and the journal says so; where it lies."""
        number, address = self.numbers.next(self.now), Address.parse(to)
        account = self.directory.account(address)
        assert account is not None
        letter = Letter(
            number, self.now, self.now + DAY, Envelope(None, (Recipient(address),)), Source("mx"), len(content), content
        )
        name = f"{self.now // 1000}.{ids.text(number)}R0.{maildir.component(HOST)}"
        folder = maildir.mailbox(self.mail, account.address.domain, account.address.local)
        assert maildir.deliver([maildir.Item(folder, name, [content.replace(b"\r\n", b"\n")])]) == [None]
        accepted = forms.accepted(letter)
        held = msgspec.json.decode(accepted.data) | {"auth": auth, "rewrites": rewrites}
        accepted = msgspec.structs.replace(accepted, data=msgspec.json.encode(held))
        done = forms.Tried(1, (forms.Result(0, to, "2.0.0"),), "local", ended=self.now)
        self.write(0, [accepted, Event(number, self.now, DELIVERED, msgspec.json.encode(done))])
        return folder / "new" / name


def parsed(letter: Letter) -> EmailMessage:
    assert letter.content is not None
    message = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def attached(letter: Letter) -> tuple[str, bytes]:
    """(file name, content) of the report in a letter."""
    parts = [part for part in parsed(letter).walk() if part.get_filename()]
    assert len(parts) == 1
    octets = parts[0].get_payload(decode=True)
    assert isinstance(octets, bytes)
    return str(parts[0].get_filename()), octets


def kept(register: base.Register, *kinds_: str) -> list[ReportRow]:
    return reports.listed(register.reader, kinds_, 0, 0)
