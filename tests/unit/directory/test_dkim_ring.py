"""Who signs for a From: the keys in use of its domain or the one above, opened once, changed as the directory does."""

import base64

import pytest
from tests.unit.directory.conftest import NOW, Open
from tests.unit.directory.test_dkim_changes import DAY, MASTER, ORG, add

from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes
from hatoba.directory.dkim.ring import Ring
from hatoba.directory.dkim.settings import Settings
from hatoba.directory.dkim_key import Key
from hatoba.kit import sealing
from hatoba.store import dkim_keys
from hatoba.store.dkim_keys import DkimKeyRow


class Scene:
    """A directory and a ring on it; `said` is what it complained of, `master` what it finds when it looks."""

    def __init__(self, directory: Directory, **settings: object) -> None:
        self.directory = directory
        self.said: list[tuple[str, str]] = []
        self.master: sealing.Master | None = MASTER
        self.ring = Ring(directory, Settings(**settings), lambda: self.master, self._complain)  # type: ignore[arg-type]

    def _complain(self, key: Key, why: str) -> None:
        self.said.append((key.selector, why))

    def names(self, author: str, now: int = NOW) -> tuple[str, ...]:
        return self.ring.hand(author, now).names


def test_all_keys_in_use_sign_rsa_first(opened: Open) -> None:
    scene = Scene(opened())
    add(scene.directory, "1-ed25519", "1-rsa", signs=NOW)
    add(scene.directory, "2-ed25519")
    hand = scene.ring.hand(ORG, NOW)
    assert hand.names == (f"{ORG} 1-rsa", f"{ORG} 1-ed25519")
    assert [signer.selector for signer in hand.signers] == ["1-rsa", "1-ed25519"]
    assert hand.slow
    assert scene.ring.hand(ORG, NOW + 1) is hand


def test_a_subdomain_is_signed_for_by_its_organization_alone(opened: Open) -> None:
    scene = Scene(opened())
    add(scene.directory, "1-ed25519", signs=NOW)
    add(scene.directory, "co-ed25519", domain="co.uk", signs=NOW)
    hand = scene.ring.hand("news.mail.example.org", NOW)
    assert (hand.domain, hand.slow, hand.ours) == (ORG, False, True)
    stranger = scene.ring.hand("bank.co.uk", NOW)
    assert (stranger.signers, stranger.ours) == ((), False)
    strict = Scene(scene.directory, parents=False)
    assert strict.ring.hand("news.example.org", NOW).signers == ()
    add(scene.directory, "own-ed25519", domain="news.example.org", signs=NOW)
    assert scene.names("news.example.org") == ("news.example.org own-ed25519",)


def test_keys_begin_and_stop_by_the_clock(opened: Open) -> None:
    scene = Scene(opened())
    add(scene.directory, "1-ed25519", signs=NOW)
    add(scene.directory, "2-ed25519", signs=NOW + DAY, replaces={"2-ed25519": ("1-ed25519",)}, overlap=DAY)
    assert scene.names(ORG, NOW) == (f"{ORG} 1-ed25519",)
    assert scene.names(ORG, NOW + DAY - 1) == (f"{ORG} 1-ed25519",)
    assert scene.names(ORG, NOW + DAY) == (f"{ORG} 2-ed25519",)


def test_a_change_by_another_process_counts_at_once(opened: Open) -> None:
    scene, other = Scene(opened()), opened()
    assert scene.ring.hand(ORG, NOW).why == f"{ORG} has no DKIM key: hatoba dkim new {ORG}"
    add(other, "1-ed25519")
    scene.directory.refresh(NOW)
    hand = scene.ring.hand(ORG, NOW)
    assert (hand.signers, hand.ours) == ((), True)
    assert hand.why == f"the DKIM keys of {ORG} wait to be published: hatoba dns {ORG}"
    changes.begin(other, ORG, "1-ed25519", NOW)
    scene.directory.refresh(NOW)
    assert scene.names(ORG) == (f"{ORG} 1-ed25519",)
    changes.retire(other, ORG, "1-ed25519", NOW + 1, DAY, force=True)
    scene.directory.refresh(NOW)
    assert scene.ring.hand(ORG, NOW + 1).why == f"no DKIM key of {ORG} is in use: hatoba dkim list {ORG}"


