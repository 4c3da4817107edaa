"""How verdicts combine: the strongest action, scores with thresholds, allow lists, silence."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.intake import ruling
from hatoba.intake.filter_settings import Domain, Settings
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Silence, Verdict
from hatoba.model.status import Status

NEVER = Settings(junk_at=0, reject_at=0)


def of(*said: str | tuple[str, float] | Verdict, settings: Settings = NEVER, always: Sequence[str] = ()) -> Any:
    verdicts = [
        each
        if isinstance(each, Verdict)
        else Verdict("c", each)
        if isinstance(each, str)
        else Verdict("c", each[0], score=each[1])
        for each in said
    ]
    return ruling.combine(verdicts, ruling.Table(settings, frozenset(always)))


@given(st.lists(st.sampled_from(ruling.ORDER)))
def test_the_strongest_action_wins_in_any_order(said: list[str]) -> None:
    found = of(*said)
    assert found.action == max(said, key=ruling.ORDER.index, default="accept")
    assert (found.status is not None) == (found.action in ("greylist", "defer", "reject"))
    assert [verdict.action for verdict in found.verdicts] == said


def test_the_status_is_the_verdicts_own_or_that_of_its_action() -> None:
    assert of("reject").status == Status("5.7.1")
    assert of("greylist").status.code == "4.7.1"
    own = Verdict("c", "reject", Status("5.7.23", "no"), "why")
    assert of("defer", own).status == Status("5.7.23", "no")
    assert of("defer", own).decisive is own
    assert str(of(own).refusal) == "5.7.23 no"
    assert of("junk").refusal is None


@pytest.mark.parametrize(
    ("scores", "action"),
    [
        ((1.0,), "accept"),
        ((3.0, 2.0), "tag"),
        ((8, 3, -1), "junk"),
        ((15.0,), "quarantine"),
        ((25, -5), "reject"),
        ((25, -6), "quarantine"),
    ],
)
def test_scores_add_up_to_thresholds(scores: tuple[float, ...], action: str) -> None:
    settings = Settings(tag_at=5, junk_at=10, quarantine_at=15, reject_at=20)
    found = of(*[("accept", score) for score in scores], settings=settings)
    assert (found.action, found.score) == (action, sum(scores))
    if action == "reject":
        assert found.status == Status("5.7.1", "Refused as unwanted: score 20 of 20")


def test_an_action_outweighs_a_score_that_calls_for_less() -> None:
    assert of(("quarantine", 6.0), settings=Settings(junk_at=5)).decisive.check == "c"


def test_recipients_that_differ_get_the_mildest() -> None:
    settings = Settings(
        reject_at=10, domain=(Domain("shop.example", reject_at=0, junk_at=4), Domain("*.Lab.example", reject_at=5))
    )
    table = ruling.Table(settings)
    to = {
        name: Recipient(Address("a", name))
        for name in ("shop.example", "x.y.lab.example", "lab.example", "other.example")
    }

    def action(score: float, *names: str) -> str:
        return ruling.combine([Verdict("c", "accept", score=score)], table, [to[name] for name in names]).action

    assert action(10, "other.example") == action(10, "lab.example") == "reject"
    assert action(5, "x.y.lab.example") == "reject"
    assert action(50, "shop.example") == "junk"
    assert action(50, "other.example", "shop.example") == "junk"
    assert action(10, "other.example", "x.y.lab.example") == "reject"
    assert action(10) == "reject"


def test_an_allow_list_ends_the_discussion_but_for_what_always_counts() -> None:
    allowed = Verdict("list", "allow", reason="friend")
    assert of("reject", allowed, "defer").action == "accept"
    assert of("reject", allowed).decisive is allowed
    assert of(("accept", 100.0), allowed, settings=Settings()).action == "accept"
    virus = Verdict("clamd eicar", "reject", Status("5.7.1", "virus"))
    assert of(allowed, virus, always=["clamd"]).decisive is virus
    assert of(allowed, Verdict("clamd", "accept"), always=["clamd"]).action == "accept"


def test_silence_is_what_the_settings_say() -> None:
    table = ruling.Table(Settings())
    assert table.silent(Silence("x")) == Verdict("x", "accept", reason="not done in time")
    bug = table.silent(Silence("x", "abc"))
    assert (bug.action, bug.status and bug.status.code) == ("defer", "4.3.0")
    assert "abc" in bug.reason
    other = ruling.Table(Settings(late="defer", fault="accept"))
    assert other.silent(Silence("x")).action == "defer"
    assert other.silent(Silence("x", "abc")).action == "accept"
