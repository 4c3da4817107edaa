"""Needs by value: what is plain, what a letter changes, what a line has shown; sorting; counting; staleness."""

import itertools

import pytest
from tests.support import delivery_scene as scene
from tests.support.dns_server import DnsServer

from hatoba.delivery import guard as guards
from hatoba.delivery import settings
from hatoba.delivery.guard import Guard, Proof, Refused
from hatoba.delivery.need import Need
from hatoba.delivery.policies import Policies
from hatoba.delivery.tally import DAY, Tally
from hatoba.mailauth.mtasts import Policy
from hatoba.mailauth.tlsa.lookup import Dane
from hatoba.mailauth.tlsa.records import Tlsa
from hatoba.model.status import Status
from hatoba.net import dns

ENFORCE = Policy("enforce", ("mx.a.example",), 86400, "version: STSv1")
TESTING = Policy("testing", ("mx.a.example",), 86400, "version: STSv1")
EE = Dane("usable", (Tlsa(3, 1, 1, b"x" * 32),), ("mx.a.example",), "mx.a.example")
LINES = {
    "plain": Proof("mx.a.example"),
    "tls": Proof("mx.a.example", (b"der",)),
    "verified": Proof("mx.a.example", (b"der",), pkix=True, trusted=True),
    "verified, elsewhere": Proof("mx.b.example", (b"der",), pkix=True, trusted=True),
    "dane": Proof("mx.a.example", (b"der",), dane=EE, record=EE.records[0]),
    "dane, unmatched": Proof("mx.a.example", (b"der",), dane=EE, fault=("validation-failure", "no")),
    "no dane, tls": Proof("mx.a.example", (b"der",), dane=Dane("absent")),
    "no dane, verified": Proof("mx.a.example", (b"der",), pkix=True, trusted=True, dane=Dane("absent")),
}


def need(level: str = "may", **fields: object) -> Need:
    return Need(level, rule="delivery.tls", domain="a.example", mx=True, **fields)  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        (need(), set(LINES)),
        (need(sts=TESTING), set(LINES)),
        (need("none"), set(LINES)),
        (need("encrypt"), set(LINES) - {"plain"}),
        (need("verify"), {"verified", "verified, elsewhere", "no dane, verified"}),
        (need(sts=ENFORCE), {"verified", "no dane, verified"}),
        (need(dane=True), {"dane", "no dane, tls", "no dane, verified"}),
        (need(dane=True, sts=ENFORCE), {"dane", "no dane, verified"}),
        (need(dane=True, only=True), {"dane"}),
        (need().strict, set()),
        (need(secure=True).strict, {"verified", "verified, elsewhere", "no dane, verified"}),
        (need(secure=True, dane=True).strict, {"dane", "no dane, verified"}),
        (need(sts=TESTING).strict, {"verified", "no dane, verified"}),
        (need(dane=True, sts=ENFORCE).relaxed, set(LINES)),
        (need("encrypt", sts=ENFORCE).relaxed, set(LINES) - {"plain"}),
    ],
)
def test_which_lines_will_do(asked: Need, lines: set[str]) -> None:
    assert {name for name, proof in LINES.items() if guards.weigh(asked, proof) is not None} == lines


@pytest.mark.parametrize(
    ("level", "sts", "dane", "secure"),
    [  # DANE is not asked for where the settings want a certificate that public CAs vouch for
        each
        for each in itertools.product(
            ["may", "encrypt", "verify"], [None, TESTING, ENFORCE], [False, True], [False, True]
        )
        if not (each[0] == "verify" and each[2])
    ],
)
def test_more_is_never_met_by_less(level: str, sts: Policy | None, dane: bool, secure: bool) -> None:
    """What serves a letter with REQUIRETLS serves one without; what serves a need serves it relaxed."""
    asked = need(level, sts=sts, dane=dane, secure=secure)
    met = {name for name, proof in LINES.items() if guards.weigh(asked, proof) is not None}
    assert {name for name, proof in LINES.items() if guards.weigh(asked.strict, proof) is not None} <= met
    assert met <= {name for name, proof in LINES.items() if guards.weigh(asked.relaxed, proof) is not None}
    if asked.plain:
        assert met == set(LINES)


