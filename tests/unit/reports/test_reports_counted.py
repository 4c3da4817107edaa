"""What is counted of DMARC: every letter exactly once, across restarts, workers and crashes, and within limits."""

from typing import Any

import msgspec
import pytest
from tests.support.reporter import DAY, MONDAY, PUBLISHED, START, Node, row

from hatoba.journal import forms
from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published
from hatoba.model.event import REFUSED, Event
from hatoba.reports import evidence, gather, kinds
from hatoba.reports.settings import Settings
from hatoba.store import reports, tallies
from hatoba.store.rows import TallyRow
from hatoba.store.trouble import StoreTrouble


def counts(node: Node, day: int = MONDAY, domain: str = "out.example") -> dict[str, int]:
    """Letters by source address, "" for those without details."""
    found: dict[str, int] = {}
    opened = node.home.register()
    for each in tallies.of(opened.reader, kinds.DMARC, day, domain):
        seen = evidence.read(each.data) if each.data else None
        ip = seen.row.source_ip if seen else ""
        found[ip] = found.get(ip, 0) + each.count
    opened.close()
    return found


def test_letters_of_all_shards_are_counted_once(node: Node) -> None:
    node.judged(row(), row(), row("192.0.2.2"))
    node.judged(row(), shard=1)
    assert node.turn() == 4
    assert node.turn() == 0
    node.judged(row("192.0.2.2"))
    assert node.turn() == 1
    assert counts(node) == {"192.0.2.1": 3, "192.0.2.2": 2}


def test_refused_letters_are_counted_as_well(node: Node) -> None:
    form = forms.Refused(
        "x@out.example", ("alice@home.example",), "mx", "5.7.1", dmarc=forms.Dmarc(PUBLISHED, row(), True)
    )
    node.write(0, [forms.refused(node.numbers.next(node.now), form, node.now)])
    node.turn()
    assert counts(node) == {"192.0.2.1": 1}


def test_another_process_goes_on_where_the_first_one_died(make: Any) -> None:
    first = make()
    first.judged(row(), row())
    first.turn()
    first.judged(row())
    second = make("n2/0")
    assert second.turn() == 1
    assert first.turn() == 0
    assert counts(first) == {"192.0.2.1": 3}


def test_two_who_read_the_same_events_count_them_once(node: Node, register: Any) -> None:
    node.judged(row())
    with node.home.reader(0) as reader:
        first = gather.Gatherer(node.settings, register, None, str)
        second = gather.Gatherer(node.settings, _Slow(register, lambda: first.step(reader, 0, START)), None, str)
        with pytest.raises(gather.Moved):
            second.step(reader, 0, START)
        assert second.step(reader, 0, START).seen == 0
    assert counts(node) == {"192.0.2.1": 1}


class _Slow:
    """A register whose first note comes after another's."""

    def __init__(self, register: Any, meanwhile: Any) -> None:
        self._register = register
        self._meanwhile = meanwhile
        self.reader = register.reader

    def note(self, function: Any) -> Any:
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return self._register.note(function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._register, name)


def test_a_death_between_reading_and_counting_loses_and_doubles_nothing(node: Node, register: Any) -> None:
    node.judged(row(), row())

    class Dying:
        reader = register.reader

        def note(self, function: Any) -> Any:
            def dies(tx: Any) -> None:
                function(tx)
                raise StoreTrouble("the disk is gone")

            return register.note(dies)

    with node.home.reader(0) as reader, pytest.raises(StoreTrouble):
        gather.Gatherer(node.settings, Dying(), None, str).step(reader, 0, START)  # type: ignore[arg-type] # as much of it as is used
    assert counts(node) == {}
    node.turn()
    assert counts(node) == {"192.0.2.1": 2}


def test_letters_nobody_asked_about_are_not_counted(node: Node, register: Any) -> None:
    node.judged(row(), rua=False)
    node.judged(row(), published=Published("", "none"))
    node.write(0, [Event(7, START, REFUSED, b'{"dmarc":{"published":3}}'), Event(8, START, REFUSED, b'{"x":1}')])
    assert node.turn() == 0
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == []


