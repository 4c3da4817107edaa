"""MTA-STS on the way out: enforce and testing in the MX walk, downgrades, lines that are not shared. # RFC 8461"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from tests.support import delivery_scene as scene
from tests.support.loops import until
from tests.support.smtp_peer import Delay
from tests.support.tls_site import TlsSite, counted

from hatoba.delivery import settings


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TlsSite]:
    with TlsSite(tmp_path) as made:
        made.domain("rcpt.example", "mx.rcpt.example")
        yield made


OURS = ("sts", "rcpt.example")


async def test_enforced_and_met(site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    courier = site.courier()
    feed = await site.send(courier)
    (letter,) = await scene.arrived(peer, 1)
    assert letter.tls
    (attempt,) = [attempt for _, attempt in feed.ended]
    assert attempt.tls_policy == "MTA-STS (enforce) of rcpt.example: certificate verified for mx.rcpt.example"
    assert attempt.tls_policy in attempt.opening
    assert counted(courier) == {(*OURS, ""): 1}


async def test_a_host_the_policy_does_not_name_is_passed_over(site: TlsSite) -> None:
    site.domain("rcpt.example", "evil.example", "mx.rcpt.example")
    site.enforce("rcpt.example", "*.rcpt.example")
    evil = site.peer("evil.example", site.context("evil.example"))
    good = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert len(good.letters) == 1
    assert evil.connections == []
    opening = feed.ended[0][1].opening
    assert "* evil.example is passed over: the MTA-STS policy of rcpt.example (enforce) does not name evil" in opening
    assert counted(courier) == {(*OURS, ""): 1, (*OURS, "validation-failure"): 1}


async def test_no_host_of_the_policy_defers_and_names_the_policy(site: TlsSite) -> None:
    site.domain("rcpt.example", "a.evil.example", "b.evil.example")
    site.enforce("rcpt.example", "mx.rcpt.example")
    peers = [site.peer(f"{name}.evil.example", site.context(f"{name}.evil.example")) for name in "ab"]
    feed = await site.send(site.courier())
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("deferred", "4.7.0", "letter")
    assert "the MTA-STS policy of rcpt.example (enforce) does not name" in outcome.status.text
    assert not any(peer.connections for peer in peers)
    assert "a.evil.example is passed over" in feed.ended[0][1].opening


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("expired", "certificate-expired"),
        ("wrong name", "certificate-host-mismatch"),
        ("another CA", "certificate-not-trusted"),
    ],
)
async def test_a_bad_certificate(fault: str, word: str, site: TlsSite) -> None:
    """Enforce defers; testing delivers and counts the very same."""
    context = {
        "expired": lambda: site.context("mx.rcpt.example", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        "wrong name": lambda: site.context("other.rcpt.example"),
        "another CA": lambda: site.context("mx.rcpt.example", ca=trustme.CA()),
    }[fault]()
    peer = site.peer("mx.rcpt.example", context)
    site.enforce("rcpt.example", "mx.rcpt.example")
    courier = site.courier()
    feed = await site.send(courier)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("deferred", "4.7.5", "letter")
    assert peer.letters == []
    assert counted(courier) == {(*OURS, word): 1}

    site.enforce("rcpt.example", "mx.rcpt.example", mode="testing", number="2")
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    (letter,) = peer.letters
    assert letter.tls
    assert feed.ended[0][1].tls_policy.startswith("MTA-STS (testing) of rcpt.example: ")
    assert feed.ended[0][1].tls_policy.endswith(", delivered all the same")
    assert counted(courier) == {(*OURS, word): 2}  # the handshake that failed, and the session that went on


async def test_testing_remembers_a_bad_certificate(site: TlsSite) -> None:
    """The next connection does not fail first; it is counted as a failure again."""
    site.enforce("rcpt.example", "mx.rcpt.example", mode="testing")
    peer = site.peer("mx.rcpt.example", site.context("other.rcpt.example"))
    courier = site.courier()
    for _ in range(2):
        feed = scene.Feed([scene.job()])
        channel = courier.channel(await scene.sited(courier), feed)
        channel.wake()
        await feed.told(1)
        await channel.close()
    assert len(peer.connections) == 3
    assert len(peer.letters) == 2
    assert counted(courier) == {(*OURS, "certificate-host-mismatch"): 3}
    await courier.close()
    await site.quiet()


async def test_stripped_starttls(site: TlsSite) -> None:
    """A man in the middle takes STARTTLS out of the offer: enforce does not go on, testing does."""
    site.peer("mx.rcpt.example", None)
    site.enforce("rcpt.example", "mx.rcpt.example")
    courier = site.courier()
    feed = await site.send(courier)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code[:3]) == ("deferred", "4.7")
    assert "MTA-STS (enforce) of rcpt.example" in outcome.status.text
    assert counted(courier) == {(*OURS, "starttls-not-supported"): 1}
    site.enforce("rcpt.example", "mx.rcpt.example", mode="testing", number="2")
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert counted(courier) == {(*OURS, "starttls-not-supported"): 1}


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "501 5.5.4 what?"])
async def test_refused_starttls_is_no_way_around(reply: str, site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"), {"STARTTLS": reply})
    feed = await site.send(site.courier())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code[:3]) == ("deferred", "4.7")
    assert peer.letters == []


async def test_a_stripped_record_does_not_strip_the_policy(site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    site.peer("mx.rcpt.example", None)
    courier = site.courier()
    assert site.cache is not None
    await site.cache.find("rcpt.example")
    del site.dns.zone["_mta-sts.rcpt.example"]
    feed = await site.send(courier)
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code[:3]) == ("deferred", "4.7")


async def test_testing_does_not_enforce_the_hosts(site: TlsSite) -> None:
    site.domain("rcpt.example", "elsewhere.example")
    site.enforce("rcpt.example", "mx.rcpt.example", mode="testing")
    peer = site.peer("elsewhere.example", site.context("elsewhere.example"))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert peer.letters[0].tls
    assert counted(courier) == {(*OURS, "validation-failure"): 1}


async def test_a_policy_of_mode_none_asks_nothing(site: TlsSite) -> None:
    site.announce("rcpt.example", "mode: none", "max_age: 86400")
    site.peer("mx.rcpt.example", None)
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert counted(courier) == {("no-policy-found", "rcpt.example", "starttls-not-supported"): 1}


async def test_a_policy_that_cannot_be_fetched_is_none_but_counted(site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    site.web.pages.clear()
    site.peer("mx.rcpt.example", site.context("whoever.example"))
    courier = site.courier()
    feed = await site.send(courier)
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].tls_policy == ""
    assert counted(courier) == {
        (*OURS, "sts-policy-invalid"): 1,
        ("no-policy-found", "rcpt.example", ""): 1,
    }


# ---- lines and letters


async def test_siblings_on_the_same_hosts_go_their_own_ways(site: TlsSite) -> None:
    """A domain whose policy cannot be met does not keep back one that shares its hosts, nor the other way round."""
    site.domain("other.example", "mx.rcpt.example")
    site.enforce("rcpt.example", "mx.elsewhere.example")
    peer = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    courier = site.courier()
    for name in ("rcpt.example", "other.example"):
        await courier.policies.find(name)
    both = scene.job("b@rcpt.example", "c@other.example")
    feed = await site.send(
        courier, both, scene.job("d@other.example"), scene.job("e@rcpt.example"), to="b@rcpt.example"
    )
    assert feed.parted == 1
    ends = {
        (str(job.letter.envelope.recipients[outcome.n].address), outcome.kind)
        for job, attempt in feed.ended
        for outcome in attempt.outcomes
    }
    assert ends == {
        ("b@rcpt.example", "deferred"), ("c@other.example", "delivered"), ("d@other.example", "delivered"),
        ("e@rcpt.example", "deferred"),
    }  # fmt: skip
    assert sorted(letter.recipients for letter in peer.letters) == [["c@other.example"], ["d@other.example"]]


async def told(site: TlsSite, *jobs: str, known: bool) -> tuple[scene.Feed, list[int]]:
    """Letters to these in turn over one channel; the connections that carried them."""
    site.domain("other.example", "mx.rcpt.example")
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    courier = site.courier()
    if known:
        for name in ("rcpt.example", "other.example"):
            await courier.policies.find(name)
    feed = scene.Feed()
    channel = courier.channel(await scene.sited(courier, jobs[0]), feed)
    for number, to in enumerate(jobs, 1):
        feed.jobs.append(scene.job(to))
        channel.wake()
        await feed.told(number)
    await courier.close()
    await site.quiet()
    return feed, [letter.connection for letter in await scene.arrived(peer, len(jobs))]


@pytest.mark.parametrize("known", [True, False])
async def test_a_line_opened_for_anybody_does_not_carry_what_needs_more(known: bool, site: TlsSite) -> None:
    feed, connections = await told(site, "a@other.example", "b@rcpt.example", "c@other.example", known=known)
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 3
    assert connections[0] != connections[1]
    assert feed.ended[1][1].tls_policy.startswith("MTA-STS (enforce)")


async def test_a_verified_line_carries_everybody_s(site: TlsSite) -> None:
    feed, connections = await told(site, "b@rcpt.example", "a@other.example", "d@rcpt.example", known=True)
    assert connections == [0, 0, 0]
    assert [attempt.tls_policy[:7] for _, attempt in feed.ended] == ["MTA-STS", "", "MTA-STS"]


async def test_what_no_host_met_is_not_dialled_for_each_letter(site: TlsSite) -> None:
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer("mx.rcpt.example", None)
    courier = site.courier(limits=settings.Limits(start=1))
    feed = await site.send(courier, *[scene.job() for _ in range(20)])
    assert {(outcome.kind, outcome.status.code) for outcome in feed.outcomes} == {("deferred", "4.7.5")}
    assert len(peer.connections) == 1
    assert all("MTA-STS (enforce) of rcpt.example" in outcome.status.text for outcome in feed.outcomes)
    assert "not dialled" in feed.ended[-1][1].dialogue


async def test_one_bad_handshake_beside_a_line_that_serves(site: TlsSite) -> None:
    """It says nothing about the domain: its letters go over the line that stands."""
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer(
        "mx.rcpt.example", site.context("mx.rcpt.example"), {"CONTENT": [Delay(0.3, "250 2.0.0 Ok"), "250 2.0.0 Ok"]}
    )
    courier = site.courier()
    feed = scene.Feed([scene.job()])
    channel = courier.channel(await scene.sited(courier), feed)
    channel.wake()
    await until(lambda: any("C: MAIL" in line for each in peer.connections for line in each.dialogue))
    peer.context = site.context("other.rcpt.example")
    feed.jobs.append(scene.job())
    channel.wake()
    await feed.told(2)
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 2
    assert len(peer.connections) == 2
    assert len(feed.back) == 1
    await courier.close()
    await site.quiet()


async def test_tls_required_no_overrides_the_domain(site: TlsSite) -> None:
    """# RFC 8689 §5"""
    site.enforce("rcpt.example", "mx.rcpt.example")
    peer = site.peer("mx.rcpt.example", None)
    feed = await site.send(site.courier(), scene.job(tls_optional=True), scene.job())
    assert sorted(outcome.kind for outcome in feed.outcomes) == ["deferred", "delivered"]
    assert len(peer.letters) == 1