def test_variants_are_made_once() -> None:
    asked = need(sts=ENFORCE)
    assert asked.strict is asked.strict
    assert asked.relaxed is asked.relaxed
    assert asked.strict.covered
    assert asked.key != asked.strict.key
    assert need(sts=ENFORCE).key == asked.key


def test_blocked_for_a_while() -> None:
    asked = need(sts=ENFORCE)
    assert asked.blocked(0) is None
    asked.failed = (Status("4.7.5", "x"), 10.0)
    assert asked.blocked(9.9) == Status("4.7.5", "x")
    assert asked.blocked(10.0) is None
    assert asked.blocked(0) is None  # it is forgotten
    assert need(refusal=Status("4.4.3", "y")).blocked(0) == Status("4.4.3", "y")


def test_dane_trouble_refuses_the_host() -> None:
    with pytest.raises(Refused) as caught:
        guards.of(need(dane=True), "mx.a.example", Dane("trouble", why="bogus"))
    assert (caught.value.status.code, caught.value.policy, caught.value.result) == ("4.4.3", True, "dnssec-invalid")


# ---- counting


def test_counts_by_day_and_bound() -> None:
    now = [5 * DAY - 1]
    tally = Tally(lambda: now[0], most=2)
    asked, guard = need(), guards.OPEN
    tally.used(asked, guard, LINES["tls"], "192.0.2.1", "198.51.100.1")
    tally.used(asked, guard, LINES["tls"], "192.0.2.2", "198.51.100.2")  # successes are one row
    now[0] += 1
    tally.used(asked, guard, LINES["tls"], "192.0.2.1", "198.51.100.1")
    tally.used(asked, guard, LINES["plain"], "192.0.2.1", "198.51.100.1")
    assert tally.dropped == 1
    rows = tally.take()
    assert [(row.day, row.domain, row.count) for row in rows] == [(4, "a.example", 2), (5, "a.example", 1)]
    assert tally.take() == []


@pytest.mark.parametrize(
    "silent",
    [
        lambda tally: tally.used(Need("may", rule="the route"), guards.OPEN, LINES["tls"], "", ""),
        lambda tally: tally.used(need().relaxed, guards.OPEN, LINES["tls"], "", ""),
        lambda tally: tally.used(need("none"), Guard("", tls=False), LINES["plain"], "", ""),
        lambda tally: tally.used(need(sts=TESTING), Guard("x", pkix=True, soft=True), LINES["tls"], "", ""),
        lambda tally: tally.failed(need(), guards.OPEN, Refused(Status("4.4.1", "no answer")), "mx", "", ""),
    ],
)  # fmt: skip
def test_what_is_not_counted(silent: object) -> None:
    """Hosts of our settings, sessions for letters with TLS-Required: No (such as reports) or that were not to have TLS
    or whose certificate nobody looked at, mere silence."""
    tally = Tally(lambda: 0)
    silent(tally)  # type: ignore[operator] # one of the above
    assert len(tally) == 0


# ---- policies


async def test_known_fresh_stale_and_forgotten() -> None:
    now = [0.0]
    with DnsServer({"a.example": {"MX": ["10 mx.a.example."]}}) as server:
        resolver = dns.Resolver(dns.Settings(servers=(server.address,)), clock=lambda: now[0])
        policies = Policies(
            settings.Settings(), (), resolver, None, floor=lambda _: "may", steady=lambda: now[0], log=scene.Log()
        )
        assert policies.known("a.example") is None
        first = await policies.find("a.example")
        assert (first.plain, first.domain) == (True, "a.example")
        assert policies.known("a.example") is first
        now[0] = 61.0
        assert policies.known("a.example") is first  # stale: it counts while it is asked for anew
        assert await policies.learn("a.example") is first  # and nothing has changed
        now[0] = 121.0
        server.secure = True
        resolver.clear()
        changed = await policies.learn("a.example")
        assert changed is not first
        assert (changed.secure, changed.dane) == (True, True)
        now[0] += 10_000
        assert policies.known("a.example") is None
        await policies.close()


async def test_literals_have_no_policy() -> None:
    policies = Policies(
        settings.Settings(), (), dns.Resolver(dns.Settings(servers=("127.0.0.1:9",))), None, floor=lambda _: "may",
        steady=lambda: 0.0, log=scene.Log(),
    )  # fmt: skip
    found = await policies.find("[192.0.2.1]")
    assert found.plain
    assert not found.secure
