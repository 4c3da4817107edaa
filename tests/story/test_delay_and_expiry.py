"""A letter nobody takes: its sender is told that it waits, and at the end that it is given up; each once."""

from collections.abc import Iterator

import pytest
from tests.support import post, report
from tests.support.town import ALICE, HASTY, Town

QUEUE = HASTY + 'delay_notice = "1s"\nexpire = "5s"\n'


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Town(tmp_path_factory.mktemp("hasty"), queue=QUEUE) as town:
        yield town


def test_told_of_the_delay_then_of_the_end(hasty: Town) -> None:
    with hasty.peer("shut.example", {"RCPT": "450 4.2.1 Not now"}):
        letter = hasty.send(ALICE, "bob@shut.example", mail=["ENVID=q-1", "RET=HDRS"])
        delay = report.read(hasty.alice.holding(b"Action: delayed"))
        failure = report.read(hasty.alice.holding(b"Action: failed"))
        tale = post.story_with(hasty.node, letter, "bounced")
    waits, ends = delay.of("bob@shut.example"), failure.of("bob@shut.example")
    assert waits["Status"] == "4.2.1"
    assert "450 4.2.1 Not now" in waits["Diagnostic-Code"]
    assert waits["Will-Retry-Until"]
    assert (ends["Action"], ends["Status"]) == ("failed", "5.4.7")
    assert delay.message["Original-Envelope-Id"] == failure.message["Original-Envelope-Id"] == "q-1"
    assert delay.message["Reporting-MTA"] == "dns; hatoba.test"
    assert failure.returned["Subject"] == "a letter"
    kinds = post.kinds(tale)
    assert [kinds.count(kind) for kind in ("delayed", "expired", "bounced")] == [1, 1, 1]
    assert kinds[-2:] == ["expired", "bounced"]
    assert not tale["queued"]


def test_nobody_is_told_who_asked_not_to_be(hasty: Town) -> None:
    with hasty.peer("quiet.example", {"RCPT": "450 4.2.1 Not now"}):
        letter = hasty.send(ALICE, "bob@quiet.example", rcpt=["NOTIFY=NEVER"])
        null = hasty.send("", "bob@quiet.example")
        told = [post.story_with(hasty.node, one, "expired") for one in (letter, null)]
    assert not any(tale["queued"] for tale in told)
    assert not any(b"quiet.example" in octets for octets in hasty.alice.letters())