def test_what_is_not_ours_is_nobodys_worry(opened: Open) -> None:
    scene = Scene(opened())
    hand = scene.ring.hand("elsewhere.example", NOW)
    assert (hand.signers, hand.ours) == ((), False)
    assert scene.ring.hand("", NOW).ours is False


def test_without_the_right_master_key_nothing_is_signed_until_it_comes(opened: Open) -> None:
    scene = Scene(opened())
    add(scene.directory, "1-ed25519", signs=NOW)
    scene.master = None
    assert scene.ring.hand(ORG, NOW).why == f"the DKIM keys of {ORG} cannot be opened with this node's master key"
    assert scene.said == [("1-ed25519", "this node has no master key")]
    scene.master = sealing.Master(b"o" * 32)
    assert scene.names(ORG, NOW + 20_000) == ()
    assert scene.said[1:] == [
        ("1-ed25519", f"it is sealed under the master key {MASTER.mark}, this node has {scene.master.mark}")
    ]
    assert scene.names(ORG, NOW + 40_000) == ()
    assert len(scene.said) == 2, "it is said once"
    scene.master = MASTER
    assert scene.names(ORG, NOW + 40_001) == ()
    assert scene.names(ORG, NOW + 60_000) == (f"{ORG} 1-ed25519",)


@pytest.mark.parametrize("damage", ["flipped", "another's", "no json"])
def test_a_damaged_key_leaves_the_others(opened: Open, damage: str) -> None:
    scene = Scene(opened())
    good, bad = add(scene.directory, "1-ed25519", "2-ed25519", signs=NOW)
    row = next(row for row in dkim_keys.of_domain(scene.directory._register.reader, ORG) if row.selector == "2-ed25519")
    sealed = base64.b64encode(bad.sealed)
    changed = {
        "flipped": base64.b64encode(bad.sealed[:-1] + bytes([bad.sealed[-1] ^ 1])),
        "another's": base64.b64encode(good.sealed),
    }
    data = row.data.replace(sealed, changed[damage]) if damage in changed else b"{"
    assert data != row.data
    scene.directory.write(lambda tx: dkim_keys.put(tx, DkimKeyRow(ORG, "2-ed25519", NOW, 0, data)))
    assert scene.names(ORG) == (f"{ORG} 1-ed25519",)
    if damage == "no json":
        assert scene.directory.snapshot().unreadable == [f"dkim {ORG} 2-ed25519"]
    else:
        assert [selector for selector, _ in scene.said] == ["2-ed25519"]


def test_settings_shape_the_signature(opened: Open) -> None:
    scene = Scene(
        opened(), canonicalization="simple/relaxed", lifetime=3600.0, timestamp=False, oversigned=("From", "Subject"),
        guarded=(), signed=("X-Ours",),
    )  # fmt: skip
    add(scene.directory, "1-ed25519", signs=NOW)
    (signer,) = scene.ring.hand(ORG, NOW).signers
    assert (signer.header_form, signer.body_form, signer.lifetime, signer.stamped) == ("simple", "relaxed", 3600, False)
    assert (signer.sealed, signer.guarded, signer.taken) == ((b"from", b"subject"), (), (b"x-ours",))


def test_settings_that_cannot_sign_are_told_and_sign_nothing(opened: Open) -> None:
    scene = Scene(opened(), oversigned=("subject",))
    add(scene.directory, "1-ed25519", signs=NOW)
    assert scene.names(ORG) == ()
    assert scene.said == [("1-ed25519", "From must be signed")]
