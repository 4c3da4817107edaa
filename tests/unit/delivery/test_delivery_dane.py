"""DANE on the way out: which records count, which certificates match, and what may not be used. # RFC 7672"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support import certificates
from tests.support import delivery_scene as scene
from tests.support.certificates import Made
from tests.support.tls_site import TlsSite, counted

from hatoba.delivery import settings

HOST = "mx.rcpt.example"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TlsSite]:
    with TlsSite(tmp_path) as made:
        made.dns.secure = True
        made.domain("rcpt.example", HOST)
        yield made


def ee(leaf: Made) -> str:
    return f"3 1 1 {hashlib.sha256(leaf.spki).hexdigest()}"


def ta(issuer: Made) -> str:
    return f"2 0 1 {hashlib.sha256(issuer.der).hexdigest()}"


async def test_dane_ee_counts_neither_name_nor_date(site: TlsSite) -> None:
    leaf = certificates.make("whoever", names=["elsewhere.example"], span=(1_500_000_000, 1_600_000_000))
    peer = site.peer(HOST, site.serving(leaf))
    site.tlsa(HOST, ee(leaf))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert peer.letters[0].tls
    assert feed.ended[0][1].tls_policy == f"DANE at {HOST}: the certificate matches TLSA 3 1 1"
    assert counted(courier) == {("tlsa", HOST, ""): 1}


async def test_dane_ta_wants_the_chain_and_the_name(site: TlsSite) -> None:
    root, issuer, leaf = certificates.chain(HOST)
    peer = site.peer(HOST, site.serving(leaf, issuer))
    site.tlsa(HOST, ta(issuer))
    feed = await site.send(site.courier())
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy.endswith("matches TLSA 2 0 1")
    site.tlsa(HOST, ta(root))  # which the host does not send
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")
    assert len(peer.letters) == 1


async def test_dane_ta_takes_the_next_hop_s_name(site: TlsSite) -> None:
    _, issuer, leaf = certificates.chain("rcpt.example")
    site.peer(HOST, site.serving(leaf, issuer))
    site.tlsa(HOST, ta(issuer))
    feed = await site.send(site.courier())
    assert feed.outcomes[0].kind == "delivered"


@pytest.mark.parametrize(
    ("names", "span", "word"),
    [
        (["other.example"], (certificates.FROM, certificates.TO), "certificate-host-mismatch"),
        ([HOST], (1_500_000_000, 1_600_000_000), "certificate-expired"),
    ],
)
async def test_dane_ta_refuses(names: list[str], span: tuple[int, int], word: str, site: TlsSite) -> None:
    issuer = certificates.make("Issuer", authority=True)
    leaf = certificates.make("leaf", issuer, names=names, span=span)
    peer = site.peer(HOST, site.serving(leaf, issuer))
    site.tlsa(HOST, ta(issuer))
    courier = site.courier()
    feed = await site.send(courier)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("deferred", "4.7.5", "letter")
    assert f"DANE at {HOST}" in outcome.status.text
    assert peer.letters == []
    assert counted(courier) == {("tlsa", HOST, word): 1}


async def test_rollover(site: TlsSite) -> None:
    """Both keys are published while the certificate changes; afterwards the old one does not do any more."""
    old, new = (certificates.make(name) for name in ("old", "new"))
    site.tlsa(HOST, ee(old), ee(new))
    peer = site.peer(HOST, site.serving(old))
    courier = site.courier()
    assert (await site.send(courier)).outcomes[0].kind == "delivered"
    peer.context = site.serving(new)
    assert (await site.send(site.courier())).outcomes[0].kind == "delivered"
    site.tlsa(HOST, ee(old))
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


async def test_unusable_records_want_tls_whatever_the_certificate(site: TlsSite) -> None:
    """PKIX-TA and PKIX-EE are none for SMTP. # RFC 7672 §3.1.3, §2.2"""
    site.tlsa(HOST, f"1 1 1 {'ab' * 32}", f"3 1 9 {'ab' * 20}")
    peer = site.peer(HOST, site.context("elsewhere.example"))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy == f"DANE at {HOST}: no usable TLSA record, certificate not checked"
    assert counted(courier) == {("tlsa", HOST, "tlsa-invalid"): 1}
    peer.stages["EHLO"] = f"250 {HOST}"  # STARTTLS is stripped
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")


async def test_stripped_starttls(site: TlsSite) -> None:
    leaf = certificates.make("mx")
    site.tlsa(HOST, ee(leaf))
    peer = site.peer(HOST, None)
    courier = site.courier()
    feed = await site.send(courier)
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code[:3]) == ("deferred", "4.7")
    assert peer.letters == []
    assert counted(courier) == {("tlsa", HOST, "starttls-not-supported"): 1}


