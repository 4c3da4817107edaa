"""The POP3 door on real sockets and TLS, with poplib for a client: logging in, reading, deleting at QUIT."""

import base64
import poplib
import socket
import ssl
from contextlib import suppress

import pytest
from tests.support import letters
from tests.support.loops import LOOPS
from tests.support.mail_site import ALICE, HOSTNAME, MailSite
from tests.support.pop3_site import client, crlf, house, listed, plain, refused, say, secure, serve
from tests.support.smtp_site import PASSWORD

from hatoba.net import tls
from hatoba.wire.pop3 import languages

both = pytest.mark.parametrize("loop", LOOPS)
DOTTED = b"Subject: dots\r\n\r\n.\r\n..\r\n.text\r\nend"
LARGE = b"Subject: large\r\n\r\n" + b".a line of many\r\n" * 60_000
RAWS = [letters.octets(1, "one"), DOTTED, letters.octets(3, "three", "x\r\ny\r\nz"), LARGE]


@both
def test_reading_and_leaving_on_the_server(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS)

    def part(port: int) -> list[bytes]:
        with client(port) as one:
            assert one.stat() == (4, sum(map(len, RAWS)))
            assert one.list()[1] == [b"%d %d" % (n, len(raw)) for n, raw in enumerate(RAWS, 1)]
            for number, raw in enumerate(RAWS, 1):
                said, lines, _ = one.retr(number)
                assert said == b"+OK %d octets" % len(raw)
                assert crlf(lines) == raw + (b"" if raw.endswith(b"\n") else b"\r\n")
            assert crlf(one.top(3, 2)[1]).endswith(b"\r\n\r\nx\r\ny\r\n")
            assert one.top(4, 1)[1] == [b"Subject: large", b"", b".a line of many"]
            assert one.top(2, 0)[1] == [b"Subject: dots", b""]
            found: list[bytes] = one.uidl()[1]
            assert one.uidl(2).split()[2] == found[1].split()[1]
            one.quit()
            return found

    uids = serve(loop, mail_site, part)
    assert len({line.split()[1] for line in uids}) == 4
    assert all(len(line.split()[1]) <= 70 for line in uids)
    assert list(mail_site.inbox().values()) == [{"\\Seen"}] * 4


@both
def test_what_is_deleted_goes_at_quit_and_keeps_the_others_names(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:3])

    def part(port: int) -> tuple[list[bytes], list[bytes]]:
        with client(port) as one:
            before = [line.split()[1] for line in one.uidl()[1]]
            one.dele(1)
            assert one.stat()[0] == 2
            assert one.list()[1] == [b"2 %d" % len(RAWS[1]), b"3 %d" % len(RAWS[2])]
            for refused in (one.retr, one.dele, one.list, one.uidl):
                with pytest.raises(poplib.error_proto, match="No such message"):
                    refused(1)
            one.rset()
            assert one.stat()[0] == 3
            one.dele(2)
            one.quit()
            with client(port) as two:
                after = [line.split()[1] for line in two.uidl()[1]]
                two.quit()
                return before, after

    before, after = serve(loop, mail_site, part)
    assert after == [before[0], before[2]]
    assert len(mail_site.inbox()) == 2


@both
def test_nothing_is_deleted_without_quit(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:2])

    def part(port: int) -> None:
        with client(port) as one:
            one.retr(1)
            one.dele(1)
            one.close()

    serve(loop, mail_site, part)
    assert list(mail_site.inbox().values()) == [set(), set()]


@both
def test_sessions_are_still_views(loop: str, mail_site: MailSite) -> None:
    """Two of one account, and an IMAP client in between: none is shut out, and numbers stay what they were."""
    mail_site.fill(RAWS[:3])

    def part(port: int) -> None:
        with client(port) as one, client(port) as two:
            one.dele(1)
            one.dele(3)
            one.quit()
            mail_site.fill([letters.octets(9, "late")])
            assert two.stat()[0] == 3
            assert crlf(two.retr(3)[1]) == RAWS[2]
            assert crlf(two.retr(1)[1]) == RAWS[0]
            two.dele(1)
            two.dele(2)
            two.quit()
        with client(port) as three:
            assert three.stat()[0] == 1

    serve(loop, mail_site, part)


