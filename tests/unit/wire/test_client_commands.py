import pytest

from hatoba.model.address import Address
from hatoba.wire.smtp import commands

ALICE = Address("alice", "example.org")


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (commands.Ehlo("me.example"), b"EHLO me.example\r\n"),
        (commands.Ehlo("[IPv6:2001:db8::1]"), b"EHLO [IPv6:2001:db8::1]\r\n"),
        (commands.Helo("me.example"), b"HELO me.example\r\n"),
        (commands.Lhlo("me.example"), b"LHLO me.example\r\n"),
        (commands.Vrfy("postmaster"), b"VRFY postmaster\r\n"),
        (commands.StartTls(), b"STARTTLS\r\n"),
        (commands.DataCommand(), b"DATA\r\n"),
        (commands.Rset(), b"RSET\r\n"),
        (commands.Noop(), b"NOOP\r\n"),
        (commands.Quit(), b"QUIT\r\n"),
        (commands.Dot(), b".\r\n"),
        (commands.MailFrom(None), b"MAIL FROM:<>\r\n"),
        (commands.MailFrom(ALICE, ["SIZE=9", "AUTH=<>"]), b"MAIL FROM:<alice@example.org> SIZE=9 AUTH=<>\r\n"),
        (commands.RcptTo(ALICE), b"RCPT TO:<alice@example.org>\r\n"),
        (commands.RcptTo(ALICE, ["NOTIFY=NEVER"]), b"RCPT TO:<alice@example.org> NOTIFY=NEVER\r\n"),
        (commands.RcptTo(Address("用户", "xn--fsqu00a.example")), "RCPT TO:<用户@xn--fsqu00a.example>\r\n".encode()),
        (commands.RcptTo(Address("a", "[IPv6:::1]")), b"RCPT TO:<a@[IPv6:::1]>\r\n"),
        (commands.AuthCommand("PLAIN", b"\0a\0b"), b"AUTH PLAIN AGEAYg==\r\n"),
        (commands.AuthCommand("LOGIN"), b"AUTH LOGIN\r\n"),
        (commands.AuthCommand("EXTERNAL", b""), b"AUTH EXTERNAL =\r\n"),
        (commands.AuthResponse(b"x"), b"eA==\r\n"),
        (commands.AuthResponse(b""), b"\r\n"),
        (commands.AuthResponse(None), b"*\r\n"),
    ],
)
def test_the_octets(command: commands.Command, wire: bytes) -> None:
    assert command.wire == wire
    assert not command.parts


def test_a_chunk_and_the_content() -> None:
    chunk = commands.Bdat(b"a\r\n", last=False)
    assert (chunk.verb, chunk.wire, list(chunk.parts)) == ("BDAT", b"BDAT 3\r\n", [b"a\r\n"])
    last = commands.Bdat(b"", last=True)
    assert (last.verb, last.wire, list(last.parts)) == ("BDAT LAST", b"BDAT 0 LAST\r\n", [b""])
    with pytest.raises(ValueError, match="bare CR or LF"):
        commands.Bdat(b"a\nb", last=True)
    assert list(commands.Bdat(b"a\nb", last=True, vouched=True).parts) == [b"a\nb"]
    content = commands.Content(b".a\r\n")
    assert (content.verb, content.wire, b"".join(content.parts)) == (".", b"", b"..a\r\n.\r\n")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (commands.MailFrom(ALICE, ["SIZE=9"]), "MAIL FROM:<alice@example.org> SIZE=9"),
        (commands.AuthCommand("PLAIN", b"\0a\0b"), "AUTH PLAIN ***"),
        (commands.AuthCommand("LOGIN"), "AUTH LOGIN"),
        (commands.AuthResponse(b"secret"), "***"),
        (commands.AuthResponse(None), "*"),
        (commands.Content(b"x"), ""),
    ],
)
def test_what_may_be_kept_of_it(command: commands.Command, shown: str) -> None:
    assert command.shown == shown
    assert repr(command) == f"<{shown or '.'}>"


UNSAYABLE = r"cannot stand|surrogates"
EVIL = ["\r", "\n", "\0", "a\r\nRCPT TO:<x@y>", " ", "a b", "", "\t", "\x7f", "\udc80"]


@pytest.mark.parametrize("word", EVIL)
def test_no_word_injects_a_command(word: str) -> None:
    for make in (commands.Ehlo, commands.Helo, commands.Lhlo, commands.Vrfy, commands.AuthCommand):
        with pytest.raises(ValueError, match=UNSAYABLE):
            make(word)
    for address in (None, ALICE):
        with pytest.raises(ValueError, match=UNSAYABLE):
            commands.MailFrom(address, [word])
    with pytest.raises(ValueError, match=UNSAYABLE):
        commands.RcptTo(ALICE, [word])


DOMAINS = [
    "x.example\r\nDATA", "x\0", "x>", "x> SIZE=1", "x><y", "x y", "<x", 'x"', "x,y", "x;", "x\\", "(x)", "x\udc80",
    "@x>",
]  # fmt: skip


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_domain_ends_the_path(domain: str) -> None:
    for local in ("a", 'a"b', "a b"):
        with pytest.raises(ValueError, match=UNSAYABLE):
            commands.RcptTo(Address(local, domain))
        with pytest.raises(ValueError, match=UNSAYABLE):
            commands.MailFrom(Address(local, domain))


class Written(Address, frozen=True, gc=False):
    """An address whose wire form is given: the command must not trust the quoting of another room."""

    def __str__(self) -> str:
        return self.local


@pytest.mark.parametrize("written", ['"a b"@x.example', '"a>b"@x.example', '"a\\"b"@x', '"a@b"@x', '""@x', '"é"@x'])
def test_a_quoted_local_part_may_hold_anything(written: str) -> None:
    assert commands.RcptTo(Written(written, "")).wire == f"RCPT TO:<{written}>\r\n".encode()


@pytest.mark.parametrize(
    "written",
    ['"a"b"@x', '"a', '"a\\"@x', '"a\rb"@x', '"a\nb"@x', '"a\0b"@x', '"a\\\r"@x', 'a"b"@x', "a>@x", "a b@x", "", '"a"@',
     '"a"@x>y', '"a"@x\n', '"a"'],
)  # fmt: skip
def test_broken_quoting_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        commands.RcptTo(Written(written, ""))


def test_an_auth_line_has_a_bound() -> None:
    assert len(commands.AuthResponse(b"x" * 9213).wire) == 12286
    with pytest.raises(ValueError, match="12288"):
        commands.AuthResponse(b"x" * 9300)
    with pytest.raises(ValueError, match="12288"):
        commands.AuthCommand("XOAUTH2", b"x" * 9300)