async def test_bogus_is_no_no(site: TlsSite) -> None:
    """Trouble with the records means that the host is not to be used, not that it has none. # RFC 7672 §2.1"""
    site.domain("rcpt.example", HOST, "mx2.rcpt.example")
    first = site.peer(HOST, site.context(HOST))
    second = site.peer("mx2.rcpt.example", site.context("mx2.rcpt.example"))
    name = f"_{site.port}._tcp.{HOST}"
    site.dns.servfail.add(name)
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert (len(first.connections), len(second.letters)) == (0, 1)
    assert counted(courier)["tlsa", HOST, "dnssec-invalid"] == 1
    site.domain("rcpt.example", HOST)
    feed = await site.send(site.courier())
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("deferred", "4.4.3", "letter")
    assert f"DANE cannot be decided for {HOST}" in outcome.status.text


async def test_mx_trouble_is_no_way_around(site: TlsSite) -> None:
    """Whoever can make the MX answer fail, after the route is known, does not get rid of DANE by that."""
    leaf = certificates.make("mx")
    site.tlsa(HOST, ee(leaf))
    peer = site.peer(HOST, None)
    courier = site.courier(tls_refused=0)
    where = await scene.sited(courier)
    site.dns.servfail.add("rcpt.example")
    await courier.policies.learn("rcpt.example")
    feed = scene.Feed([scene.job()])
    channel = courier.channel(where, feed)
    channel.wake()
    await feed.told(1)
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")  # as was found before
    assert peer.letters == []
    await courier.close()
    await site.quiet()
    fresh = site.courier()  # which does not know what was found before
    assert (await fresh.policies.find("rcpt.example")).refusal is not None
    await fresh.close()


@pytest.mark.parametrize("insecure", ["rcpt.example", HOST])
async def test_without_dnssec_there_is_no_dane(insecure: str, site: TlsSite) -> None:
    """Neither for MX records nor for addresses nobody vouches for. # RFC 7672 §2.2"""
    site.tlsa(HOST, f"3 1 1 {'ab' * 32}")
    site.dns.insecure.add(insecure)
    peer = site.peer(HOST, None)
    feed = await site.send(site.courier())
    assert feed.outcomes[0].kind == "delivered"
    assert len(peer.letters) == 1
    assert not any(rtype == "TLSA" for _, rtype in site.dns.asked)


async def test_dane_before_mta_sts(site: TlsSite) -> None:
    """A certificate no public CA knows will do with DANE; and one that CAs know will not without a match."""
    leaf = certificates.make("mx")
    site.enforce("rcpt.example", HOST)
    site.tlsa(HOST, ee(leaf))
    peer = site.peer(HOST, site.serving(leaf))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert counted(courier) == {("tlsa", HOST, ""): 1}
    peer.context = site.context(HOST)
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


async def test_mta_sts_for_the_host_without_records(site: TlsSite) -> None:
    site.enforce("rcpt.example", HOST)
    site.peer(HOST, site.context("other.rcpt.example"))
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


# ---- REQUIRETLS


async def test_requiretls_by_dnssec(site: TlsSite) -> None:
    """The MX answer is vouched for: then a public CA will do for the certificate, and so does DANE."""
    peer = site.peer(HOST, site.context(HOST))
    feed = await site.send(site.courier(), scene.job(requiretls=True))
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy == f"REQUIRETLS: certificate verified for {HOST}"
    leaf = certificates.make("mx")
    site.tlsa(HOST, ee(leaf))
    peer.context = site.serving(leaf)
    feed = await site.send(site.courier(), scene.job(requiretls=True))
    assert feed.outcomes[0].kind == "delivered"
    site.tlsa(HOST, f"1 1 1 {'ab' * 32}")  # unusable: TLS, but nothing is authenticated by that
    feed = await site.send(site.courier(), scene.job(requiretls=True))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


# ---- rules of the settings


def rule(level: str, **fields: object) -> settings.TlsPolicy:
    return settings.TlsPolicy("rcpt.example", level, **fields)  # type: ignore[arg-type] # words of the settings


async def test_dane_only(site: TlsSite) -> None:
    site.peer(HOST, site.context(HOST))
    courier = site.courier(rule("dane-only"))
    feed = await site.send(courier)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.7.4")
    assert "DANE is required (tls_policy rcpt.example)" in outcome.status.text
    assert counted(courier) == {("tlsa", HOST, "dane-required"): 1}
    site.dns.insecure.add("rcpt.example")
    feed = await site.send(site.courier(rule("dane-only")))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")


