"""Mail programs that ask by themselves: Thunderbird, Outlook, Apple Mail, over real sockets; XML that is an attack."""

import asyncio
import plistlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
import trustme
from tests.support import delivery_scene as scene
from tests.support.loops import LOOPS, run

from hatoba.doors.http import autoconfig, clients, mta_sts, web
from hatoba.doors.http.clients import Server, Setup
from hatoba.doors.http.settings import MtaSts
from hatoba.model.address import Address
from hatoba.net import https, listen, tls

DOMAINS = scene.Directory({"home.example": "local", "relay.example": "relay"})
SERVERS = (
    Server("smtp", "mail.home.example", 587, False),
    Server("smtp", "mail.home.example", 465, True),
    Server("imap", "mail.home.example", 993, True),
    Server("pop3", "mail.home.example", 110, False),
    Server("sieve", "mail.home.example", 4190, False),
)
SETUP = Setup(SERVERS)
ASK = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    b"<EMailAddress>%b</EMailAddress><AcceptableResponseSchema>%b</AcceptableResponseSchema></Request></Autodiscover>"
)
SCHEMA = clients.OUTLOOK_SETTINGS.encode()
BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
FILE = b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@asynccontextmanager
async def opened(setup: Setup = SETUP, context: ssl.SSLContext | None = None) -> AsyncIterator[web.Door]:
    policy = mta_sts.Policy(mta_sts.Published(MtaSts(mode="testing"), "mx.home.example"), DOMAINS)
    door = await web.open_door(
        listen.bind("127.0.0.1", 0),
        [policy, autoconfig.Autoconfig(setup, DOMAINS)],
        tls=(lambda: context) if context else None,
        log=scene.Log(),
    )
    try:
        yield door
    finally:
        await door.drain(1)


async def ask(
    path: str, host: str = "autoconfig.home.example", body: bytes | None = None, setup: Setup = SETUP
) -> tuple[int, dict[str, str], bytes]:
    """(status, fields, body) of one request; with a body a POST, said in two pieces."""
    method = "GET" if body is None else "POST"
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    async with opened(setup) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n".encode())
        for piece in (body[:50], body[50:]) if body else ():
            await writer.drain()
            writer.write(piece)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
    head, _, said = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    found = [field.partition(": ") for field in fields]
    return int(first.split()[1]), {name: value for name, _, value in found}, said


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("autoconfig.home.example", "/mail/config-v1.1.xml"),
        ("autoconfig.home.example", "/mail/config-v1.1.xml?emailaddress=alice%40home.example"),
        ("home.example", "/.well-known/autoconfig/mail/config-v1.1.xml"),
        ("mail.elsewhere.example", "/mail/config-v1.1.xml?emailaddress=alice%40HOME.example"),
    ],
)
async def test_thunderbird(host: str, path: str) -> None:
    status, fields, body = await ask(path, host)
    assert (status, fields["Content-Type"]) == (200, "text/xml; charset=utf-8")
    root = ElementTree.fromstring(body)  # noqa: S314  our own
    assert root.tag == "clientConfig"
    assert root.findtext("emailProvider/domain") == "home.example"
    found = [
        (one.tag, one.get("type"), one.findtext("hostname"), one.findtext("port"), one.findtext("socketType"))
        for one in root.iter()
        if one.tag.endswith("Server")
    ]
    assert found == [
        ("incomingServer", "imap", "mail.home.example", "993", "SSL"),
        ("incomingServer", "pop3", "mail.home.example", "110", "STARTTLS"),
        ("outgoingServer", "smtp", "mail.home.example", "587", "STARTTLS"),
        ("outgoingServer", "smtp", "mail.home.example", "465", "SSL"),
    ]
    assert {one.text for one in root.iter("username")} == {"%EMAILADDRESS%"}


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
async def test_outlook(path: str) -> None:
    status, _, body = await ask(path, "autodiscover.home.example", ASK % (b"alice@home.example", SCHEMA))
    assert status == 200
    spaces = {"o": clients.OUTLOOK_SETTINGS}
    root = ElementTree.fromstring(body)  # noqa: S314  our own
    names = ("Type", "Server", "Port", "Encryption", "LoginName")
    found = [
        tuple(one.findtext(f"o:{name}", None, spaces) for name in names)
        for one in root.findall("o:Response/o:Account/o:Protocol", spaces)
    ]
    assert found == [
        ("IMAP", "mail.home.example", "993", "SSL", "alice@home.example"),
        ("POP3", "mail.home.example", "110", "TLS", "alice@home.example"),
        ("SMTP", "mail.home.example", "587", "TLS", "alice@home.example"),
        ("SMTP", "mail.home.example", "465", "SSL", "alice@home.example"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (ASK % (b"alice@relay.example", SCHEMA), 200, b"no domain with accounts here"),
        (ASK % (b"alice", SCHEMA), 200, b"no mail address"),
        (ASK % (b"", SCHEMA), 200, b"no mail address"),
        (ASK % (b"alice@home.example", b"http://schemas.example/mobilesync"), 200, b"not spoken here"),
        (BOMB + b"<x>&b;</x>", 400, b"no XML that is taken"),
        (FILE + b"<x><EMailAddress>&a;</EMailAddress></x>", 400, b"no XML that is taken"),
        (b"<!DOCTYPE x SYSTEM 'http://127.0.0.1/x.dtd'><x/>", 400, b"no XML that is taken"),
        (b"<x>&unknown;</x>", 400, b"no XML that is taken"),
        (b"<?xml version='1.0' encoding='none'?><x/>", 400, b"no XML that is taken"),
        (b"not xml", 400, b"no XML that is taken"),
        (b"\xff\xfe\x00", 400, b"no XML that is taken"),
        (b"", 400, b"no XML that is taken"),
        (b"<a>" * 5000, 400, b"no XML that is taken"),
    ],
)
async def test_outlook_with_a_bad_question(body: bytes, status: int, says: bytes) -> None:
    found = await ask(autoconfig.OUTLOOK, "autodiscover.home.example", body)
    assert (found[0], says in found[2]) == (status, True)
    assert b"root:" not in found[2]


