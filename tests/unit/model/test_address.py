"""Address: what is taken, what is refused and why, what is equal, what goes out."""

import pytest

from hatoba.model import domain
from hatoba.model.address import Address, BadAddress


@pytest.mark.parametrize(
    ("text", "local", "host", "wire"),
    [
        ("taro@example.jp", "taro", "example.jp", "taro@example.jp"),
        ("Taro.Y+x@Mail.EXAMPLE.jp", "Taro.Y+x", "mail.example.jp", "Taro.Y+x@mail.example.jp"),
        ("a@b", "a", "b", "a@b"),
        ("a@c--n.example", "a", "c--n.example", "a@c--n.example"),
        ('"taro"@example.jp', "taro", "example.jp", "taro@example.jp"),
        (r'"t\a\ro"@example.jp', "taro", "example.jp", "taro@example.jp"),
        (r'"a\"b\\c"@example.jp', 'a"b\\c', "example.jp", r'"a\"b\\c"@example.jp'),
        ('"a@b"@example.jp', "a@b", "example.jp", '"a@b"@example.jp'),
        ('""@example.jp', "", "example.jp", '""@example.jp'),
        ('" "@example.jp', " ", "example.jp", '" "@example.jp'),
        ('"a..b"@example.jp', "a..b", "example.jp", '"a..b"@example.jp'),
        ("日本@日本語.jp", "日本", "xn--wgv71a119e.jp", "日本@xn--wgv71a119e.jp"),
        ('"日本 語"@example.jp', "日本 語", "example.jp", '"日本 語"@example.jp'),
        ("a@xn--WGV71A119E.jp", "a", "xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"),
        ("a@ＥＸＡＭＰＬＥ．ｊｐ", "a", "example.jp", "a@example.jp"),
        ("a@日本語。jp", "a", "xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"),
        ("a@faß.de", "a", "xn--fa-hia.de", "a@xn--fa-hia.de"),
        ("a@i❤.ws", "a", "xn--i-7iq.ws", "a@xn--i-7iq.ws"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[192.0.002.010]", "a", "[192.0.2.10]", "a@[192.0.2.10]"),
        ("a@[ipv6:2001:DB8:0:0:0:0:0:1]", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"),
        ("a@[IPv6:::]", "a", "[IPv6:::]", "a@[IPv6:::]"),
        ("a@[IPv6:::FFFF:192.0.2.1]", "a", "[IPv6:::ffff:192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]"),
        ("a@[IPv6:1:2:3:4:5:6:192.0.2.1]", "a", "[IPv6:1:2:3:4:5:6:c000:201]", "a@[IPv6:1:2:3:4:5:6:c000:201]"),
    ],
)
def test_taken(text: str, local: str, host: str, wire: str) -> None:
    address = Address.parse(text)
    assert (address.local, address.domain, str(address)) == (local, host, wire)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no @"),
        ("taro", "no @"),
        ("@example.jp", "local part is missing"),
        ("taro@", "domain is missing"),
        (".a@example.jp", "dot"),
        ("a.@example.jp", "dot"),
        ("a..b@example.jp", "two dots"),
        ("a b@example.jp", "cannot stand"),
        ("a@b@example.jp", "cannot stand"),
        ('"a@example.jp', "not closed"),
        ('"a"b@example.jp', "not closed"),
        ('"a"."b"@example.jp', "not closed"),
        ('"a\tb"@example.jp', "quote"),
        ('"a\\\u00e9"@example.jp', "quote"),
        ("a\x85b@example.jp", "cannot stand"),
        ("a\u2028b@example.jp", "cannot stand"),
        ("a\ud800@example.jp", "cannot stand"),
        ("a\u037e@example.jp", "normalised"),
        ("a@example.jp.", "ends with a dot"),
        ("a@.example.jp", "empty label"),
        ("a@example..jp", "empty label"),
        ("a@-example.jp", "hyphen"),
        ("a@example-.jp", "hyphen"),
        ("a@under_score.jp", "cannot stand in a domain"),
        ("a@example.jp\n", "cannot stand in a domain"),
        ("a@ex ample.jp", "cannot stand in a domain"),
        ("a@日本語.jp。", "empty label"),
        ("a@日\u200d本.jp", "no IDN"),
        ("a@\u0301a.jp", "no IDN"),
        ("a@❤\u200d🔥.ws", "no IDN"),
        ("a@❤\u202e.ws", "no IDN"),
        ("a@[192.0.2]", "IPv4"),
        ("a@[192.0.2.256]", "IPv4"),
        ("a@[192.0.2.1", "not closed"),
        ("a@[IPv6:1:2]", "IPv6"),
        ("a@[IPv6:::1%eth0]", "IPv6"),
        ("a@[IPv6:1::2::3]", "IPv6"),
        ("a@[IPv6:1:2:3:4:5:6:7:8:9]", "IPv6"),
        ("a@[X400:abc]", "unknown tag"),
        ("a@[]", "IPv4"),
        ("a" * 65 + "@example.jp", "longer than 64"),
        ('"' + "a" * 63 + '"@example.jp', "longer than 64"),
        ("あ" * 22 + "@example.jp", "longer than 64"),
        ("a@" + "b" * 64 + ".jp", "longer than 63"),
        ("a@" + ".".join(["b" * 60] * 5), "longer than 255"),
        ("a" * 60 + "@" + ".".join(["b" * 60] * 3 + ["c" * 20]), "longer than 254"),
        ("a@" + "あ" * 400 + ".jp", "longer than 255"),
        ("a@" + "é" * 62 + ".jp", "no IDN"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why):
        Address.parse(text)


def test_the_longest_are_taken() -> None:
    label = "b" * 63
    assert Address.parse("a" * 64 + "@example.jp").local == "a" * 64
    longest = f"{'a' * 64}@{label}.{label}.{'c' * 61}"
    assert len(longest) == 254
    assert str(Address.parse(longest)) == longest
    with pytest.raises(BadAddress, match="254"):
        Address.parse(longest + "c")


@pytest.mark.parametrize("host", ["docomo.ne.jp", "ezweb.ne.jp", "au.com", "DoCoMo.ne.jp"])
@pytest.mark.parametrize("local", ["a..b", "ab.", ".ab", "-a..b-.", "..", "a...b_c"])
def test_carriers_loose_local_parts(local: str, host: str) -> None:
    bare, quoted = Address.parse(f"{local}@{host}"), Address.parse(f'"{local}"@{host}')
    assert bare == quoted
    assert hash(bare) == hash(quoted)
    assert bare.local == local
    assert str(bare) == f'"{local}"@{host.lower()}'
    assert Address.parse_path(f"<{local}@{host}>") == bare


@pytest.mark.parametrize(
    "text",
    [
        "a..b@mail.docomo.ne.jp", "a..b@xdocomo.ne.jp", "a..b@softbank.ne.jp", "a..b@au.com.example",
        "a b@docomo.ne.jp", "日..本@docomo.ne.jp", "@docomo.ne.jp", "." + "a" * 62 + "@docomo.ne.jp",
    ],
)  # fmt: skip
def test_the_loose_form_is_only_for_the_carriers(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)


def test_a_hyphen_in_front_is_within_the_grammar_and_goes_out_bare() -> None:
    assert str(Address.parse("-a-@docomo.ne.jp")) == "-a-@docomo.ne.jp"
    assert str(Address.parse('"-a-"@example.jp')) == "-a-@example.jp"


def test_without_smtputf8() -> None:
    assert Address.parse("a@example.jp", smtputf8=False).ascii
    assert Address.parse("a@日本語.jp").ascii  # its A-labels travel everywhere
    assert not Address.parse("日@example.jp").ascii
    for text in ("日@example.jp", "a@日本語.jp", '"日"@example.jp'):
        with pytest.raises(BadAddress, match="SMTPUTF8"):
            Address.parse(text, smtputf8=False)
        with pytest.raises(BadAddress, match="SMTPUTF8"):
            Address.parse_path(f"<{text}>", smtputf8=False)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("<a@example.jp>", "a@example.jp"),
        ("<@one.example,@two.example:a@example.jp>", "a@example.jp"),
        ("<@[192.0.2.1]:a@example.jp>", "a@example.jp"),
        ('<"a>b"@example.jp>', '"a>b"@example.jp'),
        ("<postmaster>", "postmaster"),
        ("<PostMaster>", "postmaster"),
        ("<Postmaster@example.jp>", "Postmaster@example.jp"),
        ("<" + "a" * 60 + "@example.jp>", "a" * 60 + "@example.jp"),
    ],
)
def test_paths(text: str, wire: str) -> None:
    assert str(Address.parse_path(text)) == wire


def test_the_null_path_is_none() -> None:
    assert Address.parse_path("<>") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "<", ">", "a@example.jp", "<a@example.jp", "a@example.jp>", "<<a@example.jp>>", "< a@example.jp>", "<a>",
        "<@example.jp>", "<@one.example>", "<@one.example,:a@example.jp>", "<@one_x.example:a@example.jp>",
        "<@one.example:>", "<a@example.jp> ", "<@:a@example.jp>", "xa@example.jpx",
    ],
)  # fmt: skip
def test_no_paths(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse_path(text)


def test_a_domain_for_the_eye() -> None:
    assert domain.human("xn--wgv71a119e.jp") == "日本語.jp"
    assert domain.human("example.jp") == "example.jp"
    assert domain.human("xn--99999999.jp") == "xn--99999999.jp"
    assert domain.human("[192.0.2.1]") == "[192.0.2.1]"
