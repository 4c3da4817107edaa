"""The verifier: what a change to a signed letter does, what keys and settings do, and which letters get what word."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.support import signed
from tests.support.signed import LETTER, NOW, check, words

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import canonical, fields, keys, sign, trace, verify
from hatoba.mailauth.questions import Answer

ED = sign.Signer("example.org", "e", signed.ed25519_key())
SIMPLE = sign.Signer("example.org", "e", signed.ed25519_key(), "simple", "simple")
ONCE = sign.Signer("example.org", "e", signed.ed25519_key(), sealed=(), taken=(*sign.SEALED, *sign.TAKEN))


def letter(signer: sign.Signer = ED, content: bytes = LETTER, changed: dict[str, bytes] | None = None) -> bytes:
    """A signed letter; `changed` puts other texts for tags into the field and signs again what it says then."""
    if not changed:
        return sign.sign(content, [signer], now=NOW) + content
    header, body = fields.split(content)
    digest = canonical.BodyHash(signer.body_form)
    digest.update(body)
    made = sign.field(header, digest.digest(), signer, now=NOW)
    return resigned(made, content, signer, changed)


def resigned(field: bytes, content: bytes, signer: sign.Signer, changed: dict[str, bytes]) -> bytes:
    """The letter below its signature field with tags changed or added, made over what the field says then."""
    said = dict(part.strip().split(b"=", 1) for part in field.partition(b":")[2].split(b";"))
    said |= {tag.encode(): text for tag, text in changed.items()} | {b"b": b""}
    said = {tag: text for tag, text in said.items() if text != b"-"}
    value = b" " + b"; ".join(tag + b"=" + b"".join(text.split()) for tag, text in said.items())
    header = fields.split(content)[0]
    names = b"".join(said[b"h"].split()).lower().split(b":")
    parts = [header.canonical(place, signer.header_form) for place in header.selected(names)]
    parts.append(canonical.field(b"DKIM-Signature", value, signer.header_form))
    made = base64.b64encode(keys.sign(signer.key, b"\r\n".join(parts)))
    head, _, tail = value.partition(b" b=")
    return b"DKIM-Signature:" + head + b" b=" + made + tail + b"\r\n" + content


def test_a_letter_without_signature() -> None:
    assert check(LETTER) == ()
    assert check(b"") == ()
    assert check(b"no header") == ()
    assert trace.findings(())[0][:2] == ("dkim", "none")


def test_what_a_pass_tells() -> None:
    (found,) = check(letter())
    assert found[:6] == ("pass", "", "example.org", "e", "ed25519-sha256", "@example.org")
    assert found.place == 0
    assert found.signed.count(b"from") == 2
    assert len(found.b) == 8
    finding = trace.finding(found)
    assert finding.value("header", "d") == "example.org"
    assert finding.value("header", "b") == found.b


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"Alice", b"Mallory", "fail"),
        (b"Dear", b"dear", "fail"),
        (b"\r\n\r\n\tthis", b"\r\n\r\n\r\n\tthis", "fail"),
        (b"Subject: a", b"subject :   a", "pass"),
        (b"\r\n\twith a", b"  with\r\n a", "pass"),
        (b"with a", b"witha", "fail"),
        (b"Dear  Bob, \r\n", b"Dear Bob,\t\r\n", "pass"),
        (b"\tthis is it.\r\n\r\n\r\n", b" this is it.", "pass"),
        (b"\tthis is it.", b"this is it.", "fail"),
        (b"Received:", b"X-Received:", "pass"),
        (b"MIME-Version: 1.0\r\n", b"", "fail"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n", "pass"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nSubject: b\r\n", "fail"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nReply-To: b@example.net\r\n", "fail"),
    ],
)
def test_changes_under_relaxed(old: bytes, new: bytes, word: str) -> None:
    assert old in LETTER
    assert words(letter().replace(old, new)) == [word]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"Subject: a", b"subject: a", "fail"),
        (b"Subject: a", b"Subject:  a", "fail"),
        (b"Dear  Bob, ", b"Dear  Bob,", "fail"),
        (b"it.\r\n\r\n\r\n", b"it.\r\n", "pass"),
        (b"it.\r\n\r\n\r\n", b"it.", "pass"),
        (b"DKIM-Signature:", b"Dkim-Signature:", "fail"),
    ],
)
def test_changes_under_simple(old: bytes, new: bytes, word: str) -> None:
    assert old in letter(SIMPLE)
    assert words(letter(SIMPLE).replace(old, new)) == [word]


def test_fields_are_taken_from_the_bottom() -> None:  # RFC 6376 §5.4.2
    made = letter(ONCE)
    added = b"Subject: on top\r\n"
    assert words(added + made) == ["pass"]
    assert words(made.replace(b"MIME-Version", b"Subject: below\r\nMIME-Version")) == ["fail"]
    two = LETTER.replace(b"To: bob", b"X: 1\r\nX: 2\r\nTo: bob")
    made = letter(sign.Signer("example.org", "e", signed.ed25519_key(), taken=(b"x",)), two)
    assert words(made) == ["pass"]
    assert words(made.replace(b"X: 1\r\nX: 2", b"X: 2\r\nX: 1")) == ["fail"]


def test_a_second_author_is_not_let_through() -> None:
    (found,) = check(b"From: boss@example.org\r\n" + letter(ONCE))
    assert (found.result, found.reason) == ("policy", "there is a From that is not signed")
    assert words(b"From: boss@example.org\r\n" + letter()) == ["fail"]


def test_a_letter_without_author() -> None:
    content = LETTER.replace(b"From: Alice <alice@example.org>\r\n", b"")
    assert words(letter(content=content)) == ["permerror"]


def test_a_field_hidden_behind_a_bare_line_end_counts() -> None:
    content = LETTER.replace(b"Subject: a", b"X: y\nFrom: boss@example.org\r\nSubject: a")
    made = letter(ONCE, content.replace(b"y\nFrom", b"y, From"))
    assert words(made.replace(b"y, From", b"y\nFrom")) == ["policy"]


@pytest.mark.parametrize("gap", [b"\n\n", b"\n\r\n", b"\r\n\n"])
def test_no_text_is_let_in_between_header_and_body(gap: bytes) -> None:
    made = letter()
    smuggled = made.replace(b"\r\n\r\nDear", b"\r\nX: y" + gap + b"Evil text\r\nY: z\r\n\r\nDear", 1)
    assert words(smuggled) == ["fail"]
    block, _, body = smuggled.partition(b"\r\n\r\nDear")
    inspection = verify.Inspection(fields.Fields(block), now=NOW)
    inspection.update(b"Dear" + body)
    (found,) = questions.run(inspection.conclude(), signed.zone())
    assert found[:2] == ("policy", "there is an empty line in the header")


def test_the_body_is_wanted_only_where_it_matters() -> None:
    assert verify.Inspection(fields.split(letter())[0], now=NOW).hashing
    for content in (LETTER, letter(changed={"v": b"2"})):
        assert not verify.Inspection(fields.split(content)[0], now=NOW).hashing


def test_letters_with_lf_alone_are_read() -> None:
    assert words(letter().replace(b"\r\n", b"\n")) == ["pass"]


def test_several_signatures_are_judged_each() -> None:
    strange = sign.Signer("example.org", "none", signed.ed25519_key())
    content = letter(SIMPLE, letter(strange, letter(ED)))
    broken = content.replace(b"a=ed25519-sha256; c=simple", b"a=rsa-sha1; c=simple")
    assert [found.result for found in check(broken)] == ["policy", "permerror", "pass"]
    assert [found.place for found in check(broken)] == [0, 1, 2]
    assert [found.selector for found in check(broken)] == ["e", "none", "e"]


def test_signatures_beyond_the_limit_are_passed_over() -> None:
    content = LETTER
    for _ in range(4):
        content = letter(ED, content)
    found = check(content, settings=verify.Settings(signatures=2))
    assert [each.result for each in found] == ["pass", "pass", "policy", "policy"]
    assert found[3].reason == "too many signatures"


def test_a_signature_may_sign_others_but_not_itself() -> None:
    outer = sign.Signer("example.org", "e", signed.ed25519_key(), taken=(b"dkim-signature",))
    inner = letter(ED)
    content = letter(outer, inner)
    assert words(content) == ["pass", "pass"]
    assert words(content.replace(b"DKIM-Signature: v=1; a=ed", b"DKIM-Signature: z=; v=1; a=ed", 2))[0] == "fail"


@pytest.mark.parametrize(
    ("changed", "word", "reason"),
    [
        ({"x": b"%d" % (NOW + 1)}, "pass", ""),
        ({"x": b"%d" % NOW, "t": b"1"}, "pass", ""),
        ({"x": b"%d" % (NOW - 1), "t": b"1"}, "policy", "expired"),
        ({"t": b"%d" % (NOW + 3600)}, "pass", ""),
        ({"t": b"%d" % (NOW + 3601)}, "policy", "future"),
        ({"t": b"-"}, "pass", ""),
        ({"l": b"5"}, "policy", "l="),
        ({"i": b"joe@mail.example.org"}, "pass", ""),
        ({"h": b"from:to:absent:from"}, "pass", ""),
        ({"z": b"From:x@y|To:z", "unknown": b"1"}, "pass", ""),
        ({"bh": base64.b64encode(bytes(32))}, "fail", "body"),
        ({"c": b"relaxed/nowsp"}, "neutral", "canonicalization"),
        ({"h": b"to:subject"}, "permerror", "From"),
        ({"v": b"2"}, "neutral", "version"),
    ],
)
def test_tags_that_are_signed(changed: dict[str, bytes], word: str, reason: str) -> None:
    (found,) = check(letter(changed=changed))
    assert (found.result, reason in found.reason) == (word, True)
    assert found.domain == "example.org"


@pytest.mark.parametrize(
    ("partial", "length", "word"),
    [
        ("refuse", 27, "policy"),
        ("whole", 27, "pass"),
        ("whole", 9, "policy"),
        ("accept", 9, "pass"),
        ("accept", 27, "pass"),
        ("accept", 28, "permerror"),
        ("accept", 0, "pass"),
    ],
)
def test_a_part_of_the_body(partial: str, length: int, word: str) -> None:
    body = b"Dear Bob,\r\n\r\n this is it.\r\n"
    assert len(body) == 27
    taken = canonical.BodyHash("relaxed", length)
    taken.update(body)
    made = letter(changed={"l": b"%d" % length, "bh": base64.b64encode(taken.digest())})
    settings = verify.Settings(partial=partial)  # type: ignore[arg-type] # the words of the cases
    (found,) = check(made, settings=settings)
    assert found.result == word


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (questions.TROUBLE, "temperror"),
        (questions.NXDOMAIN, "permerror"),
        (questions.NODATA, "permerror"),
        (Answer((b"v=spf1 -all", b"v=DKIM1; p=")), "permerror"),
        ("v=DKIM1; k=ed25519; p=", "permerror"),
    ],
)
def test_keys_that_are_not_there(said: Answer | str, word: str) -> None:
    assert words(letter(), signed.zone(e=said)) == [word]


def test_several_records_at_one_name() -> None:
    good = keys.record(signed.ed25519_key()).encode()
    other = keys.record(ed25519.Ed25519PrivateKey.generate()).encode()
    assert words(letter(), signed.zone(e=Answer((other, b"rubbish", good)))) == ["pass"]
    assert words(letter(), signed.zone(e=Answer((other, other, other, good)))) == ["fail"]


def test_a_domain_that_is_testing() -> None:  # RFC 6376 §3.6.1
    look = signed.zone(e=keys.record(signed.ed25519_key()) + "; t=y")
    (good,) = check(letter(), look)
    (bad,) = check(letter() + b"x", look)
    assert (good.result, good.testing) == ("pass", True)
    assert (bad.result, bad.testing) == ("neutral", True)


def test_a_strict_key_allows_no_subdomain() -> None:  # RFC 6376 §3.6.1
    look = signed.zone(e=keys.record(signed.ed25519_key()) + "; t=s")
    assert words(letter(changed={"i": b"joe@example.org"}), look) == ["pass"]
    assert words(letter(changed={"i": b"joe@mail.example.org"}), look) == ["permerror"]


def test_a_header_beyond_the_limit() -> None:
    assert [found.result for found in check(letter(), settings=verify.Settings(header=100))] == ["policy"]


def test_keys_are_asked_for_at_once_and_once() -> None:
    content = letter(sign.Signer("example.org", "r", signed.rsa_key()), letter(SIMPLE, letter(ED)))
    engine = verify.check(content, now=NOW)
    asked = next(engine)
    assert [question.name for question in asked] == ["r._domainkey.example.org", "e._domainkey.example.org"]
    assert {question.type for question in asked} == {"TXT"}


def test_what_is_printed_is_fit_to_print() -> None:
    said = b'DKIM-Signature: v=1; a=x\xc3\xa9(; d=a"b; s=\xc2\x85; b=(); h=from; bh=x\r\n'
    (found,) = check(said + LETTER)
    assert found[:7] == ("neutral", "unknown algorithm", "", "", "", "", "")


def test_no_octets_break_it() -> None:
    made = letter()
    for at in range(0, len(made), 7):
        for octet in (b"\x00", b"\xff", b"\r", b"\n", b";", b":"):
            for found in check(made[:at] + octet + made[at + 1 :]):
                assert found.result in {"pass", "fail", "neutral", "policy", "permerror"}
