"""What no type can say: every finding has its key, its place and its fix."""

import os
import ssl
import stat
from pathlib import Path

import msgspec
import pytest
import trustme

from hatoba.app import checks, config, listeners
from hatoba.app.listener import Listener
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.doors.http.settings import MtaSts
from hatoba.net import tls


def found(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    path = tmp_path / "hatoba.toml"
    path.write_text(text, encoding="utf-8")
    problems = checks.problems(config.load(str(path), {}))
    assert all(problem.file == str(path) and problem.text and problem.fix for problem in problems)
    return [(problem.line, problem.key) for problem in problems]


def test_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    cert, key = tls.self_signed(tmp_path / "own", ["localhost"])
    other = tmp_path / "other.key"
    authority.issue_cert("localhost").private_key_pem.write_to_path(other)
    assert found(tmp_path, f'[tls]\ncertificate = "{cert}"\nkey = "{key}"\n') == []
    assert found(tmp_path, f'[tls]\nkey = "{key}"\n') == [(2, "tls.key")]
    assert found(tmp_path, f'[tls]\ncertificate = "{cert}.no"\nkey = "{key}"\n') == [(2, "tls.certificate")]
    assert found(tmp_path, f'[tls]\ncertificate = "{cert}"\nkey = "{key}.no"\n') == [(3, "tls.key")]
    assert found(tmp_path, f'[tls]\ncertificate = "{cert}"\nkey = "{other}"\n') == [(2, "tls.certificate")]


def test_listeners(tmp_path: Path) -> None:
    text = '[[listener]]\nkind = "mx"\nport = 25\n[[listener]]\nkind = "submission"\nport = 25\naddress = ["::"]\n'
    assert found(tmp_path, text) == [(6, "listener[1].port")]
    assert found(tmp_path, '[[listener]]\nkind = "mx"\nport = 0\naddress = ["localhost"]\n') == [
        (4, "listener[0].address")
    ]
    assert found(tmp_path, '[[listener]]\nkind = "mx"\nport = 0\n[[listener]]\nkind = "mx"\nport = 0\n') == []


def test_networks_and_routes(tmp_path: Path) -> None:
    text = '[intake]\nrelay_networks = ["192.0.2.1/24"]\n[smtp]\nunlimited = ["x"]\n'
    assert found(tmp_path, text) == [(2, "intake.relay_networks"), (4, "smtp.unlimited")]
    text = '[[listener]]\nkind = "mx"\nport = 1\nproxy_networks = ["10.0.0.0/33"]\n'
    assert found(tmp_path, text) == [(4, "listener[0].proxy_networks")]
    assert found(tmp_path, '[[route]]\nvia = "smarthost"\n') == [(1, "route[0]")]
    text = '[[route]]\nvia = "smarthost"\nhost = "h"\nusername = "u"\npassword_file = "/nowhere/at/all"\n'
    assert found(tmp_path, text) == [(5, "route[0].password_file")]


def test_names(tmp_path: Path) -> None:
    assert found(tmp_path, 'hostname = "-bad host"\n[delivery]\nhelo = "a..b"\n') == [
        (1, "hostname"), (3, "delivery.helo"),
    ]  # fmt: skip
    assert found(tmp_path, 'hostname = "mx1.example.org"\n') == []


def test_addresses(tmp_path: Path) -> None:
    assert found(tmp_path, '[http]\naddress = "localhost"\n[dns]\nservers = ["127.0.0.1:x"]\n') == [
        (2, "http.address"), (4, "dns.servers"),
    ]  # fmt: skip
    text = '[dns]\nservers = ["resolver.example"]\n[delivery]\nsource_ips = ["192.0.2.1", "x"]\n'
    assert found(tmp_path, text) == [(4, "delivery.source_ips"), (2, "dns.servers")]
    assert found(tmp_path, '[dns]\nservers = ["127.0.0.1:5353", "[::1]:53"]\n') == []


def test_the_user_and_the_data(tmp_path: Path) -> None:
    assert found(tmp_path, 'user = "no-such-user-here"\n') == [(1, "user")]
    assert found(tmp_path, 'user = "root"\n') == []
    assert found(tmp_path, f'data = "{tmp_path}/hatoba.toml"\n') == [(1, "data")]


def test_large_bodies(tmp_path: Path) -> None:
    text = '[blobs]\nurl = "s3://bucket/x?secret_access_key=hush"\nformer = ["file://relative"]\naccess_key = "A"\n'
    assert found(tmp_path, text) == [(2, "blobs.url"), (3, "blobs.former"), (4, "blobs.access_key")]
    assert found(tmp_path, '[blobs]\nurl = "s3://bucket/x?region=eu-west-1"\nformer = ["file:///var/spool"]\n') == []


def test_reports(tmp_path: Path) -> None:
    text = '[reports]\naddress = "x"\ninbox = ["a@example.org", "b@"]\nomit = ["example.org", "a b"]\n'
    assert found(tmp_path, text) == [(2, "reports.address"), (3, "reports.inbox"), (4, "reports.omit")]
    assert found(tmp_path, '[reports]\ndmarc = true\naddress = "r@example.org"\nomit = ["example.org"]\n') == []


def test_spools(tmp_path: Path) -> None:
    head, spool = '[database]\nurl = "postgresql://a/b"\nshards = 8\n', '[[database.spool]]\nurl = "postgresql://c/d"\n'
    assert found(tmp_path, f'{head}{spool}shards = "4-5, 7"\n{spool}shards = "6"\n') == []
    assert found(tmp_path, f'{head}{spool}shards = "4-5"\n{spool}shards = "0, 5-6"\n') == [
        (9, "database.spool[1].shards")
    ]
    assert found(tmp_path, f'{head}{spool}shards = "4, 4"\n') == [(6, "database.spool[0].shards")]
    assert found(tmp_path, f'{head}{spool}shards = "7-8"\n') == [(6, "database.spool[0].shards")]
    assert found(tmp_path, f'{head}{spool}shards = "5-4"\n') == [(6, "database.spool[0].shards")]
    assert found(tmp_path, f'{spool}shards = "1"\n') == [(2, "database.spool[0].url")]
    assert found(tmp_path, f'{head}[[database.spool]]\nurl = ""\nshards = "1"\n') == [(5, "database.spool[0].url")]


def test_signing(tmp_path: Path) -> None:
    assert found(tmp_path, '[dkim]\noversigned = ["From", "Subject"]\nguarded = []\nsigned = []\n') == []
    assert found(tmp_path, '[dkim]\noversigned = ["Subject"]\n') == [(2, "dkim.oversigned")]
    assert found(tmp_path, '[dkim]\nsigned = ["X Y"]\n') == [(2, "dkim.signed")]
    assert found(tmp_path, 'master_key = "short"\n') == [(1, "master_key")]
    assert found(tmp_path, f'master_key = "{"ab" * 32}"\nmaster_key_file = "/nowhere/at/all"\n') == []
    assert found(tmp_path, 'master_key_file = "/nowhere/at/all"\n') == [(1, "master_key_file")]


def test_the_dns_helper(tmp_path: Path) -> None:
    text = """
[dns_helper]
addresses = ["192.0.2.1", "2001:db8::1", "mx.example.org"]
mx = ["mx.example.org", "a..b"]
services = ["imaps", "pop3s:995", "smtp", "imap:99999", "x:1:host.example"]
reports = "nobody"
web = "a b"
"""
    assert found(tmp_path, text) == [
        (3, "dns_helper.addresses"), (4, "dns_helper.mx"), (7, "dns_helper.web"), (5, "dns_helper.services"),
        (5, "dns_helper.services"), (6, "dns_helper.reports"),
    ]  # fmt: skip
    assert found(tmp_path, '[dns_helper]\nreports = ""\n') == []


def test_domains_of_checks(tmp_path: Path) -> None:
    text = '[auth]\narc_sealers = ["list.example", "no domain"]\n[[filter.domain]]\nname = "*.a..b"\n'
    assert found(tmp_path, text) == [(2, "auth.arc_sealers"), (4, "filter.domain[0].name")]
    assert found(tmp_path, '[auth]\narc_sealers = ["例え.jp"]\n[[filter.domain]]\nname = "*.a.example"\n') == []


def test_a_finding_in_a_variable_names_it() -> None:
    (problem,) = checks.problems(config.load(None, {"HATOBA_USER": "no-such-user-here"}))
    assert (problem.file, problem.line, problem.key) == ("HATOBA_USER", 0, "user")


def test_default_listeners_follow_the_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = [25, 587, 2525, 465, 143, 993, 110, 995, 4190], [8025, 8587, 2525, 8465, 8143, 8993, 8110, 8995, 4190]
    for allowed, ports in ((True, low), (False, high)):
        monkeypatch.setattr(listeners, "may_bind_low", lambda allowed=allowed: allowed)
        assert [one.port for one in listeners.defaults()] == ports
        starttls, implicit = ports[1:3], ports[3]
        wanted = [*((port, False) for port in starttls), (implicit, True)]
        assert listeners.submission_ports(Settings()) == wanted


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can say what root may")
def test_root_may_bind_low() -> None:
    assert listeners.may_bind_low()


def test_sockets_for_every_worker() -> None:
    settings = Settings(listener=(Listener("mx", 0, ("127.0.0.1",)), Listener("submission", 0, ("127.0.0.1", "::1"))))
    bound = listeners.bind(settings, 2)
    try:
        assert [(one.listener, len(one.sockets)) for one in bound] == [(0, 2), (1, 2), (1, 2)]
        assert bound[0].where.startswith("127.0.0.1:")
        assert bound[2].where.startswith("[::1]:")
        for one in bound:
            assert len({sock.getsockname()[1] for sock in one.sockets}) == 1
        taken = bound[0].sockets[0].getsockname()[1]
        bound[0].sockets[0].listen()
        assert listeners.describe(settings, bound[0]) == "mail from other servers (mx)"
        assert taken > 0
    finally:
        for one in bound:
            for sock in one.sockets:
                sock.close()


def test_the_policy_has_a_socket_of_its_own() -> None:
    ours = MtaSts(mode="testing", port=0, address=("127.0.0.1",))
    settings = Settings(listener=(Listener("mx", 0, ("127.0.0.1",)),), mta_sts=ours)
    assert [index for index, _ in listeners.wanted(settings)] == [0]  # port 0: not served
    settings = msgspec.structs.replace(settings, mta_sts=msgspec.structs.replace(ours, port=8443))
    (_, _), (index, place) = listeners.wanted(settings)
    assert (index, place.address, place.port, place.kind) == (listeners.POLICY, "127.0.0.1", 8443, "mta-sts")
    assert listeners.default([place]) == listeners.defaults()


def test_policies_that_make_no_sense(tmp_path: Path) -> None:
    text = '[mta_sts]\nmode = "enforce"\nmx = ["a b"]\n[[tls_policy]]\nmatch = "a.example"\nlevel = "fingerprint"\n'
    assert set(found(tmp_path, text)) == {(3, "mta_sts.mx"), (4, "tls_policy[0]")}


def test_a_port_that_is_taken_is_told_with_the_fix() -> None:
    from hatoba.net import listen

    with listen.bind("127.0.0.1", 0) as taken:
        settings = Settings(listener=(Listener("mx", taken.getsockname()[1], ("127.0.0.1",)),))
        with pytest.raises(listeners.Unbound, match=r"127\.0\.0\.1:\d+: .* Another program listens there"):
            listeners.bind(settings, 2)
    with pytest.raises(listeners.Unbound, match="Set an address of this machine"):
        listeners.bind(Settings(listener=(Listener("mx", 0, ("192.0.2.1",)),)), 1)


def test_what_depends_on_the_machine_is_filled_in(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.prepare()
    resolved = listeners.resolved(Settings(hostname="mail.example.com"), places)
    assert (resolved.hostname, resolved.data, len(resolved.listener)) == ("mail.example.com", str(tmp_path), 9)
    assert stat.S_IMODE(Path(resolved.tls.key).stat().st_mode) == 0o600
    assert isinstance(tls.server_context(resolved.tls.certificate, resolved.tls.key), ssl.SSLContext)


def test_rewriting(tmp_path: Path) -> None:
    text = (
        '[rewrite.srs]\ndomain = "a b"\n'
        '[[rewrite.canonical]]\nmatch = "@a.example"\nto = "@b.example"\n'
        '[[rewrite.canonical]]\nmatch = "/(/"\nto = "x@b.example"\n'
        '[rewrite.masquerade]\ndomains = ["a b"]\n'
        '[[rewrite.header]]\nname = "X"\naction = "add"\n'
        '[[rewrite.header]]\nname = "X"\naction = "add"\nvalue = "y"\n'
    )
    assert [key for _, key in found(tmp_path, text)] == [
        "rewrite.canonical[1]",
        "rewrite.masquerade.domains",
        "rewrite.header[0]",
        "rewrite.srs.domain",
    ]
