"""SPF, DKIM, ARC and DMARC of letters from outside: what is asked, what is done, what stands on top."""

import base64
from collections.abc import Callable
from typing import Any

import dkim
import msgspec
import pytest
from tests.support import authentic, signed, steps, zone

from hatoba.intake import sealing
from hatoba.intake.case import Client, Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.filter_settings import Auth, Settings
from hatoba.intake.filters import build
from hatoba.intake.filters.dmarc import attested
from hatoba.intake.tally import Tally
from hatoba.intake.transaction import Transaction
from hatoba.journal import forms
from hatoba.mailauth import questions
from hatoba.mailauth.arc import chain
from hatoba.mailauth.arc.chain import Chain, Sealer
from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.outcome import Silence, Verdict
from hatoba.model.status import Refusal
from hatoba.store import blobs

NOW = authentic.NOW * 1000
GENUINE = authentic.genuine()
FORGED = authentic.letter()
Make = Callable[..., Desk]


class Scene:
    """A desk and a zone: `take` brings one letter in."""

    def __init__(self, desk: Make, auth: Auth | None = None, **more: Any) -> None:
        self.zone = authentic.zone()
        self.tally = Tally()
        filters = Settings(**more.pop("filters", {}))
        made = build.build(auth or Auth(), filters, hostname="mx.example.org", more=more.pop("checks", ()))
        self.desk = desk(filters=made, tally=self.tally, **more)
        self.last: Transaction

    def take(
        self, content: bytes = GENUINE, ip: str = authentic.IP, sender: str = "alice@example.org", piece: int = 0
    ) -> Letter:
        look = zone.look(self.zone)
        source = Source("mx", ip, 25, "mail.example.org")
        mail = Reverse(Address.parse(sender) if sender else None)
        self.last = transaction = self.desk.begin(source, mail, 7, NOW, client=Client())
        steps.ended(transaction.recipient(Recipient(Address.parse("bob@example.org"))), look)
        while piece and len(content) > piece:
            transaction.chunk(content[:piece])
            content = content[piece:]
        letter = steps.ended(transaction.end(content, dotted=True, eightbit=False, now=NOW), look)
        assert isinstance(letter, Letter)
        return letter

    def refused(self, *arguments: Any, **more: Any) -> tuple[str, forms.Refused]:
        """How a letter is refused, and what the journal says of it."""
        with pytest.raises(Refusal) as caught:
            self.take(*arguments, **more)
        event = self.last.refused(caught.value)
        assert event is not None
        form = forms.read(event)
        assert isinstance(form, forms.Refused)
        return str(caught.value.status), form


@pytest.fixture
def scene(desk: Make) -> Callable[..., Scene]:
    return lambda auth=None, **more: Scene(desk, auth, **more)


def content(letter: Letter) -> bytes:
    return letter.content or b""


def noted(letter: Letter) -> forms.Accepted:
    """The accepted event as the journal reads it."""
    form = forms.read(forms.accepted(letter))
    assert isinstance(form, forms.Accepted)
    return form


def test_a_genuine_letter_passes_everything(scene: Any) -> None:
    made = scene()
    letter = made.take()
    found = authentic.told(content(letter))
    assert [(each.method, each.result) for each in found.findings] == [
        ("spf", "pass"),
        ("dkim", "pass"),
        ("dmarc", "pass"),
        ("iprev", "pass"),
    ]
    spf, dkim_, dmarc, iprev = found.findings
    assert spf.value("smtp", "mailfrom") == "alice@example.org"
    assert (dkim_.value("header", "d"), dkim_.value("header", "s")) == ("example.org", "e")
    assert dmarc.value("header", "from") == "example.org"
    assert (iprev.value("policy", "iprev"), iprev.comment) == (authentic.IP, "mail.example.org")
    assert content(letter).startswith(b"Authentication-Results: mx.example.org;\r\n\tspf=pass")
    assert content(letter).endswith(GENUINE)
    form = noted(letter)
    assert form.auth.startswith("spf=pass smtp.mailfrom=alice@example.org; dkim=pass ")
    assert form.verdicts == ()
    assert form.dmarc is not None
    assert (form.dmarc.published.domain, form.dmarc.published.p) == ("example.org", "reject")
    row = form.dmarc.row
    assert (row.source_ip, row.disposition, row.spf, row.dkim) == (authentic.IP, "none", "pass", "pass")
    assert (row.header_from, row.envelope_from) == ("example.org", "example.org")
    assert [tuple(each)[:3] for each in row.auth_dkim] == [("example.org", "e", "pass")]
    assert [tuple(each)[:3] for each in row.auth_spf] == [("example.org", "mfrom", "pass")]
    assert made.tally.results[("dmarc", "pass")] == 1


