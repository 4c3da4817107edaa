"""The pool of a site: how many connections, how fast, what a dead or crowded site teaches it, how it closes."""

import asyncio
import socket
import threading
from typing import Any

import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import HANG, Delay, SmtpPeer

from hatoba.delivery import settings
from hatoba.delivery.courier import Courier
from hatoba.delivery.feed import Channel
from hatoba.delivery.feedback import Window
from hatoba.delivery.pace import Pace
from hatoba.delivery.site import Host, Site
from hatoba.delivery.source import Sources
from hatoba.net.limits import SharedCounters


def options(**fields: Any) -> settings.Settings:
    limits = {name: fields.pop(name) for name in list(fields) if name in settings.Limits.__struct_fields__}
    fields.setdefault("timeouts", scene.quick())
    return settings.Settings(limits=settings.Limits(**limits), **fields)


async def opened(made: Courier, count: int) -> tuple[scene.Feed, Channel]:
    feed = scene.Feed([scene.job() for _ in range(count)])
    feed.channel = channel = made.channel(await scene.sited(made), feed)
    channel.wake()
    return feed, channel


class Gate:
    """Answers the content only when opened; counts who waits."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self, _line: str, _connection: object) -> str:
        self.event.wait(10)
        return "250 2.0.0 Ok"


async def test_starts_with_few_and_grows_with_success() -> None:
    gate = Gate()
    with SmtpPeer({"CONTENT": gate}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=6, start=2))
        feed, channel = await opened(made, 40)
        await asyncio.to_thread(peer.wait_connections, 2)
        status = channel.status()
        assert (status.connections, status.limit, status.window, status.binds) == (2, 6, 2.0, "window")
        gate.event.set()
        await feed.told(40)
        assert channel.status().window == 6.0
        assert channel.status().delivered == 40
        assert len(peer.connections) <= 6
        await made.close()


async def test_never_more_than_the_limit() -> None:
    gate = Gate()
    with SmtpPeer({"CONTENT": gate}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=3, start=3))
        feed, channel = await opened(made, 50)
        await asyncio.to_thread(peer.wait_connections, 3)
        channel.wake()
        assert channel.status().connections == 3
        assert channel.status().binds == "connections"
        gate.event.set()
        await feed.told(50)
        assert len(peer.connections) == 3
        await made.close()


async def test_limits_hold_across_workers() -> None:
    counters = SharedCounters.create(2)
    other = SharedCounters.attach(counters.fd, 1)
    gate = Gate()
    with SmtpPeer({"CONTENT": gate}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=4, start=4), counters=counters)
        name = f"site:smarthost:127.0.0.1:{peer.port}"
        for _ in range(3):
            assert other.take(name, 4)
        feed, channel = await opened(made, 10)
        await asyncio.to_thread(peer.wait_connections, 1)
        assert channel.status().connections == 1
        assert channel.status().binds == "shared limit"
        gate.event.set()
        await feed.told(10)
        await made.close()
        assert counters.count(name) == 3
        for _ in range(3):
            other.give(name)
        assert counters.count(name) == 0
    other.close()
    counters.close()


async def test_waits_for_a_slot_others_hold() -> None:
    counters = SharedCounters.create(2)
    other = SharedCounters.attach(counters.fd, 1)
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=1, start=1), counters=counters)
        name = f"site:smarthost:127.0.0.1:{peer.port}"
        assert other.take(name, 1)
        feed, channel = await opened(made, 1)
        assert channel.status().binds == "shared limit"
        assert channel.status().retry_at > 0
        other.give(name)
        await feed.told(1)
        await made.close()
    other.close()
    counters.close()


async def test_rate() -> None:
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(rate=20.0, burst=2))
        loop = asyncio.get_running_loop()
        start = loop.time()
        feed, channel = await opened(made, 8)
        assert channel.status().binds == "rate"
        await feed.told(8)
        assert loop.time() - start >= 6 / 20 - 0.02
        await made.close()


async def test_profiles() -> None:
    made = scene.courier(
        options=settings.Settings(
            site=(
                settings.Profile(match="smarthost:10.0.0.1:25", connections=2),
                settings.Profile(match=".big.example", connections=7),
            )
        )
    )
    site = settings_site("mx:a.big.example", "a.big.example")
    assert made.limits(site).connections == 7
    assert made.limits(settings_site("smarthost:10.0.0.1:25", "10.0.0.1")).connections == 2
    assert made.limits(settings_site("mx:x.example", "x.example")).connections == 20


def settings_site(name: str, host: str) -> Site:
    return Site(name, "mx", hosts=(Host(host),))


# ---- feedback


async def test_dead_site_after_a_cohort() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        made = scene.courier([scene.to_peer(port)], options=options(start=3))
        feed, channel = await opened(made, 3)
        await feed.told(3)
        assert sorted(outcome.scope for outcome in feed.outcomes) == ["letter", "letter", "site"]
        assert channel.status().dead
        assert channel.status().binds == "dead"
        feed.jobs.extend([scene.job(), scene.job()])
        channel.wake()
        assert channel.status().connections == 1  # one tests a dead site
        await feed.told(4)
        assert feed.outcomes[3].scope == "site"
    with SmtpPeer(port=port):
        channel.wake()
        await feed.told(5)
        assert feed.outcomes[4].kind == "delivered"
        assert (channel.status().dead, channel.status().window >= 3) == (False, True)
        await made.close()


async def test_a_site_that_bears_two_connections_is_given_two() -> None:
    """421 beside working connections: the jobs go back, the window learns."""
    gate = Gate()

    def banner(_: str, connection: object) -> str:
        return "220 hello" if connection.number < 2 else "421 4.7.0 too many connections"  # type: ignore[attr-defined]

    with SmtpPeer({"banner": banner, "CONTENT": gate}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(start=5))
        feed, channel = await opened(made, 20)
        await feed.returned(3)
        gate.event.set()
        await feed.told(20)
        assert all(outcome.kind == "delivered" for outcome in feed.outcomes)
        assert len(peer.connections) == 5  # three were turned away, none was tried again
        assert any("too many" in reply for reply in channel.status().last_replies)
        await made.close()


def test_window() -> None:
    window = Window(5, 20)
    for _ in range(5):
        window.good()
    assert window.size == 6
    for _ in range(2):
        window.bad()
    assert (window.size, window.dead) == (6, False)
    window.good()
    for _ in range(6):
        dead = window.bad()
    assert dead
    assert window.allowed == 1
    assert window.bad()
    window.good()
    assert (window.allowed, window.dead) == (5, False)
    for _ in range(1000):
        window.good()
    assert window.size == 20
    window.full(3)
    assert window.allowed == 3


def test_pace() -> None:
    pace = Pace(10.0, 3)
    now = 1000.0
    for _ in range(3):
        assert pace.wait(now) == 0
        pace.spend(now)
    assert pace.wait(now) == pytest.approx(0.1)
    assert pace.wait(now + 0.1) == pytest.approx(0, abs=1e-6)
    assert Pace(0.0, 1).wait(now) == 0


def test_sources() -> None:
    sources = Sources(("192.0.2.1", "192.0.2.2", "2001:db8::1"))
    assert [sources.pick(4, 0.0) for _ in range(3)] == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    sources.failed("192.0.2.2", 0.0)
    assert {sources.pick(4, 1.0) for _ in range(4)} == {"192.0.2.1"}
    assert "192.0.2.2" in {sources.pick(4, 100.0) for _ in range(4)}
    sources.failed("192.0.2.1", 1.0)
    sources.failed("192.0.2.2", 0.5)
    assert sources.pick(4, 2.0) == "192.0.2.2"
    assert Sources(()).pick(6, 0.0) == ""
    assert not Sources(("192.0.2.1",)).usable(6)


async def test_source_address_is_used_and_an_ill_one_left_out() -> None:
    with SmtpPeer() as peer:
        made = scene.courier(
            [scene.to_peer(peer.port)],
            options=options(source_ips=("192.0.2.77", "127.0.0.5"), letters=1, connections=1, start=1),
        )
        feed = await scene.send(made, scene.job(), scene.job(), scene.job())
        await scene.arrived(peer, 2)
        assert {connection.source_ip for connection in peer.connections} == {"127.0.0.5"}
    assert [o.kind for o in feed.outcomes] == ["delivered", "delivered", "delivered"]
    assert "192.0.2.77 is no address of this host" in feed.ended[0][1].opening
    assert feed.ended[-1][1].source_ip == "127.0.0.5"


# ---- overtaking and closing


async def test_a_free_connection_overtakes_one_still_being_opened() -> None:
    first = Gate()

    def banner(_: str, connection: object) -> object:
        return "220 hello" if connection.number == 0 else HANG  # type: ignore[attr-defined] # the peer's own type

    with SmtpPeer({"banner": banner, "CONTENT": first}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(start=2))
        feed = scene.Feed([scene.job()])
        feed.channel = channel = made.channel(await scene.sited(made), feed)
        channel.wake()
        await asyncio.to_thread(peer.wait_connections, 1)
        while channel.status().busy == 0:
            await asyncio.sleep(0)
        feed.jobs.append(scene.job())
        channel.wake()  # dials a second one, which hangs
        await asyncio.to_thread(peer.wait_connections, 2)
        first.event.set()
        await feed.told(2, 3)
        assert [o.kind for o in feed.outcomes] == ["delivered", "delivered"]
        await made.close(0.1)


async def test_close_lets_the_letter_under_way_end() -> None:
    gate = Gate()
    with SmtpPeer({"CONTENT": gate}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=1, start=1))
        feed, channel = await opened(made, 5)
        feed.again = False
        await asyncio.to_thread(peer.wait_connections, 1)
        while channel.status().busy == 0:
            await asyncio.sleep(0)
        closing = made.close(5.0)
        assert channel.status().binds == "closing"
        gate.event.set()
        await asyncio.wait_for(closing, 5)
        assert {outcome.kind for outcome in feed.outcomes} == {"delivered"}
        assert len(feed.ended) + len(feed.back) + len(feed.jobs) == 5
        assert len(feed.ended) <= 2
        assert channel.status().connections == 0


async def test_close_cuts_off_after_the_grace() -> None:
    with SmtpPeer({"CONTENT": HANG}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(connections=2, start=2))
        feed, channel = await opened(made, 4)
        feed.again = False
        while channel.status().busy < 2:
            await asyncio.sleep(0)
        await asyncio.to_thread(wait_for_content, peer)
        await asyncio.wait_for(made.close(0.1), 5)
        assert {outcome.status.code for outcome in feed.outcomes} == {"4.4.2"}
        assert len(feed.ended) + len(feed.back) + len(feed.jobs) == 4
        assert channel.status().connections == 0


def wait_for_content(peer: SmtpPeer) -> None:
    for _ in range(500):
        if all("C: DATA" in connection.dialogue for connection in peer.connections):
            return
        threading.Event().wait(0.01)


async def test_close_while_dialling_gives_back() -> None:
    with SmtpPeer({"banner": HANG}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(start=2))
        feed, channel = await opened(made, 2)
        feed.again = False
        await asyncio.to_thread(peer.wait_connections, 2)
        await asyncio.wait_for(made.close(5.0), 2)
        assert len(feed.back) == 2
        assert feed.ended == []
        assert channel.status().connections == 0


async def test_slow_peer_is_waited_for() -> None:
    with SmtpPeer({"CONTENT": Delay(0.3, "250 Ok"), "MAIL": Delay(0.1, "250 Ok")}) as peer:
        feed = await scene.send(scene.courier([scene.to_peer(peer.port)], options=options()), scene.job())
    assert feed.outcomes[0].kind == "delivered"


async def test_closed_channels_are_forgotten() -> None:
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        site = await scene.sited(made)
        channels = [made.channel(site, scene.Feed()) for _ in range(5)]
        await asyncio.gather(*[channel.close() for channel in channels[1:]])
        assert [status.site for status in made.status()] == [site.name]
        await made.close()