def test_our_own_reports_and_old_days_are_not_counted(node: Node) -> None:
    node.judged(row("192.0.2.3"), header_from="Postmaster@home.example")
    node.judged(row("192.0.2.4"), header_from="other@home.example")
    node.judged(row("192.0.2.5"), at=START - 10 * DAY)
    node.turn()
    assert counts(node) == {"192.0.2.4": 1}


def test_nothing_is_counted_while_no_reports_are_sent(make: Any) -> None:
    node = make(dmarc=False, tls=False)
    node.judged(row())
    assert node.turn() == 0
    assert counts(node) == {}
    assert not node.office.active


def test_old_counts_of_tls_go_though_no_reports_are_sent(make: Any, register: Any) -> None:
    node = make(dmarc=False, tls=False)
    row_ = TallyRow(kinds.TLS, MONDAY, "tls.example", "k", 1, b"{}")
    register.note(lambda tx: tallies.add(tx, [row_]))
    node.turn()
    node.now += 5 * DAY
    node.turn()
    assert tallies.domains(register.reader, kinds.TLS, MONDAY) == []


def test_a_flood_of_different_rows_is_counted_with_fewer_details(make: Any, register: Any) -> None:
    node = make(rows=10)
    node.judged(*(row(auth_dkim=(DkimAuth("out.example", f"s{n}", "fail"),)) for n in range(300)))
    node.turn()
    node.judged(*(row(f"198.51.100.{n}", envelope_from=f"e{n}.example") for n in range(200)))
    node.turn()
    found = tallies.of(register.reader, kinds.DMARC, MONDAY, "out.example")
    assert sum(each.count for each in found) == 500
    assert len(found) <= 22
    assert counts(node)["192.0.2.1"] == 300  # the coarse row keeps what DMARC found
    assert counts(node)[""] > 100


def test_many_steps_read_a_long_journal(node: Node) -> None:
    node.judged(*(row() for _ in range(gather.BATCH + 5)))
    assert node.turn() == gather.BATCH + 5
    assert counts(node) == {"192.0.2.1": gather.BATCH + 5}


def test_it_is_known_how_far_each_journal_was_read(node: Node, register: Any) -> None:
    assert gather.pending(register, [0, 1], START) == [0, 1]
    node.turn()
    assert gather.pending(register, [0, 1], START) == []
    node.now += gather.SAYING // 2
    node.turn()
    assert reports.cursors(register.reader) == {0: START, 1: START}  # nothing happened: it is not written again yet
    node.now += gather.SAYING
    node.turn()
    assert gather.pending(register, [0, 1], node.now) == []


def test_a_journal_put_back_from_a_copy_is_read_from_its_end(node: Node, register: Any) -> None:
    register.note(lambda tx: reports.advance(tx, 0, 0, 1000, START))
    node.judged(row())
    node.turn()  # the cursor stands beyond the last event: it is set back to it
    node.judged(row("192.0.2.9"))
    node.turn()
    assert counts(node) == {"192.0.2.9": 1}


def test_coarse_rows_keep_what_counts() -> None:
    seen = evidence.Seen(PUBLISHED, row())
    coarse = evidence.coarse(seen)
    assert coarse.row.source_ip == "192.0.2.1"
    assert (coarse.row.dkim, coarse.row.spf, coarse.row.disposition) == ("fail", "fail", "reject")
    assert coarse.row.auth_dkim == ()
    assert evidence.key(evidence.data(coarse)) != evidence.key(evidence.data(seen))
    assert evidence.read(evidence.data(seen)) == seen
    assert evidence.read(b"x") is None


def test_the_cursor_belongs_to_its_shard(register: Any) -> None:
    assert register.note(lambda tx: reports.advance(tx, 0, 0, 5, 7))
    assert not register.note(lambda tx: reports.advance(tx, 0, 0, 6, 8))
    assert register.note(lambda tx: reports.advance(tx, 1, 0, 9, 7))
    assert reports.cursor(register.reader, 0) == (5, 7)
    assert not register.note(lambda tx: reports.advance(tx, 2, 4, 9, 7))


def test_settings_have_their_bounds() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"hour": 24}, Settings)
    assert Settings().dmarc is False
