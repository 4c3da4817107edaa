"""What a worker keeps about TLS of others: counts on disk, none lost while the store is away, policies known again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.loops import until
from tests.support.tls_site import TlsSite

from hatoba import store
from hatoba.app import tls_upkeep
from hatoba.delivery import guard as guards
from hatoba.delivery import settings as delivery_
from hatoba.delivery.guard import Proof
from hatoba.delivery.need import Need
from hatoba.delivery.tally import Tally
from hatoba.store import base, blobs, tallies
from hatoba.store.settings import Settings

NEED = Need("may", rule="delivery.tls", domain="a.example", mx=True)
DAY = 20_833


@pytest.fixture
def home(tmp_path: Path) -> base.Files:
    store.prepare(tmp_path / "data", 1)
    return base.Files(tmp_path / "data", Settings(busy_timeout=0.05), blobs.Settings())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TlsSite]:
    (tmp_path / "site").mkdir()
    with TlsSite(tmp_path / "site") as made:
        yield made


def upkeep(home: base.Files, site: TlsSite, **options: float) -> tls_upkeep.Upkeep:
    site.policies()
    settings = delivery_.Settings(mta_sts=site.fetching(), **options)  # type: ignore[arg-type] # by name
    return tls_upkeep.Upkeep(settings, home, site.resolver, site.log, clock=site.clock)


def session(tally: Tally) -> None:
    tally.used(NEED, guards.OPEN, Proof("mx.a.example", (b"der",)), "192.0.2.1", "198.51.100.1")


def counts(home: base.Files) -> list[int]:
    register = home.register()
    try:
        return [row.count for row in tallies.of(register.reader, "tls", DAY, "a.example")]
    finally:
        register.close()


async def test_counts_go_to_the_store_by_themselves_and_at_the_end(home: base.Files, site: TlsSite) -> None:
    made, tally = upkeep(home, site, tally=0.01), Tally(site.clock)
    await made.start(tally)
    session(tally)
    async with asyncio.timeout(10):
        while counts(home) != [1]:
            await asyncio.sleep(0.01)
    session(tally)
    session(tally)
    await made.stop()
    assert counts(home) == [3]


async def test_nothing_is_lost_while_the_store_is_away(home: base.Files, site: TlsSite) -> None:
    made, tally = upkeep(home, site), Tally(site.clock)
    await made.start(tally)
    path, aside = home.data / "hatoba.db", home.data / "aside.db"
    path.rename(aside)
    for _ in range(2):
        session(tally)
        await made.flush()
    path.unlink(missing_ok=True)
    aside.rename(path)
    session(tally)
    await made.stop()
    assert counts(home) == [3]


async def test_policies_are_known_after_a_restart(home: base.Files, site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    first = upkeep(home, site)
    await first.start(Tally(site.clock))
    assert (await first.cache.find("rcpt.example")).policy is not None
    await first.stop()
    site.dns.zone.clear()
    second = upkeep(home, site)
    await second.start(Tally(site.clock))
    found = await second.cache.find("rcpt.example")
    assert found.policy is not None
    assert found.policy.mx == ("mx.rcpt.example",)
    await second.stop()


async def test_a_bug_in_a_round_does_not_end_the_rounds(
    home: base.Files, site: TlsSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, tally = upkeep(home, site, tally=0.01), Tally(site.clock)
    await made.start(tally)
    monkeypatch.setattr(tallies, "add", None)
    session(tally)
    await until(lambda: site.log.errors)
    monkeypatch.undo()
    session(tally)
    await made.stop()
    assert counts(home) == [2]
