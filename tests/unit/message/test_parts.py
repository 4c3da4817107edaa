"""Parts of received letters: leaves in order, decoded, never too many or too deep."""

from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import parts
from hatoba.message.parts import Leaf


def wrapped(inner: bytes, mark: str) -> bytes:
    return (
        f"Content-Type: multipart/mixed; boundary={mark}\r\n\r\n--{mark}\r\n".encode()
        + inner
        + f"\r\n--{mark}--".encode()
    )


def test_leaves() -> None:
    inner = b"Content-Type: Text/HTML; charset=x\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\na=3Db"
    inner += b"\r\n--b\r\n\r\nplain"
    assert list(parts.leaves(wrapped(wrapped(inner, "b"), "a"))) == [Leaf(b"text/html", b"a=b"), Leaf(b"", b"plain")]
    assert list(parts.leaves(b"Subject: x\r\n\r\nbody")) == [Leaf(b"", b"body")]


def test_an_encoding_that_cannot_be_undone_stays() -> None:
    letter = b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert list(parts.leaves(letter + b"aGk=")) == [Leaf(b"a/b", b"hi")]
    assert list(parts.leaves(letter + b"a")) == [Leaf(b"a/b", b"a")]


def test_letters_within_letters_are_leaves() -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\nx"
    ((kind, _),) = parts.leaves(wrapped(inner, "a"))
    assert kind == b"message/rfc822"


def test_not_too_deep_and_not_too_many() -> None:
    deep = b"Content-Type: text/plain\r\n\r\nx"
    for mark in "abcdefgh":
        deep = wrapped(deep, mark)
    assert list(parts.leaves(deep)) == []
    assert len(list(parts.leaves(wrapped(b"\r\n\r\n--a".join([b"\r\nx"] * 1000), "a")))) == parts.MOST


@given(
    st.lists(
        st.sampled_from([b"--a", b"--a--", b"\r\n", b"\n", b"x", b"Content-Type: multipart/mixed; boundary=a", b":"])
    )
)
def test_nothing_escapes(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert sum(len(leaf.body) for leaf in parts.leaves(whole)) <= len(whole)
