"""Signing between door and queue: in threads, told in bunches; what cannot be signed goes on, counted and warned of."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ed25519
from structlog.testing import capture_logs
from tests.support import signed

from hatoba import store
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes
from hatoba.directory.dkim.making import Made
from hatoba.directory.dkim.ring import Ring
from hatoba.directory.dkim.settings import Settings
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.doors.smtp.counts import Counts
from hatoba.kit import sealing
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.queue.signing import Signing, threads
from hatoba.store import blobs
from hatoba.store import directory as rows
from hatoba.store.settings import Settings as StoreSettings

NOW, HOUR = 1_700_000_000_000, 3_600_000
MASTER = sealing.Master(b"m" * 32)
ENVELOPE = Envelope(Address("alice", "rsa.example"), (Recipient(Address("bob", "c.example")),))
_numbers = itertools.count()


class Office:
    """A Signing whose clock is `now`: rsa.example and ed.example have keys in use, bare.example is waiting for its."""

    def __init__(self, data: Path) -> None:
        store.prepare(data, 0)
        self.register = rows.attach(data, StoreSettings())
        self.directory = directory = Directory(self.register, DirectorySettings(), b"s" * 32)
        self.now = NOW
        for domain, key, signs in (
            ("rsa.example", signed.rsa_key(), NOW), ("ed.example", signed.ed25519_key(), NOW),
            ("bare.example", ed25519.Ed25519PrivateKey.generate(), 0),
        ):  # fmt: skip
            changes.add(
                directory,
                MASTER,
                domain,
                [Made("s", key)],
                NOW,
                lambda n: next(_numbers).to_bytes(n, "big"),
                signs=signs,
            )
        self.counts = Counts()
        self.signing = Signing(self.ring(), directory, self.counts, lambda: self.now, 2)

    def ring(self, **settings: object) -> Ring:
        return Ring(self.directory, Settings(**settings), lambda: MASTER, lambda key, why: None)  # type: ignore[arg-type]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "office")
    yield one
    one.signing.close()
    one.register.close()


def letter(domain: str = "rsa.example", number: int = 1, body: bytes = b"hello\r\n") -> Letter:
    content = f"From: <alice@{domain}>\r\nSubject: {number}\r\n\r\n".encode() + body
    return Letter(
        number, NOW, NOW, ENVELOPE, Source("submission"), len(content), content, header_from=f"alice@{domain}"
    )


async def test_many_at_once(office: Office) -> None:
    letters = [letter(number=number) for number in range(100)]
    waits = [office.signing.letter(one, None) for one in letters]
    assert None not in waits
    await asyncio.gather(*(wait for wait in waits if wait is not None))
    assert office.counts.signed == 100
    for one in letters:
        assert one.content is not None
        assert one.content.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
        assert one.content.count(b"Subject: %d\r\n" % one.id) == 1
        assert one.size == len(one.content)
        assert one.signed == ("rsa.example s",)


async def test_one_after_the_other(office: Office) -> None:
    for number in range(5):
        one = letter(number=number)
        wait = office.signing.letter(one, None)
        assert wait is not None
        await wait
        assert one.signed == ("rsa.example s",)


async def test_ed25519_alone_waits_for_nothing(office: Office) -> None:
    one = letter("ed.example")
    assert office.signing.letter(one, None) is None
    assert one.signed == ("ed.example s",)
    big = letter("ed.example", body=b"x" * 100_000)
    wait = office.signing.letter(big, None)
    assert wait is not None
    await wait
    assert big.signed == ("ed.example s",)


async def test_without_threads_small_letters_wait_for_nothing(office: Office) -> None:
    signing = Signing(office.ring(), office.directory, office.counts, lambda: office.now, -1)
    one, big = letter(), letter(body=b"x" * 100_000)
    assert signing.letter(one, None) is None
    assert one.signed == ("rsa.example s",)
    wait = signing.letter(big, None)
    assert wait is not None
    await wait
    assert big.signed == ("rsa.example s",)
    signing.close()


async def test_a_large_letter_is_read_from_its_draft(office: Office, tmp_path: Path) -> None:
    one = letter(body=b"a line\r\n" * 100_000)
    content, one.content = one.content, None
    assert content is not None
    draft = blobs.Folder(tmp_path / "blobs").draft(1)
    draft.append(content)
    wait = office.signing.letter(one, draft)
    assert wait is not None
    await wait
    assert one.top.startswith(b"DKIM-Signature: ")
    assert one.size == len(content) + len(one.top)
    draft.discard()
    gone = letter()
    gone.content = None
    with capture_logs() as logs:
        wait = office.signing.letter(gone, draft)
        assert wait is not None
        await wait
    assert (gone.signed, gone.unsigned) == ((), "an error of ours, see the log")
    assert [entry["event"] for entry in logs] == ["letter not signed"]
    assert office.counts.unsigned == 1


async def test_a_domain_without_a_key_is_warned_of_once_an_hour(office: Office) -> None:
    office.signing._log = structlog.get_logger()
    with capture_logs() as logs:
        for _ in range(3):
            one = letter("bare.example")
            assert office.signing.letter(one, None) is None
            assert one.unsigned == "the DKIM keys of bare.example wait to be published: hatoba dns bare.example"
        office.now += HOUR
        assert office.signing.letter(letter("bare.example"), None) is None
        assert office.signing.letter(letter("elsewhere.example"), None) is None
    assert [entry["domain"] for entry in logs] == ["bare.example"] * 2
    assert office.counts.unsigned == 4


async def test_signing_can_be_switched_off_while_it_runs(office: Office) -> None:
    office.signing.ring = office.ring(sign=False)
    one = letter()
    assert office.signing.letter(one, None) is None
    assert (one.signed, one.unsigned) == ((), "")


def test_threads() -> None:
    assert threads(3, 8) == 3
    assert threads(0, 10_000) == 1
    assert threads(0, 1) >= 1
    assert threads(-1, 8) == -1
