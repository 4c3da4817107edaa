"""The lmtp door: local recipients only, one commit before a reply for each of them, named networks, Unix sockets."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.support import smtp_site
from tests.support.loops import LOOPS, run, until

from hatoba.doors.smtp import door
from hatoba.doors.smtp.settings import Listener
from hatoba.net import listen
from hatoba.store.trouble import StoreTrouble

both = pytest.mark.parametrize("loop", LOOPS)


async def greeted(client: Any) -> str:
    assert (await client.reply()).startswith("220 mx.example.org LMTP")
    return str(await client.say("LHLO front.example"))


@both
def test_a_reply_for_each_recipient_once_the_letter_is_on_disk(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("lmtp") as opened, dial(opened.port) as client:
            assert "PIPELINING" in await greeted(client)
            assert (await client.say("EHLO front.example")).startswith("502 5.5.1")
            for line in ("MAIL FROM:<x@far.example>", "RCPT TO:<alice@example.org>", "RCPT TO:<bob@example.org>"):
                assert (await client.say(line)).startswith("250")
            assert (await client.say("DATA")).startswith("354")
            site.seam.hold = True
            answer = asyncio.ensure_future(client.say("Subject: x\r\n\r\nhi\r\n.", 1))
            await until(lambda: site.seam.letters)
            assert not answer.done()
            site.seam.commit()
            first = await answer
            assert first.startswith("250 2.0.0 Ok: queued as ")
            assert await client.reply() == first

    run(loop, main())
    (letter,) = site.seam.letters
    assert letter.source.door == "lmtp"
    assert [str(each.address) for each in letter.envelope.recipients] == ["alice@example.org", "bob@example.org"]
    assert b" with LMTP id " in letter.content


@both
def test_only_mailboxes_of_ours_are_taken(loop: str, site: Any, dial: Any) -> None:
    """Though the front stands in a network that may relay through the other doors."""
    refused = {
        "nobody@example.org": "550 5.1.1",
        "off@example.org": "550 5.2.1",
        "x@elsewhere.example": "550 5.7.1",
        "x@example.net": "550 5.7.1",  # a domain that is relayed for
    }

    async def main() -> None:
        house = site.house(intake={"relay_networks": ("127.0.0.0/8",)})
        async with site.door("lmtp", house) as opened, dial(opened.port) as client:
            await greeted(client)
            await client.say("MAIL FROM:<>")
            for recipient, said in refused.items():
                assert (await client.say(f"RCPT TO:<{recipient}>")).startswith(said), recipient
            assert (await client.say("RCPT TO:<alice+tag@example.org>")).startswith("250")
            assert (await client.say("DATA")).startswith("354")
            assert (await client.say("Subject: x\r\n\r\nhi\r\n.")).startswith("250")
            assert (await client.say("QUIT")).startswith("221")

    run(loop, main())
    assert site.seam.letters[0].unsigned == ""


@both
def test_a_store_in_trouble_is_said_for_each(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        site.seam.fail = StoreTrouble("the disk is full")
        async with site.door("lmtp") as opened, dial(opened.port) as client:
            await greeted(client)
            said = "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA"
            assert (await client.say(said, 4)).startswith("354")
            assert (await client.say("Subject: x\r\n\r\nhi\r\n.")).startswith("451 4.3.0")
            assert (await client.reply()).startswith("451 4.3.0")
            assert (await client.say("NOOP")).startswith("250")

    run(loop, main())


@both
def test_others_than_the_named_networks_are_sent_away(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("lmtp", networks=("192.0.2.0/24",)) as opened, dial(opened.port) as client:
            assert (await client.reply()).startswith("554 5.7.1")
            assert await client.ended()
        async with site.door("mx", networks=("127.0.0.1",)) as opened, dial(opened.port) as client:
            assert (await client.reply()).startswith("220")

    run(loop, main())


@both
def test_a_unix_socket(loop: str, site: Any, tmp_path: Path) -> None:
    path = tmp_path / "lmtp"

    async def main() -> None:
        made = Listener(kind="lmtp", port=0, address=(f"unix:{path}",))
        opened = await door.open_door(listen.bind_unix(str(path)), made, site.house())
        assert opened.port == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        client = smtp_site.Client(*await asyncio.open_unix_connection(str(path)))
        await greeted(client)
        assert (await client.letter("alice@example.org")).startswith("250")
        assert (await client.say("QUIT")).startswith("221")
        assert await client.ended()
        await client.close()
        await opened.drain(2)
        assert path.is_socket(), "the file is the supervisor's, who hands the socket on at a restart"

    run(loop, main())
    assert site.seam.letters[0].source.ip == ""
    assert site.houses[0].counts.open == 0


def test_the_file_of_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    first = listen.bind_unix(str(path))
    with pytest.raises(OSError, match="in use"):
        listen.bind_unix(str(path))
    with pytest.raises(OSError, match="in use"):
        listen.may_bind(f"unix:{path}", 0)
    first.close()
    listen.may_bind(f"unix:{path}", 0)
    listen.bind_unix(str(path)).close()  # nobody listens: the file is replaced
    path.unlink()
    path.write_text("a letter")
    with pytest.raises(OSError, match="no socket"):
        listen.bind_unix(str(path))
    assert path.read_text() == "a letter"
    with pytest.raises(OSError, match="directory"):
        listen.bind_unix(str(tmp_path / "none" / "lmtp"))
    assert [each.name for each in tmp_path.iterdir()] == ["lmtp"]
