"""All certificates a server sent, on both loops and on every Python: what DANE is decided by."""

import asyncio
import ssl
from pathlib import Path

import pytest
from tests.support import certificates
from tests.support.loops import LOOPS, run
from tests.support.tls_site import serving

from hatoba.net import tls


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_whole_chain_though_nobody_trusts_it(loop: str, version: ssl.TLSVersion, tmp_path: Path) -> None:
    root, issuer, leaf = certificates.chain("mx.example.org")
    context = serving(tmp_path, leaf, issuer, root)
    context.minimum_version = context.maximum_version = version

    async def main() -> tuple[bytes, ...]:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls.client_context(), server_hostname="x")
        found = tls.chain(writer.get_extra_info("ssl_object"))
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return found

    assert run(loop, main()) == (leaf.der, issuer.der, root.der)


class Later:
    """As Python 3.13 has it."""

    def get_unverified_chain(self) -> list[bytes]:
        return [b"leaf", b"issuer"]


class Bare:
    """As a Python without either would."""

    def getpeercert(self, binary_form: bool = False) -> bytes:
        return b"leaf" if binary_form else b""


class Silent(Bare):
    """A server that showed nothing."""

    def get_unverified_chain(self) -> None:
        return None

    def getpeercert(self, binary_form: bool = False) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("secured", "found"), [(Later(), (b"leaf", b"issuer")), (Bare(), (b"leaf",)), (Silent(), ()), (None, ())]
)
def test_other_pythons(secured: object, found: tuple[bytes, ...]) -> None:
    assert tls.chain(secured) == found
