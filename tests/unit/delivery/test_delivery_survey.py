"""The survey: hosts, what is asked of each and what each shows, without a letter."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support import certificates
from tests.support.tls_site import TlsSite, counted

from hatoba.delivery import settings
from hatoba.delivery.survey import Survey
from hatoba.model.address import Address
from hatoba.model.status import Refusal


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TlsSite]:
    with TlsSite(tmp_path) as made:
        made.domain("rcpt.example", "mx.rcpt.example")
        yield made


async def look(site: TlsSite, *rules: settings.TlsPolicy, connect: bool = True) -> Survey:
    courier = site.courier(*rules)
    found = await courier.survey(Address("x", "rcpt.example"), connect=connect)
    assert counted(courier) == {}
    await courier.close()
    await site.quiet()
    assert all(not peer.letters for peer in site.peers)
    return found


async def test_mta_sts_and_a_host_it_does_not_name(site: TlsSite) -> None:
    site.domain("rcpt.example", "mx.rcpt.example", "evil.example")
    site.enforce("rcpt.example", "mx.rcpt.example")
    site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    evil = site.peer("evil.example", site.context("evil.example"))
    found = await look(site)
    good, bad = found.hosts
    assert found.usable
    assert good.asks == "MTA-STS (enforce) of rcpt.example"
    (tried,) = good.tried
    assert (tried.problem, tried.public) == ("", "")
    assert tried.tls.startswith("TLSv1.3")
    assert tried.policy.endswith("certificate verified for mx.rcpt.example")
    assert "does not name evil.example" in bad.refused
    assert bad.tried == ()
    assert evil.connections == []


async def test_dane_beside_what_public_cas_say(site: TlsSite) -> None:
    site.dns.secure = True
    leaf = certificates.make("mx")
    site.tlsa("mx.rcpt.example", f"3 1 0 {leaf.spki.hex()}")
    site.peer("mx.rcpt.example", site.serving(leaf))
    (host,) = (await look(site)).hosts
    assert (host.dane, host.records) == ("usable", (f"3 1 0 {leaf.spki.hex()}",))
    (tried,) = host.tried
    assert tried.policy == "DANE at mx.rcpt.example: the certificate matches TLSA 3 1 0"
    assert "is not valid" in tried.public
    assert tried.chain == (leaf.der,)


async def test_a_certificate_that_will_not_do(site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    site.peer("mx.rcpt.example", site.context("mx.rcpt.example", not_after=datetime(2020, 1, 1, tzinfo=UTC)))
    found = await look(site)
    assert not found.usable
    assert "expired" in found.hosts[0].tried[0].problem
    site.enforce("rcpt.example", "mx.rcpt.example", mode="testing", number="2")
    found = await look(site)
    assert found.usable
    assert found.hosts[0].tried[0].policy.endswith("certificate has expired, delivered all the same")


async def test_without_tls_and_without_policies(site: TlsSite) -> None:
    peer = site.peer("mx.rcpt.example", None)
    (host,) = (await look(site)).hosts
    (tried,) = host.tried
    assert (host.asks, tried.tls, tried.problem, tried.chain) == ("opportunistic", "", "", ())
    found = await look(site, settings.TlsPolicy("rcpt.example", "require"))
    assert "does not offer STARTTLS" in found.hosts[0].tried[0].problem
    count = len(peer.connections)
    found = await look(site, connect=False)
    assert found.hosts[0].tried == ()
    assert len(peer.connections) == count


async def test_no_way_at_all(site: TlsSite) -> None:
    del site.dns.zone["rcpt.example"]
    courier = site.courier()
    with pytest.raises(Refusal):
        await courier.survey(Address("x", "nowhere.test"))
    await courier.close()


async def test_a_host_of_the_settings(site: TlsSite) -> None:
    peer = site.peer("relay.example", site.context("relay.example"))
    route = settings.Route(match="*", via="smarthost", host=peer.host, port=site.port, tls="encrypt")
    courier = site.courier(routes=[route])
    found = await courier.survey(Address("x", "anywhere.example"))
    assert (found.site.kind, found.need.level, found.usable) == ("smarthost", "encrypt", True)
    assert found.hosts[0].tried[0].public.startswith("4.7.5")
    await courier.close()
    await site.quiet()