def test_reading_may_leave_no_mark(mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    def part(port: int) -> None:
        with client(port) as one:
            one.retr(1)
            one.quit()

    serve("asyncio", mail_site, part, made=house(mail_site, seen=False))
    assert list(mail_site.inbox().values()) == [set()]


@both
def test_stls_and_nothing_before_it(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    def part(port: int) -> None:
        with plain(port) as one:
            assert "STLS" in one.capa()
            assert not {"USER", "SASL"} & set(one.capa())
            for command in (f"USER {ALICE}", "AUTH PLAIN"):
                with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
                    say(one, command)
            one.stls(tls.client_context())
            capable = one.capa()
            assert capable["SASL"][:2] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
            assert capable["EXPIRE"] == ["NEVER"]
            assert capable["IMPLEMENTATION"] == ["hatoba-0.0"]
            assert "STLS" not in capable
            one.user(ALICE)
            one.pass_(PASSWORD)
            assert one.stat()[0] == 1
            one.quit()

    serve(loop, mail_site, part, "pop3")


def test_plaintext_behind_stls_is_not_taken(mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rb") as lines:
            assert lines.readline().startswith(b"+OK")
            sock.sendall(b"STLS\r\nUSER alice\r\n")
            assert lines.readline().startswith(b"-ERR STLS must be the last")
            assert lines.read() == b""

    serve("uvloop", mail_site, part, "pop3")


def test_a_named_network_may_do_without_tls(mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with plain(port) as one:
            one.user(ALICE)
            one.pass_(PASSWORD)
            assert one.stat() == (0, 0)
            assert one.list()[1] == []
            one.quit()

    serve("uvloop", mail_site, part, "pop3", house(mail_site, cleartext=("127.0.0.0/8",), with_tls=False))


@both
def test_wrong_passwords_are_told_alike_and_lock_out(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> list[str]:
        names = (ALICE, ALICE, "nobody@example.org", "off@example.org", ALICE, ALICE, ALICE, ALICE)
        return [refused(port, name, "wrong") for name in names]

    said = serve(loop, mail_site, part)
    assert ["[AUTH] Authentication failed" in line for line in said] == [True] * 7 + [False]
    assert "[SYS/TEMP] Too many failed logins" in said[7]


@both
def test_sasl(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with secure(port) as one:
            assert say(one, "AUTH PLAIN") == b"+ "
            assert say(one, base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()) == b"+OK Logged in"
            one.quit()
            with secure(port) as two:
                assert [line.split()[0] for line in listed(two, "AUTH")][-2:] == [b"PLAIN", b"LOGIN"]
                say(two, "AUTH LOGIN")
                with pytest.raises(poplib.error_proto, match="cancelled"):
                    say(two, "*")
                say(two, "AUTH LOGIN")
                with pytest.raises(poplib.error_proto, match="Not base64"):
                    say(two, "?")
                assert (
                    say(two, "AUTH PLAIN " + base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode())[:3] == b"+OK"
                )
                assert two.stat() == (0, 0)
                two.quit()

    serve(loop, mail_site, part)


@both
def test_languages_and_utf8(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with secure(port) as one:
            one.encoding = "utf-8"
            assert [line.decode() for line in listed(one, "LANG")] == [f"{t} {n}" for t, n in languages.NAMES.items()]
            assert say(one, "LANG ja").decode() == "+OK ja 日本語"
            assert say(one, "UTF8").decode() == "+OK UTF-8 にします"
            one.user(ALICE)
            with pytest.raises(poplib.error_proto) as caught:
                one.pass_("かぎ")
            assert caught.value.args[0].decode() == "-ERR [AUTH] 認証に失敗しました"
            with pytest.raises(poplib.error_proto):
                say(one, "LANG de")
            assert say(one, "LANG *").decode() == "+OK en English"
            one.quit()

    serve(loop, mail_site, part)


@both
def test_pipelined_commands_are_answered_in_order(loop: str, mail_site: MailSite) -> None:
    raws = [letters.octets(n, f"number {n}") for n in range(1, 201)]
    mail_site.fill(raws)

    def part(port: int) -> None:
        context = tls.client_context()
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname=HOSTNAME) as sock,
            sock.makefile("rb") as lines,
        ):
            retrs = b"".join(b"RETR %d\r\n" % n for n in range(1, 201))
            sock.sendall(f"USER {ALICE}\r\nPASS {PASSWORD}\r\n".encode() + retrs + b"NOOP\r\nQUIT\r\n")
            assert [lines.readline()[:3] for _ in range(3)] == [b"+OK"] * 3
            for raw in raws:
                assert lines.readline() == b"+OK %d octets\r\n" % len(raw)
                assert lines.read(len(raw)) == raw
                assert lines.readline() == b".\r\n"
            assert [lines.readline()[:3] for _ in range(2)] == [b"+OK"] * 2
            with suppress(ssl.SSLEOFError):
                assert lines.read() == b""

    serve(loop, mail_site, part)