def test_a_forged_letter_is_refused_with_the_reason(scene: Any) -> None:
    made = scene()
    status, form = made.refused(FORGED, authentic.ELSEWHERE)
    assert status == (
        "5.7.1 Refused by the DMARC policy of example.org (p=reject): SPF fail for example.org, no DKIM signature"
    )
    assert form.dmarc is not None
    assert (form.dmarc.row.disposition, form.dmarc.row.source_ip) == ("reject", authentic.ELSEWHERE)
    assert "dmarc=fail" in form.auth
    assert [verdict[:2] for verdict in form.verdicts] == [("spf", "accept"), ("dmarc", "reject")]
    assert made.tally.verdicts == {("spf", "accept"): 1, ("dmarc", "reject"): 1}
    stranger = authentic.genuine(domain="list.example")
    assert made.refused(stranger, authentic.ELSEWHERE)[0].endswith("DKIM pass for list.example only")


def test_a_forwarded_letter_lives_by_its_signature(scene: Any) -> None:
    letter = scene().take(GENUINE, authentic.ELSEWHERE)
    assert authentic.words(content(letter)) == {"spf": "fail", "dkim": "pass", "dmarc": "pass", "iprev": "permerror"}


def test_without_signature_spf_is_enough(scene: Any) -> None:
    assert authentic.words(content(scene().take(FORGED)))["dmarc"] == "pass"
    bounced = scene()
    bounced.zone["mail.example.org"]["TXT"] = [b"v=spf1 a -all"]  # HELO stands for the null sender
    assert authentic.words(content(bounced.take(FORGED, sender="")))["dmarc"] == "pass"


@pytest.mark.parametrize(
    ("how", "action", "hold"),
    [("junk", "Yes", ""), ("quarantine", "Yes", "quarantine: dmarc: fail for example.org (p=quarantine)")],
)
def test_quarantine(scene: Any, how: Any, action: str, hold: str) -> None:
    made = scene(Auth(dmarc_quarantine=how))
    made.zone |= authentic.zone("v=DMARC1; p=quarantine")
    letter = made.take(FORGED, authentic.ELSEWHERE)
    assert b"\nX-Spam-Status: " + action.encode() in b"\n" + content(letter)
    assert b"X-Spam-Flag: YES\r\n" in content(letter)
    assert letter.notes is not None
    assert letter.notes.hold == hold
    form = noted(letter)
    assert form.dmarc is not None
    assert form.dmarc.row.disposition == "quarantine"
    assert "dis=quarantine" in form.auth


def test_only_told(scene: Any) -> None:
    letter = scene(Auth(dmarc="tag")).take(FORGED, authentic.ELSEWHERE)
    assert headers.scan(content(letter)).first(b"x-spam-status") == b"No, score=0 action=tag tests=dmarc"
    form = noted(letter)
    assert form.dmarc is not None
    assert (form.dmarc.row.disposition, form.dmarc.row.reasons[0].type) == ("none", "local_policy")


def test_a_domain_that_asks_for_nothing(scene: Any) -> None:
    made = scene()
    made.zone |= authentic.zone("v=DMARC1; p=none")
    letter = made.take(FORGED, authentic.ELSEWHERE)
    form = noted(letter)
    assert form.dmarc is not None
    assert (form.dmarc.row.disposition, form.dmarc.row.reasons) == ("none", ())
    assert [verdict[:2] for verdict in form.verdicts] == [("spf", "accept"), ("dmarc", "accept")]
    assert b"X-Spam" not in content(letter)
    made.zone |= authentic.zone("")
    assert noted(made.take(FORGED, authentic.ELSEWHERE)).dmarc is None


def test_off_is_off(scene: Any) -> None:
    made = scene(Auth(spf="off", dkim=False, arc=False, dmarc="off", iprev=False))
    letter = made.take(FORGED, authentic.ELSEWHERE)
    assert letter.notes is None
    assert content(letter).startswith(b"Received: ")
    letter = scene(Auth(results=False)).take()
    assert content(letter).startswith(b"Received: ")
    assert noted(letter).auth


@pytest.mark.parametrize(
    ("trouble", "refusal"), [("accept", ""), ("defer", "4.7.1 DMARC: example.org cannot be asked now")]
)
def test_dns_trouble_is_as_the_settings_say(scene: Any, trouble: Any, refusal: str) -> None:
    made = scene(Auth(dmarc_trouble=trouble))
    made.zone |= {name: dict.fromkeys(("TXT", "PTR", "A"), questions.TROUBLE) for name in made.zone}
    made.zone["_dmarc.org"] = {"TXT": questions.TROUBLE}
    if refusal:
        status, form = made.refused(FORGED)
        assert status == refusal
        assert form.dmarc is None
        return
    letter = made.take()
    assert authentic.words(content(letter)) == {
        "spf": "temperror",
        "dkim": "temperror",
        "dmarc": "temperror",
        "iprev": "temperror",
    }


