"""Content rules: fields, words in all charsets, files and what archives hold, findings, scopes, and their limits."""

import base64
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.archives import SEVENS, locked_zip, tarred, zipped
from tests.support.checks import Answers, Scene

from hatoba.intake import filter_settings, filter_tables
from hatoba.intake.desk import Desk
from hatoba.intake.filter_tables import Attachments, Rule
from hatoba.intake.filters import build, rules
from hatoba.intake.filters.seen import Limits, Seen, Wanted
from hatoba.model.status import Refusal

Make = Callable[..., Scene]
QUIET = filter_settings.Auth(spf="off", dkim=False, arc=False, dmarc="off", iprev=False)


@pytest.fixture
def scene(desk: Callable[..., Desk]) -> Make:
    def make(*listed: Rule, attachments: Attachments | None = None, **settings: Any) -> Scene:
        tables = filter_settings.Settings(rule=listed, attachments=attachments or Attachments())
        return Scene(desk(filters=build.build(QUIET, tables, hostname="mx.example.org"), **settings), Answers())

    return make


def rule(look: Any, *pattern: str, weight: Any = 1.0, **words: Any) -> Rule:
    return Rule("test", look, pattern, weight, **words)


def letter(text: str = "hello", *, subject: str = "x", charset: str = "utf-8", encoding: str = "8bit") -> bytes:
    body = text.encode(charset)
    if encoding == "base64":
        body = base64.encodebytes(body)
    head = f"From: a@a.example\nSubject: {subject}\nContent-Type: text/plain; charset={charset}\n"
    return f"{head}Content-Transfer-Encoding: {encoding}\n\n".replace("\n", "\r\n").encode() + body + b"\r\n"


def with_files(*files: tuple[str, bytes], text: str = "see the file") -> bytes:
    parts = [f"--b\r\n\r\n{text}\r\n".encode()]
    for name, body in files:
        head = f'--b\r\nContent-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        parts.append(head.encode() + base64.encodebytes(body))
    return b"From: a@a.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(parts) + b"--b--\r\n"


def hits(scene: Scene, content: bytes, check: str = "rule test") -> bool:
    scene.letter(content)
    return bool(scene.said(check))


@pytest.mark.parametrize(
    ("field", "subject", "pattern", "hit"),
    [
        ("Subject", "win a prize", "prize", True),
        ("subject", "=?iso-2022-jp?B?GyRCTDVOQSUvJWolQyUvGyhC?=", "無料クリック", True),
        ("Subject", "=?utf-8?Q?=E7=84=A1?= =?utf-8?Q?=E6=96=99?=", "無料", True),
        ("From", "win a prize", "prize", False),
        ("", "win a prize", "prize", True),
        ("X-Missing", "win a prize", "prize", False),
    ],
)
def test_fields(scene: Make, field: str, subject: str, pattern: str, hit: bool) -> None:
    assert hits(scene(rule("header", pattern, field=field)), letter(subject=subject)) is hit


@pytest.mark.parametrize(("charset", "encoding"), [
    ("utf-8", "8bit"), ("utf-8", "base64"), ("iso-2022-jp", "7bit"), ("cp932", "base64"), ("euc_jp", "8bit"),
])  # fmt: skip
def test_texts_in_every_charset(scene: Make, charset: str, encoding: str) -> None:
    here = scene(rule("body", "無料クリック"))
    assert hits(here, letter("今だけ無料\r\nクリック", charset=charset, encoding=encoding))
    assert not hits(here, letter("有料", charset=charset, encoding=encoding))


def test_words_behind_tags_are_found(scene: Make) -> None:
    content = (
        b"From: a@a.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<style>b{}</style>Buy v<b>ia</b>gra &amp; more<script>if (1) {}</script>"
    )
    here = scene(rule("body", "viagra & more"))
    assert hits(here, content)
    assert not hits(here, content.replace(b"gra", b"gri"))


