"""TLS outward in a whole hatoba: a policy fetched and kept, hosts passed over, DANE, and what the operator is shown."""

import hashlib
import json
import sqlite3
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.support import certificates, post
from tests.support.tls_site import serving
from tests.support.town import HOME, Town, common_port
from tests.support.wait import until
from tests.support.web import WebHost, policy

MORE = """
[mta_sts]
mode = "testing"
mx = ["mx.home.example"]
port = {policy_port}
address = ["127.0.0.1"]
tls = false

[delivery.mta_sts]
ca_file = "{ca}"
port = {web}
private_addresses = true
timeout = "5s"

[[tls_policy]]
match = "partner.example"
level = "require"
"""


class Tale:
    """A town with a CA of its own and a web host for policies."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.policy_port = common_port()
        self.web = WebHost(self.context("mta-sts.sts.example"))
        self.town = Town(
            folder,
            delivery=f'tls_ca_file = "{folder / "ca.pem"}"\ntally = "0.2s"\nidle = "0.2s"\ntls_refused = "0s"',
            more=MORE,
            ca=folder / "ca.pem",
            web=self.web.port,
            policy_port=self.policy_port,
        )

    def context(self, *names: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(made)
        return made


@pytest.fixture(scope="module")
def tale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tale]:
    made = Tale(tmp_path_factory.mktemp("policies"))
    with made.web, made.town:
        yield made


def tallied(town: Town, domain: str) -> list[tuple[str, str, int]]:
    """(type, result, count) of what stands in the database."""
    with sqlite3.connect(f"file:{town.node.data / 'hatoba.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT data, count FROM tally WHERE kind = 'tls' AND domain = ?", (domain,)).fetchall()
    database.close()
    return sorted((json.loads(data)["type"], json.loads(data).get("result", ""), count) for data, count in rows)


def test_enforced_until_a_host_is_right(tale: Tale) -> None:
    town, dns = tale.town, tale.town.dns
    dns.zone["_mta-sts.sts.example"] = {"TXT": ['"v=STSv1; id=1"']}
    dns.zone["mta-sts.sts.example"] = {"A": ["127.0.0.1"]}
    tale.web.pages["mta-sts.sts.example"] = policy("mode: enforce", "mx: mx.sts.example", "max_age: 864000")
    with town.peer("sts.example", context=tale.context("other.sts.example")) as peer:
        letter = town.send("carol@example.org", "bob@sts.example")
        told = post.story_with(town.node, letter, "deferred")
        row = told["waiting"][0]
        assert (row["status"], peer.letters) == ("4.7.5", [])
        tale.web.pages.clear()  # the policy is known by now
        peer.context = tale.context("mx.sts.example")
        told = post.story_with(town.node, letter, "delivered")
        assert peer.letters[0].tls
        form = next(entry["form"] for entry in told["entries"] if entry["kind"] == "delivered")
        assert form["tls_policy"] == "MTA-STS (enforce) of sts.example: certificate verified for mx.sts.example"
        said = town.node.cli("trace", letter)
        assert "TLS policy: MTA-STS (enforce) of sts.example" in said
        until(lambda: ("sts", "", 1) in tallied(town, "sts.example"), "the session was counted")
        assert any(result == "certificate-host-mismatch" for _, result, _ in tallied(town, "sts.example"))
        tale.web.pages["mta-sts.sts.example"] = policy("mode: enforce", "mx: mx.sts.example", "max_age: 864000")
        shown = town.node.json("tls", "sts.example")
        assert shown["usable"]
        assert shown["policy"]["mta_sts"]["mode"] == "enforce"
        (host,) = shown["hosts"]
        assert host["addresses"][0]["public_ca"] == "verified"
        assert host["addresses"][0]["certificate"]["names"] == ["mx.sts.example"]
        assert "MTA-STS: mode enforce, mx mx.sts.example" in town.node.cli("tls", "sts.example")
    before = len(tale.web.asked)
    assert town.node.cli("tls", "nowhere.invalid", check=False) == ""
    assert len(tale.web.asked) == before


def test_dane_and_tls_required_no(tale: Tale) -> None:
    town, dns = tale.town, tale.town.dns
    dns.secure = True
    leaf = certificates.make("mx")
    name = f"_{town.port}._tcp.mx.dane.example"
    dns.zone[name] = {"TLSA": [f"3 1 1 {hashlib.sha256(leaf.spki).hexdigest()}"]}
    with town.peer("dane.example", context=serving(town.node.folder, leaf)) as peer:
        letter = town.send("carol@example.org", "bob@dane.example")
        told = post.story_with(town.node, letter, "delivered")
        form = next(entry["form"] for entry in told["entries"] if entry["kind"] == "delivered")
        assert form["tls_policy"] == "DANE at mx.dane.example: the certificate matches TLSA 3 1 1"
        peer.context = tale.context("mx.dane.example")  # not the one of the records
        peer.stages["QUIT"] = "221 bye"
        until(lambda: not any(each.open for each in peer.connections), "the connection ended")
        held = town.send("carol@example.org", "bob@dane.example")
        assert post.story_with(town.node, held, "deferred")["waiting"][0]["status"] == "4.7.5"
        content = post.LETTER.replace(b"Subject:", b"TLS-Required: No\r\nSubject:")
        letter = town.send("carol@example.org", "bob@dane.example", content)
        post.story_with(town.node, letter, "delivered")
        assert "TLS-Required: No" in peer.wait_letters(2)[1].content.decode()
        town.node.cli("queue", "drop", held)
    dns.secure = False


def test_a_rule_for_one_domain(tale: Tale) -> None:
    town = tale.town
    with town.peer("partner.example"), town.peer("stranger.example"):
        letter = town.send("carol@example.org", "bob@partner.example")
        other = town.send("carol@example.org", "bob@stranger.example")
        assert post.story_with(town.node, letter, "deferred")["waiting"][0]["status"] == "4.7.4"
        post.story_with(town.node, other, "delivered")
        town.node.cli("queue", "drop", letter)
        shown = town.node.cli("tls", "partner.example", check=False)
    assert "level encrypt (tls_policy partner.example)" in shown
    assert "does not offer STARTTLS" in shown


def test_our_own_policy(tale: Tale) -> None:
    until(
        lambda: "our MTA-STS policy and what mail programs ask for: 127.0.0.1:" in tale.town.log(),
        "the operator is told where it is served",
    )
    asked = urllib.request.Request(  # a fixed address on loopback
        f"http://127.0.0.1:{tale.policy_port}/.well-known/mta-sts.txt", headers={"Host": f"mta-sts.{HOME}"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 # as above
        assert answer.read() == b"version: STSv1\r\nmode: testing\r\nmx: mx.home.example\r\nmax_age: 604800\r\n"
