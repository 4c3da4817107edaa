"""Discovery: the steps of the walk, psd=, trouble on the way, and the public suffix list."""

import pytest
from tests.support import zone

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc import discover, suffix
from hatoba.mailauth.dmarc.discover import Found
from hatoba.mailauth.questions import Answer, Question

P = b"v=DMARC1; p=reject"
PSD = b"v=DMARC1; p=quarantine; psd=y"


def texts(**records: bytes | list[bytes] | Answer) -> zone.Zone:
    """`a__b=…` is the record of a.b."""
    found = {}
    for name, value in records.items():
        found[f"_dmarc.{name.replace('__', '.')}"] = {"TXT": [value] if isinstance(value, bytes) else value}
    return found


def policy(author: str, of: zone.Zone) -> Found:
    return questions.run(discover.Walk().policy(author), zone.look(of))


def organizational(domain: str, of: zone.Zone) -> str | None:
    return questions.run(discover.Walk().organizational(domain), zone.look(of))


def test_steps() -> None:
    assert discover.steps("example.org") == ("example.org", "org")
    assert discover.steps("org") == ("org",)
    assert discover.steps("a.b.c.d.e.f.g.h") == (
        "a.b.c.d.e.f.g.h", "b.c.d.e.f.g.h", "c.d.e.f.g.h", "d.e.f.g.h", "e.f.g.h", "f.g.h", "g.h", "h",
    )  # fmt: skip
    long = discover.steps("a.b.c.d.e.f.g.h.i.j.k.example.org")
    assert len(long) == 8
    assert long[:2] == ("a.b.c.d.e.f.g.h.i.j.k.example.org", "g.h.i.j.k.example.org")


def test_a_walk_asks_at_once_and_each_name_once() -> None:
    asked: list[tuple[Question, ...]] = []
    method = discover.Walk()
    for domain in ("mail.example.org", "news.example.org", "example.org"):
        engine = method.organizational(domain)
        try:
            questions_ = next(engine)
            while True:
                asked.append(questions_)
                questions_ = engine.send(tuple(questions.NXDOMAIN for _ in questions_))
        except StopIteration:
            pass
    assert [[question.name for question in batch] for batch in asked] == [
        ["_dmarc.mail.example.org", "_dmarc.example.org", "_dmarc.org"],
        ["_dmarc.news.example.org"],
    ]


def test_own_record_before_that_of_the_organization() -> None:
    of = texts(mail__example__org=P, example__org=PSD)
    assert policy("mail.example.org", of) == Found(P, "mail.example.org", "mail.example.org")
    of = texts(mail__example__org=P, example__org=P + b"; x=1")
    assert policy("mail.example.org", of)[:3] == (P, "mail.example.org", "example.org")


def test_the_highest_record_is_the_organization() -> None:
    of = texts(b__example__org=P, example__org=P, org=P)
    assert organizational("a.b.example.org", of) == "org"
    assert policy("a.b.example.org", texts(b__example__org=P)).domain == "b.example.org"
    assert organizational("a.b.example.org", {}) == "a.b.example.org"


def test_psd_n_ends_the_walk() -> None:
    of = texts(b__example__org=P + b"; psd=n", example__org=P)
    assert policy("a.b.example.org", of) == Found(P + b"; psd=n", "b.example.org", "b.example.org")


def test_psd_y_makes_the_name_below_it_the_organization() -> None:
    of = texts(bank__example=PSD, giant__bank__example=P)
    assert policy("giant.bank.example", of).organizational == "giant.bank.example"
    assert organizational("mail.giant.bank.example", of) == "giant.bank.example"
    assert policy("mail.mega.bank.example", of) == Found(PSD, "bank.example", "mega.bank.example")
    assert policy("mail.giant.bank.example", of).domain == "giant.bank.example"
    assert policy("bank.example", of) == Found(PSD, "bank.example", "bank.example")


def test_several_records_are_none() -> None:
    of = texts(mail__example__org=[P, P], example__org=P)
    found = policy("mail.example.org", of)
    assert (found.domain, found.why) == ("example.org", "there are several records at mail.example.org")
    assert policy("example.org", texts(example__org=[P, P])).domain == ""
    assert policy("example.org", texts(example__org=[b"v=spf1 -all", P, b"x"])).domain == "example.org"


def test_trouble() -> None:
    of = texts(mail__example__org=P, example__org=questions.TROUBLE)
    assert policy("mail.example.org", of) == Found(P, "mail.example.org", None)
    assert policy("a.example.org", of) == Found(b"", "", None, trouble=True)
    of = texts(example__org=P + b"; psd=n", org=questions.TROUBLE)
    assert policy("a.example.org", of).domain == "example.org"  # the walk ended before the trouble


def listed(author: str, of: zone.Zone) -> Found:
    return questions.run(discover.List(suffix.packaged()).policy(author), zone.look(of))


def test_the_list() -> None:
    of = texts(example__co__jp=P)
    assert listed("a.b.example.co.jp", of) == Found(P, "example.co.jp", "example.co.jp")
    assert listed("co.jp", {}) == Found(b"", "", "co.jp")
    of = texts(mail__example__org=[P, P], example__org=P)
    assert listed("mail.example.org", of).why == "there are several records at mail.example.org"
    assert listed("a.example.org", texts(example__org=questions.TROUBLE)).trouble
    assert (
        questions.run(discover.List(suffix.packaged()).organizational("a.b.example.com"), zone.look({}))
        == "example.com"
    )


@pytest.mark.parametrize(
    ("domain", "organization"),
    [("com", None), ("www.example.co.jp", "example.co.jp"), ("a.unlisted", "a.unlisted"), ("", None), ("..", None),
     ("WWW.例え.JP", "例え.jp"), ("www.xn--r8jz45g.jp", "xn--r8jz45g.jp")],
)  # fmt: skip
def test_suffixes(domain: str, organization: str | None) -> None:
    assert suffix.packaged().organizational(domain) == organization


def test_a_list_of_ones_own() -> None:
    own = suffix.Suffixes([b"// comment", b"corp", b"*.dept.corp", b"!it.dept.corp"])
    assert own.organizational("a.b.corp") == "b.corp"
    assert own.organizational("x.y.law.dept.corp") == "y.law.dept.corp"
    assert own.organizational("x.it.dept.corp") == "it.dept.corp"
