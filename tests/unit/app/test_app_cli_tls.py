"""hatoba tls: what people and programs are shown, and the exit status."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support import certificates
from tests.support.tls_site import TlsSite

from hatoba.app.cli import cli
from hatoba.app.cli import tls as verb

SETTINGS = """
hostname = "hatoba.test"
data = "{data}"
[dns]
servers = ["{dns}"]
[delivery]
port = {port}
ipv6 = false
tls_ca_file = "{ca}"
[delivery.mta_sts]
ca_file = "{ca}"
port = {web}
private_addresses = true
[[tls_policy]]
match = "partner.example"
level = "dane-only"
"""


class Desk:
    """A settings file for a site, and the verb run with it."""

    def __init__(self, folder: Path, site: TlsSite) -> None:
        self.site = site
        self.file = folder / "hatoba.toml"
        self.file.write_text(
            SETTINGS.format(
                data=folder / "data", dns=site.dns.address, port=site.port, ca=site.ca_file, web=site.web.port
            )
        )

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(self.file), "tls", *arguments], standalone_mode=False)

    def json(self, *arguments: str) -> tuple[Any, int]:
        done = self.run(*arguments, "--json")
        assert done.exception is None, done.exception
        return json.loads(done.stdout), done.return_value


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "site").mkdir()
    with TlsSite(tmp_path / "site") as site:
        site.domain("rcpt.example", "mx.rcpt.example")
        site.enforce("rcpt.example", "mx.rcpt.example")
        yield Desk(tmp_path, site)


def test_all_is_well(desk: Desk) -> None:
    desk.site.peer("mx.rcpt.example", desk.site.context("mx.rcpt.example"))
    shown, status = desk.json("rcpt.example")
    assert status == 0
    assert shown["policy"]["mta_sts"] == {"mode": "enforce", "mx": ["mx.rcpt.example"], "max_age": 86400}
    (address,) = shown["hosts"][0]["addresses"]
    assert (address["usable"], address["public_ca"]) == (True, "verified")
    assert "C: STARTTLS" in address["dialogue"]
    said = desk.run("bob@rcpt.example").stdout
    assert "rcpt.example: mx, level may (delivery.tls)" in said
    assert verb.UNPROVEN in said
    assert "asked: MTA-STS (enforce) of rcpt.example" in said
    assert "public CAs: verified, and it bears the name of the host" in said


def test_nothing_would_go(desk: Desk) -> None:
    desk.site.peer("mx.rcpt.example", desk.site.context("other.rcpt.example"))
    shown, status = desk.json("rcpt.example")
    assert (status, shown["usable"]) == (1, False)
    done = desk.run("rcpt.example")
    assert done.return_value == 1
    assert "the certificate of mx.rcpt.example is not valid" in done.stdout
    assert "S: 220 2.0.0 Ready" in done.stdout  # the dialogue of what failed
    _, status = desk.json("rcpt.example", "--no-connect")
    assert status == 0  # DNS and policies alone say nothing against it


def test_a_rule_and_dane(desk: Desk) -> None:
    site = desk.site
    site.domain("partner.example", "mx.partner.example")
    leaf = certificates.make("mx")
    site.peer("mx.partner.example", site.serving(leaf))
    shown, status = desk.json("partner.example", "--no-connect")
    assert (status, shown["policy"]["dane"], shown["policy"]["rule"]) == (1, "required", "tls_policy partner.example")
    assert "DANE is required" in shown["hosts"][0]["passed_over"]
    site.dns.secure = True
    site.tlsa("mx.partner.example", f"3 1 0 {leaf.spki.hex()}")
    shown, status = desk.json("partner.example")
    assert (status, shown["hosts"][0]["dane"]) == (0, "usable")
    said = desk.run("partner.example").stdout
    assert f"TLSA 3 1 0 {leaf.spki.hex()}" in said
    assert "MX records: secured by DNSSEC" in said


@pytest.mark.parametrize("domain", ["nowhere.test", "no domain", "a@b@c"])
def test_no_way_and_no_domain(domain: str, desk: Desk) -> None:
    done = desk.run(domain)
    assert done.exception is not None
    assert domain.rpartition("@")[2] in str(done.exception) or domain in str(done.exception)


def test_a_certificate_that_cannot_be_read() -> None:
    assert "cannot be read" in verb.described(b"rubbish")["problem"]
