"""One sends for all; a death at any moment loses no report and sends none twice; a bug costs one report some time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.reporter import DAY, MONDAY, Node, kept, row

from hatoba.mailauth.dmarc.aggregate.form import Published
from hatoba.model.envelope import Letter
from hatoba.model.status import Refusal, Status
from hatoba.reports import kinds, leader, made
from hatoba.store import base, reports, tallies
from hatoba.store.trouble import StoreTrouble

NIGHT = (MONDAY + 1) * DAY + 3_700_000  # past one o'clock
Make = Callable[..., Node]


def test_one_node_of_many_sends(make: Make, register: base.Register) -> None:
    nodes = [make(f"n{n}/0") for n in range(3)]
    nodes[0].judged(*(row(f"192.0.2.{n}") for n in range(5)))
    for node in nodes:
        node.turn()
        node.now = NIGHT
    for _ in range(2):
        for node in nodes:
            node.turn()
    assert sum(len(node.letters) for node in nodes) == 1
    assert len(nodes[0].letters) == 1
    with pytest.raises(ValueError, match="another worker"):
        nodes[1].send(MONDAY)
    asyncio.run(nodes[0].office.close())
    nodes[1].now = nodes[0].now
    assert nodes[1].send(MONDAY) == {"made": 0, "sent": 0, "waiting": 0, "unwanted": 0}


def test_who_dies_leaves_the_lease_after_a_while(make: Make) -> None:
    first, second = make(), make("n2/0")
    first.judged(row())
    first.turn()
    second.now = first.now + leader.LEASE - 1
    with pytest.raises(ValueError, match="another worker"):
        second.send(MONDAY + 1)
    second.now += 2
    assert second.send(MONDAY)["sent"] == 1
    first.now = second.now
    assert first.turn() == 0


def test_a_lost_lease_stops_the_round(make: Make) -> None:
    first, second = make(), make("n2/0")
    first.judged(row())
    first.turn()

    async def slow(letter: Letter) -> None:
        first.letters.append(letter)
        second.now = first.now + leader.LEASE + 1  # the first one hangs for so long that another goes on
        second.judged(row(), published=Published("b.example", "none"))
        await asyncio.to_thread(lambda: second.send(MONDAY + 5))

    first.taken = slow
    first.now = NIGHT
    first.turn()
    assert len(first.letters) == 1


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_sending_and_marking_sends_once(make: Make, register: base.Register, after: bool) -> None:
    node = make()
    node.judged(row())
    node.turn()
    node.now = NIGHT

    async def dies(letter: Letter) -> None:
        if after:
            await node.take(letter)
        raise Killed

    node.taken = dies
    with pytest.raises(Killed):
        node.turn()
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert made.read(due.data).begun
    again = make("n2/0")
    again.numbers.next(NIGHT + DAY)
    again.now = NIGHT + leader.LEASE + 1
    again.turn()
    assert len(node.letters) + len(again.letters) == 1
    (sent,) = kept(register, kinds.SENT[kinds.DMARC])
    assert made.read(sent.data).done == ("mailto:dmarc@out.example",)
    assert len(made.read(sent.data).letters) == 1
    again.turn()
    assert len(node.letters) + len(again.letters) == 1


def test_a_crash_while_it_is_made_leaves_the_counts(
    node: Node, register: base.Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(reports, "put", dies)
        with pytest.raises(Killed):
            node.turn()
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == ["out.example"]
    node.turn()
    assert len(node.letters) == 1


@pytest.mark.parametrize("error", [StoreTrouble("full"), Refusal(Status("4.3.2", "no shard"))])
def test_a_queue_that_takes_nothing_is_tried_again(node: Node, register: base.Register, error: Exception) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT
    good = node.taken

    async def fails(letter: Letter) -> None:
        raise error

    node.taken = fails
    node.turn()
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert due.at > NIGHT
    node.taken = good
    node.turn()
    assert node.letters == []
    node.now = due.at
    node.turn()
    assert len(node.letters) == 1


def test_a_bug_costs_one_report_some_time_and_no_other(node: Node, register: base.Register) -> None:
    node.judged(row())
    node.judged(row(), published=Published("b.example", "none"))
    node.zone["_dmarc.b.example"] = {"TXT": [b"v=DMARC1; p=none; rua=mailto:x@b.example"]}
    node.turn()
    node.now = NIGHT

    async def fails(letter: Letter) -> None:
        if "out.example" in str(letter.envelope.recipients[0].address):
            raise RuntimeError("a bug")
        node.letters.append(letter)

    node.taken = fails
    node.turn()
    assert [str(each.envelope.recipients[0].address) for each in node.letters] == ["x@b.example"]
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert made.read(due.data).why.startswith("internal error")
