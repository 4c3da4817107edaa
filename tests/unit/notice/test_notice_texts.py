"""The texts of both languages say the same things, and every status finds its words."""

import pytest

from hatoba.model.address import Address
from hatoba.model.outcome import FAILED, Outcome
from hatoba.model.status import Status
from hatoba.notice import words
from hatoba.notice.dsn import KINDS


def test_the_languages_have_the_same_keys() -> None:
    english, japanese = words.LANGUAGES["en"], words.LANGUAGES["ja"]
    assert english.reasons.keys() == japanese.reasons.keys()
    for texts in (english, japanese):
        assert set(texts.subject) == set(texts.opening) == set(KINDS)
        assert set("1234567") <= set(texts.reasons)
        for reason in texts.reasons.values():
            assert reason.happened
            assert reason.advice


def story(kind: str, code: str, **more: str) -> words.Story:
    told = [(Address("r", "xn--wgv71a119e.jp"), Outcome(0, FAILED, Status(code, "why"), more.pop("reply", "")))]
    return words.Story(kind, "mx.example.org", "ID", "subject", "then", "later", more.pop("server", ""), told)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("5.1.1", "no such mailbox"),
        ("4.1.1", "no such mailbox"),
        ("5.1.99", "The address was not accepted"),
        ("5.7.999", "by its rules"),
        ("5.0.0", "could not be delivered"),
        ("5.9.9", "could not be delivered"),
        ("5", "could not be delivered"),
    ],
)
def test_every_status_finds_its_words(code: str, said: str) -> None:
    assert said in words.text(story("failure", code), "en")


def test_our_own_reason_is_quoted_with_its_code() -> None:
    assert "(5.4.4 why)" in words.text(story("failure", "5.4.4"), "en")
    assert "The answer of the other server:\n    550 no" in words.text(story("failure", "5.0.0", reply="550 no"), "en")


def test_good_news_gives_no_advice() -> None:
    for kind in ("success", "relayed"):
        text = words.text(story(kind, "2.0.0", server="mx1.example.jp"), "ja")
        assert "対処方法" not in text
        assert "What you can do" not in text
    assert "passed on to mx1.example.jp" in words.text(story("relayed", "2.0.0", server="mx1.example.jp"), "en")
    assert "The letter was passed on.\n" in words.text(story("relayed", "2.0.0"), "en")


def test_the_domain_is_shown_as_people_write_it() -> None:
    assert "<r@日本語.jp>" in words.text(story("failure", "5.1.1"), "en")


@pytest.mark.parametrize("kind", KINDS)
def test_no_line_is_wider_than_a_window(kind: str) -> None:
    for line in words.text(story(kind, "5.7.26", reply="word " * 100 + "漢字" * 100), "ja").splitlines():
        assert sum(1 if character.isascii() else 2 for character in line) <= words.WIDTH + 4  # 。 may hang over


def test_times_are_written_out() -> None:
    assert words.moment(1_767_225_600_000, 540) == "2026-01-01 09:00 +0900"
    assert words.moment(1_767_225_600_000, -210) == "2025-12-31 20:30 -0330"
