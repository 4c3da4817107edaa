"""Many accounts of a node at once: residents.settle(node, "example.test", ["user1", …], "testpass").

Used by the interop tests of mail clients and by the bench; before the node runs or while it does.
Never starts a process for each: that would take minutes.
Fails as the directory does: BadEntry, BadPassword.
"""

import os
from collections.abc import Iterable

from tests.support.node import Node

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.directory import changes


def settle(node: Node, domain: str, names: Iterable[str], password: str) -> None:
    """Adds a local domain, and an account there for each name, all with one password."""
    settings = settings_file.load(str(node.file), node.environ).settings
    with offline.directory(settings) as directory:
        changes.add_domain(directory, domain, "local", offline.now())
        for name in names:
            salt = os.urandom(16)
            changes.add_account(directory, f"{name}@{domain}", password, salt, offline.now(), generated=True)
