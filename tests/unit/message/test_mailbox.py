"""Mailboxes of header fields: modern, obsolete, and what is none."""

import time

import pytest

from hatoba.message import mailbox
from hatoba.message.mailbox import BadMailbox, Mailbox
from hatoba.model.address import Address


@pytest.mark.parametrize(
    ("text", "name", "local", "domain"),
    [
        ("a@b.example", "", "a", "b.example"),
        ("Taro <a@b.example>", "Taro", "a", "b.example"),
        ("<a@b.example>", "", "a", "b.example"),
        ('"Yamada, Taro" <a@b.example>', "Yamada, Taro", "a", "b.example"),
        ("John Q. Public <a@b.example>", "John Q. Public", "a", "b.example"),
        ('Who "The One" Else<a@b.example>', "Who The One Else", "a", "b.example"),
        ("=?utf-8?B?5bGx55Sw?= =?utf-8?B?5aSq6YOO?= <a@b.example>", "山田太郎", "a", "b.example"),
        ("山田 太郎 <太郎@日本語.jp>", "山田 太郎", "太郎", "日本語.jp"),
        ("(a comment) a@b.example (another (inside) \\) one)", "", "a", "b.example"),
        ("Taro (x) < a@b.example > (y)", "Taro", "a", "b.example"),
        ('"a b"@b.example', "", "a b", "b.example"),
        ("a@[192.0.2.1]", "", "a", "[192.0.2.1]"),
        ("a@under_score", "", "a", "under_score"),
        ("Taro\r\n <a@b.example>", "Taro", "a", "b.example"),
    ],
)
def test_modern(text: str, name: str, local: str, domain: str) -> None:
    assert mailbox.parse(text, obsolete=False) == Mailbox(name, local, domain)
    assert mailbox.parse(text) == Mailbox(name, local, domain)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ('"first"."last"@b.example', "first.last", "b.example"),
        ("first . last @ b . example", "first.last", "b.example"),
        ("a(x)@(y)b.example", "a", "b.example"),
        ("<@one.example,@two.example:a@b.example>", "a", "b.example"),
        ("Name <@one.example:a@b.example>", "a", "b.example"),
        ("first(\r\n x)\r\n .last@b.example", "first.last", "b.example"),
    ],
)
def test_obsolete(text: str, local: str, domain: str) -> None:
    found = mailbox.parse(text)
    assert (found.local, found.domain) == (local, domain)
    with pytest.raises(BadMailbox):
        mailbox.parse(text, obsolete=False)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a@", "@b", "a@b@c", "a b@c", "a..b@c", ".a@c", "a.@c", "a@b..c", "a@b.", "<a@b", "a@b>", "<a@b> x",
        "(a@b", "a)@b", "a@[1.2.3.4", "a@[1\\2]", "a@b\n", "\na@b", "a@b\r\n", "a@b, c@d", "x: a@b;", "a@(c)",
        "Name <>", "Na,me <a@b>", "a\x00@b", '"a\x00b"@c', "(\x00)a@b", "a@[x] y", '""', "a@b <c@d>", "a" * 65 + "@b",
        "<@x:>",
    ],
)  # fmt: skip
def test_none(text: str) -> None:
    with pytest.raises(BadMailbox):
        mailbox.parse(text)


def test_lists_and_groups() -> None:
    text = 'a@b, Friends: "c, d" <c@d>, e@f; , (nobody), broken, <x@y>, <@r.example,@s.example:z@q>, (open'
    found = [(box.name, box.local) for box in mailbox.listed(text)]
    assert found == [("", "a"), ("c, d", "c"), ("", "e"), ("", "x"), ("", "z")]
    assert mailbox.first(text) == Mailbox("", "a", "b")
    assert mailbox.first("broken, Taro <a@b>") == Mailbox("Taro", "a", "b")
    assert mailbox.first("Undisclosed recipients:;") is None
    assert len(mailbox.listed("a@b," * 1500)) == mailbox.MOST


def test_the_smtp_address_of_a_mailbox() -> None:
    assert mailbox.parse('"a b"@B.example').address == Address("a b", "b.example")
    assert mailbox.parse("a@日本語.jp").address == Address("a", "xn--wgv71a119e.jp")
    assert mailbox.parse('"a..b"@docomo.ne.jp').address == Address("a..b", "docomo.ne.jp")
    assert mailbox.parse("a@under_score").address is None
    assert mailbox.parse("a@[x]").address is None


def test_open_quotes_take_no_time() -> None:
    text = '"' + '\\"' * 50_000 + " a@example.org"
    start = time.process_time()
    assert mailbox.listed(text) == []
    assert time.process_time() - start < 2  # 30 s while each of them was read to the end
