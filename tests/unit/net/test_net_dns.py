"""The resolver against a real DNS server on loopback, on both loops."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.dns_server import DnsServer
from tests.support.loops import LOOPS, run

from hatoba.net import dns
from hatoba.net.dns_cache import Answer, Cache

both = pytest.mark.parametrize("loop", LOOPS)

ZONE = {
    "example.com": {
        "MX": ["20 b.example.com.", "10 A.example.com."],
        "TXT": ['"v=spf1" " -all"'],
        "A": ["192.0.2.1", "192.0.2.2"],
        "AAAA": ["2001:db8::1"],
    },
    "null.example": {"MX": ["0 ."]},
    "alias.example": {"CNAME": ["example.com."]},
    "loop.example": {"CNAME": ["pool.example."]},
    "pool.example": {"CNAME": ["loop.example."]},
    "_25._tcp.example.com": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["Host.Example.com."]},
    "_submission._tcp.example.com": {"SRV": ["0 1 587 mail.example.com."]},
    "caa.example": {"CAA": ['0 issue "ca.example"']},
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def resolver(server: DnsServer, clock: Clock | None = None, **settings: Any) -> dns.Resolver:
    settings = {"servers": (server.address,), "timeout": 0.5, "attempts": 1, **settings}
    return dns.Resolver(dns.Settings(**settings), clock=clock or Clock())


@both
@pytest.mark.parametrize(
    ("name", "rtype", "records"),
    [
        ("example.com", "MX", ((10, "a.example.com"), (20, "b.example.com"))),
        ("Example.COM.", "TXT", (b"v=spf1 -all",)),
        ("example.com", "A", ("192.0.2.1", "192.0.2.2")),
        ("example.com", "AAAA", ("2001:db8::1",)),
        ("null.example", "MX", ((0, ""),)),
        ("alias.example", "MX", ((10, "a.example.com"), (20, "b.example.com"))),
        ("_25._tcp.example.com", "TLSA", ((3, 1, 1, b"\xab" * 32),)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("host.example.com",)),
        ("_submission._tcp.example.com", "SRV", ((0, 1, 587, "mail.example.com"),)),
        ("caa.example", "CAA", ('0 issue "ca.example"',)),
        ("alias.example", "CNAME", ("example.com",)),
    ],
)
def test_records_have_their_shapes(loop: str, name: str, rtype: str, records: tuple[Any, ...]) -> None:
    with DnsServer(ZONE) as server:
        answer = run(loop, resolver(server).query(name, rtype))
    assert (answer.status, answer.ttl) == ("ok", 300.0)
    assert sorted(answer.records) == sorted(records)  # the server shuffles


@both
def test_what_is_not_there(loop: str) -> None:
    async def main(server: DnsServer) -> None:
        asked = resolver(server)
        assert await asked.query("nope.example", "A") == Answer((), 60.0, "nxdomain")
        assert await asked.query("null.example", "A") == Answer((), 60.0, "nodata")
        assert await asked.query("_tcp.example.com", "A") == Answer((), 60.0, "nodata")
        for name in ("a" * 64 + ".example", "two..dots"):
            assert (await asked.query(name, "A")).status == "nxdomain"
        with pytest.raises(dns.DnsTrouble, match=r"loop\.example"):
            await asked.query("loop.example", "A")

    with DnsServer(ZONE) as server:
        run(loop, main(server))


@both
def test_ttls_are_kept_to_and_the_cache_is_bounded(loop: str) -> None:
    async def main(server: DnsServer) -> None:
        clock = Clock()
        asked = resolver(server, clock, cache=2, negative_ttl=30)
        assert asked.cached("example.com", "A") is None
        await asked.query("example.com", "A")
        clock.now = 299.0
        assert asked.cached("example.com", "A") is not None
        clock.now = 301.0
        assert asked.cached("example.com", "A") is None
        await asked.query("example.com", "A")
        assert server.asked.count(("example.com", "A")) == 2
        await asked.query("nope.example", "A")
        clock.now += 31
        assert asked.cached("nope.example", "A") is None
        await asked.query("nope.example", "A")
        await asked.query("null.example", "MX")
        assert asked.cached("example.com", "A") is None  # the oldest had to go
        asked.clear()
        assert asked.cached("null.example", "MX") is None

    with DnsServer(ZONE) as server:
        run(loop, main(server))


@both
def test_many_who_ask_the_same_ask_once(loop: str) -> None:
    async def main(server: DnsServer) -> None:
        asked = resolver(server)
        server.delay["example.com"] = 0.05
        impatient = asyncio.ensure_future(asked.query("example.com", "MX"))
        rest = [asyncio.ensure_future(asked.query("example.com", "MX")) for _ in range(50)]
        await asyncio.sleep(0)
        impatient.cancel()
        answers = await asyncio.gather(*rest)
        assert len({id(answer) for answer in answers}) == 1
        assert server.asked == [("example.com", "MX")]

    with DnsServer(ZONE) as server:
        run(loop, main(server))


@both
def test_trouble_is_temporary_said_at_once_and_not_asked_again_just_now(loop: str) -> None:
    async def main(server: DnsServer) -> None:
        clock = Clock()
        asked = resolver(server, clock, timeout=0.1)
        server.servfail.add("example.com")
        server.silent.add("null.example")
        for name, why in (("example.com", "SERVFAIL"), ("null.example", "no answer")):
            for _ in range(3):
                with pytest.raises(dns.DnsTrouble, match=why):
                    await asked.query(name, "MX")
            assert server.asked.count((name, "MX")) == 1
        server.servfail.clear()
        clock.now += 11
        assert (await asked.query("example.com", "MX")).status == "ok"

    with DnsServer(ZONE) as server:
        run(loop, main(server))


@both
def test_the_next_server_is_asked_and_remembered(loop: str) -> None:
    async def main(bad: DnsServer, good: DnsServer) -> None:
        asked = resolver(bad, servers=(bad.address, good.address), timeout=0.2)
        bad.silent.add("example.com")
        bad.refused.add("null.example")
        assert (await asked.query("example.com", "A")).status == "ok"
        assert (await asked.query("null.example", "MX")).status == "ok"
        assert ("null.example", "MX") not in bad.asked  # the one that answered comes first now

    with DnsServer(ZONE) as bad, DnsServer(ZONE) as good:
        run(loop, main(bad, good))


@both
def test_truncated_answers_come_over_tcp_and_forgeries_are_waited_out(loop: str) -> None:
    async def main(server: DnsServer) -> None:
        server.truncated.add("example.com")
        assert (await resolver(server).query("example.com", "MX")).status == "ok"
        assert server.asked_tcp == [("example.com", "MX")]
        server.wrong_id.add("null.example")
        with pytest.raises(dns.DnsTrouble, match="no answer"):
            await resolver(server, timeout=0.1).query("null.example", "MX")

    with DnsServer(ZONE) as server:
        run(loop, main(server))


@both
def test_ad_counts_from_loopback(loop: str) -> None:
    with DnsServer(ZONE) as server:
        server.secure = True
        assert run(loop, resolver(server).query("alias.example", "MX")).secure
        server.secure = False
        assert not run(loop, resolver(server).query("alias.example", "MX")).secure


def test_nobody_listens_and_closing() -> None:
    async def main() -> None:
        asked = dns.Resolver(dns.Settings(servers=("127.0.0.1:9",), timeout=0.2, attempts=1))
        with pytest.raises(dns.DnsTrouble):
            await asked.query("example.com", "A")
        flight = asyncio.ensure_future(asked.query("example.org", "A"))
        await asyncio.sleep(0)
        await asked.close()
        with pytest.raises((asyncio.CancelledError, dns.DnsTrouble)):
            await flight

    run("asyncio", main())


def test_servers_are_written_in_several_ways(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("search x\nnameserver 127.0.0.53\nnameserver 2001:db8::53 # second\n")
    assert [server[:3] for server in dns.Resolver(resolv_conf=conf)._servers] == [
        ("127.0.0.53", 53, True),
        ("2001:db8::53", 53, False),
    ]
    written = ("192.0.2.1", "192.0.2.1:5353", "[::1]:54", "[::1]", "::1")
    found = dns.Resolver(dns.Settings(servers=written))._servers
    assert [server.port for server in found] == [53, 5353, 54, 53, 53]
    assert [server.host for server in found] == ["192.0.2.1", "192.0.2.1", "::1", "::1", "::1"]
    assert dns.Resolver(resolv_conf=tmp_path / "none")._servers[0].host == "127.0.0.1"
    with pytest.raises(ValueError, match="nameserver"):
        dns.Resolver(dns.Settings(servers=("nameserver.example",)))


def test_a_cache_of_nothing_keeps_nothing() -> None:
    cache = Cache(0, Clock())
    cache.put(("x", "A"), Answer((), 1.0, "nodata"), 10)
    cache.put_trouble(("x", "A"), "why", 10)
    assert cache.get(("x", "A")) is None
    assert cache.trouble(("x", "A")) == ""
    assert len(cache) == 0
