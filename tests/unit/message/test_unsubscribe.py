"""List-Unsubscribe: the URIs, and one click."""

import pytest

from hatoba.message import unsubscribe


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("<mailto:leave@example.org>", ["mailto:leave@example.org"]),
        (
            " <https://a.example/\r\n\tleave>,\r\n\t<mailto:x@a.example?subject=u>",
            ["https://a.example/leave", "mailto:x@a.example?subject=u"],
        ),
        ("(Use this (or) <not:this>) <mailto:a@b>", ["mailto:a@b"]),
        ("go :( to <mailto:a@b>", ["mailto:a@b"]),
        ("a) <x:1> (\\) <x:2>) <x:3>", ["x:1", "x:3"]),
        ("<x:1>,<>,< >,<x:2", ["x:1"]),
        ("<x:<y:1>, <z:1>", ["z:1"]),
        ("mailto:a@b", []),
        ("", []),
    ],
)
def test_uris(value: str, wanted: list[str]) -> None:
    assert unsubscribe.uris(value) == wanted


def test_no_more_than_anybody_needs() -> None:
    assert len(unsubscribe.uris("<x:1>" * 1000)) == 50


def test_one_click() -> None:
    assert unsubscribe.one_click(" List-Unsubscribe=One-Click\r\n")
    assert not unsubscribe.one_click("List-Unsubscribe=Two-Clicks")
