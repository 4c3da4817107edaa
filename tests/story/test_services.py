"""Services at the door: what they say is done, what they change is changed, and when they are ill nothing is lost."""

import json
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import post, service_peers
from tests.support.service_peers import Filter, packet
from tests.support.services_house import BOB, CHECKS, TALKS, House
from tests.support.wait import until

KINDS = sorted(CHECKS)


@pytest.fixture(scope="module", params=["accept", "defer"])
def ill_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, House]]:
    with House(tmp_path_factory.mktemp("house"), request.param, timeout="700ms") as house:
        yield request.param, house
    assert not house.node.audit().lost


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", service_peers.MODES)
def test_a_service_that_is_ill_is_passed_over_or_makes_letters_wait(
    ill_house: tuple[str, House], kind: str, mode: str
) -> None:
    choice, house = ill_house
    house.healthy(kind)
    asked = house.peers[kind].connections
    house.peers[kind].become(mode)
    subjects = [f"{kind} {mode} {number}" for number in range(4)]
    for subject in subjects:
        if choice == "accept":
            number = house.send(subject)
            assert house.verdicts(number)[CHECKS[kind]][1].startswith("failed: "), subject
            house.bob.holding(subject.encode())
        else:
            with pytest.raises(smtplib.SMTPResponseException, match=r"4\.7\.1 A filter cannot be asked now") as later:
                house.send(subject)
            assert later.value.smtp_code == 451
    assert house.sample("service_open_circuits", CHECKS[kind]) == 1.0
    assert house.sample("service_unasked", CHECKS[kind]) > 0
    if mode != "down":
        assert house.peers[kind].connections - asked < 2 * len(subjects)
    house.healthy(kind)
    assert house.sample("service_open_circuits", CHECKS[kind]) == 0.0
    for subject in subjects if choice == "defer" else ():
        house.send(subject)
        house.bob.holding(subject.encode())


def test_the_circuit_is_said_once_in_the_log(tmp_path: Path) -> None:
    with House(tmp_path, "accept", pause="1h") as house:
        house.peers["clamd"].become("down")
        for number in range(5):
            house.send(f"letter {number}")
        told = house.verdicts(house.send("the last"))["clamd"]
        assert told[1].startswith("failed: not asked, it failed 2 times in a row: ")
        said = [line for line in house.node.log.read_text().splitlines() if "service not asked any more" in line]
        assert len(said) == 1
        told_ready = {each["name"]: each for each in house.ready()["worker-0"]["services"]}
        assert told_ready["clamd"]["state"] == "open"
        assert "onnect" in told_ready["clamd"]["trouble"]
        assert told_ready["rspamd"] == told_ready["rspamd"] | {"state": "closed", "trouble": "", "failed": 0}
        assert house.sample("service_failed", "clamd") == 2
        assert house.sample("service_unasked", "clamd") == 4


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), "accept") as house:
        yield house
    assert not house.node.audit().lost


@pytest.fixture
def house(shared: House) -> House:
    """Everybody well, and the usual dialogues."""
    for kind, peer in shared.peers.items():
        peer.play(TALKS[kind])
    return shared


RATED = {
    "action": "rewrite subject",
    "score": 8.0,
    "required_score": 15.0,
    "symbols": {"WORD": {"name": "WORD", "score": 8.0}},
    "subject": "[SPAM] buy",
    "milter": {"add_headers": {"X-Spamd-Bar": "++++"}, "remove_headers": {"X-Old": 0}},
}
CHANGES = b"".join(
    (
        packet(b"i", b"\0\0\0\0X-Top\0above all\0"),
        packet(b"i", b"\0\0\0\1X-First\0below our trace\0"),
        packet(b"h", b"X-Last\0at the end\0"),
        packet(b"m", b"\0\0\0\1To\0undisclosed:;\0"),
        packet(b"b", b"Another body.\n.dotted\n"),
        packet(b"+", b"<carol@home.example>\0"),
        packet(b"-", b"<bob@home.example>\0"),
        packet(b"c"),
    )
)


def test_what_they_want_changed_is_changed_and_told(house: House) -> None:
    house.peers["rspamd"].play(service_peers.answering(RATED))
    house.peers["hook"].play(service_peers.answering({"score": 0.5, "fields": {"X-Hook": "was here"}}))
    house.peers["milter"].play(Filter(CHANGES))
    number = house.send("buy")
    octets = post.Mailbox(house.node, house.carol.address, "Junk").holding(b"buy")
    header, _, body = octets.partition(b"\r\n\r\n")
    assert body == b"Another body.\r\n.dotted\r\n"
    lines = header.split(b"\r\n")
    names = [line.partition(b":")[0] for line in lines if line[:1] not in b" \t"]
    assert names.index(b"X-Top") < names.index(b"X-Spam-Flag") < names.index(b"Received") < names.index(b"X-First")
    assert names[-1] == b"X-Last"
    for line in (b"Subject: [SPAM] buy", b"X-Spamd-Bar: ++++", b"X-Hook: was here", b"To: undisclosed:;"):
        assert line in lines
    assert b"X-Old" not in header
    verdicts = house.verdicts(number)
    assert verdicts["rspamd"] == ("junk", "rewrite subject, 8 of 15: WORD(8)")
    assert "recipient carol@home.example added, recipient bob@home.example removed" in verdicts["milter test"][1]
    assert "body replaced" in verdicts["milter test"][1]
    assert verdicts["clamd"] == ("accept", "no virus found")
    told = json.loads(house.peers["hook"].told[0][1])
    assert told["envelope"] == {"sender": "a@example.org", "recipients": [BOB]}
    assert not any(b"[SPAM] buy" in octets for octets in house.bob.letters())


