"""A round trip with each mail program: submitted on 587 or 465 by one, read over IMAP or POP3 by another, over TLS."""

from itertools import cycle
from pathlib import Path

import pytest
from tests.interop.clients import CLIENTS, Errand
from tests.interop.houses import Account, House
from tests.interop.readers import READERS
from tests.support import post

pytestmark = pytest.mark.interop

DOORS = (("submission", "starttls"), ("submissions", "implicit"))
PAIRS = [
    pytest.param(sender, door, tls, reader, id=f"{sender}-{door}-{reader}")
    for reader, sender, (door, tls) in zip(READERS, cycle(CLIENTS), cycle((*DOORS, *reversed(DOORS))), strict=False)
]


def letter(account: Account, token: str) -> bytes:
    """Dots, octets beyond ASCII, a line that looks like an mbox's, empty lines."""
    lines = (
        "Date: Thu, 1 Jan 2026 09:00:00 +0900", f"From: <{account.user}>", f"To: <{account.user}>",
        f"Message-ID: <{token}@client.test>", f"Subject: {token}", "X-Name: =?utf-8?B?5omL57SZ?=", "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", "拝啓", ".a dot in front",
        "..two", ".", "From the beginning of a line", "", "end",
    )  # fmt: skip
    return ("\r\n".join(lines) + "\r\n").encode()


def submit(house: House, account: Account, octets: bytes, folder: Path, sender: str = "smtplib",
           door: str = "submission", tls: str = "starttls") -> None:  # fmt: skip
    asked = Errand(house.ports[door], octets, account.user, account.user, house.ca, tls, account.user, account.password)
    said = CLIENTS[sender][0](asked, folder)
    assert said.ok, said.transcript


@pytest.mark.parametrize(("sender", "door", "tls", "reader"), PAIRS)
def test_a_letter_is_read_as_it_was_written(
    house: House, tmp_path: Path, sender: str, door: str, tls: str, reader: str
) -> None:
    account, token = house.account(), f"tok{sender}{reader}".replace("-", "").replace("_", "")
    written = letter(account, token)
    submit(house, account, written, tmp_path, sender, door, tls)
    house.settled(account, token)
    octets = READERS[reader](house, account, token, tmp_path)
    assert post.untraced(octets).rstrip() == post.untraced(written).rstrip()