@pytest.mark.parametrize("which", ["e._domainkey.example.org", "example.org"])
def test_who_could_vouch_and_was_not_heard_saves_a_letter_from_reject(scene: Any, which: str) -> None:
    made = scene()
    made.zone[which] = {"TXT": questions.TROUBLE}
    letter = made.take(GENUINE.replace(b"Dear", b"Dire") if which == "example.org" else GENUINE, authentic.ELSEWHERE)
    assert authentic.words(content(letter))["dmarc"] == "temperror"
    made.zone |= authentic.zone()
    made.zone["far.example"] = {"TXT": questions.TROUBLE}  # could not have vouched for example.org
    assert made.refused(FORGED, authentic.ELSEWHERE, sender="x@far.example")[0].startswith("5.7.1")


def test_spf_that_was_not_done_in_time_is_no_failure(scene: Any) -> None:
    made = scene()
    source, mail = Source("mx", authentic.IP, 25, "mail.example.org"), Reverse(Address.parse("alice@example.org"))
    transaction = made.desk.begin(source, mail, 7, NOW, client=Client())
    asked = transaction.recipient(Recipient(Address.parse("bob@example.org")))
    assert [name for name, _ in next(asked)] == ["iprev"]
    assert [name for name, _ in asked.send([()])] == ["spf"]
    with pytest.raises(StopIteration):
        asked.send([Silence("spf")])
    letter = steps.ended(transaction.end(FORGED, dotted=False, eightbit=False, now=NOW), zone.look(made.zone))
    assert authentic.words(content(letter))["dmarc"] == "temperror"
    assert made.tally.verdicts[("spf", "late")] == 1


def test_spf_by_setting(scene: Any) -> None:
    made = scene(Auth(spf="reject", received_spf=True, spf_helo=True))
    made.zone["example.org"]["TXT"] = [b"v=spf1 ip4:192.0.2.25 -all exp=why.example.org"]
    made.zone["why.example.org"] = {"TXT": [b"%{i} is not ours"]}
    made.zone["mail.example.org"]["TXT"] = [b"v=spf1 a -all"]
    with pytest.raises(Refusal) as caught:
        made.take(FORGED, authentic.ELSEWHERE)
    assert str(caught.value.status) == (
        "5.7.23 SPF: example.org does not let 198.51.100.7 send its mail; "
        "example.org explains: 198.51.100.7 is not ours"
    )
    letter = made.take()
    spf = [each for each in authentic.told(content(letter)).findings if each.method == "spf"]
    assert [(each.result, each.properties[0].name) for each in spf] == [("pass", "mailfrom"), ("pass", "helo")]
    assert headers.scan(content(letter)).first(b"received-spf") is not None
    made.zone["example.org"]["TXT"] = questions.TROUBLE
    assert authentic.words(content(made.take()))["dmarc"] == "pass"
    deferring = scene(Auth(spf="reject", spf_trouble="defer"))
    deferring.zone["example.org"]["TXT"] = questions.TROUBLE
    with pytest.raises(Refusal, match=r"^4[.]7[.]24"):
        deferring.take()


def test_a_trusted_seal_overrides_a_failure(scene: Any) -> None:
    listed = authentic.forwarded()
    assert scene().refused(listed, authentic.ELSEWHERE)[0].startswith("5.7.1")
    letter = scene(Auth(arc_sealers=("list.example",))).take(listed, authentic.ELSEWHERE)
    assert authentic.words(content(letter)) | {"iprev": ""} == {
        "spf": "fail", "dkim": "fail", "arc": "pass", "dmarc": "fail", "iprev": "",
    }  # fmt: skip
    form = noted(letter)
    assert form.dmarc is not None
    assert form.dmarc.row.disposition == "none"
    assert [tuple(each) for each in form.dmarc.row.reasons] == [
        ("local_policy", "arc=pass, list.example saw dmarc=pass")
    ]
    for saw in (b"dmarc=fail header.from=example.org", b"dmarc=pass header.from=other.example", b"spf=pass"):
        refusing = scene(Auth(arc_sealers=("list.example",)))
        assert refusing.refused(authentic.forwarded(saw), authentic.ELSEWHERE)[0].startswith("5.7.1")


def test_a_letter_that_goes_on_is_sealed_over_what_was_found(scene: Any) -> None:
    made = scene(Auth(arc_sealers=("list.example",)))
    made.zone["e._domainkey.mx.example.org"] = made.zone["e._domainkey.example.org"]
    for sent, before in ((GENUINE, 0), (authentic.forwarded(), 1)):
        letter = made.take(sent, authentic.ELSEWHERE)
        own = authentic.signer("mx.example.org")
        sealed = sealing.arc(letter, content(letter), own, "mx.example.org", NOW) + content(letter)
        found = questions.run(chain.check(sealed, now=authentic.NOW), zone.look(made.zone))
        assert (found.result, found.instance, found.sealers[-1].domain) == ("pass", before + 1, "mx.example.org")
        assert b"dmarc=" in found.sealers[-1].results
    assert sealing.arc(msgspec.structs.replace(letter, notes=None), content(letter), own, "x", NOW) == b""


