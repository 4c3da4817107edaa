"""What interop tests share: one hatoba with a certificate that clients really verify, and the rule for missing peers.

A peer that is not installed skips its tests with the reason; with CI=true it fails them.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.support import post
from tests.support.node import Node

if TYPE_CHECKING:
    from tests.interop.houses import House

SETTINGS = """
[log]
level = "warning"

[tls]
certificate = "{certificate}"
key = "{certificate}"

[dns]
servers = ["127.0.0.1:1"]  # nobody answers there

[login]
delay = 0
failures = 1000
failures_per_ip = 1000

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {submission}

[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {second}

[[listener]]
kind = "submissions"
address = ["127.0.0.1"]
port = {submissions}
"""

ALICE, BOB = "alice@example.com", "bob@example.com"


def missing(reason: str) -> None:
    """Skips the test, or fails it where all peers must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need(program: str, package: str = "") -> str:
    """The program's path; `package`: what Debian has it in, where that is called otherwise."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        missing(f"{program} is not installed (Debian: apt install {package or program})")
    return found or ""


class Harbour:
    """The node, its ports by name, the CA file that clients trust, and Bob's mailbox."""

    def __init__(self, folder: Path) -> None:
        ca = trustme.CA()
        self.ca = folder / "ca.pem"
        certificate = folder / "server.pem"
        ca.cert_pem.write_to_path(str(self.ca))
        ca.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        ports = dict.fromkeys(("mx", "submission", "second", "submissions"), 0)
        self.node = Node(folder / "node", SETTINGS, workers=1, ports=ports, certificate=certificate)
        post.settle_in(self.node, local=["example.com"], accounts=[ALICE, BOB])
        self.ports, self.bob = self.node.ports, post.Mailbox(self.node, BOB)


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    harbour = Harbour(tmp_path_factory.mktemp("harbour"))
    with harbour.node:
        yield harbour


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator["House"]:
    from tests.interop import houses

    with houses.opened(tmp_path_factory.mktemp("house")) as house:
        yield house
