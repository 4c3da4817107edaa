"""ARC chains: sealed by us, then broken one rule at a time. # RFC 8617 §4, §5.2"""

import re
from collections.abc import Callable

import dkim
import pytest
from tests.support import signed
from tests.support.signed import LETTER, NOW

from hatoba.mailauth import questions
from hatoba.mailauth.arc import chain, seal, sets, trace
from hatoba.mailauth.dkim import fields, sign
from hatoba.mailauth.questions import Answer, Question

RSA = sign.Signer("example.org", "r", signed.rsa_key())
ED = sign.Signer("example.org", "e", signed.ed25519_key())
RESULTS = b"mx.example.org; spf=pass smtp.mfrom=a@example.org; dkim=pass (2048-bit; \\(key) header.i=@example.org"


def check(content: bytes, look: Callable[[Question], Answer] | None = None, **settings: int) -> chain.Chain:
    engine = chain.check(content, now=NOW, settings=chain.Settings(**settings))  # type: ignore[arg-type]
    return questions.run(engine, look or signed.zone())


def forwarded(content: bytes = LETTER, hops: int = 1, signer: sign.Signer = ED) -> bytes:
    for _ in range(hops):
        content = seal.seal(content, signer, check(content), RESULTS, now=NOW) + content
    return content


def test_no_chain() -> None:
    assert check(LETTER) == chain.Chain("none")
    assert trace.finding(chain.Chain("none"))[:2] == ("arc", "none")


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("signer", [RSA, ED])
def test_chains_that_hold(hops: int, signer: sign.Signer) -> None:
    content = forwarded(hops=hops, signer=signer)
    found = check(content)
    assert found[:6] == ("pass", "", hops, 0, 0, False)
    assert [sealer.instance for sealer in found.sealers] == list(range(1, hops + 1))
    assert found.sealers[0].domain == "example.org"
    assert found.sealers[0].results.startswith(b"i=1; mx.example.org; spf=pass")
    finding = trace.finding(found, "192.0.2.1")
    assert finding.value("header", "oldest-pass") == "0"
    assert finding.value("smtp", "remote-ip") == "192.0.2.1"


def dns(name: bytes, timeout: int = 5) -> bytes:
    record: bytes = signed.zone()(Question(name.decode().rstrip("."), "TXT")).records[0]
    return record


@pytest.mark.parametrize("hops", [1, 2])
def test_dkimpy_takes_our_chains(hops: int) -> None:
    state, _, why = dkim.arc_verify(forwarded(hops=hops, signer=RSA), dnsfunc=dns)
    assert (state, why) == (b"pass", "success")


def test_the_fields_are_mail() -> None:
    block = forwarded()[: -len(LETTER)]
    assert [line.partition(b":")[0] for line in re.split(rb"\r\n(?![ \t])", block)[:-1]] == [
        b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"
    ]  # fmt: skip
    assert max(map(len, block.split(b"\r\n"))) < 998
    assert b"\n" not in block.replace(b"\r\n", b"")


