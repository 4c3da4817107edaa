"""Pulls from a real Dovecot: folders, flags, dates, uses; broken connections, later runs, what is refused."""

import imaplib
import os
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import imapclient
import pytest
import trustme
from tests.support import dovecot
from tests.support.kept import Kept

from hatoba.app.migrating.pull import Pull, Report, Wishes
from hatoba.app.migrating.reel import Meter
from hatoba.app.migrating.sink import Letter
from hatoba.app.migrating.source import Server, Source, SourceTrouble, Who

DATE = datetime(2019, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=9)))
WHO = Who("testuser", dovecot.PASSWORD)


def missing() -> None:
    reason = dovecot.available()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The CA's file, the server's file."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", folder / "server.pem"


@pytest.fixture(scope="module")
def peer(authority: tuple[Path, Path]) -> Iterator[dovecot.Dovecot]:
    missing()
    with dovecot.Dovecot("maildir", certificate=authority[1], separator=".") as running:
        yield running


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """An account of its own for each test of the module."""
    names = request.config.stash.setdefault(USED, [])
    names.append(request.node.nodeid)
    return f"user{len(names)}"


USED: pytest.StashKey[list[str]] = pytest.StashKey()


def letter(number: int, octets: int = 0) -> bytes:
    return f"From: <a@b.test>\r\nSubject: letter {number}\r\n\r\nText {number}.\r\n".encode() + b"x" * octets


def filled(peer: dovecot.Dovecot, user: str) -> imapclient.IMAPClient:
    client = imapclient.IMAPClient("127.0.0.1", peer.ports["imap"], ssl=False)
    client.login(user, dovecot.PASSWORD)
    return client


def tls(peer: dovecot.Dovecot, ca: Path) -> Server:
    return Server("localhost", peer.ports["imaps"], ca=ca)


def pulled(server: Server, user: str, sink: Kept, wishes: Wishes | None = None) -> Report:
    run = Pull("me@here.test", lambda: Source(server, Who(user, dovecot.PASSWORD)), sink, wishes or Wishes(),
               Meter(), rest=lambda seconds: None)  # fmt: skip
    return run.run()