async def test_mta_sts_only(site: TlsSite) -> None:
    """A policy must be there and is enforced, even one that only tests; TLSA records are not asked for."""
    peer = site.peer(HOST, site.context("other.rcpt.example"))
    site.tlsa(HOST, f"3 1 1 {'ab' * 32}")
    feed = await site.send(site.courier(rule("mta-sts")))
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.7.0")
    assert "a policy of MTA-STS is required (tls_policy rcpt.example)" in outcome.status.text
    site.enforce("rcpt.example", HOST, mode="testing")
    feed = await site.send(site.courier(rule("mta-sts")))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")
    peer.context = site.context(HOST)
    feed = await site.send(site.courier(rule("mta-sts")))
    assert feed.outcomes[0].kind == "delivered"


async def test_dane_without_mta_sts(site: TlsSite) -> None:
    site.enforce("rcpt.example", "nowhere.example")
    site.peer(HOST, site.context("whoever.example"))
    feed = await site.send(site.courier(rule("dane")))
    assert feed.outcomes[0].kind == "delivered"
    assert not site.web.asked


async def test_a_rule_beats_what_is_published(site: TlsSite) -> None:
    site.enforce("rcpt.example", "nowhere.example")
    site.tlsa(HOST, f"3 1 1 {'ab' * 32}")
    peer = site.peer(HOST, site.context("whoever.example"))
    feed = await site.send(site.courier(rule("require")))
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy == "encrypt (tls_policy rcpt.example): certificate not checked"
    peer.stages["EHLO"] = f"250 {HOST}"
    feed = await site.send(site.courier(rule("require")))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")
    feed = await site.send(site.courier(rule("none")))
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy == "no TLS (tls_policy rcpt.example)"
    assert "C: STARTTLS" not in feed.ended[0][1].opening


async def test_the_first_rule_wins(site: TlsSite) -> None:
    site.peer(HOST, None)
    rules = [settings.TlsPolicy(".example", "none"), settings.TlsPolicy("rcpt.example", "require")]
    assert (await site.send(site.courier(*rules))).outcomes[0].kind == "delivered"
    assert (await site.send(site.courier(*rules[::-1]))).outcomes[0].kind == "deferred"


async def test_verify_with_names(site: TlsSite) -> None:
    peer = site.peer(HOST, site.context("relay.partner.example"))
    for names, kind in [
        ((), "deferred"),
        (("relay.partner.example",), "delivered"),
        ((".partner.example",), "delivered"),
        (("partner.example",), "deferred"),
        ((".other.example", "x.example"), "deferred"),
    ]:
        feed = await site.send(site.courier(rule("verify", names=names)))
        assert (names, feed.outcomes[0].kind) == (names, kind)
    peer.context = site.serving(certificates.make("x", names=["relay.partner.example"]))  # the name, but no CA
    feed = await site.send(site.courier(rule("verify", names=("relay.partner.example",))))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


async def test_fingerprints(site: TlsSite) -> None:
    leaf = certificates.make("x", span=(1_500_000_000, 1_600_000_000))
    site.peer(HOST, site.serving(leaf))
    whole, key = hashlib.sha256(leaf.der).hexdigest(), hashlib.sha256(leaf.spki).hexdigest()
    written = ":".join(whole[at : at + 2] for at in range(0, 64, 2)).upper()
    for prints, kind in [((written,), "delivered"), (("SHA256:" + key,), "delivered"), (("ab" * 32,), "deferred")]:
        feed = await site.send(site.courier(rule("fingerprint", fingerprints=prints)))
        assert (prints, feed.outcomes[0].kind) == (prints, kind)
    assert "none of the fingerprints" in feed.outcomes[0].status.text


@pytest.mark.parametrize(
    "wrong",
    [
        settings.TlsPolicy("", "none"), settings.TlsPolicy("a.example", "fingerprint"),
        settings.TlsPolicy("a.example", "fingerprint", fingerprints=("ab",)),
        settings.TlsPolicy("a.example", "require", fingerprints=("ab" * 32,)),
        settings.TlsPolicy("a.example", "require", names=("a.example",)),
    ],
)  # fmt: skip
def test_rules_that_contradict_themselves(wrong: settings.TlsPolicy, site: TlsSite) -> None:
    with pytest.raises(ValueError, match="tls_policy"):
        site.courier(wrong)


async def test_expired_but_trusted_otherwise_is_fine_where_nobody_asks(site: TlsSite) -> None:
    site.dns.secure = False
    peer = site.peer(HOST, site.context(HOST, not_after=datetime(2020, 1, 1, tzinfo=UTC)))
    feed = await site.send(site.courier())
    assert feed.outcomes[0].kind == "delivered"
    assert peer.letters[0].tls