def test_a_changed_letter_still_tells_how_old_it_is() -> None:
    once = forwarded()
    changed = once.replace(b"Dear", b"[list] Dear")
    assert check(changed).reason == "message signature 1: the body has changed"
    again = seal.seal(changed, ED, check(once), RESULTS, now=NOW) + changed
    assert check(again)[:4] == ("pass", "", 2, 2)
    assert check(forwarded(again))[:4] == ("pass", "", 3, 2)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Dear", b"dear", "message signature 2: the body has changed"),
        (b"Alice", b"Mallory", "message signature 2: does not match"),
        (b"i=1; mx.example.org;\r\n spf=pass", b"i=1; mx.example.org;\r\n spf=fail", "seal 2: does not match"),
        (b"i=2; mx.example.org;\r\n spf=pass", b"i=2; mx.example.org;\r\n spf=fail", "seal 2: does not match"),
        (b"ARC-Seal: a=ed25519-sha256;", b"ARC-Seal:", "set 2: a= is missing or empty"),
        (b"ARC-Seal: a=ed25519-sha256;", b"ARC-Seal: a=rsa-sha1;", "set 2: rsa-sha1 is not acceptable"),
        (b"ARC-Seal: a=", b"ARC-Seal: h=from; a=", "set 2: a seal holds h= or bh="),
        (b"ARC-Seal: a=", b"ARC-Seal: bh=x; a=", "set 2: a seal holds h= or bh="),
        (b"ARC-Seal: a=", b"ARC-Seal: A=x; a=", "seal 2: does not match"),
        (b"ARC-Seal: a=", b"ARC-Seal: a=x; a=", "a= stands twice"),
        (b"ARC-Seal: a=", b"ARC-Seal: ;a=", "something is no tag with a value"),
        (b"cv=pass;", b"cv=none;", "set 2: cv=none cannot stand there"),
        (b"cv=pass;", b"cv=maybe;", "set 2: cv= says neither none nor pass nor fail"),
        (b"cv=pass;", b"", "set 2: cv= is missing or empty"),
        (b"cv=none;", b"cv=pass;", "set 1: cv=pass cannot stand there"),
        (b"ARC-Message-Signature: a=", b"ARC-Message-Signature: h=from:arc-seal; a=", "h= stands twice"),
        (b"\n h=", b"\n h=arc-seal:", "set 2: h= names ARC-Seal"),
        (b"c=relaxed/relaxed;", b"c=other;", "set 2: unknown canonicalization"),
        (b"c=relaxed/relaxed;", b"x=1; c=relaxed/relaxed;", "message signature 2: has expired"),
        (b"c=relaxed/relaxed;", b"l=1; c=relaxed/relaxed;", "message signature 2: l= is not acceptable"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: i=2;", "the instances"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: i=0;", "an instance"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: i=51;", "an instance"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: mx;", "an instance"),
        (b"ARC-Authentication-Results: i=1;", b"X: i=1;", "a set is not whole"),
        (b"ARC-Seal:", b"X:", "a set is not whole"),
        (b"ARC-Message-Signature:", b"X:", "a set is not whole"),
        (b"\n i=2;", b"\n i=3;", "the instances"),
        (b"\n i=2;", b"\n i=x;", "an instance"),
        (b"\n i=2;", b"\n i=;", "an instance"),
        (b"\n d=example.org;", b"\n d=org;", "set 2: d= is no domain name"),
        (b"\r\n s=e;", b"", "set 2: s= is missing or empty"),
        (b"\n t=1500000000", b"\n t=", "set 2: t= is no number"),
    ],
)
def test_chains_that_do_not_hold(old: bytes, new: bytes, reason: str) -> None:
    content = forwarded(hops=2)
    assert old in content
    found = check(content.replace(old, new, 1))
    assert found.result == "fail"
    assert reason in found.reason
    assert found.instance in (2, 3)
    assert found.sealers == ()


@pytest.mark.parametrize(("old", "closed"), [(b"cv=pass;", 2), (b"cv=none;", 1)])
def test_a_chain_that_was_closed_stays_so(old: bytes, closed: int) -> None:
    content = forwarded(hops=2).replace(old, b"cv=fail;")
    found = check(content)
    assert (found.result, found.closed) == ("fail", closed)
    assert seal.seal(content, ED, found, RESULTS, now=NOW) == b""


def test_spaces_and_comments_around_an_instance() -> None:
    results = b"ARC-Authentication-Results: (a (comment)\r\n\t i(b)=\t1 (\\)) ; mx.example.org; none\r\n"
    with pytest.raises(sets.Broken):
        sets._of_results(results.partition(b":")[2].replace(b"(a (comment)", b"(a (comment"))
    assert sets._of_results(b" (a)\r\n\t i(b)=\t1 (\\)) ; mx.example.org; none") == 1


@pytest.mark.parametrize(
    ("said", "temporary"),
    [(questions.TROUBLE, True), (questions.NXDOMAIN, False), ("v=DKIM1; k=ed25519; p=", False)],
)
def test_keys_that_are_not_there(said: Answer | str, temporary: bool) -> None:
    content = forwarded()
    found = check(content, signed.zone(e=said))
    assert (found.result, found.temporary) == ("fail", temporary)
    assert bool(seal.seal(content, ED, found, RESULTS, now=NOW)) is not temporary


def test_a_failed_chain_is_closed_over_the_new_set_alone() -> None:  # RFC 8617 §5.1.2
    content = forwarded(hops=2).replace(b"Dear", b"dear")
    found = check(content)
    made = seal.seal(content, ED, found, RESULTS, now=NOW)
    assert b"cv=fail;" in made
    assert b"i=3;" in made
    assert check(made + content).closed == 3
    alone = made.replace(b"i=3", b"i=1") + LETTER.replace(b"Dear", b"dear")
    assert check(alone).closed == 1


