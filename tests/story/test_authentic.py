"""Letters from strangers at the mx door: what SPF, DKIM and DMARC say is told, done, traced and counted."""

import smtplib
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from tests.support import authentic, post
from tests.support.node import Node
from tests.support.postfix import free_port
from tests.support.town import ALICE, HOME, Town
from tests.support.wait import until

GENUINE_IP, OTHER_IP = "127.0.0.25", "127.0.0.77"
SETTINGS = """
[auth]
dmarc_quarantine = "quarantine"
arc_sealers = ["list.example"]
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that trusts nobody, and example.org with a policy in its DNS."""

    def move_in(node: Node) -> None:
        node.ports["http"] = free_port()
        node.environ["HATOBA_HTTP_PORT"] = str(node.ports["http"])
        post.settle_in(node, local=[HOME], accounts=[ALICE])

    folder = tmp_path_factory.mktemp("strict")
    with Town(folder, workers=2, trusted="[]", more=SETTINGS, move_in=move_in) as town:
        zone = authentic.zone() | {"25.0.0.127.in-addr.arpa": {"PTR": ["mail.example.org"]}}
        zone["example.org"]["TXT"] = [f"v=spf1 ip4:{GENUINE_IP} -all".encode()]
        zone["mail.example.org"]["A"] = [GENUINE_IP]
        zone["careful.example"] = {"TXT": [b"v=spf1 -all"]}
        zone["_dmarc.careful.example"] = {"TXT": [b"v=DMARC1; p=quarantine"]}
        town.dns.zone |= authentic.records(zone)
        yield town


def hand_in(town: Town, content: bytes, ip: str, sender: str = "alice@example.org") -> str:
    with post.dial(town.mx, helo="mail.example.org", ip=ip) as client:
        return post.hand_in(client, sender, [ALICE], content)


def test_a_genuine_letter_arrives_with_the_findings_on_top(strict: Town) -> None:
    identity = hand_in(strict, authentic.genuine(), GENUINE_IP)
    kept = strict.alice.holding(identity.encode())
    name = message_from_bytes(kept)["Authentication-Results"].split(";")[0]
    assert authentic.told(kept, name).findings
    assert {each.method: each.result for each in authentic.told(kept, name).findings} == {
        "spf": "pass",
        "dkim": "pass",
        "dmarc": "pass",
        "iprev": "pass",
    }
    shown = strict.node.cli("trace", identity)
    assert "spf=pass smtp.mailfrom=alice@example.org" in shown
    assert "DMARC of example.org: p=reject, done: none" in shown


def test_a_large_letter_is_verified_and_arrives_whole(strict: Town) -> None:
    content = authentic.genuine(authentic.letter(b"0123456789abcdef \t\r\n" * 200_000))
    identity = hand_in(strict, content, OTHER_IP)
    kept = strict.alice.holding(identity.encode())
    assert kept.endswith(content[content.index(b"DKIM-Signature") :])
    assert b"dkim=pass" in kept[:1000]
    assert b"dmarc=pass" in kept[:1500]


def test_a_forged_letter_is_refused_and_the_journal_knows_why(strict: Town) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        hand_in(strict, authentic.letter().replace(b"<1@", b"<forged@"), OTHER_IP)
    assert refused.value.smtp_code == 550
    assert b"Refused by the DMARC policy of example.org" in refused.value.smtp_error
    shown = until(lambda: strict.node.cli("trace", "<forged@example.org>", check=False), "its story")
    assert "refused at mx" in shown
    assert f"from {OTHER_IP} (mail.example.org)" in shown
    assert "dmarc: reject (fail for example.org (p=reject))" in shown
    assert "done: reject" in shown


def test_a_doubtful_letter_is_held_and_released(strict: Town) -> None:
    content = authentic.letter(author=b"x@careful.example")
    identity = hand_in(strict, content, OTHER_IP, "x@careful.example")
    [held] = strict.node.json("queue", "ls", "--held")
    assert held["id"] == identity
    assert "quarantine: dmarc: fail for careful.example (p=quarantine)" in str(held)
    strict.node.cli("queue", "release", identity)
    kept = post.Mailbox(strict.node, strict.alice.address, "Junk").holding(identity.encode())
    assert b"X-Spam-Flag: YES\r\n" in kept


def test_a_list_that_is_trusted_may_change_a_letter(strict: Town) -> None:
    identity = hand_in(strict, authentic.forwarded(), OTHER_IP, "owner@list.example")
    assert b"arc=pass" in strict.alice.holding(identity.encode())
    assert "local_policy: arc=pass, list.example saw dmarc=pass" in strict.node.cli("trace", identity)


def test_all_of_it_is_counted(strict: Town) -> None:
    hand_in(strict, authentic.genuine(), GENUINE_IP)
    with urllib.request.urlopen(f"http://127.0.0.1:{strict.node.ports['http']}/metrics") as answer:
        said = answer.read().decode()
    assert 'hatoba_auth_results_total{method="dmarc",result="pass"}' in said
