"""What hatoba says of letters is what Dovecot says of them: ENVELOPE, BODYSTRUCTURE, and the octets of every section.

Dovecot keeps the letters and answers by IMAP; hatoba's answers come from message.structure. The collection of list mail
is tried where it is there.
"""

import imaplib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.conftest import missing
from tests.support import dovecot, imap_lists

from hatoba.message import structure

pytestmark = pytest.mark.interop
GOLDEN = Path(__file__).parents[1] / "golden" / "structure"
SAMPLE = 120  # letters of the collection


@pytest.fixture(scope="module")
def client() -> Iterator[imaplib.IMAP4]:
    if reason := dovecot.available():
        missing(reason)
    with dovecot.Dovecot() as server, imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as client:
        client.login("testuser", dovecot.PASSWORD)
        client.select()
        yield client


def kept(client: imaplib.IMAP4, raw: bytes) -> str:
    """The letter's number in Dovecot's INBOX."""
    client.append("INBOX", "", "", raw)
    client.noop()
    return client.select()[1][0].decode()  # type: ignore[union-attr]  # imaplib's answer to SELECT is one number


def asked(client: imaplib.IMAP4, number: str, item: str) -> bytes:
    """What FETCH says of one item, literals in their places."""
    _, answer = client.fetch(number, f"({item})")
    whole = b""
    for part in answer:
        whole += b"\r\n".join(part) if isinstance(part, tuple) else part or b""
    return whole


def value(answer: bytes, item: str) -> object:
    """The parenthesised list of an item, as lower-case values."""
    start = re.search(re.escape(item.encode()) + rb" \(", answer)
    assert start is not None
    return lowered(imap_lists.read(answer[start.end() - 1 :].removesuffix(b")")))


def lowered(value: object) -> object:
    """Strings without quotes and case: names of types, parameters and encodings have none."""
    if isinstance(value, list):
        return [lowered(each) for each in value]
    if isinstance(value, bytes):
        if value.startswith(b'"'):
            value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
        return b" ".join(value.split()).lower()
    return value


def same(client: imaplib.IMAP4, raw: bytes) -> str:
    """The letter's number, after ENVELOPE and BODYSTRUCTURE were found to be the same."""
    found = structure.summary(raw)
    number = kept(client, raw)
    envelope = asked(client, number, "ENVELOPE")
    if b"SYNTAX_ERROR" not in envelope:  # what Dovecot says of addresses that are none
        assert value(envelope, "ENVELOPE") == lowered(imap_lists.read(found.envelope))
    assert value(asked(client, number, "BODY"), "BODY") == lowered(imap_lists.read(found.body))
    told = value(asked(client, number, "BODYSTRUCTURE"), "BODYSTRUCTURE")
    assert told == lowered(imap_lists.read(found.structure))
    return number


@pytest.mark.parametrize("name", ["plain", "japanese", "forwarded", "bounce"])
def test_sections(client: imaplib.IMAP4, name: str) -> None:
    raw = (GOLDEN / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    # Dovecot puts a parameter in sections last, and leaves plain sections among percent-encoded ones as they are.
    raw = raw.replace(b'filename*2=" (1).xlsx"; size=12', b"filename*2*=.xlsx")
    number = same(client, raw)
    offsets = structure.summary(raw).offsets
    for row in structure.unpack(offsets)[1:]:
        for what in ("", "MIME", *(("HEADER", "TEXT") if row.inner >= 0 else ())):
            section = f"BODY[{row.number}.{what}]" if what else f"BODY[{row.number}]"
            expected = structure.section(raw, offsets, row.number, what)
            assert literal(asked(client, number, section.replace("BODY", "BODY.PEEK")), section) == expected
        if not row.media.startswith(("multipart/", "message/")):
            section = f"BINARY[{row.number}]"
            answer = asked(client, number, section.replace("BINARY", "BINARY.PEEK"))
            assert literal(answer, section) == structure.binary(raw, offsets, row.number)
    section = "BODY[HEADER.FIELDS (SUBJECT FROM)]"
    header = structure.section(raw, offsets, "", "HEADER") or b""
    expected = structure.header_fields(header, [b"subject", b"from"])
    assert literal(asked(client, number, section.replace("BODY", "BODY.PEEK")), section) == expected


def literal(answer: bytes, section: str) -> bytes:
    """The octets of a section in a FETCH answer."""
    found = re.search(re.escape(section.encode()) + rb' (?:~?\{(\d+)\}\r\n|"([^"]*)")', answer)
    assert found is not None, answer
    return found[2] if found[1] is None else answer[found.end() : found.end() + int(found[1])]


def test_list_mail(client: imaplib.IMAP4, shared: Path) -> None:
    paths = sorted((shared / "vectors" / "corpora" / "data" / "spamassassin-public").glob("easy-ham*"))
    for path in itertools.islice(paths, 0, SAMPLE * 3, 3):
        same(client, path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
