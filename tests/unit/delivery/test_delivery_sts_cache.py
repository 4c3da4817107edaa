"""Policies remembered: what renews one, what must not end one, what is never connected to. # RFC 8461 §5.1, §10.2"""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support import pg
from tests.support.loops import until
from tests.support.tls_site import TlsSite
from tests.support.web import TEXT, policy

from hatoba import store
from hatoba.delivery import sts
from hatoba.delivery.settings import MtaSts
from hatoba.delivery.sts import Found
from hatoba.store import base, policies
from hatoba.store import directory as files
from hatoba.store.rows import PolicyRow
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings

DAY = 86_400_000
NAME = "rcpt.example"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TlsSite]:
    with TlsSite(tmp_path) as made:
        made.enforce(NAME, "mx.rcpt.example", age=10 * 86400)
        yield made


async def hosts(cache: sts.Cache) -> tuple[str, ...] | None:
    found = await cache.find(NAME)
    return found.policy.mx if found.policy is not None else None


async def test_fetched_once_and_kept(site: TlsSite) -> None:
    cache = site.policies()
    for _ in range(3):
        assert await hosts(cache) == ("mx.rcpt.example",)
    assert site.web.asked == [("mta-sts.rcpt.example", "/.well-known/mta-sts.txt")]


async def test_another_id_fetches_anew(site: TlsSite) -> None:
    cache = site.policies()
    await cache.find(NAME)
    site.web.pages["mta-sts.rcpt.example"] = policy("mode: enforce", "mx: new.example", "max_age: 86400")
    assert await hosts(cache) == ("mx.rcpt.example",)  # the same id: nobody looks
    site.enforce(NAME, "new.example", number="2")
    assert await hosts(cache) == ("new.example",)
    assert len(site.web.asked) == 2


@pytest.mark.parametrize("what", ["web host", "record", "DNS"])
async def test_a_policy_outlives_what_announced_it(what: str, site: TlsSite) -> None:
    cache = site.policies()
    await cache.find(NAME)
    if what == "web host":
        site.web.pages.clear()
        site.dns.zone["_mta-sts.rcpt.example"] = {"TXT": ['"v=STSv1; id=2;"']}
    elif what == "record":
        del site.dns.zone["_mta-sts.rcpt.example"]
    else:
        site.dns.servfail.add("_mta-sts.rcpt.example")
    site.clock.now += 10 * DAY - 1
    found = await cache.find(NAME)
    assert found.policy is not None
    assert found.policy.mode == "enforce"
    assert bool(found.failure[0]) is (what == "web host")
    site.clock.now += 1
    assert (await cache.find(NAME)).policy is None


async def test_a_failed_fetch_is_not_repeated_at_once(site: TlsSite) -> None:
    site.web.pages.clear()
    cache = site.policies()
    for _ in range(3):
        found = await cache.find(NAME)
        assert (found.policy, found.failure[0]) == (None, "sts-policy-invalid")
    assert len(site.web.asked) == 1
    site.enforce(NAME, "mx.rcpt.example")  # it is mended, under the same id
    site.clock.now += 300_001
    assert await hosts(cache) == ("mx.rcpt.example",)


async def test_renewed_in_the_background(site: TlsSite) -> None:
    cache = site.policies()
    await cache.find(NAME)
    site.enforce(NAME, "new.example", age=10 * 86400)  # changed without another id
    site.clock.now += DAY + 1
    assert await hosts(cache) == ("mx.rcpt.example",)  # nobody waits for it
    await until(lambda: len(site.web.asked) == 2)
    async with asyncio.timeout(10):
        while await hosts(cache) != ("new.example",):
            await asyncio.sleep(0.01)
    site.web.pages.clear()
    site.clock.now += DAY + 1
    await cache.find(NAME)
    await until(lambda: len(site.web.asked) == 3)
    assert await hosts(cache) == ("new.example",)  # the renewal failed: what is kept stays
    await cache.close()


async def test_swept_before_it_ends(site: TlsSite) -> None:
    """Policies nobody uses just now are renewed too, each by the worker whose they are."""
    mine = site.policies()
    await mine.find(NAME)
    assert await mine.sweep() == 0
    site.clock.now += 6 * DAY
    assert await mine.sweep() == 1
    site.clock.now += 9 * DAY
    assert await hosts(mine) == ("mx.rcpt.example",)
    site.web.pages.clear()
    assert await mine.sweep() == 1  # in vain
    assert await hosts(mine) == ("mx.rcpt.example",)
    other = sts.Cache(
        site.fetching(), site.resolver, None, clock=site.clock, log=site.log, mine=lambda domain: domain != NAME
    )
    site.enforce(NAME, "mx.rcpt.example", age=10 * 86400)
    await other.find(NAME)
    site.clock.now += 6 * DAY
    assert await other.sweep() == 0


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ((301, {"Location": "https://mta-sts.other.example/"}, b""), "sts-policy-invalid"),
        ((200, {"Content-Type": "text/html"}, policy("mode: none", "max_age: 1")[2]), "sts-policy-invalid"),
        ((200, TEXT, b"version: STSv1\r\nmode: enforce\r\n"), "sts-policy-invalid"),
        ((200, TEXT, b"x" * 70_000), "sts-policy-fetch-error"),
        (b"rubbish\r\n\r\n", "sts-policy-fetch-error"),
        (b"", "sts-policy-fetch-error"),
    ],
)
async def test_pages_that_are_no_policy(
    page: tuple[int, dict[str, str], bytes] | bytes, word: str, site: TlsSite
) -> None:
    site.web.pages["mta-sts.rcpt.example"] = page
    found = await site.policies().find(NAME)
    assert (found.policy, found.failure[0]) == (None, word)
    assert len(site.web.asked) == 1  # no redirect was followed


