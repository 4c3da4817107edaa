"""Macro strings: the grammar, and each transformer."""

import pytest

from hatoba.mailauth.spf import macro
from hatoba.mailauth.spf.macro import BadMacro, Expand

VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "v": "in-addr",
    "h": "mail+x.example",
    "p": "unknown",
    "c": "192.0.2.3",
    "r": "mx.example.org",
    "t": "1700000000",
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # RFC 7208 §7.4
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        # and the rest of the grammar
        ("a%%b%_c%-d", "a%b c%20d"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{H}", "mail%2Bx.example"),
        ("%{h+}", "mail.x.example"),
        ("%{s-}", "strong.bad@email.example.com"),
        ("%{s-.}", "strong.bad@email.example.com"),
        ("%{D1R}", "email"),
        ("%{d99999999999999999999}", "email.example.com"),
        ("%{d002}", "example.com"),
        ("%{c}%_%{r}%_%{t}", "192.0.2.3 mx.example.org 1700000000"),
        ("", ""),
    ],
)
def test_expansion(text: str, wanted: str) -> None:
    assert macro.expand(macro.parse(text), VALUES) == wanted


@pytest.mark.parametrize(
    "text",
    ["%", "a%", "%a", "%(d)", "%{", "%{}", "%{d", "%{d0}", "%{d00}", "%{x}", "%{d.r}", "%{d:}", "a b", "ü", "\t"],
)
def test_what_is_no_macro_string(text: str) -> None:
    with pytest.raises(BadMacro):
        macro.parse(text)


def test_letters_for_explanations_cannot_stand_in_a_domain() -> None:
    for letter in "crt":
        assert macro.parse(f"%{{{letter}}}").letters == {letter}
        with pytest.raises(BadMacro, match=letter):
            macro.parse(f"%{{{letter}}}", letters=macro.LETTERS)


def test_only_an_explanation_holds_spaces() -> None:
    assert macro.parse("two  words", spaces=True).pieces == ("two  words",)
    with pytest.raises(BadMacro):
        macro.parse("two words")


def test_pieces_are_joined_as_far_as_they_go() -> None:
    assert macro.parse("a%%b%{d2r-}c").pieces == ("a%b", Expand("d", 2, True, "-"), "c")


def test_a_long_name_loses_labels_from_the_left() -> None:
    name = ".".join(["abcdefghi"] * 30)  # 299 octets
    cut = macro.domain_name(name)
    assert cut == ".".join(["abcdefghi"] * 25)
    assert macro.domain_name("x" * 254) == ""
    assert macro.domain_name("x." + "y" * 253) == "y" * 253
    assert macro.domain_name("example.org.") == "example.org"