def test_everybody_who_sealed_since_must_be_trusted() -> None:
    passed, rest = b"i=1; a.example; dmarc=pass header.from=example.org", b"i=2; b.example; arc=pass"
    arc = Chain("pass", sealers=(Sealer(1, "a.example", "s", passed), Sealer(2, "b.example", "s", rest)))
    both = frozenset({"a.example", "b.example"})
    assert attested(arc, "example.org", both) == "a.example"
    assert attested(arc, "example.org", frozenset({"a.example"})) == ""
    assert attested(arc, "example.net", both) == ""
    assert attested(arc._replace(result="fail"), "example.org", both) == ""
    assert attested(arc._replace(sealers=(Sealer(1, "a.example", "s", b'"'),)), "example.org", both) == ""
    assert attested(None, "example.org", both) == ""


def test_an_allow_list_is_told_to_the_domain(scene: Any) -> None:
    class Friend:
        name = "list"

        def at_sender(self, case: Any) -> list[Verdict]:
            return [Verdict("list", "allow", reason="friend")]

    form = noted(scene(checks=[[Friend()]]).take(FORGED, authentic.ELSEWHERE))
    assert [verdict[:2] for verdict in form.verdicts] == [("spf", "accept"), ("list", "allow"), ("dmarc", "reject")]
    assert form.dmarc is not None
    assert form.dmarc.row.disposition == "none"
    assert [tuple(each) for each in form.dmarc.row.reasons] == [("local_policy", "allowed by a list")]


def test_what_claims_to_be_ours_goes(scene: Any) -> None:
    claims = (
        b"Authentication-Results: mx.example.org; spf=pass\r\n"
        b"Authentication-Results: MX.EXAMPLE.ORG;\r\n dkim=pass\r\n"
        b"Authentication-Results: elsewhere.example; spf=pass\r\n"
    )
    letter = scene().take(claims + GENUINE)
    found = headers.scan(content(letter)).all(b"authentication-results")
    assert [value.split(b";")[0] for value in found] == [b"mx.example.org", b"elsewhere.example"]
    assert authentic.words(content(letter))["dkim"] == "pass"
    named = scene(Auth(authserv_id="example.org")).take(b"Authentication-Results: example.org; x=y\r\n" + GENUINE)
    found = headers.scan(content(named)).all(b"authentication-results")
    assert [value.split(b";")[0] for value in found] == [b"example.org"]


def test_a_large_letter_is_verified_as_it_comes_in(scene: Any, folder: blobs.Folder) -> None:
    large = authentic.genuine(authentic.letter(b"0123456789abcdef \t\r\n" * 2000))
    made = scene(spill=4000, header=4000)
    letter = made.take(large, authentic.ELSEWHERE, piece=999)
    assert letter.content is None
    draft = made.last.draft
    assert draft is not None
    whole = letter.top + draft.read()
    assert authentic.words(whole) == {"spf": "fail", "dkim": "pass", "dmarc": "pass", "iprev": "permerror"}
    assert whole.endswith(large)
    assert letter.size == len(whole)
    draft.discard()
    broken = large.replace(b"0123", b"0124", 1)
    assert made.refused(broken, authentic.ELSEWHERE, piece=999)[1].dmarc is not None
    assert list(folder.path.iterdir()) == []


def test_a_letter_signed_by_dkimpy_passes(scene: Any) -> None:
    plain = authentic.letter()
    raw = signed.ed25519_key().private_bytes_raw()
    made = dkim.sign(
        plain, b"e", b"example.org", base64.b64encode(raw), signature_algorithm=b"ed25519-sha256",
        canonicalize=(b"relaxed", b"simple"), include_headers=[b"from", b"to", b"subject"],
    )  # fmt: skip
    letter = scene().take(made + plain, authentic.ELSEWHERE)
    assert authentic.words(content(letter))["dmarc"] == "pass"


def test_odd_letters_are_no_trouble(scene: Any) -> None:
    for odd in (
        b"",
        b"\r\n",
        b"no header at all\r\n",
        b"From: x\r\n",
        b"\r\nDKIM-Signature: v=1\r\n",
        b"DKIM-Signature: \r\n\r\n",
    ):
        letter = scene().take(odd)
        assert content(letter).endswith(odd)
        assert authentic.words(content(letter))["dmarc"] == "none"
    mapped = scene().take(GENUINE, "::ffff:192.0.2.25")
    assert authentic.words(content(mapped))["spf"] == "pass"