def test_a_text_that_is_attached_is_a_file_and_no_text(scene: Make) -> None:
    content = with_files(("notes.txt", b"secret word"))
    assert not hits(scene(rule("body", "secret word")), content)
    assert hits(scene(rule("file", "*.txt", match="glob")), content)


def test_a_rule_says_what_it_found_and_tells_the_peer(scene: Make) -> None:
    here = scene(rule("header", r"pr[i1]ze", match="regex", field="Subject", weight="reject", text="No lotteries"))
    with pytest.raises(Refusal, match=r"^5\.7\.1 No lotteries$"):
        here.letter(letter(subject="a PR1ZE"))
    assert here.verdicts[-1].reason == "Subject: PR1ZE"


@pytest.mark.parametrize("weight", ["tag", "junk", "quarantine", "discard", "defer"])
def test_every_action(scene: Make, weight: str) -> None:
    here = scene(rule("body", "hello", weight=weight))
    if weight == "defer":
        with pytest.raises(Refusal, match=r"^4\.7\.1"):
            here.letter(letter())
        return
    made = here.letter(letter())
    assert made.notes is not None
    assert bool(made.notes.hold) is (weight == "quarantine")
    assert bool(made.notes.drop) is (weight == "discard")
    assert (b"X-Spam-Flag: YES" in (made.content or b"")) is (weight in ("junk", "quarantine"))


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("*.exe", [("a.exe", b"MZ")]),
        ("*.exe", [("a.zip", zipped({"dir/b.EXE": b"MZ"}))]),
        ("*.exe", [("a.7z", SEVENS["lzma2"])]),
        ("*.js", [("a.tar.gz", tarred({"x.js": b""}, "w:gz"))]),
        ("*.js", [("a.zip", zipped({"in.zip": zipped({"x.js": b""})}))]),
        ("a.zip/in.zip/x.js", [("a.zip", zipped({"in.zip": zipped({"x.js": b""})}))]),
        ("日本*", [("=?utf-8?B?5pel5pysLnBkZg==?=", b"%PDF")]),
    ],
)
def test_files_by_name(scene: Make, pattern: str, files: Sequence[tuple[str, bytes]]) -> None:
    here = scene(rule("file", pattern, match="glob"))
    assert hits(here, with_files(*files))
    assert not hits(here, with_files(("harmless.pdf", b"%PDF-")))


@pytest.mark.parametrize(
    ("kind", "name", "body"),
    [
        ("executable", "holiday.jpg", b"MZ\x90"),
        ("executable", "a.zip", zipped({"readme": b"\x7fELF"})),
        ("script", "notes", b"#!/bin/sh\n"),
        ("macro", "a.docm", zipped({"word/vbaProject.bin": b"x", "[Content_Types].xml": b""})),
        ("zip", "picture.png", zipped({"a": b""})),
        ("rar", "a.dat", b"Rar!\x1a\x07\x00"),
    ],
)
def test_files_by_their_octets(scene: Make, kind: str, name: str, body: bytes) -> None:
    here = scene(rule("kind", kind))
    assert hits(here, with_files((name, body)))
    assert not hits(here, with_files(("a.pdf", b"%PDF-1.4")))


@pytest.mark.parametrize(
    ("finding", "name", "body"),
    [
        ("double-extension", "invoice.pdf.exe", b"MZ"),
        ("double-extension", "invoice.pdf      .scr", b"MZ"),
        ("double-extension", "a.zip", zipped({"scan.jpg.js": b""})),
        ("disguised", "invoice.pdf", b"MZ"),
        ("disguised", "song.mp3", b"#!/bin/sh"),
        ("bidi-name", "annual\u202efdp.exe", b"MZ"),
        ("encrypted", "a.zip", locked_zip("a")),
        ("encrypted", "a.7z", SEVENS["names"]),
        ("broken", "a.zip", b"PK\x03\x04"),
        ("unread", "a.rar", b"Rar!\x1a\x07\x00"),
        ("bomb", "a.zip", zipped({"zeros": b"\0" * (6 << 20)})),
    ],
)
def test_findings(scene: Make, finding: str, name: str, body: bytes) -> None:
    field = finding.replace("-", "_")
    content = with_files((name, body))
    here = scene(rule("finding", finding), attachments=Attachments(**{"bomb": 0.0, field: 2.0}))  # type: ignore[arg-type]
    here.letter(content)
    assert here.said("rule test") == [("accept", 1.0)]
    assert here.said(f"attachment {finding}") == [("accept", 2.0)]
    here.letter(with_files(("a.zip", zipped({"a.txt": b"x"})), ("b.pdf", b"%PDF-"), ("report.2024.xlsx", zipped({}))))
    assert here.said("rule test") == []


