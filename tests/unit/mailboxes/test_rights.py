"""What an access control list lets somebody do."""

from __future__ import annotations

import pytest

from hatoba.mailboxes import rights


@pytest.mark.parametrize(
    ("written", "wanted"), [("srl", "lrs"), ("", ""), ("c", "kx"), ("d", "xte"), ("lrswipkxtea", "lrswipkxtea")]
)
def test_letters_in_their_order_and_old_ones_as_what_they_stand_for(written: str, wanted: str) -> None:
    assert rights.parsed(written) == wanted


def test_other_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="'q'"):
        rights.parsed("lq")


@pytest.mark.parametrize(("mode", "wanted"), [("+", "lrsw"), ("-", "lr"), ("", "sw")])
def test_changing(mode: str, wanted: str) -> None:
    assert rights.changed("lrs", mode, "sw") == wanted


def test_what_is_taken_weighs_more_than_what_is_given() -> None:
    entries = [("anyone", "lr"), ("ann", "swi"), ("-ann", "w"), ("bob", "a")]
    assert rights.granted(entries, "ann") == "lrsi"
    assert rights.granted(entries, "cid") == "lr"
    assert rights.granted([("ann", "lr"), ("-anyone", "r")], "ann") == "l"


def test_old_letters_are_said_beside_the_new_ones() -> None:
    assert rights.shown("lrk") == "lrkc"
    assert rights.shown("te") == "ted"
