"""hatoba dkim and hatoba dns as people call them: words, JSON, exit status, the next step; and the look in the DNS."""

import asyncio
import io
import json
import secrets
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs
from tests.support import signed
from tests.support.dns_server import DnsServer

from hatoba.app import cli, keyring, offline, publication
from hatoba.app.settings import Settings
from hatoba.directory import changes as domains
from hatoba.directory.dkim import changes, making
from hatoba.directory.dkim.ring import Ring
from hatoba.directory.entries import BadEntry
from hatoba.doors.http import mta_sts
from hatoba.doors.http.settings import MtaSts
from hatoba.net.dns import Resolver
from hatoba.net.settings import Dns

ORG = "example.org"
FIRST = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Done:
    """What a verb printed and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HATOBA_HOSTNAME", "mx.example.org")
    monkeypatch.setenv("HATOBA_DKIM_ALGORITHMS", "ed25519")  # cheap to make
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)
    return tmp_path / "data"


@pytest.fixture
def hatoba(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, given: bytes = b"") -> Done:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return Done(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return run


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with DnsServer(negative_ttl=0) as server:
        monkeypatch.setenv("HATOBA_DNS_SERVERS", server.address)
        yield server


def states(run: Run) -> dict[str, str]:
    return {key["selector"]: key["state"] for key in run("dkim", "list", ORG, "--json").json}


def test_from_the_domain_to_the_key(hatoba: Run, data: Path) -> None:
    added = hatoba("domain", "add", ORG)
    assert "added (local)" in added.out
    assert "they sign once they are published. What to publish: hatoba dns example.org" in added.out
    assert stat.S_IMODE((data / "master.key").stat().st_mode) == 0o600
    (key,) = hatoba("dkim", "list", "--json").json
    assert (key["domain"], key["state"], key["usable"]) == (ORG, "waiting", True)
    assert "waiting: signs as soon as its record is seen in the DNS" in hatoba("dkim", "list").out
    shown = hatoba("dkim", "show", ORG, key["selector"])
    assert f'{key["name"]}. 3600 IN TXT "{key["record"]}"' in shown.out
    assert "PRIVATE" not in shown.out + hatoba("dkim", "list", "--json").out
    assert hatoba("dkim", "start", ORG, key["selector"]).out == f"{key['selector']} signs for {ORG} from now on.\n"
    assert "does not wait for anything: it is signing" in hatoba("dkim", "start", ORG, key["selector"]).err
    assert states(hatoba) == {key["selector"]: "signing"}
    removed = hatoba("domain", "remove", ORG)
    assert "Its DKIM keys stay" in removed.out


def test_keys_are_made_only_where_they_are_wanted(hatoba: Run, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    hatoba("domain", "add", "--relay", "relay.example")
    monkeypatch.setenv("HATOBA_DKIM_NEW_DOMAINS", "false")
    hatoba("domain", "add", ORG)
    assert hatoba("dkim", "list").out == "No key yet. Make some: hatoba dkim new your.domain\n"
    assert not (data / "master.key").exists()


def test_rotation_by_hand(hatoba: Run) -> None:
    hatoba("dkim", "new", ORG, "--selector", "one", "--now")
    assert "no key to take the place of" in hatoba("dkim", "rotate", "other.example").err
    made = hatoba("dkim", "rotate", ORG, "--selector", "two", "--overlap", "1d")
    assert "ed25519 key two made, to take the place of one; it signs as soon as" in made.out
    assert states(hatoba) == {"one": "signing", "two": "waiting"}
    assert "is being rotated already: two waiting" in hatoba("dkim", "rotate", ORG).err
    hatoba("dkim", "start", ORG, "two")
    assert states(hatoba) == {"one": "retiring", "two": "signing"}
    assert hatoba("dkim", "remove", ORG, "one").status == 1
    assert "one._domainkey.example.org" in hatoba("dkim", "remove", ORG, "one", "--force").out
    assert "the only key that signs" in hatoba("dkim", "retire", ORG, "two").err
    assert "Leave its record in the DNS until" in hatoba("dkim", "retire", ORG, "two", "--force").out
    assert hatoba("dkim", "show", ORG, "three").status == 1


def test_a_rotation_by_date(hatoba: Run) -> None:
    with time_machine.travel(FIRST, tick=False) as clock:
        hatoba("dkim", "new", ORG, "--selector", "one", "--now")
        hatoba("dkim", "rotate", ORG, "--selector", "two", "--at", "2026-12-01T00:00+00:00", "--overlap", "10d")
        assert states(hatoba) == {"one": "signing", "two": "scheduled"}
        clock.move_to(datetime(2026, 12, 1, tzinfo=UTC))
        assert states(hatoba) == {"one": "retiring", "two": "signing"}
        clock.move_to(datetime(2026, 12, 11, tzinfo=UTC))
        assert states(hatoba) == {"one": "retired", "two": "signing"}
        assert hatoba("dkim", "remove", ORG, "one").status == 0
        assert hatoba("dkim", "rotate", ORG, "--at", "never").status == 2


def test_keys_in_and_out(hatoba: Run, tmp_path: Path) -> None:
    pem = making.pem(signed.rsa_key())
    done = hatoba("dkim", "import", ORG, "mail", "-", "--now", given=pem)
    assert "rsa2048 key mail imported; it signs." in done.out
    assert hatoba("dkim", "export", ORG, "mail").out.encode() == pem
    out = tmp_path / "out.pem"
    written = hatoba("dkim", "export", ORG, "mail", "--out", str(out))
    assert (written.status, written.out, out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (0, "", pem, 0o600)
    assert hatoba("dkim", "export", ORG, "mail", "--out", str(out)).status == 1
    assert "has a key with the selector mail already" in hatoba("dkim", "import", ORG, "mail", "-", given=pem).err
    assert "this is no private key" in hatoba("dkim", "import", ORG, "x", "-", given=b"nonsense").err
    assert "is no selector" in hatoba("dkim", "import", ORG, "x x", "-", given=pem).err


def test_another_master_key(hatoba: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hatoba("dkim", "new", ORG, "--now")
    (before,) = hatoba("dkim", "list", "--json").json
    old = (data / "master.key").read_text()
    done = hatoba("dkim", "reseal", str(tmp_path / "fresh"))
    assert "1 key sealed under the master key in" in done.out
    assert (data / "master.key").read_text() != old
    assert [path.read_text() for path in data.glob("master.key.*")] == [old]
    assert hatoba("dkim", "list", "--json").json == [before]
    monkeypatch.setenv("HATOBA_MASTER_KEY", old.splitlines()[-1])
    listed = hatoba("dkim", "list")
    assert "sealed under another master key than this node's: nothing is signed with them" in listed.out
    refused = hatoba("dkim", "new", "other.example")
    assert (refused.status, "sealed under another master key" in refused.err) == (1, True)
    assert hatoba("verify", "--json").status == 1


def test_a_backup_tells_where_the_master_key_is(
    hatoba: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hatoba("dkim", "new", ORG, "--now")
    done = hatoba("backup", str(tmp_path / "backup"))
    assert f"DKIM keys are in it sealed, {data / 'master.key'} is not: keep a copy of that apart." in done.err
    secret = (data / "master.key").read_bytes()
    assert not any(secret == path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "again"))
    restored = hatoba("restore", str(tmp_path / "backup"))
    assert "put the master key to" in restored.err
    (key,) = hatoba("dkim", "list", "--json").json
    assert not key["usable"]
    (tmp_path / "again" / "master.key").write_bytes(secret)
    (tmp_path / "again" / "master.key").chmod(0o600)
    (key,) = hatoba("dkim", "list", "--json").json
    assert key["usable"]


def test_dns_against_a_server(hatoba: Run, zone: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATOBA_DNS_HELPER_ADDRESSES", "192.0.2.1")
    hatoba("domain", "add", ORG)
    empty = hatoba("dns", ORG)
    assert empty.status == 1
    assert "To paste into the zone:" in empty.out
    asked = len(zone.asked)
    expected = hatoba("dns", ORG, "--expected-only")
    assert (expected.status, len(zone.asked)) == (0, asked)
    for line in expected.out.replace("(\n", "").splitlines():
        name, _, _, rtype, data = line.split(maxsplit=4)
        zone.zone.setdefault(name.rstrip("."), {}).setdefault(rtype, []).append(data)
    good = hatoba("dns", ORG, "--json")
    assert {each["topic"] for each in good.json if each["state"] not in ("ok", "weak")} == set()
    assert good.status == 0
    assert hatoba("dns", ORG, "--zone").out == expected.out
    zone.zone["_dmarc.example.org"] = {"TXT": ['"v=DMARC1; p=none; rua=mailto:x@example.org"']}
    assert (hatoba("dns", ORG).status, "p=none: forged letters" in hatoba("dns", ORG).out) == (0, True)
    del zone.zone["_dmarc.example.org"]
    assert hatoba("dns", ORG).status == 1
    assert hatoba("dns", "no domain").status == 1


def test_the_policy_that_is_announced_is_the_one_that_is_served(hatoba: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hatoba("domain", "add", ORG)
    elsewhere = hatoba("dns", ORG, "--expected-only").out
    monkeypatch.setenv("HATOBA_MTA_STS_MODE", "enforce")
    served = mta_sts.Published(MtaSts(mode="enforce"), "mx.example.org")
    assert f"v=STSv1; id={served.policy_id}" not in elsewhere
    assert f"v=STSv1; id={served.policy_id}" in hatoba("dns", ORG, "--expected-only").out


def test_the_look_in_the_dns_over_a_year(data: Path, zone: DnsServer) -> None:
    """Published, signing, rotated, retired: each step by what the DNS says and the clock."""
    settings = Settings(data=str(data))
    with offline.directory(settings) as directory, time_machine.travel(FIRST, tick=False) as clock:
        resolver = Resolver(Dns(servers=(zone.address,), least_ttl=0.0))
        looks = publication.Publication(directory, resolver, offline.now, lambda: 1.0)

        def look() -> list[str]:
            resolver.clear()
            return [key.selector for key in asyncio.run(looks.look())]

        def names() -> tuple[str, ...]:
            ring = Ring(directory, settings.dkim, lambda: keyring.master(settings), lambda key, why: None)
            return ring.hand(ORG, offline.now()).names

        def publish(selector: str) -> None:
            key = next(key for key in directory.snapshot().dkim[ORG] if key.selector == selector)
            zone.zone[key.name] = {"TXT": [f'"{key.record}"']}

        keyring.new(settings, directory, ORG, selector="one", algorithm="ed25519")
        assert (look(), names()) == ([], ())
        publish("one")
        assert (look(), names()) == (["one"], (f"{ORG} one",))
        assert look() == []
        clock.shift(timedelta(days=300))
        keyring.rotate(settings, directory, ORG, selector="two", overlap=7 * 86400.0)
        assert (look(), names()) == ([], (f"{ORG} one",))
        zone.servfail.add("two._domainkey.example.org")
        assert look() == []
        zone.servfail.clear()
        publish("two")
        assert (look(), names()) == (["two"], (f"{ORG} two",))
        with pytest.raises(BadEntry, match="was used until a short time ago"):
            changes.remove(directory, ORG, "one", offline.now())
        clock.shift(timedelta(days=7))
        changes.remove(directory, ORG, "one", offline.now())
        del zone.zone["two._domainkey.example.org"]
        with capture_logs() as logs:
            assert look() == []
            clock.shift(timedelta(minutes=5))
            look()
        warnings = [entry for entry in logs if entry["log_level"] == "warning"]
        assert [(entry["selector"], entry["why"]) for entry in warnings] == [("two", "the key is not published")]
        assert names() == (f"{ORG} two",), "the letters go on"
        asyncio.run(resolver.close())


def test_two_nodes_that_see_a_key_begin_it_once(data: Path) -> None:
    settings = Settings(data=str(data))
    with offline.directory(settings) as one, offline.directory(settings) as other:
        domains.add_domain(one, ORG, "local", offline.now())
        (key,) = keyring.new(settings, one, ORG, selector="s", algorithm="ed25519")
        assert changes.begin(one, ORG, key.selector, offline.now()) is not None
        assert changes.begin(other, ORG, key.selector, offline.now()) is None
        assert secrets.compare_digest(key.sealed, one.snapshot().dkim[ORG][0].sealed)