async def test_apple() -> None:
    status, fields, body = await ask("/apple.mobileconfig?email=alice%2Btag%40home.example")
    assert (status, fields["Content-Type"]) == (200, "application/x-apple-aspen-config")
    profile = plistlib.loads(body)
    (account,) = profile["PayloadContent"]
    assert profile["PayloadType"] == "Configuration"
    wanted = {
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": "alice+tag@home.example",
        "IncomingMailServerHostName": "mail.home.example",
        "IncomingMailServerPortNumber": 993,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": "alice+tag@home.example",
        "OutgoingMailServerHostName": "mail.home.example",
        "OutgoingMailServerPortNumber": 587,
        "OutgoingMailServerUseSSL": True,
    }
    assert {name: account[name] for name in wanted} == wanted
    assert [name for name in account if "Password" in name] == ["OutgoingPasswordSameAsIncomingPassword"]
    again = plistlib.loads((await ask("/apple.mobileconfig?email=alice%2Btag%40home.example"))[2])
    assert again == profile, "a second profile takes the first one's place"


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/mail/config-v1.1.xml", "autoconfig.relay.example", 404),
        ("/mail/config-v1.1.xml", "autoconfig.else.example", 404),
        ("/mail/config-v1.1.xml?emailaddress=a@relay.example", "autoconfig.home.example", 404),
        ("/mail/config-v1.1.xml", "", 404),
        ("/mail/config-v1.1.xml", "[::1]", 404),
        ("/mail/config-v9.xml", "autoconfig.home.example", 404),
        ("/apple.mobileconfig", "home.example", 400),
        ("/apple.mobileconfig?email=alice", "home.example", 400),
        ("/apple.mobileconfig?email=a@else.example", "home.example", 404),
        (autoconfig.OUTLOOK, "autodiscover.home.example", 405),
        (mta_sts.PATH, "mta-sts.home.example", 200),
    ],
)
async def test_other_questions(path: str, host: str, status: int) -> None:
    assert (await ask(path, host))[0] == status


async def test_post_where_there_is_nothing_to_post() -> None:
    assert (await ask("/mail/config-v1.1.xml", body=b"x"))[0] == 405
    assert (await ask("/nothing", body=b"x"))[0] == 404


@pytest.mark.parametrize("length", [str(web.BODY + 1), "-1", "x", "1\r\nContent-Length: 2", "99999999999999999999"])
async def test_lengths_that_are_not_taken(length: str) -> None:
    async with opened() as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("servers", [SERVERS[:2], SERVERS[2:], ()])
async def test_half_a_setup_is_none(servers: tuple[Server, ...]) -> None:
    assert (await ask("/mail/config-v1.1.xml", setup=Setup(servers)))[0] == 404
    with pytest.raises(ValueError, match="both read and sent"):
        clients.apple(Setup(servers), Address.parse("alice@home.example"))


def test_names_are_escaped() -> None:
    made = Setup(SERVERS, "Fish & <Chips>")
    root = ElementTree.fromstring(clients.thunderbird(made, "home.example"))  # noqa: S314  our own
    assert root.findtext("emailProvider/displayName") == "Fish & <Chips>"
    odd = Address.parse('"a<b>&c"@home.example')
    root = ElementTree.fromstring(clients.outlook(made, odd))  # noqa: S314  our own
    assert root.findtext(f".//{{{clients.OUTLOOK_SETTINGS}}}LoginName") == str(odd)
    assert plistlib.loads(clients.apple(made, odd))["PayloadContent"][0]["EmailAddress"] == str(odd)


@pytest.mark.parametrize("loop", LOOPS)
def test_over_tls(loop: str, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("autoconfig.home.example").configure_cert(context)

    async def main() -> None:
        async with opened(context=context) as door:
            page = await https.get(
                "autoconfig.home.example",
                "/mail/config-v1.1.xml",
                ["127.0.0.1"],
                context=tls.client_context(verify=True, ca_file=str(tmp_path / "ca.pem")),
                port=door.port,
                most=100_000,
                timeout=10,
            )
        assert (page.status, page.body) == (200, clients.thunderbird(SETUP, "home.example"))

    run(loop, main())
