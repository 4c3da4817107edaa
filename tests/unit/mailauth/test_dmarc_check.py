"""The check: alignment, which policy holds, several authors, trouble, and what is written of it."""

from collections.abc import Sequence

import pytest
from tests.support import zone

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc import check, trace
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.dmarc.result import Result
from hatoba.mailauth.dmarc.settings import Settings
from hatoba.mailauth.questions import Answer, Question
from hatoba.mailauth.results import write
from hatoba.mailauth.results.finding import Results
from hatoba.message import headers

PSL = Settings(discovery="psl")


def txt(record: str) -> dict[str, list[bytes]]:
    return {"TXT": [record.encode()]}


def judge(
    author: str, of: zone.Zone, *, spf: Sequence[str] = (), dkim: Sequence[str] = (), settings: Settings | None = None
) -> Result:
    engine = check.check(
        headers.scan(f"From: {author}\r\n\r\n".encode()),
        [SpfResult(name, "pass") for name in spf],
        [DkimResult(name, "s", "pass") for name in dkim],
        settings=settings or Settings(),
    )
    return questions.run(engine, zone.look(of))


REJECT = {"_dmarc.example.org": txt("v=DMARC1; p=reject")}


@pytest.mark.parametrize("settings", [Settings(), PSL])
@pytest.mark.parametrize(
    ("author", "spf", "dkim", "word", "by"),
    [
        ("a@example.org", ["example.org"], [], "pass", ("example.org", "")),
        ("a@example.org", [], ["mail.example.org"], "pass", ("", "mail.example.org")),
        ("a@mail.example.org", ["example.org"], ["news.example.org"], "pass", ("example.org", "news.example.org")),
        ("a@example.org", ["example.net"], ["notexample.org", "org"], "fail", ("", "")),
        ("a@example.org", ["EXAMPLE.org."], [], "pass", ("example.org", "")),
        ("a@example.org", [], [], "fail", ("", "")),
    ],
)
def test_relaxed(
    author: str, spf: list[str], dkim: list[str], word: str, by: tuple[str, str], settings: Settings
) -> None:
    found = judge(author, REJECT, spf=spf, dkim=dkim, settings=settings)
    assert (found.result, (found.spf, found.dkim), found.domain) == (word, by, "example.org")
    assert (found.policy, found.organizational) == ("reject", "example.org")


def test_strict() -> None:
    of = {"_dmarc.example.org": txt("v=DMARC1; p=reject; adkim=s; aspf=s")}
    assert judge("a@example.org", of, spf=["m.example.org"], dkim=["m.example.org"]).result == "fail"
    assert judge("a@example.org", of, dkim=["m.example.org", "example.org"]).dkim == "example.org"


def test_only_what_passed_counts() -> None:
    engine = check.evaluate(
        "example.org", [SpfResult("example.org", "softfail")], [DkimResult("example.org", "s", "policy")]
    )
    assert questions.run(engine, zone.look(REJECT)).result == "fail"


def test_a_domain_of_its_own_below_the_author_does_not_align() -> None:
    of = {**REJECT, "_dmarc.customer.example.org": txt("v=DMARC1; p=none; psd=n")}
    assert judge("a@example.org", of, dkim=["mail.customer.example.org"]).result == "fail"
    assert judge("a@customer.example.org", of, dkim=["example.org"]).result == "fail"
    assert judge("a@x.customer.example.org", of, dkim=["mail.customer.example.org"]).result == "pass"


def test_the_public_suffix_does_not_align() -> None:
    of = {"_dmarc.bank": txt("v=DMARC1; p=reject; psd=y")}
    found = judge("a@giant.bank", of, dkim=["mega.bank", "bank"])
    assert (found.result, found.domain, found.organizational) == ("fail", "bank", "giant.bank")


SUB = "v=DMARC1; p=reject; sp=quarantine; np=none"


@pytest.mark.parametrize(
    ("author", "tag", "policy"),
    [("example.org", "p", "reject"), ("there.example.org", "sp", "quarantine"), ("nowhere.example.org", "np", "none")],
)
def test_which_policy_holds(author: str, tag: str, policy: str) -> None:
    of: zone.Zone = {"_dmarc.example.org": txt(SUB), "there.example.org": {"MX": [(1, "mx.example.org")]}}
    found = judge(f"a@{author}", of)
    assert (found.tag, found.policy, found.published) == (tag, policy, policy)


def test_a_name_is_asked_for_only_when_np_says_something_of_its_own() -> None:
    def look(question: Question) -> Answer:
        assert question.name.startswith("_dmarc.")
        return zone.look({"_dmarc.example.org": txt("v=DMARC1; p=reject; sp=none; np=none")})(question)

    found = questions.run(check.evaluate("sub.example.org", [], []), look)
    assert (found.tag, found.policy) == ("sp", "none")
    of: zone.Zone = {"_dmarc.example.org": txt(SUB), "x.example.org": {"A": questions.TROUBLE}}
    assert judge("a@x.example.org", of).tag == "sp"


@pytest.mark.parametrize(("asked", "done"), [("reject", "quarantine"), ("quarantine", "none"), ("none", "none")])
def test_testing_asks_for_one_step_less(asked: str, done: str) -> None:
    of = {"_dmarc.example.org": txt(f"v=DMARC1; p={asked}; t=y; pct=0")}
    found = judge("a@example.org", of)
    assert (found.published, found.policy, found.disposition(99), found.pct) == (asked, done, done, 100)
    assert judge("a@example.org", of, settings=PSL).policy == asked


