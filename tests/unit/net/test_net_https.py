"""Which addresses are public, and a page over real TLS on both loops."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.support.loops import LOOPS, run
from tests.support.web import WebHost

from hatoba.net import https, tls


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("8.8.8.8", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False), ("172.16.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.1.2.3", False), ("255.255.255.255", False),
        ("224.0.0.1", False), ("192.0.2.1", False), ("2001:4860:4860::8888", True), ("::1", False), ("::", False),
        ("fe80::1", False), ("fc00::1", False), ("ff02::1", False), ("2001:db8::1", False), ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True), ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True), ("2002:a00:1::", False),
    ],
)  # fmt: skip
def test_public_addresses(ip: str, public: bool) -> None:
    assert https.public(ip) is public


@pytest.mark.parametrize("loop", LOOPS)
def test_pages(loop: str, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("here.example").configure_cert(server)
    context = tls.client_context(verify=True, ca_file=str(tmp_path / "ca.pem"))

    async def main(web: WebHost) -> None:
        async def get(*addresses: str, host: str = "here.example", most: int = 100) -> https.Page:
            return await https.get(host, "/x", addresses, context=context, port=web.port, most=most, timeout=10)

        page = await get("127.0.0.1")
        assert page == https.Page(200, "text/plain", b"hello")
        for addresses, host, most, kind in [
            ((), "here.example", 100, "connect"),
            (("127.0.0.9",), "here.example", 100, "connect"),
            (("127.0.0.1",), "there.example", 100, "tls"),
            (("127.0.0.1",), "here.example", 3, "http"),
        ]:
            with pytest.raises(https.Failed) as caught:
                await get(*addresses, host=host, most=most)
            assert caught.value.kind == kind

    with WebHost(server, {"here.example": (200, {"Content-Type": "text/plain"}, b"hello")}) as web:
        run(loop, main(web))
        assert web.asked[0] == ("here.example", "/x")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_host_that_speaks_no_tls(loop: str) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read(1)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        context = tls.client_context(verify=True)
        with pytest.raises(https.Failed) as caught:
            await https.get("a.example", "/", ["127.0.0.1"], context=context, port=port, most=9, timeout=10)
        assert caught.value.kind == "tls"
        server.close()
        await server.wait_closed()

    run(loop, main())
