"""Encoded words and charsets read as people expect, Japanese ones above all."""

import base64
import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import charsets, encode, words


def word(charset: str, text: bytes, encoding: str = "B") -> str:
    return f"=?{charset}?{encoding}?{base64.b64encode(text).decode()}?="


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?B?5pel5pys?=", "日本"),
        ("=?UTF-8?q?caf=C3=A9_au_lait?= !", "café au lait !"),
        ("a =?utf-8?B?5pel?= \r\n =?utf-8?B?5pys?= b", "a 日本 b"),
        ("=?utf-8*ja?B?5pel?=", "日"),
        ("=?utf-8?B?5pe?= =?utf-8?B?pQ==?=", "日"),  # a character cut in two, and no padding
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?x-unknown?B?5pel5pys?=", "日本"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?B?====?=", ""),
        ("=?utf-8?Q?=ZZ?=", "=ZZ"),
        ("Re: =?utf-8?Q?a=0D=0AX-Evil:_b?=", "Re: a X-Evil: b"),
        ("=?us-ascii?Q?a?= =?us-ascii?Q?b?=", "ab"),
        ("=?us-ascii?Q?a?= x =?us-ascii?Q?b?=", "a x b"),
        ("=?utf-8?B?5pel?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"),
        ("=?idna?Q?a?= =?base64?Q?b?=", "ab"),
        ("", ""),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    assert words.decode(value) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("日本".encode(), "日本"),
        ("日本語".encode("shift_jis"), "日本語"),
        ("日本語".encode("euc_jp"), "日本語"),
        ("日本語".encode("iso2022_jp"), "日本語"),
        (b"caf\xe9 x", "café x"),
        (b"a\x00b\x1bc", "a b c"),
    ],
)
def test_octets_nobody_encoded(octets: bytes, text: str) -> None:
    assert words.decode(octets) == text


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        ("①㈱髙﨑～".encode("cp932"), "Shift_JIS", "①㈱髙﨑～"),
        ("①㈱髙﨑～".encode("cp932"), "windows-31j", "①㈱髙﨑～"),
        (b"\x1b$B-!-j\x1b(B x", "ISO-2022-JP", "①㈱ x"),
        (b"\x1b$Bys\x1b(B", "iso-2022-jp", "崧"),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ"),
        (b"\x1b$B-!\x1b(I1\x1b(B", "iso-2022-jp", "①ｱ"),
        (b"\x1b$B-!\x0a-\x1b(B", "iso-2022-jp", "①\n?"),
        ("日".encode("cp932"), "iso-2022-jp", "日"),
        (b"abc", "nonsense", "abc"),
        (b"abc", "", "abc"),
        ("é".encode("cp1252"), "iso-8859-1", "é"),
        (b"\x93x\x94", "iso-8859-1", "“x”"),
        ("é".encode(), "us-ascii", "é"),
        (b"\xff\xff", "utf-8", "\ufffd\ufffd"),
        ("한".encode("cp949"), "ks_c_5601-1987", "한"),
        ("汉".encode("gb18030"), "gb2312", "汉"),
        (b"abc", "utf-16", "abc"),
        (b"", "iso-2022-jp", ""),
        (b"x", "a" * 100, "x"),
        (b"x", "rot13", "x"),
    ],
)
def test_charsets(octets: bytes, label: str, text: str) -> None:
    assert charsets.decode(octets, label) == text


# Where Windows has other characters than the standard, as is well known: wave dash, double line, minus and their kin.
WINDOWS = dict(zip("＼〜‖−¢£¬", "＼～∥－￠￡￢", strict=True))


def test_a_text_with_one_windows_character_is_read_like_one_without() -> None:
    """The pair for ① is in no standard set, so the whole text is read by the larger set: the rest must not change."""
    for lead in range(0x21, 0x75):
        pairs = b"".join(
            bytes((lead, trail))
            for trail in range(0x21, 0x7F)
            if codecs.decode(b"\x1b$B" + bytes((lead, trail)) + b"\x1b(B", "iso2022_jp", "ignore")
        )
        standard = (b"\x1b$B" + pairs + b"\x1b(B").decode("iso2022_jp")
        found = charsets.decode(b"\x1b$B-!" + pairs + b"\x1b(B", "iso-2022-jp")
        assert found == "①" + "".join(WINDOWS.get(character, character) for character in standard)


@given(st.text())
def test_what_is_encoded_is_read_again(text: str) -> None:
    expected = words.decode(encode.clean(text).encode("utf-8", "replace"))
    if "=?" not in text:
        assert words.decode(encode.unstructured(text)) == expected
    assert all(len(part) <= 75 for part in encode.encoded_words(text).split(" "))


@given(
    st.binary(),
    st.sampled_from(["", "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "utf-7", "hz", "punycode", "utf-16"]),
)
def test_charsets_never_raise(octets: bytes, label: str) -> None:
    assert isinstance(charsets.decode(octets, label), str)


@given(st.text("=?utf-8BQ_ \r\nisojp203") | st.binary())
def test_words_never_raise_and_are_one_line(value: str | bytes) -> None:
    assert not set(words.decode(value)) & set("\r\n\x00\x1b")