def test_pct_is_of_the_old_way_alone() -> None:
    found = judge("a@example.org", {"_dmarc.example.org": txt("v=DMARC1; p=reject; pct=30")}, settings=PSL)
    assert [found.disposition(draw) for draw in (0, 29, 30, 99)] == ["reject", "reject", "quarantine", "quarantine"]
    assert judge("a@example.org", REJECT, dkim=["example.org"]).disposition() == "none"


@pytest.mark.parametrize(
    ("record", "why"),
    [("v=DMARC1; adkim=s", "is of no use"), ("v=DMARC2; p=none", ""), ("", "")],
)
def test_none(record: str, why: str) -> None:
    found = judge("a@example.org", {"_dmarc.example.org": txt(record)}, dkim=["example.org"])
    assert (found.result, found.policy, found.record) == ("none", "none", None)
    assert why in found.why


@pytest.mark.parametrize(
    ("author", "why"), [("a@[192.0.2.1]", "From shows no domain"), ("x:;", "From shows no domain")]
)
def test_no_author(author: str, why: str) -> None:
    assert judge(author, REJECT) == Result("none", "", authors=0, why=why)
    nobody = questions.run(check.check(headers.scan(b"To: a@b\r\n\r\n"), [], []), zone.look(REJECT))
    assert nobody.why == "there is no From"


OTHER = {**REJECT, "_dmarc.example.net": txt("v=DMARC1; p=none")}


def test_several_authors() -> None:
    both = "a@example.net, b@example.org"
    failing = judge(both, OTHER, dkim=["example.net"])
    assert (failing.result, failing.author, failing.policy, failing.authors) == ("fail", "example.org", "reject", 2)
    assert judge(both, OTHER).author == "example.org"  # of those that fail the most severe
    assert judge(both, OTHER, dkim=["example.net", "example.org"]).result == "pass"
    unknown = judge("a@example.org, b@example.com", OTHER, dkim=["example.org"])
    assert (unknown.result, unknown.author) == ("none", "example.com")
    assert judge(both, OTHER, settings=Settings(several="none")).result == "none"
    many = ", ".join(f"a@{n}.example" for n in range(6))
    assert judge(many, {}).result == "permerror"


def test_trouble_is_temporary_only_where_it_matters() -> None:
    assert judge("a@example.org", {"_dmarc.example.org": {"TXT": questions.TROUBLE}}).result == "temperror"
    of: zone.Zone = {**REJECT, "_dmarc.org": {"TXT": questions.TROUBLE}}
    assert judge("a@example.org", of, dkim=["example.org"]).result == "pass"
    assert judge("a@example.org", of, dkim=["mail.example.org"]).result == "temperror"
    assert judge("a@example.org", of, dkim=["example.net"]).result == "fail"
    of = {**REJECT, "_dmarc.mail.example.org": {"TXT": questions.TROUBLE}}
    assert judge("a@example.org", of, dkim=["mail.example.org"]).result == "temperror"
    assert judge("a@example.org", of, dkim=["mail.example.org", "news.example.org"]).dkim == "news.example.org"


def test_a_letter_cannot_make_us_ask_without_end() -> None:
    count = 0

    def look(question: Question) -> Answer:
        nonlocal count
        count += 1
        return zone.look(REJECT)(question)

    names = [f"{n}.a.b.c.d.e.f.example.org" for n in range(1000)]
    results = [DkimResult(name, "s", "pass") for name in names]
    questions.run(check.evaluate("x.y.example.org", [], results), look)
    assert count < 100


def test_authors_of_one_organization_are_asked_for_once() -> None:
    names: list[str] = []

    def look(question: Question) -> Answer:
        names.append(question.name)
        return zone.look(REJECT)(question)

    from_ = headers.scan(b"From: a@x.example.org, b@y.example.org\r\n\r\n")
    found = questions.run(check.check(from_, [], [DkimResult("example.org", "s", "pass")]), look)
    assert (found.result, found.authors) == ("pass", 2)
    assert sorted(names) == ["_dmarc.example.org", "_dmarc.org", "_dmarc.x.example.org", "_dmarc.y.example.org"]


def test_the_authors_own_signature_counts_wherever_it_stands() -> None:
    names = [f"{n}.example.net" for n in range(1000)] + ["example.org"]
    assert judge("a@example.org", REJECT, dkim=names).dkim == "example.org"


def test_authentication_results() -> None:
    found = judge("a@mail.example.org", {"_dmarc.example.org": txt("v=DMARC1; p=reject; sp=quarantine")})
    written = write.payload(Results("mx.example.net", (trace.finding(found, "quarantine"),)))
    assert b" ".join(written.split()) == (
        b"mx.example.net; dmarc=fail (p=quarantine dis=quarantine) header.from=mail.example.org policy.dmarc=quarantine"
    )
    assert write.payload(Results("x", (trace.finding(judge("a@example.com", {})),))).split() == [
        b"x;", b"dmarc=none", b"header.from=example.com",
    ]  # fmt: skip
    assert trace.finding(judge("a@example.org", REJECT)).comment == "p=reject"
    assert trace.finding(Result("none", "", why="there is no From")).properties == ()
