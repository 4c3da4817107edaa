"""A letter through the doors: what is said, what reaches intake and queue, on both event loops."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from tests.support.loops import LOOPS, run, until

from hatoba.kit import ids
from hatoba.net import tls
from hatoba.store.trouble import StoreTrouble

both = pytest.mark.parametrize("loop", LOOPS)


@both
def test_a_letter_is_answered_with_its_id_once_it_is_on_disk(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            assert "STARTTLS" in await client.greet()
            site.seam.hold = True
            answer = asyncio.ensure_future(client.letter("alice@example.org", "bob@example.org"))
            await until(lambda: site.seam.letters)
            await client.writer.drain()
            assert not answer.done()
            site.seam.commit()
            letter = site.seam.letters[0]
            assert await answer == f"250 2.0.0 Ok: queued as {ids.text(letter.id)}"
            assert [str(r.address) for r in letter.envelope.recipients] == ["alice@example.org", "bob@example.org"]
            assert letter.source.door == "mx"
            assert letter.source.helo == "client.example"
            assert letter.source.port == door.port
            assert letter.content.endswith(b"Subject: x\r\n\r\nhi\r\n")
            assert letter.content.startswith(b"Received: from client.example ")
            assert await client.say("QUIT") == "221 2.0.0 Bye"
            assert await client.ended()

    run(loop, main())
    assert {"letter accepted", "session ended"} <= set(site.log.events())
    assert site.houses[0].counts.letters == 1
    assert site.houses[0].counts.open == 0


@both
def test_pipelined_transactions_are_answered_in_order(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            await client.greet()
            one = "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA"
            assert (await client.say(one, 3)).startswith("354")
            said = await client.say("Subject: 1\r\n\r\na\r\n.\r\n" + one, 1)
            assert said.startswith("250 2.0.0 Ok: queued as ")
            codes = [(await client.reply())[:3] for _ in range(3)]
            assert codes == ["250", "250", "354"]
            assert (await client.say("Subject: 2\r\n\r\nb\r\n.\r\nQUIT", 2)).startswith("221")

    run(loop, main())
    assert [letter.subject for letter in site.seam.letters] == ["1", "2"]


@both
def test_large_content_in_chunks(loop: str, site: Any, dial: Any) -> None:
    house = site.house(intake={"spill": 300_000})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            await client.say("MAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<bob@example.org>", 2)
            chunk = b"Subject: big\r\n\r\n" + b"x" * 98 * 2000 + b"\r\n"
            for _ in range(3):
                client.writer.write(b"BDAT %d\r\n" % len(chunk) + chunk)
                assert (await client.reply()).startswith("250")
            assert (await client.say("BDAT 0 LAST")).startswith("250 2.0.0 Ok: queued as")
            assert await client.say("QUIT")

    run(loop, main())
    assert site.seam.letters[0].size > 588_000
    assert site.seam.drafts[0] is not None
    site.seam.drafts[0].discard()


@both
def test_a_store_that_fails_keeps_the_letter_with_the_client(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            await client.greet()
            site.seam.fail = StoreTrouble("disk full", "full")
            assert (await client.letter()).startswith("451 4.3.0")
            site.seam.fail = None
            assert (await client.letter()).startswith("250 2.0.0")
            site.seam.fail = KeyError("a bug")
            said = await client.letter()
            assert said.startswith("451 4.3.0 Internal error ")
            assert await client.ended()

    run(loop, main())
    faults = [fields for _, event, fields in site.log.said if event == "fault"]
    assert len(faults) == 1
    assert isinstance(faults[0]["exc_info"], KeyError)


@both
def test_a_client_that_leaves_during_the_commit_is_still_logged(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door:
            async with dial(door.port) as client:
                await client.greet()
                site.seam.hold = True
                await client.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", 3)
                client.writer.write(b"x: y\r\n\r\n.\r\n")
                await until(lambda: site.seam.letters)
                sock = client.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST: it is gone
                client.writer.transport.abort()
            await until(lambda: not door.sessions)
            site.seam.commit()
            await until(lambda: "letter accepted" in site.log.events())

    run(loop, main())


@both
def test_mx_takes_local_and_relay_domains_only(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            await client.greet()
            await client.say("MAIL FROM:<a@remote.example>")
            assert (await client.say("RCPT TO:<alice@example.org>")).startswith("250")
            assert (await client.say("RCPT TO:<x@example.net>")).startswith("250")
            assert (await client.say("RCPT TO:<nobody@example.org>")).startswith("550 5.1.1")
            assert (await client.say("RCPT TO:<x@elsewhere.example>")).startswith("550 5.7.1")
            assert "AUTH" not in await client.say("EHLO again.example")
            assert (await client.say("AUTH PLAIN AAAA")).startswith("5")

    run(loop, main())
    assert site.houses[0].counts.refused_recipients == 2


@both
def test_small_verbs(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            assert await client.reply() == "220 mx.example.org ESMTP ready"
            assert await client.say("HELO [127.0.0.1]") == "250 mx.example.org"
            assert (await client.say("EHLO under_score..odd")).startswith("250-mx.example.org\n")
            assert (await client.say("VRFY alice")).startswith("252 2.1.5")
            assert (await client.say("EXPN all")).startswith("502")
            assert (await client.say("HELP")).startswith("214 2.0.0")
            assert await client.say("NOOP x") == "250 2.0.0 Ok"
            assert await client.say("RSET") == "250 2.0.0 Ok"
            assert (await client.say("XCLIENT ADDR=192.0.2.1")).startswith("502")
            assert (await client.say("WHAT")).startswith("500")

    run(loop, main())


@both
def test_starttls_forgets_the_plain_dialogue_and_refuses_what_is_behind_it(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door:
            async with dial(door.port) as client:
                await client.greet("plain.example")
                await client.secure()
                assert (await client.say("MAIL FROM:<>")).startswith("503")
                assert "STARTTLS" not in await client.say("EHLO tls.example")
                assert (await client.letter()).startswith("250")
                assert (await client.say("QUIT")).startswith("221")
            async with dial(door.port) as client:
                await client.greet()
                said = await client.say("STARTTLS\r\nMAIL FROM:<mallory@remote.example>")
                assert said.startswith("503")
                assert await client.ended()

    run(loop, main())
    assert site.seam.letters[0].source.tls.startswith("TLSv1.3 ")
    assert site.seam.letters[0].source.helo == "tls.example"
    assert site.houses[0].counts.tls == 1


@both
def test_without_a_certificate_there_is_no_starttls(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(tls=False)) as door, dial(door.port) as client:
            assert "STARTTLS" not in await client.greet()
            assert (await client.say("STARTTLS")).startswith("502")

    run(loop, main())


@both
def test_implicit_tls_and_requiretls(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submissions") as door, dial(door.port, tls.client_context()) as client:
            offered = await client.greet()
            assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in offered
            assert "REQUIRETLS" in offered
            assert "STARTTLS" not in offered
            assert (await client.say("MAIL FROM:<alice@example.org>")).startswith("530 5.7.0")

    run(loop, main())