def test_bombs_are_refused_once_anybody_looks(scene: Make) -> None:
    content = with_files(("a.zip", zipped({"zeros": b"\0" * (6 << 20)})))
    with pytest.raises(Refusal, match=r"^5\.7\.1 An attached archive is too large"):
        scene(attachments=Attachments(look=True)).letter(content)
    scene().letter(content)


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        ({"files": 3}, zipped({f"{number}": b"" for number in range(5)})),
        ({"depth": 1}, zipped({"a.zip": zipped({"b": b""})})),
        ({"unpacked": 1000}, zipped({"a": bytes(range(256)) * 8}, zipfile.ZIP_STORED)),
        ({"ratio": 10}, zipped({"a": b"\0" * (5 << 20)})),
    ],
)
def test_every_limit_of_archives(scene: Make, limits: dict[str, int], body: bytes) -> None:
    here = scene(attachments=Attachments(look=True, bomb=1.0, **limits))
    here.letter(with_files(("a.zip", body)))
    assert here.said("attachment bomb") == [("accept", 1.0)]
    free = scene(attachments=Attachments(look=True, ratio=5000))
    free.letter(with_files(("a.zip", body)))
    assert free.said("attachment bomb") == []


def test_more_parts_than_are_looked_at(scene: Make) -> None:
    here = scene(attachments=Attachments(look=True, parts=5, cut=1.0))
    here.letter(with_files(*[("a.txt", b"x")] * 5))
    assert here.said("attachment cut") == [("accept", 1.0)]
    here.letter(with_files(*[("a.txt", b"x")] * 4))
    assert here.said("attachment cut") == []


def test_deeper_parts_than_are_looked_at(scene: Make) -> None:
    here = scene(attachments=Attachments(look=True, nested=3, cut=1.0))
    content = b"\r\nend"
    for number in range(5):
        content = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) + content
    here.letter(b"From: a@a.example\r\n" + content)
    assert here.said("attachment cut") == [("accept", 1.0)]


def test_only_so_much_text_is_looked_at(scene: Make) -> None:
    here = scene(rule("body", "needle"), attachments=Attachments(text=1000))
    assert hits(here, letter("x" * 900 + " needle"))
    assert not hits(here, letter("x" * 1100 + " needle"))


def test_a_large_letter_is_read_from_its_draft(scene: Make) -> None:
    here = scene(rule("file", "*.exe", match="glob"), spill=300_000, header=10_000)
    content = with_files(("a.zip", zipped({"b.exe": b"MZ"})), text="x" * 400_000)
    transaction = here.begin()
    here.rcpt(transaction)
    for at in range(0, len(content), 100_000):
        transaction.chunk(content[at : at + 100_000])
    assert transaction.draft is not None
    steps_ = transaction.end(b"", dotted=False, eightbit=False, now=here.now)
    from tests.support import steps

    made = steps.ended(steps_, here.answers.look, here.answers.services)
    assert here.said("rule test") == [("accept", 1.0)]
    transaction.discard()
    assert made.content is None


def test_long_work_goes_to_a_thread(scene: Make) -> None:
    here = scene(rule("file", "*.exe", match="glob"))
    worked: list[Any] = []

    def work(consult: Any) -> Any:
        worked.append(consult)
        return consult.subject.call()

    here.answers.services["work"] = work
    here.letter(letter())
    assert len(worked) == 0  # a small one is looked at in place
    here.letter(with_files(("a.zip", zipped({"a": b""}))))
    assert len(worked) == 1
    here.letter(letter("x" * rules.INLINE))
    assert len(worked) == 2