def test_everything_comes_over(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    with filled(peer, user) as client:
        client.create_folder("仕事.報告")
        client.append("INBOX", letter(1), ("\\Seen", "\\Flagged", "work"), DATE)
        client.append("INBOX", letter(2), ())
        client.append("仕事.報告", letter(3), ("\\Answered",), datetime(2001, 2, 3, tzinfo=UTC))
        client.append("Sent", letter(4), ("\\Seen",))
        client.subscribe_folder("仕事.報告")
    sink = Kept()
    report = pulled(tls(peer, authority[0]), user, sink)
    assert (report.problems, report.letters, report.gone, report.left) == ([], 4, 0, 0)
    assert sink.raws("INBOX") == [letter(1), letter(2)]
    first, second = sink.boxes["INBOX"].values()
    assert set(first.flags) == {"\\Seen", "\\Flagged", "work"}
    assert (first.internal, first.zone) == (int(DATE.timestamp() * 1000), 0)  # Dovecot says it in its own zone
    assert second.flags == ()
    assert sink.raws("仕事/報告") == [letter(3)]
    folders = sink.folders
    assert folders["仕事/報告"].subscribed
    assert (folders["Sent"].special, folders["Sent"].target, sink.raws("Sent")) == ("\\Sent", "Sent", [letter(4)])


def test_the_source_is_left_as_it_was(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    with filled(peer, user) as client:
        client.append("INBOX", letter(1), ())
    pulled(tls(peer, authority[0]), user, Kept())
    with filled(peer, user) as client:
        assert client.select_folder("INBOX", readonly=True)[b"RECENT"] == 1
        assert client.fetch("1", ["FLAGS"])[1][b"FLAGS"] == (b"\\Recent",)


def test_a_later_run_takes_what_is_new(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    server = tls(peer, authority[0])
    sink = Kept()
    with filled(peer, user) as client:
        client.append("INBOX", letter(1), ())
        assert pulled(server, user, sink).letters == 1
        client.append("INBOX", letter(2), ())
        client.select_folder("INBOX")
        client.add_flags([1], ["\\Seen", "later"])
    again = pulled(server, user, sink)
    assert (again.letters, again.known, again.problems) == (1, 0, [])
    assert sink.raws("INBOX") == [letter(1), letter(2)]
    assert next(iter(sink.boxes["INBOX"].values())).flags == ()
    third = pulled(server, user, sink, Wishes(flags=True))
    assert (third.letters, third.flagged) == (0, 1)
    assert set(next(iter(sink.boxes["INBOX"].values())).flags) == {"\\Seen", "later"}


def test_a_mailbox_made_anew_is_another_place(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    server = tls(peer, authority[0])
    sink = Kept()
    with filled(peer, user) as client:
        client.create_folder("Plans")
        client.append("Plans", letter(1), ())
        pulled(server, user, sink)
        before = client.folder_status("Plans", ["UIDVALIDITY"])
        client.delete_folder("Plans")
        client.create_folder("Plans")
        client.append("Plans", letter(2), ())
        assert client.folder_status("Plans", ["UIDVALIDITY"]) != before
    assert pulled(server, user, sink).letters == 1
    assert sink.raws("Plans") == [letter(1), letter(2)]


class Breaking:
    """Connections that break after some batches, `times` in all."""

    def __init__(self, server: Server, who: Who, times: int) -> None:
        self._server, self._who, self._times = server, who, times
        self.made = 0

    def __call__(self) -> Source:
        self.made += 1
        source = Source(self._server, self._who)
        if self.made <= self._times:
            inner, left = source.letters, [1]

            def letters(uids: list[int]) -> Iterator[Letter]:
                if not left:
                    raise SourceTrouble("connection lost")
                left.pop()
                return inner(uids)

            source.letters = letters  # type: ignore[method-assign,assignment]  # what a network does to it
        return source


def run_over(breaking: Callable[[], Source], sink: Kept) -> Report:
    rests: list[float] = []
    report = Pull("me@here.test", breaking, sink, Wishes(), Meter(), rest=rests.append).run()
    assert len(rests) <= 5
    return report


def test_a_broken_connection_goes_on_where_it_was(
    peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hatoba.app.migrating.pull.LETTERS", 3)
    with filled(peer, user) as client:
        for number in range(10):
            client.append("INBOX", letter(number), ())
    sink = Kept()
    breaking = Breaking(tls(peer, authority[0]), Who(user, dovecot.PASSWORD), times=2)
    report = run_over(breaking, sink)
    assert (report.problems, report.letters, report.known, breaking.made) == ([], 10, 0, 3)
    assert sink.raws("INBOX") == [letter(number) for number in range(10)]


def test_a_source_that_keeps_breaking_is_given_up(
    peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str
) -> None:
    with filled(peer, user) as client:
        client.append("INBOX", letter(1), ())

    def connect() -> Source:
        raise SourceTrouble("no route to host")

    report = run_over(connect, Kept())
    assert report.problems == ["no route to host"]
    del client


def test_a_full_account_says_so_and_keeps_what_it_has(
    peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hatoba.app.migrating.pull.LETTERS", 2)
    with filled(peer, user) as client:
        for number in range(5):
            client.append("INBOX", letter(number), ())
    sink = Kept(most=4)
    report = pulled(tls(peer, authority[0]), user, sink)
    assert report.problems == ["the account may have 4 letters"]
    assert len(sink.raws("INBOX")) == 4
    sink.most = 5
    assert pulled(tls(peer, authority[0]), user, sink).letters == 1


def test_only_what_is_wanted(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    with filled(peer, user) as client:
        for name in ("A", "A.B", "AB", "C"):
            client.create_folder(name)
            client.append(name, letter(1), ())
    server = tls(peer, authority[0])
    some = Kept()
    pulled(server, user, some, Wishes(only=("A", "C"), without=("A/B",)))
    assert set(some.boxes) == {"A", "C"}
    none = Kept()
    report = pulled(server, user, none, Wishes(dry=True))
    assert (none.boxes, none.commits, report.letters) == ({}, 0, 4)
    assert report.mailboxes >= 5


def test_large_letters_come_alone(peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str) -> None:
    sizes = (9_000_000, 10, 5_000_000, 4_000_000)
    with filled(peer, user) as client:
        for number, size in enumerate(sizes):
            client.append("INBOX", letter(number, size), ())
    sink = Kept()
    report = pulled(tls(peer, authority[0]), user, sink)
    assert report.letters == 4
    assert [len(raw) - len(letter(0)) for raw in sink.raws("INBOX")] == list(sizes)
    assert sink.commits == 3


@pytest.mark.parametrize("kind", ["implicit", "starttls"])
def test_a_certificate_is_verified(peer: dovecot.Dovecot, authority: tuple[Path, Path], kind: str, user: str) -> None:
    port = peer.ports["imaps" if kind == "implicit" else "imap"]
    trusting = Server("localhost", port, tls=kind, ca=authority[0])  # type: ignore[arg-type]  # both are Tls
    with Source(trusting, Who(user, dovecot.PASSWORD)) as source:
        assert next(folder.target for folder in source.folders()) == "INBOX"
    strange = Server("localhost", port, tls=kind)  # type: ignore[arg-type]
    with pytest.raises(SourceTrouble, match="not trusted") as refused:
        Source(strange, WHO)
    assert refused.value.lasting
    named = Server("127.0.0.1", port, tls=kind, ca=authority[0])  # type: ignore[arg-type]
    with pytest.raises(SourceTrouble, match="not trusted"):
        Source(named, WHO)
    careless = Server("127.0.0.1", port, tls=kind, insecure=True)  # type: ignore[arg-type]
    with Source(careless, Who(user, dovecot.PASSWORD)) as source:
        assert source.folders()


def test_a_wrong_password_is_lasting_and_not_shown(peer: dovecot.Dovecot, authority: tuple[Path, Path]) -> None:
    with pytest.raises(SourceTrouble, match="login was refused") as refused:
        Source(tls(peer, authority[0]), Who("user99", "wrong-secret"))
    assert refused.value.lasting
    assert "wrong-secret" not in str(refused.value)
    report = Pull("me@here.test", lambda: Source(tls(peer, authority[0]), Who("user99", "wrong")), Kept(), Wishes(),
                  Meter(), rest=lambda seconds: pytest.fail("it tried again")).run()  # fmt: skip
    assert len(report.problems) == 1


class Poisoned(Source):
    """The server says NO to every batch that holds this UID."""

    poison = 3

    def letters(self, uids: list[int]) -> Iterator[Letter]:  # type: ignore[override]  # narrower
        if self.poison in uids:
            raise SourceTrouble("letters: FETCH failed: broken message", refused=True) from imaplib.IMAP4.error("x")
        return super().letters(uids)


def test_a_letter_the_server_cannot_give_is_named(
    peer: dovecot.Dovecot, authority: tuple[Path, Path], user: str
) -> None:
    with filled(peer, user) as client:
        for number in range(1, 7):
            client.append("INBOX", letter(number), ())
    sink = Kept()
    server = tls(peer, authority[0])
    report = Pull("me@here.test", lambda: Poisoned(server, Who(user, dovecot.PASSWORD)), sink, Wishes(), Meter()).run()
    assert (report.letters, report.left) == (5, 1)
    assert report.problems == ["INBOX: UID 3: letters: FETCH failed: broken message"]
    assert sink.raws("INBOX") == [letter(number) for number in (1, 2, 4, 5, 6)]


def test_nobody_listens(user: str) -> None:
    from tests.support.postfix import free_port

    with pytest.raises(SourceTrouble) as trouble:
        Source(Server("127.0.0.1", free_port(), tls="none"), Who(user, "x"))
    assert not trouble.value.lasting


def test_ssl_is_never_below_1_2() -> None:
    assert Server("localhost").context().minimum_version >= ssl.TLSVersion.TLSv1_2
