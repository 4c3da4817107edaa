"""DKIM keys over their life: made, taken into use, replaced, retired, removed; sealed all the time."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.support import signed
from tests.unit.directory.conftest import NOW, Open

from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes, making
from hatoba.directory.dkim.making import Made
from hatoba.directory.dkim_key import Key
from hatoba.directory.entries import BadEntry
from hatoba.kit import sealing
from hatoba.mailauth.dkim import keys as dkim_keys

ORG, HOUR, DAY = "example.org", 3_600_000, 86_400_000
MASTER = sealing.Master(b"m" * 32)
_numbers = itertools.count()


def nonce(octets: int) -> bytes:
    return next(_numbers).to_bytes(octets, "big")


def add(
    directory: Directory, *selectors: str, domain: str = ORG, master: sealing.Master = MASTER, **more: object
) -> list[Key]:
    """Ed25519 keys: "…rsa" gets an RSA one."""
    made = [Made(name, signed.rsa_key() if name.endswith("rsa") else signed.ed25519_key()) for name in selectors]
    return changes.add(directory, master, domain, made, NOW, nonce, **more)  # type: ignore[arg-type]  # by name


def states(directory: Directory, now: int, domain: str = ORG) -> dict[str, str]:
    return {key.selector: key.state(now) for key in directory.snapshot().dkim.get(domain, ())}


def test_new_keys_wait_to_be_seen(opened: Open) -> None:
    directory = opened()
    (rsa, ed) = add(directory, "a-rsa", "a-ed25519")
    assert (rsa.algorithm, ed.algorithm) == ("rsa2048", "ed25519")
    assert rsa.record == dkim_keys.record(signed.rsa_key())
    assert states(directory, NOW) == {"a-rsa": "waiting", "a-ed25519": "waiting"}
    assert changes.begin(directory, ORG, "a-rsa", NOW + 5) is not None
    assert changes.begin(directory, ORG, "a-rsa", NOW + 6) is None
    assert changes.begin(directory, ORG, "nobody", NOW + 6) is None
    assert states(directory, NOW + 5) == {"a-rsa": "signing", "a-ed25519": "waiting"}


def test_another_process_sees_them_at_once(opened: Open) -> None:
    one, other = opened(), opened()
    add(one, "a-ed25519", signs=NOW)
    assert other.refresh(NOW)
    assert states(other, NOW) == {"a-ed25519": "signing"}


def test_no_private_key_lies_open(opened: Open, tmp_path: Path) -> None:
    directory = opened()
    (key, _) = add(directory, "a-rsa", "a-ed25519", signs=NOW)
    raw = signed.ed25519_key().private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    numbers = signed.rsa_key().private_numbers()
    secrets = [raw, *(n.to_bytes(128, "big") for n in (numbers.p, numbers.q))]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("hatoba.db*"))
    assert key.name.encode() not in stored  # but the selector is: the files are the right ones
    assert b"a-ed25519" in stored
    for secret in secrets:
        assert secret not in stored
        assert secret not in key.sealed
    assert "PRIVATE" not in repr(key)


def test_a_rotation_takes_place_when_the_new_key_is_seen(opened: Open) -> None:
    directory = opened()
    add(directory, "1-rsa", "1-ed25519", signs=NOW)
    standing = directory.snapshot().dkim[ORG]
    old = changes.successors(standing, NOW, ["rsa"])
    assert old == {"rsa": ("1-rsa",)}
    add(directory, "2-rsa", replaces={"2-rsa": old["rsa"]}, overlap=7 * DAY)
    assert [key.selector for key in changes.under_way(directory.snapshot().dkim[ORG], NOW)] == ["2-rsa"]
    assert states(directory, NOW + 30 * DAY) == {"1-rsa": "signing", "1-ed25519": "signing", "2-rsa": "waiting"}
    begun = NOW + 2 * HOUR
    changes.begin(directory, ORG, "2-rsa", begun)
    assert states(directory, begun) == {"1-rsa": "retiring", "1-ed25519": "signing", "2-rsa": "signing"}
    assert states(directory, begun + 7 * DAY - 1)["1-rsa"] == "retiring"
    assert states(directory, begun + 7 * DAY)["1-rsa"] == "retired"
    assert changes.under_way(directory.snapshot().dkim[ORG], begun) == []


def test_a_rotation_by_date_can_be_taken_back(opened: Open) -> None:
    directory = opened()
    add(directory, "1-ed25519", signs=NOW)
    at = NOW + DAY
    add(directory, "2-ed25519", signs=at, replaces={"2-ed25519": ("1-ed25519",)}, overlap=DAY)
    assert states(directory, at - 1) == {"1-ed25519": "signing", "2-ed25519": "scheduled"}
    assert states(directory, at) == {"1-ed25519": "retiring", "2-ed25519": "signing"}
    changes.remove(directory, ORG, "2-ed25519", at - 1)
    assert states(directory, at + 9 * DAY) == {"1-ed25519": "signing"}


def test_the_last_key_is_not_retired_by_mistake(opened: Open) -> None:
    directory = opened()
    add(directory, "1-ed25519", signs=NOW)
    with pytest.raises(BadEntry, match="the only key that signs for"):
        changes.retire(directory, ORG, "1-ed25519", NOW, DAY)
    with pytest.raises(BadEntry, match=r"1-ed25519 of example.org signs"):
        changes.remove(directory, ORG, "1-ed25519", NOW)
    changes.retire(directory, ORG, "1-ed25519", NOW, DAY, force=True)
    with pytest.raises(BadEntry, match="signs no more already"):
        changes.retire(directory, ORG, "1-ed25519", NOW, DAY, force=True)
    with pytest.raises(BadEntry, match="was used until a short time ago"):
        changes.remove(directory, ORG, "1-ed25519", NOW + DAY - 1)
    changes.remove(directory, ORG, "1-ed25519", NOW + DAY)
    assert directory.snapshot().dkim == {}
    with pytest.raises(BadEntry, match="has no key with the selector"):
        changes.remove(directory, ORG, "1-ed25519", NOW)


def test_what_is_declined_changes_nothing(opened: Open) -> None:
    directory = opened()
    add(directory, "1-ed25519")
    before = directory.snapshot().dkim
    with pytest.raises(BadEntry, match="has a key with the selector 1-ed25519 already"):
        add(directory, "2-ed25519", "1-ed25519")
    with pytest.raises(BadEntry, match="for example"):
        add(directory, "..")
    assert directory.snapshot().dkim == before
    other = sealing.Master(b"o" * 32)
    with pytest.raises(BadEntry, match=f"sealed under another master key .{MASTER.mark}, this node's is {other.mark}"):
        add(directory, "3-ed25519", domain="example.net", master=other)


def test_resealed_keys_are_the_same_keys(opened: Open) -> None:
    directory, fresh = opened(), sealing.Master(b"f" * 32)
    (old,) = add(directory, "1-ed25519", signs=NOW)
    add(directory, "1-rsa", domain="example.net")
    with pytest.raises(BadEntry, match="nothing was changed"):
        changes.reseal(directory, sealing.Master(b"x" * 32), fresh, nonce)
    assert changes.reseal(directory, MASTER, fresh, nonce) == 2
    assert changes.reseal(directory, MASTER, fresh, nonce) == 0
    (key,) = directory.snapshot().dkim[ORG]
    assert (key.mark, key.record, key.signs) == (fresh.mark, old.record, old.signs)
    assert making.der(changes.opened(fresh, key)) == making.der(signed.ed25519_key())
    with pytest.raises(BadEntry, match="cannot be opened"):
        changes.opened(MASTER, key)


@pytest.mark.parametrize(
    ("algorithms", "prefix", "taken", "names"),
    [
        (("rsa2048", "ed25519"), "", (), ["20231114-rsa", "20231114-ed25519"]),
        (("rsa2048", "ed25519"), "", ("20231114-rsa",), ["20231114-2-rsa", "20231114-2-ed25519"]),
        (("rsa3072",), "Mail", (), ["mail"]),
        (("rsa2048", "ed25519"), "mail", (), ["mail-rsa", "mail-ed25519"]),
    ],
)
def test_names(algorithms: tuple[str, ...], prefix: str, taken: Sequence[str], names: list[str]) -> None:
    assert making.names(algorithms, prefix, NOW, taken) == names


def test_names_that_cannot_be() -> None:
    with pytest.raises(BadEntry, match="there is a key with the selector mail already"):
        making.names(("ed25519",), "mail", NOW, ("mail",))
    for wrong in ("", "-a", "a-", "a..b", "a b", "日本", "x" * 64):
        with pytest.raises(BadEntry, match="is no selector"):
            making.selector(wrong)
    with pytest.raises(BadEntry, match="is no algorithm"):
        making.listed("rsa512")


def test_keys_from_elsewhere() -> None:
    for key in (signed.rsa_key(), signed.ed25519_key()):
        assert making.der(making.read(making.pem(key))) == making.der(key)
        assert making.der(making.loaded(making.der(key))) == making.der(key)
    legacy = signed.rsa_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    assert making.der(making.read(legacy)) == making.der(signed.rsa_key())
    for wrong in (b"", b"AAAA", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(BadEntry, match="this"):
            making.read(wrong)
    with pytest.raises(BadEntry, match="cannot be used"):
        making.read(making.pem(signed.rsa_key(1024)).replace(b"PRIVATE", b"PUBLIC"))
