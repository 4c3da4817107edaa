"""Doors that wait for checks: nothing is lost, nothing overtakes, nobody waits for ever; on both event loops."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from tests.support import authentic, probes
from tests.support.dns_server import DnsServer
from tests.support.loops import LOOPS, run, until

from hatoba.intake.filter_settings import Auth
from hatoba.journal import forms
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

both = pytest.mark.parametrize("loop", LOOPS)
MAIL = "MAIL FROM:<carol@remote.example>"
RCPT = "RCPT TO:<alice@example.org>"
NO = Verdict("gated", "reject", Status("5.7.1", "no"), "no")


def gated(site: Any, gate: probes.Gate, *stages: str, **more: Any) -> Any:
    filters = {"patience": 5.0, **more.pop("filters", {})}
    return site.house(checks=[probes.Gated(*stages)], services={"gate": gate}, filters=filters, **more)


@both
def test_a_recipient_waits_and_what_was_pipelined_waits_behind_it(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        async with site.door(house=gated(site, gate, "recipient")) as door, dial(door.port) as client:
            await client.greet()
            client.writer.write(f"{MAIL}\r\n{RCPT}\r\nRCPT TO:<bob@example.org>\r\nRSET\r\nNOOP\r\n".encode())
            assert (await client.reply()).startswith("250 2.1.0")
            await until(lambda: gate.waiting)
            assert len(gate.waiting) == 1
            gate.open(NO)
            assert await client.reply() == "550 5.7.1 no"
            await until(lambda: gate.waiting)
            gate.open()
            assert (await client.reply()).startswith("250 2.1.5")
            assert (await client.reply()).startswith("250 2.0.0")  # RSET
            assert (await client.reply()).startswith("250 2.0.0")
            assert (await client.say(RCPT)).startswith("503")

    run(loop, main())
    assert site.houses[0].counts.refused_recipients == 1


@both
def test_a_content_waits_and_the_next_transaction_behind_it(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        async with site.door(house=gated(site, gate, "content")) as door, dial(door.port) as client:
            await client.greet()
            one = f"{MAIL}\r\n{RCPT}\r\nDATA"
            assert (await client.say(one, 3)).startswith("354")
            client.writer.write(f"Subject: 1\r\n\r\na\r\n.\r\n{one}\r\n".encode())
            await until(lambda: gate.waiting)
            assert site.seam.letters == []
            gate.open(Verdict("gated", "junk", score=7.5))
            assert (await client.reply()).startswith("250 2.0.0 Ok: queued as ")
            assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
            client.writer.write(b"Subject: 2\r\n\r\nb\r\n.\r\n")
            await until(lambda: gate.waiting)
            gate.open(NO)
            assert await client.reply() == "550 5.7.1 no"
            assert (await client.say("NOOP")).startswith("250")

    run(loop, main())
    (letter,) = site.seam.letters
    assert letter.notes.verdicts == (("gated", "junk", 7.5, ""),)
    assert letter.content.startswith(b"X-Spam-Flag: YES\r\n")
    (event,) = site.events
    form = forms.read(event)
    assert isinstance(form, forms.Refused)
    assert (form.subject, form.status) == ("2", "5.7.1")
    assert site.houses[0].counts.refused_letters == 1


@both
def test_bdat_in_pieces_waits_at_its_end(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        house = gated(site, gate, "content", intake={"spill": 300_000})
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            await client.say(f"{MAIL} BODY=BINARYMIME\r\n{RCPT}", 2)
            chunk = b"Subject: big\r\n\r\n" + b"x" * 98 * 2000 + b"\r\n"
            for last in (False, False, True):
                client.writer.write(b"BDAT %d%b\r\n" % (len(chunk), b" LAST" if last else b"") + chunk)
                if not last:
                    assert (await client.reply()).startswith("250 2.0.0 Chunk")
            await until(lambda: gate.waiting)
            gate.open(Verdict("gated", "accept", fields=(("X-Seen", "yes"),)))
            assert (await client.reply()).startswith("250 2.0.0 Ok: queued as")

    run(loop, main())
    (letter,), (draft,) = site.seam.letters, site.seam.drafts
    assert letter.top.startswith(b"X-Seen: yes\r\nReceived: ")
    assert letter.top.endswith(b"Subject: big\r\n")
    assert letter.size == len(letter.top) + draft.size
    draft.discard()


@both
@pytest.mark.parametrize("large", [False, True])
def test_a_client_that_leaves_takes_its_letter_along(loop: str, large: bool, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        house = gated(site, gate, "content", intake={"spill": 5000, "header": 5000})
        async with site.door(house=house) as door:
            async with dial(door.port) as client:
                await client.greet()
                await client.say(f"{MAIL}\r\n{RCPT}\r\nDATA", 3)
                client.writer.write(b"x: y\r\n\r\n" + b"line\r\n" * (5000 if large else 1) + b".\r\n")
                await until(lambda: gate.waiting)
                assert len(list(site.folder.path.iterdir())) == large
                sock = client.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST: it is gone
                client.writer.transport.abort()
            await until(lambda: not door.sessions)
            await until(lambda: gate.left == 1)
            assert list(site.folder.path.iterdir()) == []

    run(loop, main())
    assert site.seam.letters == []


@both
def test_a_client_that_half_closes_still_gets_its_answer(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        async with site.door(house=gated(site, gate, "content")) as door, dial(door.port) as client:
            await client.greet()
            await client.say(f"{MAIL}\r\n{RCPT}\r\nDATA", 3)
            client.writer.write(b"x: y\r\n\r\n.\r\n")
            client.writer.write_eof()
            await until(lambda: gate.waiting)
            gate.open()
            assert (await client.reply()).startswith("250 2.0.0 Ok: queued as ")
            assert await client.ended()

    run(loop, main())
    assert len(site.seam.letters) == 1


@both
@pytest.mark.parametrize(("late", "answer"), [("accept", "250 2.0.0"), ("defer", "451 4.7.1 A check took too long")])
def test_a_check_that_hangs_is_given_up(loop: str, late: str, answer: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()
    house = gated(site, gate, "sender", "content", filters={"patience": 0.05, "late": late})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            await client.say(MAIL)
            said = await client.say(RCPT)
            if late == "defer":
                assert said.startswith(answer)
                return
            assert said.startswith("250")
            await client.say("DATA")
            assert (await client.say("x: y\r\n\r\n.")).startswith(answer)

    run(loop, main())
    assert gate.left == (1 if late == "defer" else 2)
    assert "check not done in time" in site.log.events()


@both
@pytest.mark.parametrize("stage", ["connect", "sender", "recipient", "content"])
@pytest.mark.parametrize("fault", ["accept", "defer"])
def test_a_bug_in_a_check_is_logged_and_temporary(loop: str, stage: str, fault: str, site: Any, dial: Any) -> None:
    house = site.house(checks=[probes.Broken(stage)], filters={"fault": fault})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            await client.say(MAIL)
            said = await client.say(RCPT)
            if stage == "content" or fault == "accept":
                assert said.startswith("250")
                await client.say("DATA")
                said = await client.say("x: y\r\n\r\n.")
            (failed,) = [fields for _, event, fields in site.log.said if event == "check failed"]
            assert isinstance(failed["exc_info"], ZeroDivisionError)
            expected = f"451 4.3.0 Internal error {failed['error_id']}" if fault == "defer" else "250 2.0.0 Ok"
            assert said.startswith(expected)
            assert (await client.say("NOOP")).startswith("250")  # the session goes on

    run(loop, main())
    assert len(site.seam.letters) == (fault == "accept")


@both
@pytest.mark.parametrize("where", ["watch", "update"])
def test_a_bug_while_the_content_comes_in_is_said_at_its_end(loop: str, where: str, site: Any, dial: Any) -> None:
    house = site.house(checks=[probes.Blind(where)], intake={"spill": 2000, "header": 2000})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            for body in ("hi", "line of text\r\n" * 1000):
                said = await client.letter(text=f"Subject: x\r\n\r\n{body}")
                assert said.startswith("451 4.3.0 Internal error ")
            assert (await client.say("NOOP")).startswith("250")

    run(loop, main())
    assert [event for event in site.log.events() if "check" in event] == ["check failed"] * 2
    assert list(site.folder.path.iterdir()) == []


@both
@pytest.mark.parametrize("refused", [False, True])
def test_the_greeting_may_wait_for_the_connections_checks(loop: str, refused: bool, site: Any, dial: Any) -> None:
    gate = probes.Gate()
    house = gated(site, gate, "connect", filters={"greet": True})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await until(lambda: gate.waiting)
            gate.open(*([NO] if refused else []))
            said = await client.reply()
            if refused:
                assert said == "554 5.7.1 no"
                assert await client.ended()
            else:
                assert said.startswith("220 ")
                await client.say("EHLO x.example")
                assert (await client.letter()).startswith("250")  # and they are not asked again

    run(loop, main())
    assert site.houses[0].counts.turned_away == refused


@both
def test_drain_waits_for_a_check_and_ends_the_session_behind_it(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        async with site.door(house=gated(site, gate, "recipient", "content")) as door, dial(door.port) as client:
            await client.greet()
            client.writer.write(f"{MAIL}\r\n{RCPT}\r\nDATA\r\n".encode())
            await until(lambda: gate.waiting)
            draining = asyncio.ensure_future(door.drain(5))
            await asyncio.sleep(0)
            gate.open()
            assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
            client.writer.write(b"x: y\r\n\r\n.\r\n")
            await until(lambda: gate.waiting)
            gate.open()
            assert (await client.reply()).startswith("250 2.0.0")
            assert (await client.reply()).startswith("421 4.3.2")
            await client.close()
            await draining

    run(loop, main())
    assert len(site.seam.letters) == 1


@both
def test_drain_cuts_a_check_that_does_not_end(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        async with site.door(house=gated(site, gate, "content")) as door, dial(door.port) as client:
            await client.greet()
            await client.say(f"{MAIL}\r\n{RCPT}\r\nDATA", 3)
            client.writer.write(b"x: y\r\n\r\n.\r\n")
            await until(lambda: gate.waiting)
            await door.drain(0.05)
            assert not door.sessions
            await until(lambda: gate.left)

    run(loop, main())
    assert site.seam.letters == []


@both
def test_the_transactions_time_does_not_cut_a_check_short(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()

    async def main() -> None:
        house = gated(site, gate, "content", transaction=0.01)
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            client.writer.write(f"{MAIL}\r\n{RCPT}\r\nDATA\r\nx: y\r\n\r\n.\r\n".encode())
            await until(lambda: gate.waiting)
            await asyncio.sleep(0.02)
            house.tick()
            gate.open()
            assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "354", "250"]

    run(loop, main())


@both
def test_submissions_are_not_held_up_by_what_is_for_strangers(loop: str, site: Any, dial: Any) -> None:
    gate = probes.Gate()
    house = gated(site, gate, "connect", "sender", "recipient", "content", intake={"relay_networks": ("127.0.0.0/8",)})

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            assert (await client.letter()).startswith("250")

    run(loop, main())
    assert (gate.waiting, site.seam.letters[0].notes) == ([], None)


@both
def test_an_authentic_letter_over_real_dns(loop: str, site: Any, dial: Any) -> None:
    zone = authentic.zone() | {"1.0.0.127.in-addr.arpa": {"PTR": ["mail.example.org"]}}
    zone["example.org"]["TXT"] = [b"v=spf1 ip4:127.0.0.1 -all"]
    zone["mail.example.org"]["A"] = ["127.0.0.1"]

    async def main() -> None:
        with DnsServer(authentic.records(zone)) as dns:
            house = site.house(auth=Auth(), dns=dns)
            async with site.door(house=house) as door, dial(door.port) as client:
                await client.greet("mail.example.org")
                for _ in range(2):  # the second time all is known
                    text = authentic.genuine().decode().removesuffix("\r\n").replace("\r\n.", "\r\n..")
                    said = await client.letter("bob@example.org", sender="alice@example.org", text=text)
                    assert said.startswith("250")
                asked = len(dns.asked)
                assert asked == len(set(dns.asked))
                said = await client.letter(
                    sender="x@far.example", text=authentic.letter().decode().replace("\r\n.\r\n", "\r\n")
                )
                assert said == (
                    "550 5.7.1 Refused by the DMARC policy of example.org (p=reject): "
                    "SPF none for far.example, no DKIM signature"
                )

    run(loop, main())
    for letter in site.seam.letters:
        assert authentic.words(letter.content) == {"spf": "pass", "dkim": "pass", "dmarc": "pass", "iprev": "pass"}
    assert [forms.read(event).status for event in site.events] == ["5.7.1"]  # type: ignore[union-attr] # Refused