@pytest.mark.parametrize(
    ("kind", "talk", "code", "text"),
    [
        ("clamd", service_peers.clamd, 550, "5.7.1 Virus found: Test-Eicar"),
        ("rspamd", {"action": "reject", "score": 20, "required_score": 15}, 550, "5.7.1 Refused as spam"),
        ("rspamd", {"action": "soft reject", "score": 5, "required_score": 15}, 451, "4.7.1 Try again later"),
        ("milter", Filter(packet(b"y", b"554 5.7.9 Not that\0")), 550, "5.7.9 Not that"),
        ("milter", Filter(at={b"R": packet(b"y", b"550 5.1.1 Nobody here\0")}), 550, "5.1.1 Nobody here"),
        ("milter", Filter(at={b"L": packet(b"t")}), 451, "4.7.1 Try again later"),
        ("hook", {"action": "reject", "code": "5.7.7", "reason": "Odd letter"}, 550, "5.7.7 Odd letter"),
        ("hook", {"action": "greylist"}, 451, "4.7.1 Try again later"),
    ],
)
def test_what_they_refuse_is_refused_in_their_words(
    house: House, kind: str, talk: object, code: int, text: str
) -> None:
    made = service_peers.answering(talk) if isinstance(talk, dict) else talk
    assert callable(made)
    house.peers[kind].play(made)
    before = house.node.audit().accepted
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        house.send("x", service_peers.EICAR.decode() if kind == "clamd" else "Hello.")
    assert refused.value.smtp_code // 100 == code // 100
    said = refused.value.smtp_error
    assert text in (said if isinstance(said, str) else said.decode())
    assert house.node.audit().accepted == before


@pytest.mark.parametrize("virus", ["discard", "quarantine"])
def test_a_virus_may_be_taken_and_kept_from_everybody(tmp_path: Path, virus: str) -> None:
    with House(tmp_path, "accept", change=("[clamd]\n", f'[clamd]\nvirus = "{virus}"\n')) as house:
        number = house.send("infected", service_peers.EICAR.decode())
        told = post.story_with(house.node, number, {"discard": "dropped", "quarantine": "held"}[virus])
        assert "Virus found: Test-Eicar" in json.dumps(told)
        house.send("clean")
        house.bob.holding(b"clean")
        assert not any(b"infected" in octets for octets in house.bob.letters())


def test_our_own_people_are_scanned_for_viruses_but_not_for_spam(tmp_path: Path) -> None:
    change = ("[auth]\n", '[intake]\nrelay_networks = ["127.0.0.0/8"]\n\n[auth]\n')
    with House(tmp_path, "accept", change=change) as house:
        number = house.send("from within")
        assert list(house.verdicts(number)) == ["clamd"]
        with pytest.raises(smtplib.SMTPResponseException, match="Virus found"):
            house.send("infected", service_peers.EICAR.decode())
        assert not house.peers["rspamd"].told


@pytest.mark.parametrize("choice", ["accept", "defer"])
def test_a_letter_above_their_size_is_not_given_to_them(tmp_path: Path, choice: str) -> None:
    with House(tmp_path, choice) as house:
        body = "a line of some length to fill a letter with\r\n" * 80_000
        if choice == "defer":
            with pytest.raises(smtplib.SMTPResponseException, match=r"4\.7\.1 This letter is too large for a filter"):
                house.send("large", body)
        else:
            verdicts = house.verdicts(house.send("large", body))
            for check in CHECKS.values():
                assert verdicts[check] == ("accept", "not asked: larger than 3MB")
        assert not house.peers["rspamd"].told
        assert not house.peers["clamd"].told


def test_a_large_letter_is_read_by_all_and_its_body_replaced(house: House) -> None:
    """It lies in a file (it is above intake.spill), and so does the new body of the same kind."""
    new = b"".join(packet(b"b", b"z" * 60_000 + b"\r\n") for _ in range(30))
    house.peers["milter"].play(Filter(new + packet(b"c")))
    body = "a line of some length to fill a letter with\r\n" * 50_000
    number = house.send("large", body)
    octets = house.bob.holding(b"Subject: large")
    assert octets.partition(b"\r\n\r\n")[2] == (b"z" * 60_000 + b"\r\n") * 30
    assert house.verdicts(number)["milter test"] == ("accept", "body replaced")
    for kind, told in (("clamd", house.peers["clamd"].told[0]), ("rspamd", house.peers["rspamd"].told[0][1])):
        assert told.endswith(body.encode() + b"\r\n"), kind


def test_new_settings_are_taken_over_while_it_runs(tmp_path: Path) -> None:
    with (
        House(tmp_path, "accept") as house,
        service_peers.Peer(service_peers.answering({"action": "reject", "reason": "the new one"})) as other,
    ):
        house.send("before")
        text = house.node.file.read_text()
        house.node.file.write_text(text.replace(house.peers["hook"].url, other.url))
        house.node.cli("config", "check")
        assert house.node.process is not None
        house.node.process.send_signal(1)
        until(lambda: "reloaded" in house.node.log.read_text(), "the reload")
        with pytest.raises(smtplib.SMTPResponseException, match="the new one"):
            house.send("after")
        assert house.sample("service_asked", "clamd") == 2  # who did not change goes on counting


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("127.0.0.1", "nowhere at all ", "is no "),
        ('timeout = "10s"', 'timeout = "60s"', "not below filter.patience"),
    ],
)
def test_settings_that_make_no_sense_are_told(tmp_path: Path, old: str, new: str, text: str) -> None:
    house = House(tmp_path, "accept")
    file = house.node.file
    head, mark, rest = file.read_text().partition("[rspamd]")
    file.write_text(head + mark + rest.replace(old, new))
    try:
        said = house.node.cli("config", "check", check=False)
    finally:
        for peer in house.peers.values():
            peer.close()
    assert text in said
