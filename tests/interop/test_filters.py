"""Debian's rspamd, clamd and OpenDKIM asked about letters at our door: EICAR, GTUBE, signatures made and verified."""

import io
import smtplib
import time
import zipfile
from base64 import encodebytes
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import dkim
import msgspec
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from tests.interop.conftest import need
from tests.support import daemons, post, service_peers, signed
from tests.support import zone as zones
from tests.support.daemons import OpenDkim, Rspamd
from tests.support.letter_question import question
from tests.support.node import Node
from tests.support.services_house import QUIET
from tests.support.town import careless

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys, sign, verify
from hatoba.net import clamd, line, milter, rspamd

pytestmark = pytest.mark.interop

HOME = "home.example"
ALICE, BOB = f"alice@{HOME}", f"bob@{HOME}"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
EICAR = service_peers.EICAR.decode()
LOG = structlog.get_logger("test")


def letter(subject: str, body: str, sender: str = "a@example.org", more: str = "") -> bytes:
    lines = (
        f"From: <{sender}>", f"To: <{BOB}>", f"Subject: {subject}", "Date: Thu, 1 Jan 2026 09:00:00 +0900",
        f"Message-ID: <{abs(hash((subject, body)))}@client.test>", "X-Old: gone",
    )  # fmt: skip
    return ("\r\n".join(lines) + f"\r\n{more}\r\n{body}\r\n").encode()


class Guarded(NamedTuple):
    """A node, and Bob's mailbox in it."""

    node: Node
    bob: post.Mailbox

    def send(self, octets: bytes) -> str:
        return post.send(self.node.ports["mx"], "a@example.org", BOB, octets)

    def submit(self, octets: bytes) -> str:
        with post.dial(self.node.ports["submission"], context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            return post.hand_in(client, ALICE, [BOB], octets)


def guarded(stack: ExitStack, folder: Path, tables: str) -> Guarded:
    node = Node(folder, QUIET + tables, workers=1, ports={"mx": 0, "submission": 0})
    post.settle_in(node, local=[HOME], accounts=[ALICE, BOB])
    stack.enter_context(node)
    return Guarded(node, post.Mailbox(node, BOB))


# ---- rspamd and clamd


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rspamd]:
    with Rspamd(tmp_path_factory.mktemp("rspamd") / "d", need("rspamd")) as running:
        yield running


@pytest.fixture(scope="module")
def virus_scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("clamd") / "d"
    with daemons.clamd(folder, need("clamd", "clamav-daemon")):
        yield f"unix:{folder / 'clamd.sock'}"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, scanner: Rspamd, virus_scanner: str) -> Iterator[Guarded]:
    tables = (
        f'[rspamd]\nurl = "{scanner.url}"\non_failure = "defer"\n'
        f'[clamd]\naddress = "{virus_scanner}"\non_failure = "defer"\nmax_size = "20MB"\n'
    )
    with ExitStack() as stack:
        yield guarded(stack, tmp_path_factory.mktemp("judged"), tables)


def test_eicar_is_refused_in_a_real_dialogue(judged: Guarded) -> None:
    with post.dial(judged.node.ports["mx"]) as client:
        assert client.docmd("MAIL FROM:<a@example.org>")[0] == 250
        assert client.docmd(f"RCPT TO:<{BOB}>")[0] == 250
        code, text = client.data(letter("infected", EICAR))
        assert (code, text) == (550, b"5.7.1 Virus found: Hatoba.Test.EICAR.UNOFFICIAL")
        post.hand_in(client, "a@example.org", [BOB], letter("behind it", "clean"))
    judged.bob.holding(b"behind it")
    assert not any(b"infected" in octets for octets in judged.bob.letters())


def test_eicar_in_an_archive_of_an_account_is_refused_too(judged: Guarded) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("harmless.txt", "hello " * 100)
        archive.writestr("eicar.com", EICAR)
    more = (
        "MIME-Version: 1.0\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=a.zip\r\n"
    )
    body = encodebytes(packed.getvalue()).decode().replace("\n", "\r\n")
    with pytest.raises(smtplib.SMTPResponseException, match=r"Virus found: Hatoba\.Test\.EICAR"):
        judged.submit(letter("packed", body, ALICE, more))


def test_a_letter_above_clamds_own_limit_is_taken_unscanned(judged: Guarded) -> None:
    number = judged.send(letter("bulky", "a line that fills a letter up to its brim\r\n" * 160_000 + EICAR))
    told = judged.node.cli("trace", number)
    assert "clamd: accept (not asked: larger than clamd's StreamMaxLength)" in told
    judged.bob.holding(b"bulky")


def test_gtube_is_refused_in_rspamds_words(judged: Guarded) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        judged.send(letter("unwanted", GTUBE))
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error == b"5.7.1 Gtube pattern"


def test_spam_is_marked_and_its_subject_rewritten(judged: Guarded) -> None:
    number = judged.send(letter("pills here", "buy"))
    octets = post.Mailbox(judged.node, BOB, "Junk").holding(b"pills here")
    header = octets.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ").split(b"\r\n")
    assert b"X-Spam-Flag: YES" in header
    assert b"Subject: [SPAM] pills here" in header
    told = f"X-Told: ip=127.0.0.1 helo=client.test from=a@example.org rcpt={BOB} user=- id={number}"
    assert told.encode() in header
    assert not any(field.startswith(b"X-Old") for field in header)
    assert "rspamd: junk +11 (rewrite subject, 11 of 15: PILLS(11))" in judged.node.cli("trace", number)


