"""A house that people read their mail in: where its doors are and whom it knows; hatoba, or Dovecot behind it.

Used by the interop tests of mail clients. HATOBA_INTEROP_HOUSE=dovecot proves the recipes themselves: letters are
submitted to hatoba, which hands them to a Dovecot by LMTP, and read there.
Never gives one account to two tests.
Fails as its servers do when they do not come up.
"""

import contextlib
import imaplib
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import trustme
from tests.interop.conftest import missing
from tests.support import dovecot, post, residents
from tests.support.node import Node
from tests.support.wait import until

HOST = "localhost"  # the name in the certificate
DOMAIN = "example.test"
ACCOUNTS = 40

_COMMON = """
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
kind = "submission"
address = ["127.0.0.1"]
port = {submission}

[[listener]]
kind = "submissions"
address = ["127.0.0.1"]
port = {submissions}
"""
_ROUTE = """
[[route]]
match = "example.test"
via = "lmtp"
host = "127.0.0.1"
port = {lmtp}
tls = "none"
"""
_READING = ("imap", "imaps", "pop3", "pop3s", "sieve")
_LISTENER = '\n[[listener]]\nkind = "{kind}"\naddress = ["127.0.0.1"]\nport = {{{kind}}}\n'


class Account:
    """Somebody who lives in a house, by the name they log in with everywhere."""

    def __init__(self, name: str) -> None:
        self.user = f"{name}@{DOMAIN}"
        self.password = post.PASSWORD


class House:
    """`ports` by name: submission, submissions, imap, imaps, pop3, pop3s, sieve. `ca`: what clients trust."""

    def __init__(self, name: str, ports: dict[str, int], ca: Path, node: Node) -> None:
        self.name, self.ports, self.ca, self.node = name, ports, ca, node
        self._free = iter(range(ACCOUNTS))

    def account(self) -> Account:
        """One that no other test has had."""
        return Account(f"user{next(self._free)}")

    def context(self) -> ssl.SSLContext:
        """What a careful client asks of TLS."""
        return ssl.create_default_context(cafile=str(self.ca))

    def imap(self, account: Account) -> imaplib.IMAP4:
        """A session of the standard library's client, logged in, under TLS."""
        client = imaplib.IMAP4_SSL(HOST, self.ports["imaps"], ssl_context=self.context(), timeout=60)
        client.login(account.user, account.password)
        return client

    def settled(self, account: Account, token: str, box: str = "INBOX") -> None:
        """Waits until a letter with `token` in its subject is in a mailbox."""
        client = self.imap(account)

        def look() -> bool:
            if client.select(box, readonly=True)[0] != "OK":
                return False  # nothing has made it yet
            return bool(client.search(None, "SUBJECT", token)[1][0])

        with client:
            until(look, f"a letter {token} for {account.user} in {box}")


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[House]:
    """The house that the environment names."""
    ca, certificate = folder / "ca.pem", folder / "server.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    authority.issue_cert(HOST, "127.0.0.1", common_name=HOST).private_key_and_cert_chain_pem.write_to_path(
        str(certificate)
    )
    names = [f"user{number}" for number in range(ACCOUNTS)]
    which = os.environ.get("HATOBA_INTEROP_HOUSE", "hatoba")
    submitting = dict.fromkeys(("submission", "submissions"), 0)
    if which == "hatoba":
        listeners = "".join(_LISTENER.format(kind=kind) for kind in _READING)
        ports = submitting | dict.fromkeys(_READING, 0)
        node = Node(folder / "node", _COMMON + listeners, workers=2, ports=ports, certificate=certificate)
        residents.settle(node, DOMAIN, names, post.PASSWORD)
        with node:
            yield House(which, node.ports, ca, node)
        return
    if reason := dovecot.available():
        missing(reason)
    with dovecot.Dovecot("maildir", certificate=certificate, users=names, password=post.PASSWORD) as peer:
        node = Node(
            folder / "node", _COMMON + _ROUTE, workers=1, ports=submitting, certificate=certificate,
            lmtp=peer.ports["lmtp"],
        )  # fmt: skip
        residents.settle(node, DOMAIN, names, post.PASSWORD)
        with node:
            yield House(which, node.ports | peer.ports, ca, node)
