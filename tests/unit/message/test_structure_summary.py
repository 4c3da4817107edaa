"""The Summary of a letter: sort keys, ids, search words, preview."""

import base64

import pytest

from hatoba.message import structure
from hatoba.message.structure import dates, digest, prose, subject


def summary(text: str, charset: str = "utf-8") -> structure.Summary:
    return structure.summary(text.replace("\n", "\r\n").encode(charset))


LETTER = """From: =?utf-8?B?5bGx55Sw?= <Yamada@example.jp>, second@example.jp
To: group: Taro <taro@example.jp>;
Cc: TEAM@example.jp
Subject: Re: [list] =?utf-8?B?5Lya6K2w?= =?utf-8?B?44Gu5Lu2?= (fwd)
Date: Tue, 24 Nov 2026 08:00:00 +0900
Message-ID: <"m.1"@example.jp>
References: <a@x> junk <b@x>
 <a@x> <"c"@x>
In-Reply-To: <z@x>
X-Odd 	: ＡＢＣ

本文です。
"""


def test_a_summary() -> None:
    found = summary(LETTER)
    sort = found.sort
    assert sort.from_ == "YAMADA"
    assert sort.to == "GROUP"
    assert sort.cc == "TEAM"
    assert (sort.subject, sort.reply) == ("会議の件", True)
    assert sort.sent == 1795474800000
    assert sort.day == 739944
    assert sort.display_from == "山田"
    assert sort.display_to == "GROUP"
    assert found.message_id == "<m.1@example.jp>"
    assert found.references == ["<a@x>", "<b@x>", "<c@x>"]
    assert found.header_end == len(LETTER.replace("\n", "\r\n").encode()) - len("本文です。\r\n".encode())
    assert found.preview == "本文です。"
    assert not found.attachments
    assert found.words.body == "本文です。"
    assert found.words.head.split("\n") == [
        "from: 山田 <yamada@example.jp>, second@example.jp",
        "to: group: taro <taro@example.jp>;",
        "cc: team@example.jp",
        "subject: re: [list] 会議の件 (fwd)",
        "date: tue, 24 nov 2026 08:00:00 +0900",
        'message-id: <"m.1"@example.jp>',
        'references: <a@x> junk <b@x> <a@x> <"c"@x>',
        "in-reply-to: <z@x>",
        "x-odd: abc",
    ]


def test_a_letter_of_nothing_has_a_summary() -> None:
    found = structure.summary(b"")
    assert (found.sort, found.message_id, found.references) == (structure.Sort(), "", [])
    assert (found.preview, found.words, found.header_end) == ("", structure.Words(), 0)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("References: <a@b> <c@d>\nIn-Reply-To: <e@f>", ["<a@b>", "<c@d>"]),
        ("In-Reply-To: Your message <e@f> <g@h>", ["<e@f>"]),
        ("References: none\nIn-Reply-To: <e@f>", ["<e@f>"]),
        ("References: <a@b>\nReferences: <c@d>", ["<a@b>", "<c@d>"]),
        ("References: <>", []),
        ("X: y", []),
    ],
)
def test_references(field: str, expected: list[str]) -> None:
    assert summary(field + "\n\n").references == expected


def test_of_many_references_the_first_and_the_last_are_kept() -> None:
    many = " ".join(f"<{n}@x>" for n in range(1000))
    found = summary(f"References: {many}\n\n").references
    assert len(found) == digest.REFERENCES_MOST
    assert (found[0], found[1], found[-1]) == ("<0@x>", "<801@x>", "<999@x>")


@pytest.mark.parametrize(
    ("field", "expected"), [("<a@b>", "<a@b>"), ("a@b", "<a@b>"), ("a b", ""), ("", ""), ("(c) <a@b> x", "<a@b>")]
)
def test_message_ids(field: str, expected: str) -> None:
    assert summary(f"Message-ID: {field}\n\n").message_id == expected


@pytest.mark.parametrize(
    ("text", "expected", "reply"),
    [
        ("", "", False),
        ("hello", "hello", False),
        ("Re: hello", "hello", True),
        ("RE : Fwd: fw: hello  (fwd) (FWD)", "hello", True),
        ("[a] [b] re[2]: hello", "hello", True),
        ("[list] hello", "hello", False),
        ("[only]", "[only]", False),
        ("Re: [fwd: inner]", "inner", True),
        ("[Fwd: [Fwd: x]]", "x", True),
        ("Re:", "", True),
        ("reply: x", "reply: x", False),
        ("a\t b", "a b", False),
        ("re: " * 200 + "x", "re: " * 100 + "x", True),
    ],
)
def test_base_subjects(text: str, expected: str, reply: bool) -> None:
    assert subject.base(text) == (expected, reply)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"Tue, 1 Jul 2003 10:52:37 +0200", (2003, 7, 1, 10, 52, 37, 120)),
        (b"1 Jul 03 10:52 -0330 (Newfoundland (really))", (2003, 7, 1, 10, 52, 0, -210)),
        (b"Thu, 13 Feb 69 23:32:54 EST", (1969, 2, 13, 23, 32, 54, -300)),
        (b"Fri Feb 22 17:06:23 2008", (2008, 2, 22, 17, 6, 23, 0)),
        (b"Fri Feb 22 17:06:23 JST 2008", (2008, 2, 22, 17, 6, 23, 540)),
        (b"Fri Feb 22 17:06:23 +0900 2008", (2008, 2, 22, 17, 6, 23, 540)),
        (b"1-Jul-2003 10.52", (2003, 7, 1, 10, 52, 0, 0)),
        (b"1 Jul 2003", (2003, 7, 1, 0, 0, 0, 0)),
        (b"1 Jul 103 10:00:60 Z", (2003, 7, 1, 10, 0, 60, 0)),
        (b"\xe7\x81\xab, 1 Jul 2003 10:52:37 +0900", (2003, 7, 1, 10, 52, 37, 540)),
        (b"1 Jul 2003 10:52:37 +9999", (2003, 7, 1, 10, 52, 37, 0)),
    ],
)
def test_dates(field: bytes, expected: tuple[int, ...]) -> None:
    assert dates.read(field) == expected


