"""A hatoba for the vectors that speak SMTP: one mx door on loopback that takes mail for bob@example.com.

Used by test_smtp_live and tools/conformance.
Never knows a case: it is an ordinary node with ordinary settings.
Fails with node.Died when hatoba does not start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import post
from tests.support.node import Node

SETTINGS = """
[log]
level = "warning"

[dns]
servers = ["127.0.0.1:1"]  # nobody answers there

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}
"""


@contextmanager
def listening(folder: Path) -> Iterator[int]:
    """The port of the mx door."""
    node = Node(folder, SETTINGS, workers=1, ports={"mx": 0})
    post.settle_in(node, local=["example.com"], accounts=["bob@example.com"])
    with node:
        yield node.ports["mx"]