async def test_requiretls_by_mta_sts(site: TlsSite) -> None:
    """MX records without DNSSEC are vouched for by a policy, in mode testing too. # RFC 8689 §4.2.1"""
    peer = site.peer("mx.rcpt.example", site.context("mx.rcpt.example"))
    feed = await site.send(site.courier(), scene.job(requiretls=True))
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("failed", "5.7.30", "letter")
    assert "neither DNSSEC nor MTA-STS vouches for mx.rcpt.example" in outcome.status.text
    assert peer.connections == []
    for number, mode in enumerate(("testing", "enforce"), 1):
        site.enforce("rcpt.example", "mx.rcpt.example", mode=mode, number=str(number))
        feed = await site.send(site.courier(), scene.job(requiretls=True))
        assert feed.outcomes[0].kind == "delivered"
        assert "REQUIRETLS" in peer.letters[-1].mail


async def test_requiretls_goes_on_to_a_host_that_offers_it(site: TlsSite) -> None:
    site.domain("rcpt.example", "a.rcpt.example", "b.rcpt.example")
    site.enforce("rcpt.example", "*.rcpt.example")
    site.peer("a.rcpt.example", site.context("a.rcpt.example"), {"EHLO": "250-a\n250 STARTTLS"})
    second = site.peer("b.rcpt.example", site.context("b.rcpt.example"))
    feed = await site.send(site.courier(), scene.job(requiretls=True))
    assert feed.outcomes[0].kind == "delivered"
    assert len(second.letters) == 1
    assert "C: EHLO" in feed.ended[0][1].opening.split("b.rcpt.example")[0]  # the first host was asked
