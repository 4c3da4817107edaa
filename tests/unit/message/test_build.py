"""Parts and multiparts: the standard library's parser finds what was put in."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import build

texts = st.text(st.characters(exclude_categories=["Cs"]))


def read(raw: bytes) -> email.message.EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


@given(texts)
def test_text_comes_back(text: str) -> None:
    part = build.text(text)
    assert build.seven_bit(part.body)
    assert part.encoding == "7bit" or max(map(len, part.body.split(b"\r\n"))) <= 76
    decoded = read(part.header + b"\r\n" + part.body).get_payload(decode=True)
    assert decoded == build.canonical(text)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("a long plain text with one é in it", "quoted-printable"),
        ("日本語の文章", "base64"),
        ("x" * 1200, "quoted-printable"),
        ("a\x00b", "base64"),
        ("", "7bit"),
    ],
)
def test_the_encoding_suits_the_text(text: str, encoding: str) -> None:
    assert build.text(text).encoding == encoding


def test_line_ends_become_crlf() -> None:
    assert build.text("a\nb\rc\r\nd").body == b"a\r\nb\r\nc\r\nd"


@given(st.lists(texts, min_size=1, max_size=4))
def test_multiparts_come_apart_again(contents: list[str]) -> None:
    parts = [build.text(content, fields=(("Content-Language", "ja"),)) for content in contents]
    raw = build.message([("From", "a@b")], build.multipart("mixed", parts, "SEED"))
    message = read(raw)
    assert message["From"] == "a@b"
    found = list(message.iter_parts())
    assert [part.get_payload(decode=True) for part in found] == [build.canonical(content) for content in contents]
    assert found[0]["Content-Language"] == "ja"


def test_a_boundary_that_stands_in_a_part_is_changed() -> None:
    inner = build.Part("message/rfc822", b"Subject: x\r\n\r\n--=_SEED\r\n--=_SEED.1--\r\n")
    part = build.multipart("mixed", [inner], "SEED")
    assert 'boundary="=_SEED.2"' in part.type
    (found,) = read(build.message([], part)).iter_parts()
    assert found.get_content_type() == "message/rfc822"


def test_the_widest_encoding_is_named() -> None:
    seven, eight = build.Part("text/plain", b"a"), build.Part("message/rfc822", b"\xe9", "8bit")
    assert build.multipart("mixed", [seven], "s").encoding == "7bit"
    assert build.multipart("mixed", [seven, eight], "s").encoding == "8bit"


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (b"", True),
        (b"a\r\nb", True),
        (b"a\nb", False),
        (b"a\rb", False),
        (b"x" * 998 + b"\r\n" + b"y" * 998, True),
        (b"x" * 999, False),
    ],
)
def test_lines_that_fit(body: bytes, fits: bool) -> None:
    assert build.lines_fit(body) is fits
