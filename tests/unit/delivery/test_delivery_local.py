"""Local delivery into real Maildirs: what stands in the files, whose they are, what an ailing disk means."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import delivery_scene as scene

from hatoba.delivery.maildirs import stored
from hatoba.model.address import Address
from hatoba.store import maildir

DIRECTORY = scene.Directory(
    {"home.example": "local"},
    {
        "ann@home.example": scene.Account(Address("ann", "home.example")),
        "off@home.example": scene.Account(Address("off", "home.example"), enabled=False),
        "postmaster@home.example": scene.Account(Address("ann", "home.example")),
    },
)


def files(root: Path, person: str = "ann") -> list[Path]:
    return sorted((root / "home.example" / person / "new").iterdir())


async def test_delivered(tmp_path: Path) -> None:
    made = scene.courier(directory=DIRECTORY, mail=tmp_path)
    header = b"Return-Path: <old@x.example>\r\n\tfolded\r\nSubject: hi\r\nreturn-PATH: <b>\r\n"
    content = header + b"\r\nbody\r\nReturn-Path: stays\r\n"
    people = (
        "ann@home.example",
        "ann+tag@home.example",
        "nobody@home.example",
        "off@home.example",
        "postmaster@home.example",
    )
    job = scene.job(*people, content=content)
    feed = await scene.send(made, job, to="ann@home.example")
    assert [(o.kind, o.status.code) for o in feed.outcomes] == [
        ("delivered", "2.0.0"),
        ("delivered", "2.0.0"),
        ("failed", "5.1.1"),
        ("failed", "5.2.1"),
        ("delivered", "2.0.0"),
    ]
    first, second, _ = files(tmp_path)
    assert first.read_bytes() == (
        b"Return-Path: <a@sender.example>\nDelivered-To: ann@home.example\nSubject: hi\n\nbody\nReturn-Path: stays\n"
    )
    assert b"Delivered-To: ann+tag@home.example\n" in second.read_bytes()
    assert first.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "home.example" / "ann" / "tmp").iterdir()) == []
    assert feed.ended[0][1].site == "local"


async def test_delivered_again_after_a_crash_is_one_file(tmp_path: Path) -> None:
    job = scene.job("ann@home.example", sender=None)
    for _ in range(2):
        await scene.send(scene.courier(directory=DIRECTORY, mail=tmp_path), job, to="ann@home.example")
    (only,) = files(tmp_path)
    assert only.read_bytes().startswith(b"Return-Path: <>\n")


async def test_many_at_once(tmp_path: Path) -> None:
    jobs = [scene.job("ann@home.example") for _ in range(200)]
    feed = await scene.send(scene.courier(directory=DIRECTORY, mail=tmp_path), *jobs, to="ann@home.example")
    assert len(files(tmp_path)) == 200
    assert {o.kind for o in feed.outcomes} == {"delivered"}


@pytest.mark.parametrize(
    ("number", "code", "scope"),
    [(errno.ENOSPC, "4.3.1", "site"), (errno.EDQUOT, "4.2.2", "recipient"), (errno.EIO, "4.3.0", "recipient")],
)
async def test_ailing_disk_defers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, scope: str
) -> None:
    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    made = scene.courier(directory=DIRECTORY, mail=tmp_path)
    (tmp_path / "home.example").mkdir()
    maildir.create(tmp_path / "home.example" / "ann")
    monkeypatch.setattr(os, "fsync", fsync)
    feed = await scene.send(made, scene.job("ann@home.example"), to="ann@home.example")
    monkeypatch.undo()
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("deferred", code, scope)
    assert files(tmp_path) == []
    assert list((tmp_path / "home.example" / "ann" / "tmp").iterdir()) == []


async def test_root_that_is_no_folder_defers(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("")
    log = scene.Log()
    made = scene.courier(directory=DIRECTORY, mail=tmp_path / "mail", log=log)
    feed = await scene.send(made, scene.job("ann@home.example"), to="ann@home.example")
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.3.0")
    assert log.errors


async def test_bug_in_a_thread_defers(tmp_path: Path) -> None:
    def broken(_: object) -> list[bytes]:
        raise RuntimeError("bug")

    log = scene.Log()
    made = scene.courier(directory=DIRECTORY, mail=tmp_path, chunks=broken, log=log)
    job = scene.job("ann@home.example", content=None, blob="0001/x", size=3)
    feed = await scene.send(made, job, to="ann@home.example")
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.3.0")
    assert log.errors


async def test_close_waits_for_the_threads(tmp_path: Path) -> None:
    made = scene.courier(directory=DIRECTORY, mail=tmp_path)
    feed = scene.Feed([scene.job("ann@home.example") for _ in range(20)])
    channel = made.channel(await scene.sited(made, "ann@home.example"), feed)
    channel.wake()
    assert channel.status().kind == "local"
    await made.close()
    assert len(feed.ended) == 20
    assert channel.status().binds == "closing"
    assert channel.status().delivered == 20


@given(st.lists(st.binary(max_size=30), max_size=8), st.booleans())
def test_pieces_may_be_cut_anywhere(pieces: list[bytes], header: bool) -> None:
    whole = (b"Subject: x\r\n\r\n" if header else b"") + b"".join(pieces)
    letter = scene.letter(content=whole)
    want = b"".join(stored(scene.item(letter, "b@x.example"), lambda _: ()))
    cut = scene.letter(content=None, blob="x")
    parts = [b"Subject: x\r\n\r\n", *pieces] if header else pieces
    assert b"".join(stored(scene.item(cut, "b@x.example"), lambda _: parts)) == want


@given(st.text(max_size=300), st.text(max_size=300))
def test_components_are_safe_and_distinct(first: str, second: str) -> None:
    one, two = maildir.component(first), maildir.component(second)
    for made in (one, two):
        assert made not in ("", ".", "..")
        assert "/" not in made
        assert "\0" not in made
        assert not made.startswith(".")
        assert len(made.encode()) <= 255
        assert made.isascii()
    if first.lower() != second.lower():
        assert one != two


def test_mailbox() -> None:
    root = Path("/m")
    assert (
        maildir.mailbox(root, "Home.Example", "../../etc/passwd") == root / "home.example" / "%2E.%2F..%2Fetc%2Fpasswd"
    )
    assert maildir.mailbox(root, "..", "") == root / "%2E." / "%"