async def test_the_web_host_s_certificate_counts(site: TlsSite) -> None:
    site.web.context = site.context("elsewhere.example")
    found = await site.policies().find(NAME)
    assert (found.policy, found.failure[0]) == (None, "sts-webpki-invalid")
    assert site.web.asked == []


async def test_a_web_host_that_never_answers(site: TlsSite) -> None:
    site.web.silent.add("mta-sts.rcpt.example")
    found = await site.policies(timeout=0.3).find(NAME)
    assert (found.policy, found.failure[0]) == (None, "sts-policy-fetch-error")
    assert "within 0.3 s" in found.failure[1]


async def test_private_addresses_are_not_connected_to(site: TlsSite) -> None:
    site.dns.zone["mta-sts.rcpt.example"] = {"A": ["127.0.0.1", "10.0.0.1", "169.254.169.254"], "AAAA": ["::1"]}
    cache = site.policies()
    guarded = sts.Cache(
        MtaSts(ca_file=site.ca_file, port=site.web.port), site.resolver, None, clock=site.clock, log=site.log
    )
    found = await guarded.find(NAME)
    assert (found.policy, found.failure) == (
        None, ("sts-policy-fetch-error", "mta-sts.rcpt.example has no public address"),
    )  # fmt: skip
    assert site.web.asked == []
    assert await hosts(cache) == ("mx.rcpt.example",)


async def test_the_next_address_is_tried(site: TlsSite) -> None:
    site.dns.zone["mta-sts.rcpt.example"] = {"A": ["127.0.0.9", "127.0.0.1"]}
    assert await hosts(site.policies()) == ("mx.rcpt.example",)


async def test_a_max_age_of_nothing_still_counts_for_a_moment(site: TlsSite) -> None:
    site.enforce(NAME, "mx.rcpt.example", age=0)
    cache = site.policies()
    assert await hosts(cache) == ("mx.rcpt.example",)
    site.clock.now += 61_000
    assert await hosts(cache) == ("mx.rcpt.example",)
    assert len(site.web.asked) == 2


# ---- the store


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[base.Base]:
    data = tmp_path / "data"
    if request.param == "sqlite":
        store.prepare(data, 1)
        yield base.Files(data, Settings(), store.blobs.Settings())
        return
    name = pg.database()
    database = Database(url=pg.url(name), shards=1)
    store.prepare(data, 1, database=database)
    yield Server(data, Settings(), database)
    pg.drop(name)


async def test_shared_by_workers_and_kept_over_a_restart(home: base.Base, site: TlsSite) -> None:
    registers = [home.register() for _ in range(3)]
    first = site.policies(registers[0])
    await first.find(NAME)
    second = site.policies(registers[1])
    assert await hosts(second) == ("mx.rcpt.example",)  # asked for by id: the store has it
    assert len(site.web.asked) == 1
    del site.dns.zone["_mta-sts.rcpt.example"]
    third = site.policies(registers[2])
    assert await hosts(third) is None  # nothing announced, nothing loaded
    await third.load()
    assert await hosts(third) == ("mx.rcpt.example",)
    row = policies.get(registers[0].reader, NAME, "sts")
    assert row is not None
    assert (row.fetched, row.until) == (site.clock.now, site.clock.now + 10 * DAY)
    assert json.loads(row.data)["id"] == "1"
    for register in registers:
        register.close()


async def test_rows_that_cannot_be_read_are_passed_over(home: base.Base, site: TlsSite) -> None:
    register = home.register()
    now = site.clock.now
    rows = [
        PolicyRow(NAME, "sts", now, now + DAY, b"rubbish"),
        PolicyRow("other.example", "sts", now, now + DAY, b'{"id":"1","text":"version: STSv2"}'),
        PolicyRow("old.example", "sts", now - 3 * DAY, now - 2 * DAY, b"{}"),
    ]
    for row in rows:
        register.note(partial(policies.put, row=row))
    cache = site.policies(register)
    await cache.load()
    assert await cache.find("other.example") == Found()
    assert await hosts(cache) == ("mx.rcpt.example",)
    await cache.sweep()
    assert policies.get(register.reader, "old.example", "sts") is None
    register.close()


async def test_a_store_that_is_away_is_no_matter(site: TlsSite, tmp_path: Path) -> None:
    store.prepare(tmp_path / "data", 1)
    register = files.attach(tmp_path / "data", Settings(busy_timeout=0.05))
    cache = site.policies(register)
    (tmp_path / "data" / "hatoba.db").rename(tmp_path / "data" / "elsewhere.db")
    assert await hosts(cache) == ("mx.rcpt.example",)
    register.close()
