"""Routes and MX walks against a real DNS server: where a letter goes, and what a domain that takes none is told."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import delivery_scene as scene
from tests.support.dns_server import DnsServer
from tests.support.smtp_peer import DROP, SmtpPeer

from hatoba.delivery import settings
from hatoba.delivery.courier import Courier
from hatoba.delivery.site import Site
from hatoba.model.address import Address
from hatoba.model.status import Refusal


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


def desk(dns: DnsServer, port: int = 2525, *routes: settings.Route, **options: Any) -> Courier:
    options.setdefault("ipv6", False)
    made = settings.Settings(port=port, timeouts=scene.quick(connect=1.0), **options)
    directory = scene.Directory({"local.example": "local", "relay.example": "relay"})
    return scene.courier(routes, options=made, dns_at=dns.address, directory=directory)


async def refused(made: Courier, address: str) -> str:
    with pytest.raises(Refusal) as caught:
        await scene.sited(made, address)
    return caught.value.status.code


# ---- where


async def test_sites_with_the_same_hosts_share_a_name(dns: DnsServer) -> None:
    for n in range(5):
        dns.zone[f"d{n}.example"] = {"MX": ["10 b.mx.example.", "20 A.mx.example."][:: 1 if n % 2 else -1]}
    made = desk(dns)
    sites = [await scene.sited(made, f"x@d{n}.example") for n in range(5)]
    assert {site.name for site in sites} == {"mx:a.mx.example,b.mx.example"}
    assert [host.name for host in sites[0].hosts] == ["b.mx.example", "a.mx.example"]


async def test_long_sets_are_shortened(dns: DnsServer) -> None:
    dns.zone["big.example"] = {"MX": [f"10 mx{n:02}.big.example." for n in range(30)]}
    site = await scene.sited(desk(dns), "x@big.example")
    assert site.name.startswith("mx:mx00.big.example,+29~")
    assert len(site.name) < 60


async def test_known_routes_answer_at_once(dns: DnsServer) -> None:
    dns.zone["a.example"] = {"MX": ["10 mx.a.example."]}
    made = desk(dns)
    waiting = [made.route(Address("x", "a.example")) for _ in range(10)]
    found = [await each for each in waiting if not isinstance(each, Site)]
    assert len(found) == 10
    assert made.route(Address("y", "a.example")) is found[0]
    assert dns.asked == [("a.example", "MX")]


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ({"MX": ["0 ."]}, "5.1.10"),
        ({"TXT": ['"nothing"']}, "5.1.2"),
        (None, "5.1.2"),
        ({"MX": ["10 hatoba.example.", "20 other.example."]}, "5.4.6"),
    ],
)
async def test_domains_that_take_no_mail(dns: DnsServer, records: dict[str, list[str]] | None, code: str) -> None:
    if records is not None:
        dns.zone["no.example"] = records
    made = desk(dns)
    assert await refused(made, "x@no.example") == code
    assert await refused(made, "y@no.example") == code
    assert Counter(dns.asked)["no.example", "MX"] == 1


async def test_dns_trouble_is_temporary(dns: DnsServer) -> None:
    dns.servfail.add("sick.example")
    assert await refused(desk(dns), "x@sick.example") == "4.4.3"


async def test_own_host_is_cut_out_with_all_less_preferred(dns: DnsServer) -> None:
    dns.zone["back.example"] = {
        "MX": ["5 best.example.", "10 Hatoba.Example.", "10 equal.example.", "20 last.example."]
    }
    site = await scene.sited(desk(dns), "x@back.example")
    assert [host.name for host in site.hosts] == ["best.example"]


async def test_implicit_mx(dns: DnsServer) -> None:
    dns.zone["plain.example"] = {"A": ["127.0.0.1"]}
    site = await scene.sited(desk(dns), "x@plain.example")
    assert (site.name, [host.name for host in site.hosts]) == ("mx:plain.example", ["plain.example"])


async def test_alias(dns: DnsServer) -> None:
    dns.zone["alias.example"] = {"CNAME": ["real.example."]}
    dns.zone["real.example"] = {"MX": ["10 mx.real.example."]}
    assert (await scene.sited(desk(dns), "x@alias.example")).name == "mx:mx.real.example"


async def test_literals(dns: DnsServer) -> None:
    made = desk(dns, own_names=("192.0.2.9",))
    assert (await scene.sited(made, "x@[192.0.2.1]")).name == "mx:[192.0.2.1]"
    assert (await scene.sited(made, "x@[IPv6:2001:db8::1]")).hosts[0].name == "2001:db8::1"
    assert await refused(made, "x@[192.0.2.9]") == "5.4.6"
    assert await refused(desk(dns, literals=False), "x@[192.0.2.1]") == "5.1.3"


async def test_the_table(dns: DnsServer) -> None:
    dns.zone["relay.example"] = {"MX": ["10 inner.example."]}
    made = desk(
        dns, 25,
        settings.Route(match="*", via="smarthost", host="Out.example", port=587, username="me", password="x"),
        settings.Route(match=".sub.example", via="lmtp", host="unix:/run/x"),
        settings.Route(match="deep.sub.example", via="error", status="5.7.1", text="closed"),
        settings.Route(match="relay.example", via="mx"),
        settings.Route(match="far.example", via="local"),
    )  # fmt: skip
    names = {
        "x@anywhere.example": "smarthost:me@out.example:587",
        "x@a.b.sub.example": "lmtp:unix:/run/x",
        "x@sub.example": "smarthost:me@out.example:587",
        "x@deep.sub.example": "error:5.7.1",
        "x@relay.example": "mx:inner.example",
        "x@local.example": "local",
        "x@far.example": "local",
    }
    assert {address: (await scene.sited(made, address)).name for address in names} == names
    feed = await scene.send(made, scene.job("x@deep.sub.example"), to="x@deep.sub.example")
    assert [(o.kind, str(o.status)) for o in feed.outcomes] == [("failed", "5.7.1 closed")]


async def test_a_domain_that_becomes_local(dns: DnsServer) -> None:
    dns.zone["new.example"] = {"MX": ["10 mx.new.example."]}
    now = [100.0]
    directory = scene.Directory()
    made = scene.courier(dns_at=dns.address, directory=directory, steady=lambda: now[0])
    assert (await scene.sited(made, "x@new.example")).kind == "mx"
    directory.domains["new.example"] = "local"
    now[0] += 2
    assert (await scene.sited(made, "x@new.example")).kind == "local"
    directory.domains.clear()
    now[0] += 2
    assert (await scene.sited(made, "x@new.example")).kind == "mx"


def test_routes_that_contradict_themselves() -> None:
    for bad in (
        settings.Route(via="smarthost"),
        settings.Route(via="smarthost", host="unix:/x"),
        settings.Route(via="smarthost", host="x", username="u"),
        settings.Route(match=""),
    ):
        with pytest.raises(ValueError, match="route"):
            scene.courier([bad])


# ---- the walk


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_dead_first_mx(dns: DnsServer) -> None:
    with SmtpPeer(host="127.0.0.2") as peer:
        dns.zone |= {
            "d.example": {"MX": ["10 dead.example.", "20 alive.example."]},
            "dead.example": {"A": ["127.0.0.3"]},
            "alive.example": {"A": ["127.0.0.2"]},
        }
        feed = await scene.send(desk(dns, peer.port), scene.job("x@d.example"), to="x@d.example")
    (attempt,) = [attempt for _, attempt in feed.ended]
    assert attempt.outcomes[0].kind == "delivered"
    assert (attempt.host, attempt.ip) == ("alive.example", "127.0.0.2")
    assert "dead.example[127.0.0.3]" in attempt.opening
    assert attempt.site == "mx:alive.example,dead.example"


@pytest.mark.parametrize(
    "stages",
    [
        {"banner": "554 5.3.2 no"},
        {"banner": "421 4.3.2 busy"},
        {"EHLO": "451 4.3.0 later"},
        {"MAIL": "421 4.7.0 too many connections"},
        {"MAIL": "451 4.7.1 try another"},
        {"RCPT": "421 4.3.2 closing"},
        {"MAIL": DROP},
        {"DATA": DROP},
    ],
)
async def test_a_host_that_will_not_leads_to_the_next(dns: DnsServer, stages: dict[str, object]) -> None:
    with SmtpPeer(stages, host="127.0.0.2") as first, SmtpPeer(host="127.0.0.3", port=first.port) as second:
        dns.zone |= {
            "d.example": {"MX": ["10 one.example.", "20 two.example."]},
            "one.example": {"A": ["127.0.0.2"]},
            "two.example": {"A": ["127.0.0.3"]},
        }
        feed = await scene.send(desk(dns, first.port), scene.job("x@d.example"), to="x@d.example")
        await scene.arrived(second, 1)
    assert [(o.kind, o.status.code) for o in feed.outcomes] == [("delivered", "2.0.0")]
    assert feed.ended[0][1].host == "two.example"
    assert "one.example" in feed.ended[0][1].opening
    assert feed.back == []


async def test_lost_content_does_not_go_to_the_next_host(dns: DnsServer) -> None:
    with SmtpPeer({"CONTENT": DROP}, host="127.0.0.2") as first, SmtpPeer(host="127.0.0.3", port=first.port) as second:
        dns.zone |= {
            "d.example": {"MX": ["10 one.example.", "20 two.example."]},
            "one.example": {"A": ["127.0.0.2"]},
            "two.example": {"A": ["127.0.0.3"]},
        }
        feed = await scene.send(desk(dns, first.port), scene.job("x@d.example"), to="x@d.example")
        assert second.connections == []
    assert feed.outcomes[0].kind == "deferred"


async def test_equal_hosts_are_shuffled(dns: DnsServer) -> None:
    with SmtpPeer(host="127.0.0.2") as first, SmtpPeer(host="127.0.0.3", port=first.port) as second:
        dns.zone |= {
            "d.example": {"MX": ["10 one.example.", "10 two.example."]},
            "one.example": {"A": ["127.0.0.2"]},
            "two.example": {"A": ["127.0.0.3"]},
        }
        made = desk(dns, first.port, limits=settings.Limits(letters=1))
        await scene.send(made, *[scene.job("x@d.example") for _ in range(24)], to="x@d.example")
        assert min(len(first.connections), len(second.connections)) >= 4


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6_first_then_ipv4(dns: DnsServer) -> None:
    try:
        peer = SmtpPeer(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback")
    with peer:
        dns.zone |= {"d.example": {"MX": ["10 mx.example."]}, "mx.example": {"A": ["127.0.0.9"], "AAAA": ["::1"]}}
        feed = await scene.send(desk(dns, peer.port, ipv6=True), scene.job("x@d.example"), to="x@d.example")
    assert (feed.outcomes[0].kind, feed.ended[0][1].ip) == ("delivered", "::1")
    with SmtpPeer() as peer4:
        dns.zone["mx.example"] = {"A": ["127.0.0.1"], "AAAA": ["::1"]}
        feed = await scene.send(desk(dns, peer4.port, ipv6=True), scene.job("x@d.example"), to="x@d.example")
    assert (feed.outcomes[0].kind, feed.ended[0][1].ip) == ("delivered", "127.0.0.1")


async def test_mx_that_is_an_address_or_an_alias_is_tolerated(dns: DnsServer) -> None:
    with SmtpPeer() as peer:
        dns.zone |= {
            "ip.example": {"MX": ["10 127.0.0.1."]},
            "alias.example": {"MX": ["10 cname.example."]},
            "cname.example": {"CNAME": ["mx.example."]},
            "mx.example": {"A": ["127.0.0.1"]},
        }
        made = desk(dns, peer.port)
        feed = await scene.send(made, scene.job("x@ip.example"), to="x@ip.example")
        feed2 = await scene.send(made, scene.job("x@alias.example"), to="x@alias.example")
    assert [o.kind for o in feed.outcomes + feed2.outcomes] == ["delivered", "delivered"]


async def test_hosts_without_addresses(dns: DnsServer) -> None:
    dns.zone |= {
        "void.example": {"MX": ["10 none.example."]},
        "sick.example": {"MX": ["10 ill.example."]},
        "ill.example": {"A": ["127.0.0.1"]},
        "none.example": {"TXT": ['"x"']},
    }
    dns.servfail.add("ill.example")
    made = desk(dns)
    feed = await scene.send(made, scene.job("x@void.example"), to="x@void.example")
    feed2 = await scene.send(made, scene.job("x@sick.example"), to="x@sick.example")
    assert [(o.kind, o.status.code) for o in feed.outcomes + feed2.outcomes] == [
        ("failed", "5.4.4"), ("deferred", "4.4.3"),
    ]  # fmt: skip


async def test_an_mx_with_our_address_is_a_loop(dns: DnsServer) -> None:
    dns.zone |= {
        "loop.example": {"MX": ["10 us.example."]},
        "us.example": {"A": ["192.0.2.7"]},
        "near.example": {"MX": ["10 home.example."]},
        "home.example": {"A": ["127.0.0.1"]},
    }
    made = desk(dns, own_names=("192.0.2.7",))
    feed = await scene.send(made, scene.job("x@loop.example"), to="x@loop.example")
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("failed", "5.4.6")
    feed = await scene.send(desk(dns, 25), scene.job("x@near.example"), to="x@near.example")  # loopback on port 25
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("failed", "5.4.6")


async def test_the_walk_is_bounded(dns: DnsServer) -> None:
    port = closed_port()
    dns.zone["d.example"] = {"MX": [f"{n} mx{n}.example." for n in range(10, 40)]}
    dns.zone |= {f"mx{n}.example": {"A": [f"127.0.1.{n}"]} for n in range(10, 40)}
    feed = await scene.send(desk(dns, port, hosts=7), scene.job("x@d.example"), to="x@d.example")
    assert feed.ended[0][1].opening.count("connecting to") == 7
    assert feed.outcomes[0].status.code == "4.4.1"


async def test_hosts_are_asked_for_anew_after_their_time(dns: DnsServer) -> None:
    now = [100.0]
    with SmtpPeer() as peer:
        dns.zone |= {"d.example": {"MX": ["10 old.example."]}, "new.example": {"A": ["127.0.0.1"]}}
        options = settings.Settings(port=peer.port, ipv6=False, timeouts=scene.quick())
        made = scene.courier(dns_at=dns.address, options=options, steady=lambda: now[0])
        site = await scene.sited(made, "x@d.example")
        dns.zone["d.example"]["MX"] = ["10 new.example."]
        made._resolver.clear()  # as if the TTL had passed there too
        now[0] += 4000
        feed = scene.Feed([scene.job("x@d.example")])
        channel = made.channel(site, feed)
        channel.wake()
        await feed.told(1)
        await asyncio.wait_for(made.close(), 5)
    assert feed.ended[0][1].host == "new.example"
    assert feed.ended[0][1].site == "mx:old.example"  # the lane keeps its name