@pytest.mark.parametrize(
    "field",
    [b"", b"yesterday", b"32 Jul 2003", b"1 Foo 2003", b"29 Feb 2003 10:00", b"1 Jul 2003 25:00", b"1 Jul 0000"],
)
def test_no_dates(field: bytes) -> None:
    assert dates.read(field) is None


def test_the_moment_and_the_day() -> None:
    found = dates.read(b"Thu, 1 Jan 1970 08:59:59 +0900")
    assert found is not None
    assert (found.ms, found.ordinal) == (-1000, 719163)


JAPANESE = [
    ("iso-2022-jp", "日本語のカタカナ".encode("iso-2022-jp"), "日本語のカタカナ"),
    ("iso-2022-jp", b"\x1b$B-!-j\x1b(B", "1(株)"),  # NEC's row 13: ① and ㈱
    ("iso-2022-jp", b"\x1b$By!y\"\x1b(B", "纊褜"),  # NEC's choice of IBM's extensions
    ("iso-2022-jp", b"\x1b(I1223\x1b(B", "アイイウ"),  # half-width kana
    ("shift_jis", "①㈱髙﨑ｱｲｳ".encode("cp932"), "1(株)髙﨑アイウ"),
    ("euc-jp", "日本語".encode("euc-jp"), "日本語"),
    ("euc-jp", b"\x8e\xb1\x8e\xb2", "アイ"),
    ("utf-8", "ＡＢＣ　ｶﾞ".encode(), "abc ガ"),
    ("", "日本語のメール".encode("cp932"), "日本語のメール"),
]  # fmt: skip


@pytest.mark.parametrize(("charset", "octets", "expected"), JAPANESE)
@pytest.mark.parametrize("encoding", ["8bit", "base64"])
def test_japanese_is_found(charset: str, octets: bytes, expected: str, encoding: str) -> None:
    label = f"; charset={charset}" if charset else ""
    body = base64.encodebytes(octets) if encoding == "base64" else octets
    head = f"Content-Type: text/plain{label}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    assert structure.summary(head.encode() + body).words.body == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello  World\r\n", "hello world"),
        ("STRASSE straße", "strasse strasse"),
        ("東\r\n京 タワー", "東京 タワー"),
        ("東 \n京", "東京"),
        ("東\nABC\n京", "東 abc 京"),
        ("\u3000全角\u3000", "全角"),
        ("ﾊﾞﾅﾅ ﬁ ①", "バナナ fi 1"),
        ("", ""),
    ],
)
def test_folding(text: str, expected: str) -> None:
    assert structure.folded(text) == expected
    assert structure.folded(expected) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("今<b>日</b>は<br>晴れ", "今日は 晴れ"),
        ("a &lt;b&gt; &amp; &#26085;", "a <b> & 日"),
        ("x<style>p { y }</style>z<SCRIPT src=a>alert('<p>')</SCRIPT >w", "x z w"),
        ("a<!-- b > c -->d<!-- e", "a d"),
        ("<head><title>t</title></head>body", "body"),
        ("<header>kept</header>", "kept"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<span class='x'>a</span>b<STRONG>c</STRONG>", "abc"),
        ("<script>never closed", ""),
    ],
)
def test_markup_is_taken_off(markup: str, expected: str) -> None:
    assert " ".join(prose.plain(markup).split()) == expected


def test_all_texts_are_words_and_no_attachment_is() -> None:
    found = summary(
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/html\n\n<p>first</p>\n"
        "--o\nContent-Type: message/rfc822\n\nSubject: in\n\nsecond\n"
        "--o\nContent-Type: text/csv\nContent-Disposition: attachment; filename=a.csv\n\nthird\n"
        "--o\nContent-Type: application/pdf\n\nfourth\n--o--\n"
    )
    assert found.words.body == "first second third"
    assert found.preview == "first"
    assert found.attachments


def test_the_preview_is_what_was_written_and_not_what_was_quoted() -> None:
    assert summary("\n\n> quoted\nanswer\n\n  more").preview == "answer more"
    assert summary("\n\n> quoted\n").preview == "> quoted"
    assert summary("\n\n" + "x" * 1000).preview == "x" * prose.PREVIEW_MOST
    assert summary("\n\na\x07b\u202ec").preview == "abc"


ATTACHED = [
    ("text/plain", "", False),
    ("text/plain; name=a.txt", "", False),
    ("text/plain", "attachment", True),
    ("text/csv; name=a.csv", "", True),
    ("application/pdf", "", True),
    ("application/pdf", "inline; filename=a.pdf", True),
    ("image/png", "inline", True),
    ("image/png\nContent-ID: <a@b>", "inline; filename=a.png", False),
    ("image/png\nContent-ID: <a@b>", "attachment; filename=a.png", True),
    ("application/pgp-signature", "", False),
    ("message/rfc822", "", True),
    ("message/delivery-status", "", False),
]


@pytest.mark.parametrize(("media", "disposition", "expected"), ATTACHED)
def test_attachments(media: str, disposition: str, expected: bool) -> None:
    field = f"Content-Disposition: {disposition}\n" if disposition else ""
    part = f"Content-Type: {media}\n{field}\nx\n"
    assert summary(part).attachments is expected
    assert (
        summary(f"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n{part}--b--").attachments is expected
    )
