"""Who may send to whom: the answers at MAIL and RCPT, by door, account and network."""

from collections.abc import Callable

import pytest

from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.transaction import Transaction
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.status import Refusal

NOW = 1_700_000_000_000
MX = Source("mx", "192.0.2.1", 25, "client.example")
ALICE = Source("submission", "192.0.2.1", 587, "laptop", "TLSv1.3 X", "alice@example.org")
Make = Callable[..., Desk]


def address(text: str) -> Address | None:
    return Address.parse(text) if text else None


def begin(desk: Desk, source: Source = MX, sender: str = "carol@example.com", **parameters: object) -> Transaction:
    mail = Reverse(address(sender), **parameters)  # type: ignore[arg-type] # by name
    return desk.begin(source, mail, 7, NOW)


def rcpt(transaction: Transaction, *to: str) -> None:
    for one in to:
        transaction.recipient(Recipient(Address.parse(one)))


def refused(code: str) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, match=f"^{code.replace('.', '[.]')} ")


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("alice@example.org", ""),
        ("ALICE@EXAMPLE.ORG", ""),
        ("alice+tag@example.org", ""),
        ("nobody@example.org", "5.1.1"),
        ("nobody+alice@example.org", "5.1.1"),
        ("off@example.org", "5.2.1"),
        ("postmaster@example.org", ""),
        ("Postmaster@example.org", ""),
        ("abuse@example.org", ""),
        ("postmaster@empty.example", "5.1.1"),
        ("anybody@example.net", ""),
        ("dave@example.com", "5.7.1"),
        ("alice@sub.example.org", "5.7.1"),
        ("alice@[192.0.2.9]", "5.7.1"),
    ],
)
def test_recipients_on_mx(desk: Make, to: str, code: str) -> None:
    transaction = begin(desk())
    if code:
        with refused(code):
            rcpt(transaction, to)
        assert transaction.recipients == []
    else:
        rcpt(transaction, to)
        assert [str(one.address) for one in transaction.recipients] == [str(Address.parse(to))]


def test_who_is_trusted_relays_anywhere_but_not_to_unknown_users(desk: Make) -> None:
    inside = desk(relay_networks=("192.0.2.0/24", "2001:db8::/32"))
    for ip in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::5"):
        rcpt(begin(inside, Source("mx", ip)), "dave@example.com")
    for ip in ("198.51.100.1", "2001:db9::1", "", "rubbish"):
        with refused("5.7.1"):
            rcpt(begin(inside, Source("mx", ip)), "dave@example.com")
    rcpt(begin(desk(), ALICE, "alice@example.org"), "dave@example.com")
    with refused("5.1.1"):
        rcpt(begin(desk(), ALICE, "alice@example.org"), "nobody@example.org")


@pytest.mark.parametrize("local", ["dave%example.com", "example.com!dave", '"dave@example.com"', '"a!b"'])
def test_a_route_in_a_local_part_opens_no_relay_domain_to_strangers(desk: Make, local: str) -> None:
    with refused("5.7.1"):
        rcpt(begin(desk()), f"{local}@example.net")
    rcpt(begin(desk(), ALICE, "alice@example.org"), f"{local}@example.net")
    rcpt(begin(desk(relay_networks=("192.0.2.0/24",)), Source("mx", "192.0.2.1")), f"{local}@example.net")


def test_networks_that_are_none_are_told_at_the_start(desk: Make) -> None:
    with pytest.raises(ValueError, match=r"relay_networks: '192\.0\.2\.1/24'"):
        desk(relay_networks=("192.0.2.1/24",))


@pytest.mark.parametrize("source", [MX, Source("mx", "192.0.2.1", account="")])
def test_the_null_sender_comes_in_on_mx_for_several(desk: Make, source: Source) -> None:
    transaction = begin(desk(), source, "")
    rcpt(transaction, "alice@example.org", "bob@example.org")
    assert len(transaction.recipients) == 2


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("alice@example.org", ""),
        ("Alice@Example.ORG", ""),
        ("alice+news@example.org", ""),
        ("bob@example.org", "5.7.1"),
        ("postmaster@example.org", "5.7.1"),
        ("alice@example.com", "5.7.1"),
        ("", ""),
    ],
)
def test_senders_on_submission(desk: Make, sender: str, code: str) -> None:
    if not code:
        begin(desk(), ALICE, sender)
        return
    with pytest.raises(Refusal, match="may not send as") as caught:
        begin(desk(), ALICE, sender)
    assert caught.value.status.code == code
    assert "alice@example.org" in caught.value.status.text