def test_no_more_than_the_most_sets() -> None:
    content = forwarded(hops=4)
    assert check(content, sets=4).result == "pass"
    assert check(content, sets=3).reason == "more than 3 sets"
    full = chain.Chain("pass", instance=sets.MOST)
    assert seal.seal(LETTER, ED, full, RESULTS, now=NOW) == b""
    many = b"ARC-Seal: i=1; cv=none\r\n" * 51
    assert check(many + LETTER).reason == "more than 50 sets"


def test_a_header_beyond_the_limit() -> None:
    assert check(forwarded(), header=100).reason == "the header is too large"
    assert check(LETTER, header=100).result == "none"


def test_no_text_is_let_in_between_header_and_body() -> None:
    smuggled = forwarded().replace(b"\r\n\r\nDear", b"\r\nX: y\n\r\nEvil text\r\n\r\nDear", 1)
    assert check(smuggled).reason == "message signature 1: the body has changed"
    block, _, _ = smuggled.partition(b"\r\n\r\nDear")
    inspection = chain.Inspection(fields.Fields(block), now=NOW)
    assert not inspection.hashing
    assert questions.run(inspection.conclude(), signed.zone()).reason == "there is an empty line in the header"


def test_keys_are_asked_for_in_two_rounds_at_most() -> None:
    engine = chain.check(forwarded(forwarded(signer=RSA)), now=NOW)
    assert [question.name for question in next(engine)] == ["e._domainkey.example.org"]
    assert [
        question.name for question in engine.send((signed.zone()(Question("e._domainkey.example.org", "TXT")),))
    ] == ["r._domainkey.example.org"]


def test_a_letter_in_pieces() -> None:
    header, body = fields.split(forwarded())
    inspection = chain.Inspection(header, now=NOW)
    for at in range(0, len(body), 3):
        inspection.update(body[at : at + 3])
    assert questions.run(inspection.conclude(), signed.zone()).result == "pass"


@pytest.mark.parametrize(
    ("block", "payload"),
    [
        (b"", b"mx.example.org; none"),
        (b"Authentication-Results: mx.example.org; none\r\n", b"mx.example.org; none"),
        (b"Authentication-Results: MX.example.org 1; spf=pass (a;b)\r\n\t x=y ;\r\n",
         b"mx.example.org; spf=pass (a;b) x=y"),
        (b'Authentication-Results: (me) "mx.example.org"; a=b\r\nAuthentication-Results: mx.example.org; c=d\r\n',
         b"mx.example.org; a=b; c=d"),
        (b"Authentication-Results: mx.example.org.evil; a=b\r\n", b"mx.example.org; none"),
        (b"Authentication-Results: evil; mx.example.org; a=b\r\n", b"mx.example.org; none"),
        (b"Authentication-Results: mx.example.org\r\n", b"mx.example.org; none"),
        (b"Authentication-Results: " + b"(\\" * 50_000 + b"\r\n", b"mx.example.org; none"),
        (b"Authentication-Results: " + b"x" * 200_000 + b"\r\n", b"mx.example.org; none"),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_our_own_fields_attest(block: bytes, payload: bytes) -> None:
    assert seal.attested(fields.Fields(block), "mx.example.org") == payload


def test_what_cannot_be_sealed() -> None:
    none = chain.Chain("none")
    with pytest.raises(ValueError, match="text"):
        seal.seal(LETTER, ED, none, b"mx.example.org; a=b\nFrom: c", now=NOW)
    with pytest.raises(ValueError, match="ARC-Seal"):
        seal.seal(LETTER, ED, none, RESULTS, now=NOW, names=[b"from", b"arc-seal"])


def test_folded_results_and_the_payload_of_a_field_can_be_sealed() -> None:
    results = b"mx.example.org;\r\n\tdmarc=pass (" + b"why " * 40 + b')\r\n\t reason="a; b";\r\n\tspf=none'
    content = seal.seal(LETTER, ED, chain.Chain("none"), results, now=NOW) + LETTER
    found = check(content)
    assert found.result == "pass"
    assert b'reason="a; b"; spf=none' in found.sealers[0].results
    assert max(map(len, content.split(b"\r\n"))) < 400