# for some domains


def test_a_rule_for_one_domain(scene: Make) -> None:
    here = scene(rule("body", "hello", domains=("example.org",)))
    assert hits(here, letter())
    here.letter(letter(), to=["x@example.net"])
    assert here.said("rule test") == []


def test_recipients_with_different_rules_part(scene: Make) -> None:
    here = scene(rule("body", "hello", domains=("example.org",)))
    transaction = here.begin()
    here.rcpt(transaction, "bob@example.org")
    with pytest.raises(Refusal, match=r"4\.5\.3 Other rules"):
        here.rcpt(transaction, "x@example.net")
    here.rcpt(transaction, "alice@example.org")


def test_rules_of_a_submission_are_those_of_its_account(scene: Make) -> None:
    here = scene(rule("body", "hello", domains=("example.org",)))
    alice = "alice@example.org"
    here.letter(letter(), sender=alice, account=alice, to=["x@example.net", "y@else.example"])
    assert here.said("rule test") == [("accept", 1.0)]


@pytest.mark.parametrize(
    "wrong",
    [
        rule("body", "(", match="regex"),
        rule("finding", "nonsense"),
        rule("body", "x", domains=("no domain",)),
        rule("body", " "),
    ],
)
def test_rules_that_make_no_sense(wrong: Rule) -> None:
    with pytest.raises(ValueError, match=r"."):
        rules.Check([wrong], filter_tables.Attachments())


# what is sent to hurt

FRAGMENTS = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"--b\r\n", b"--b--\r\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"\r\n", b"\n",
        b"Content-Type: text/html; charset=iso-2022-jp\r\n", b"Content-Disposition: attachment; filename*0*=a\r\n",
        b"Subject: =?iso-2022-jp?B?GyRC", b"?=\r\n", b"<<<<", b"\x1b$B",
        b"PK\x03\x04", b"\x1f\x8b", b"AAAA", b"====", b"\xff\x00",
    ]
)  # fmt: skip
EVERYTHING = rules.Check(
    [rule("header", "x"), rule("body", "x"), rule("file", "*", match="glob"), rule("finding", "bomb")],
    Attachments(look=True),
)


@given(st.lists(FRAGMENTS | st.binary(max_size=20), max_size=30))
def test_rubbish_is_judged_and_nothing_escapes(fragments: list[bytes]) -> None:
    seen = Seen(b"".join(fragments), Wanted(True, True), Limits())
    seen.open()
    for verdict in EVERYTHING.judge(seen, EVERYTHING.rules):
        assert verdict.reason.isprintable() or verdict.reason


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 5_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
        b"Content-Type: text/html\r\n\r\n" + b"<" * 500_000,
        b"Content-Type: text/html\r\n\r\n" + b"<style>" * 70_000,
        b"Content-Type: text/html\r\n\r\n" + b"&" * 500_000,
        b"Subject: " + b"=?utf-8?Q?a?= " * 20_000 + b"\r\n\r\nx",
        b"Content-Disposition: attachment" + b'; filename*1="a"' * 20_000 + b"\r\n\r\nMZ",
        b"Content-Disposition: attachment; filename=\"" + b"\\" * 200_000 + b"\r\n\r\nMZ",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: a/b\r\n\r\n" + b"=" * 500_000,
        b"Content-Transfer-Encoding: x-uuencode\r\nContent-Type: a/b\r\n\r\n" + b"M\r\n" * 200_000,
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AAA" * 100_000,
        b"X: y\r\n" * 40_000 + b"\r\n",
    ],
)  # fmt: skip
def test_letters_made_to_take_long_do_not(content: bytes) -> None:
    start = time.process_time()
    seen = Seen(content, Wanted(True, True), Limits())
    seen.open()
    list(EVERYTHING.judge(seen, EVERYTHING.rules))
    assert time.process_time() - start < 3  # each is half a megabyte: most take some ms
