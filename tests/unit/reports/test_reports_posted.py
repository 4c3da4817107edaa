"""TLS reports over HTTPS: to real TLS hosts on loopback, and never to our own networks at a stranger's wish."""

import gzip
import socketserver
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme
from tests.support.dns_server import DnsServer

from hatoba.net import dns
from hatoba.reports import letters
from hatoba.reports.posting import Poster

OCTETS = gzip.compress(b'{"report-id":"1"}', mtime=0)
FIELDS = {"Content-Type": letters.GZIP}


class Host(socketserver.ThreadingTCPServer):
    """Keeps what is posted and answers with `status`; "redirect" sends the client elsewhere."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = context
        self.status = "201 Created"
        self.heard: list[tuple[str, dict[str, str], bytes]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that trusts nobody leaves in the handshake: that is what is tested."""


class _Session(socketserver.StreamRequestHandler):
    server: Host

    def setup(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def handle(self) -> None:
        line = self.rfile.readline().decode().strip()
        fields = {}
        while (text := self.rfile.readline().decode().strip()) != "":
            name, _, value = text.partition(": ")
            fields[name.lower()] = value
        octets = self.rfile.read(int(fields.get("content-length", "0")))
        self.server.heard.append((line, fields, octets))
        where = "Location: https://127.0.0.1/\r\n" if self.server.status.startswith("302") else ""
        self.wfile.write(f"HTTP/1.1 {self.server.status}\r\n{where}Content-Length: 0\r\n\r\n".encode())


@pytest.fixture
def host() -> Iterator[Host]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("rua.example").configure_cert(context)
    with Host(context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def zone() -> Iterator[DnsServer]:
    with DnsServer({"rua.example": {"A": ["127.0.0.1"]}, "net.example": {"A": ["10.0.0.1"]}}) as server:
        yield server


async def post(zone: DnsServer, url: str, *, private: bool = True) -> int:
    resolver = dns.Resolver(dns.Settings(servers=(zone.address,)))
    try:
        return await Poster(resolver, private=private)(url, FIELDS, OCTETS)
    finally:
        await resolver.close()


async def test_a_report_is_posted_though_the_certificate_is_trusted_by_nobody(host: Host, zone: DnsServer) -> None:
    port = host.server_address[1]
    assert await post(zone, f"https://rua.example:{port}/v1?d=1") == 201
    ((line, fields, octets),) = host.heard
    assert line == "POST /v1?d=1 HTTP/1.1"
    assert octets == OCTETS
    assert fields["content-type"] == "application/tlsrpt+gzip"
    assert fields["host"] == f"rua.example:{port}"
    assert fields["user-agent"] == "hatoba"


async def test_redirects_are_answers(host: Host, zone: DnsServer) -> None:
    host.status = "302 Found"
    assert await post(zone, f"https://rua.example:{host.server_address[1]}/") == 302
    assert len(host.heard) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://rua.example/", "no public address"),
        ("https://net.example/", "no public address"),
        ("https://127.0.0.1/", "no address"),
        ("https://[::1]/", "no https: URL"),
        ("https://a@rua.example/", "no https: URL"),
        ("http://rua.example/", "no https: URL"),
        ("https://rua.example:99999/", "no URL"),
        ("https://none.example/", "no address"),
        ("https://rua.example/" + "x" * 2000, "no https: URL"),
    ],
)
async def test_our_own_networks_are_not_for_strangers(zone: DnsServer, url: str, why: str) -> None:
    with pytest.raises(OSError, match=why):
        await post(zone, url, private=False)


async def test_nobody_there(zone: DnsServer) -> None:
    with pytest.raises(OSError, match="rua"):
        await post(zone, "https://rua.example:1/")