def test_a_clean_letter_goes_through_both(judged: Guarded) -> None:
    number = judged.send(letter("nothing in it", "Hello."))
    told = judged.node.cli("trace", number)
    assert "clamd: accept (no virus found)" in told
    assert "rspamd: accept (no action, 0 of 15)" in told
    assert b"X-Spam-Flag" not in judged.bob.holding(b"nothing in it")


async def test_rspamd_over_a_socket_and_with_a_large_letter(scanner: Rspamd) -> None:
    client = rspamd.Rspamd(scanner.unix, parallel=2)
    for body in (b"\r\nHello.\r\n", b"\r\n" + b"a line of a large letter\r\n" * 200_000):
        rated = await client(question(body))
        assert (rated.action, rated.required) == ("no action", 15.0)
    await client.close()


async def test_clamd_tells_its_version(virus_scanner: str) -> None:
    assert (await clamd.Clamd(line.place(virus_scanner), LOG).version()).startswith("ClamAV 1.")


# ---- milters


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory, scanner: Rspamd) -> Iterator[tuple[Guarded, str, OpenDkim]]:
    """A node behind OpenDKIM and rspamd's milter, and the record of the key that OpenDKIM signs with."""
    key = signed.rsa_key()
    record, form = keys.record(key), serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("opendkim")
        opendkim = OpenDkim(folder / "d", need("opendkim"), HOME, pem, record)
        stack.enter_context(opendkim)
        tables = (
            f'[[milter]]\nname = "rspamd"\naddress = "{scanner.milter}"\non_failure = "defer"\nsubmissions = false\n'
            f'[[milter]]\nname = "opendkim"\naddress = "{opendkim.address}"\non_failure = "defer"\n'
        )
        yield guarded(stack, folder / "node", tables), record, opendkim


def test_opendkim_signs_what_an_account_sends(filtered: tuple[Guarded, str, OpenDkim]) -> None:
    guard, record, _ = filtered
    number = guard.submit(letter("to be signed", "Dear Bob,\r\n.\r\n拝啓", ALICE))
    octets = guard.bob.holding(b"to be signed")
    assert b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=home.example; s=test" in octets
    stored = octets.partition(b"DKIM-Signature")
    content = stored[1] + stored[2]
    look = zones.look({f"test._domainkey.{HOME}": {"TXT": [record.encode()]}})
    found = questions.run(verify.check(content, now=int(time.time())), look)
    assert [(each.result, each.domain) for each in found] == [("pass", HOME)]
    assert dkim.verify(content, dnsfunc=lambda name, timeout=5: record.encode())
    assert "milter opendkim: accept (DKIM-Signature inserted" in guard.node.cli("trace", number)


def test_opendkim_verifies_what_we_signed_and_finds_what_was_changed(filtered: tuple[Guarded, str, OpenDkim]) -> None:
    guard, _, opendkim = filtered
    key = keys.private((opendkim.folder / "key.pem").read_bytes())
    for body, result in (("as it was", b"dkim=pass"), ("as it was not", b"dkim=fail")):
        octets = letter(f"signed by us {result.decode()}", "as it was", f"carol@{HOME}")
        made = sign.sign(octets, [sign.Signer(HOME, "test", key)], now=int(time.time()))
        guard.send(made + octets.replace(b"\r\nas it was\r\n", f"\r\n{body}\r\n".encode()))
        kept = guard.bob.holding(f"signed by us {result.decode()}".encode())
        header = kept.partition(b"\r\n\r\n")[0]
        assert b"Authentication-Results:" in header
        assert result in header


def test_rspamds_milter_refuses_gtube_and_marks_spam(filtered: tuple[Guarded, str, OpenDkim]) -> None:
    guard, _, _ = filtered
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        guard.send(letter("unwanted", GTUBE))
    assert refused.value.smtp_code == 550
    assert b"Gtube pattern" in refused.value.smtp_error
    guard.send(letter("a lottery", "won"))
    header = guard.bob.holding(b"a lottery").partition(b"\r\n\r\n")[0]
    assert b"X-Spam: Yes" in header
    assert b"X-Told: ip=127.0.0.1" in header
    assert b"X-Old" not in header


async def test_real_milters_take_many_letters(filtered: tuple[Guarded, str, OpenDkim], scanner: Rspamd) -> None:
    """rspamd's on one connection, OpenDKIM's on one each: it answers no more where one is used again."""
    signs = question(account=ALICE, sender=ALICE, block=f"From: <{ALICE}>\r\nSubject:none\r\n".encode())
    content = signs.block + b"\r\nHello.\r\n"
    signs = msgspec.structs.replace(signs, size=len(content), pieces=lambda: (content,))
    for address, reuse in ((filtered[2].address, False), (scanner.milter, True)):
        client = milter.Milter(line.place(address), LOG, reuse=reuse)
        for _ in range(3):
            answer = await client(signs)
            assert answer.action == "continue"
            for edit in answer.edits.fields:
                assert edit.value.startswith(b" ")
            if address == filtered[2].address:
                ((name, value),) = [(edit.name, edit.value) for edit in answer.edits.fields]
                signed_ = name + b":" + value + b"\r\n" + content
                look = zones.look({f"test._domainkey.{HOME}": {"TXT": [filtered[1].encode()]}})
                found = questions.run(verify.check(signed_, now=int(time.time())), look)
                assert [each.result for each in found] == ["pass"]
        assert len(client._resting) == reuse
        await client.close()
