"""The disk runs full: 452 to who is connected, 421 to who comes; what was taken before goes out all the same.

A file of a gigabyte is set aside and removed again; hatoba was told to leave as much free as there was before.
"""

import os
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import post
from tests.support.town import Town
from tests.support.wait import until

MORE = """
[headroom]
min_disk = {least}
"""
SLACK, TAKEN = 256 << 20, 1 << 30  # other programs write here too


def free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """The disk has a gigabyte less."""
    path = folder / "ballast"
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, TAKEN)
            yield
        finally:
            path.unlink()


def greeted(port: int) -> int:
    """The code a newcomer is greeted with."""
    with smtplib.SMTP(timeout=60) as client:
        return client.connect("127.0.0.1", port)[0]


def test_452_then_421_then_well_again(tmp_path: Path) -> None:
    left = free(tmp_path)
    if left < 2 * TAKEN:
        pytest.skip("needs two gigabytes of free disk")
    with (
        Town(tmp_path, more=MORE, least=left - SLACK) as town,
        town.peer("full.example", {"banner": "421 4.3.2 Not yet"}) as peer,
        post.dial(town.mx) as standing,
    ):
        early = post.hand_in(standing, "carol@example.org", ["bob@full.example"])
        with full(tmp_path):
            until(lambda: greeted(town.mx) == 421, "the refusal of newcomers", every=0.1)
            code, said = standing.docmd("MAIL FROM:<carol@example.org>")
            assert (code, said[:5]) == (452, b"4.3.1")
            assert greeted(town.submission) == 421
            peer.stages["banner"] = "220 here now"
            peer.wait_letters(1, 60)
        until(lambda: greeted(town.mx) == 220, "the welcome", every=0.1)
        post.hand_in(standing, "carol@example.org", ["bob@full.example"])
        peer.wait_letters(2, 60)
        assert post.kinds(post.story_with(town.node, early, "delivered"))[-1] == "delivered"
