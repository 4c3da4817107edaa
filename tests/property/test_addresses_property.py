"""Whatever the text: only BadAddress escapes, what goes out is read as the same address, equal spellings are equal."""

import ipaddress
import string
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import mailbox
from hatoba.model.address import CARRIERS, Address, BadAddress

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~"
atoms = st.text(ATEXT, min_size=1, max_size=12)
dot_strings = st.lists(atoms, min_size=1, max_size=4).map(".".join)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=25)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
utf8 = st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x2FFF, exclude_categories=("Cc", "Cs")), max_size=8)
names = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cc"]), max_size=20)
near = st.text('a.@"\\[]:<>, 1日\u3002-IPv6', max_size=30)  # what the grammar turns on


def quoted(local: str, extra: bool = False) -> str:
    escaped = "".join("\\" + c if c in '"\\' or (extra and c.isascii()) else c for c in local)
    return f'"{escaped}"'


@given(st.one_of(st.text(max_size=60), near))
def test_only_bad_address_escapes_and_what_is_taken_comes_round(text: str) -> None:
    try:
        address = Address.parse(text)
    except BadAddress:
        return
    assert Address.parse(str(address)) == address
    assert Address.parse_path(f"<{address}>") == address
    assert "\r" not in str(address)
    assert "\n" not in str(address)


@given(dot_strings, domains)
def test_dot_strings_in_all_their_spellings_are_one_address(local: str, domain: str) -> None:
    bare = Address.parse(f"{local}@{domain}")
    assert str(bare) == f"{local}@{domain}"
    if len(local) < 31:
        assert Address.parse(f"{quoted(local)}@{domain.upper()}") == bare
        assert Address.parse(f"{quoted(local, extra=True)}@{domain}") == bare
    assert Address.parse_path(f"<@relay.example:{local}@{domain}>") == bare


@given(st.one_of(printable, utf8), domains)
def test_quoted_strings_come_round(local: str, domain: str) -> None:
    if unicodedata.normalize("NFC", local) != local or len(quoted(local).encode()) > 64:
        return
    address = Address.parse(f"{quoted(local)}@{domain}")
    assert address.local == local
    assert Address.parse(str(address)) == address


@given(st.text(ATEXT + "..", min_size=1, max_size=30), st.sampled_from(sorted(CARRIERS)))
def test_carriers_bare_and_quoted_are_equal(local: str, domain: str) -> None:
    bare = Address.parse(f"{local}@{domain}")
    assert bare == Address.parse(f"{quoted(local)}@{domain}")
    assert Address.parse(str(bare)) == bare


@given(st.ip_addresses(v=6), st.booleans())
def test_every_spelling_of_an_ipv6_literal_is_one(address: ipaddress.IPv6Address, long: bool) -> None:
    written = address.exploded if long else str(address).upper()
    assert Address.parse(f"a@[IPv6:{written}]") == Address.parse(f"a@[ipv6:{address}]")


@given(st.one_of(st.text(max_size=80), near))
def test_mailboxes_that_can_be_read_never_raise(text: str) -> None:
    found = mailbox.listed(text)
    first = mailbox.first(text)
    for box in [*found, *([first] if first else [])]:
        assert box.local or box.domain
        if box.address is not None:
            assert Address.parse(str(box.address)) == box.address


@given(dot_strings, domains, names)
def test_a_mailbox_with_a_quoted_name_is_its_address(local: str, domain: str, name: str) -> None:
    if len(local) > 64:
        return
    box = mailbox.parse(f"{quoted(name)} <{local}@{domain}>")
    assert (box.local, box.domain) == (local, domain)
    assert box.address == Address.parse(f"{local}@{domain}")