def test_submission_wants_an_account_and_the_null_sender_can_be_forbidden(desk: Make) -> None:
    with refused("5.7.0"):
        begin(desk(), Source("submission", "192.0.2.1"))
    begin(desk(relay_networks=("192.0.2.0/24",)), Source("submission", "192.0.2.1"))
    with refused("5.7.1"):
        begin(desk(null_sender=False), ALICE, "")


def test_the_recipient_limit_is_temporary_and_leaves_the_others(desk: Make) -> None:
    transaction = begin(desk(recipients=100))
    rcpt(transaction, *(f"u{n}@example.net" for n in range(100)))
    with refused("4.5.3"):
        rcpt(transaction, "u100@example.net")
    assert len(transaction.recipients) == 100


def test_an_address_given_twice_is_kept_once(desk: Make) -> None:
    transaction = begin(desk())
    rcpt(transaction, "a@example.net", "b@example.net", "a@example.net", '"b"@example.net', "A@example.net")
    assert [str(one.address) for one in transaction.recipients] == ["a@example.net", "b@example.net", "A@example.net"]


@pytest.mark.parametrize(
    ("hostname", "home"),
    [("mx.example.org", "example.org"), ("example.org", "example.org"), ("mail.example", "example.org")],
)
def test_a_bare_postmaster_lives_here(desk: Make, hostname: str, home: str) -> None:
    transaction = begin(desk(hostname))
    transaction.recipient(Recipient(Address("postmaster", ""), "NEVER"))
    assert transaction.recipients == [Recipient(Address("postmaster", home), "NEVER")]


def test_parameters_of_mail(desk: Make) -> None:
    with refused("5.3.4"):
        begin(desk(size=1000), size=1001)
    begin(desk(size=1000), size=1000)
    with refused("5.7.10"):
        begin(desk(), requiretls=True)
    begin(desk(), Source("mx", tls="TLSv1.3"), requiretls=True)
    with refused("5.6.7"):
        begin(desk(), sender="用户@example.com")
    with refused("5.6.7"):
        rcpt(begin(desk()), "用户@example.net")
    rcpt(begin(desk(), sender="用户@example.com", smtputf8=True), "用户@example.net")


def end(transaction: Transaction) -> tuple[int, int, int, int]:
    rcpt(transaction, "x@example.net")
    letter = transaction.end(b"Subject: x\r\n\r\n", dotted=False, eightbit=False, now=NOW + 5)
    assert isinstance(letter, Letter)
    envelope = letter.envelope
    return envelope.hold_until, envelope.deliver_by, envelope.priority, letter.expires


def test_hold_deadline_and_priority_are_bounded(desk: Make) -> None:
    day = 86_400_000
    make = desk()
    assert end(begin(make)) == (0, 0, 0, NOW + 5 + 5 * day)
    assert end(begin(make, hold_for=3600)) == (NOW + 3_600_000, 0, 0, NOW + 3_600_000 + 5 * day)
    assert end(begin(make, hold_until=NOW + 9)) == (NOW + 9, 0, 0, NOW + 9 + 5 * day)
    assert end(begin(make, hold_until=NOW - 9))[0] == 0
    assert end(begin(make, by=120, by_mode="R")) == (0, NOW + 120_000, 0, NOW + 120_000)
    assert end(begin(make, by=-5, by_mode="N")) == (0, NOW - 5000, 0, NOW + 5 + 5 * day)
    for parameters in (
        {"hold_for": 8 * 86_400},
        {"hold_until": NOW + 8 * day},
        {"hold_for": 5, "hold_until": NOW + 5},
        {"by": 59, "by_mode": "R"},
        {"by": -1, "by_mode": "R"},
    ):
        with refused("5.5.4"):
            begin(make, **parameters)
    assert end(begin(make, priority=3))[2] == 0  # a stranger has no priority
    for asked, granted in ((3, 3), (9, 4), (-9, -9)):
        assert end(begin(make, ALICE, "alice@example.org", priority=asked))[2] == granted
