"""`hatoba migrate imap` as people call it: from a real Dovecot into a real mail store, and what it leaves there."""

import io
import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import imapclient
import pytest
import trustme
from tests.interop.conftest import missing
from tests.support import dovecot

from hatoba.app import cli, offline
from hatoba.app import config as settings_file
from hatoba.app.cli.migrate import VARIABLE
from hatoba.app.migrating import keeping
from hatoba.app.migrating.sink import Folder, Full, Letter
from hatoba.store.mailboxes import boxes, contents, messages
from hatoba.store.sql import Reader

DATE = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)
ADDRESS = "user1@example.test"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dovecot.Dovecot, Path]]:
    if reason := dovecot.available():
        missing(reason)
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    with dovecot.Dovecot("mdbox", certificate=folder / "server.pem") as running:
        for user in ("user1", "user2"):
            with imapclient.IMAPClient("127.0.0.1", running.ports["imap"], ssl=False) as client:
                client.login(user, dovecot.PASSWORD)
                client.create_folder("仕事/報告")
                client.append("INBOX", letter(1, user), ("\\Seen", "work"), DATE)
                client.append("INBOX", letter(2, user), ())
                client.append("仕事/報告", letter(3, user), ("\\Answered",), DATE)
                client.append("Sent", letter(4, user), ("\\Seen",), DATE)
        yield running, folder / "ca.pem"


@pytest.fixture
def hatoba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HATOBA_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HATOBA_CONFIG", raising=False)

    def run(*words: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    assert run("domain", "add", "example.test")[0] == 0
    for address in (ADDRESS, "user2@example.test"):
        assert run("account", "add", address, given="correct-horse-battery\n")[0] == 0
    return run


def letter(number: int, user: str = "user1") -> bytes:
    return (
        f"From: <a@b.test>\r\nTo: <{user}@example.test>\r\nSubject: letter {number}\r\n"
        f"Message-ID: <{number}.{user}@b.test>\r\n\r\nText {number}.\r\n"
    ).encode()


def words(peer: tuple[dovecot.Dovecot, Path]) -> tuple[str, ...]:
    running, ca = peer
    return ("migrate", "imap", "localhost", "--port", str(running.ports["imaps"]), "--ca", str(ca))


def _view(box: int, reader: Reader) -> messages.View:
    return messages.view(reader, box, "content", "internal")


def _raw(content: int, reader: Reader) -> bytes:
    return contents.raw(reader, content)


def held(address: str) -> dict[str, list[tuple[bytes, set[str], int]]]:
    """What the account's boxes hold: (letter, flags, INTERNALDATE)."""
    settings = settings_file.load(None).settings
    with offline.directory(settings) as directory, offline.mailboxes(settings, directory) as post:
        shard = post.store.shard(address)
        number = shard.wait(lambda tx: post.ensure(tx, address))
        found = {}
        for box in shard.look(lambda reader: boxes.all_of(reader, number)):
            view = shard.look(partial(_view, box.id))
            rows = zip(view.columns["content"], view.flags, view.columns["internal"], strict=True)
            found[box.name] = [
                (
                    shard.look(partial(_raw, content)),
                    set(box.names(bits)),
                    internal,
                )
                for content, bits, internal in rows
            ]
        return found


def test_an_account_comes_over_and_a_second_run_finds_nothing_new(
    hatoba: Run, peer: tuple[dovecot.Dovecot, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, dovecot.PASSWORD)
    code, out, err = hatoba(*words(peer), ADDRESS, "--user", "user1", "--json")
    (report,) = json.loads(out)
    assert (code, report["letters"], report["problems"]) == (0, 4, []), err
    here = held(ADDRESS)
    when = int(DATE.timestamp() * 1000)
    assert here["INBOX"][0] == (letter(1), {"\\Seen", "work"}, when)
    assert [raw for raw, _, _ in here["INBOX"]] == [letter(1), letter(2)]
    assert here["仕事/報告"] == [(letter(3), {"\\Answered"}, when)]
    assert here["Sent"] == [(letter(4), {"\\Seen"}, when)]
    code, out, err = hatoba(*words(peer), ADDRESS, "--user", "user1", "--json")
    assert (code, json.loads(out)[0]["letters"], json.loads(out)[0]["octets"]) == (0, 0, 0)
    assert held(ADDRESS) == here


def test_many_accounts_from_a_file(hatoba: Run, peer: tuple[dovecot.Dovecot, Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(dovecot.PASSWORD + "\n")
    roll = tmp_path / "accounts.csv"
    roll.write_text(
        f"account,user,password,password_file\n{ADDRESS},user1,{dovecot.PASSWORD},\nuser2@example.test,user2,,secret\n"
    )
    roll.chmod(stat.S_IRUSR | stat.S_IWUSR)
    code, out, err = hatoba(*words(peer), "--accounts", str(roll))
    assert code == 0, err
    assert "user2@example.test" in out
    assert [raw for raw, _, _ in held("user2@example.test")["INBOX"]] == [letter(1, "user2"), letter(2, "user2")]
    assert dovecot.PASSWORD not in out + err


def test_one_wrong_password_leaves_the_others_alone(
    hatoba: Run, peer: tuple[dovecot.Dovecot, Path], tmp_path: Path
) -> None:
    roll = tmp_path / "accounts.csv"
    roll.write_text(f"account,user,password\n{ADDRESS},user1,wrong\nuser2@example.test,user2,{dovecot.PASSWORD}\n")
    code, out, err = hatoba(*words(peer), "--accounts", str(roll), "--json")
    first, second = json.loads(out)
    assert (code, first["letters"], second["letters"]) == (1, 0, 4)
    assert "login was refused" in first["problems"][0]
    assert "wrong" not in out + err


def test_what_a_file_lacks_is_said(hatoba: Run, peer: tuple[dovecot.Dovecot, Path], tmp_path: Path) -> None:
    roll = tmp_path / "accounts.csv"
    for text, said in (
        ("user,password\na,b\n", "the first line names"),
        (f"account,password\n{ADDRESS},\n", "its password is missing"),
        (f"account,password\n{ADDRESS},x\n{ADDRESS},y\n", "twice in it"),
        ("account,password\nnobody@example.test,x\n", "hatoba account add nobody@example.test"),
        (f"account,password\n{ADDRESS},x,y\n", "more or fewer columns"),
    ):
        roll.write_text(text)
        code, _, err = hatoba(*words(peer), "--accounts", str(roll))
        assert code == 1
        assert said in err
    assert hatoba(*words(peer), ADDRESS, "--accounts", str(roll))[0] == 2
    assert hatoba(*words(peer))[0] == 2


def test_a_dry_run_writes_nothing(hatoba: Run, peer: tuple[dovecot.Dovecot, Path]) -> None:
    code, out, _ = hatoba(
        *words(peer), ADDRESS, "--user", "user1", "--dry-run", "--json", given=dovecot.PASSWORD + "\n"
    )
    assert (code, json.loads(out)[0]["letters"]) == (0, 4)
    assert not any(held(ADDRESS).values())


@pytest.fixture
def sink(hatoba: Run) -> Iterator[keeping.Keeping]:
    settings = settings_file.load(None).settings
    with offline.directory(settings) as directory, offline.mailboxes(settings, directory) as post:
        yield keeping.Keeping(post, ADDRESS)


def made(uid: int, *flags: str) -> Letter:
    return Letter(uid, letter(uid), flags, 1_000, 0)


def test_more_keywords_than_a_box_knows_cost_no_letter(sink: keeping.Keeping) -> None:
    box = sink.box(Folder("Many", "Many"))
    put = sink.put(box, "p", [made(uid, "\\Seen", f"key{uid}") for uid in range(1, 101)], 100)
    assert (put.fresh, put.unflagged) == (100, 100)
    assert sink.reached("p") == 100
    assert {flag for _, flags, _ in held(ADDRESS)["Many"] for flag in flags} == {"\\Seen"}


def test_a_letter_is_put_in_once_and_the_mark_never_goes_back(sink: keeping.Keeping) -> None:
    box = sink.box(Folder("A", "A"))
    assert sink.put(box, "p", [made(1), made(2)], 2).fresh == 2
    again = sink.put(box, "p", [made(1), made(2)], 1)
    assert (again.fresh, again.known, sink.reached("p")) == (0, 2, 2)
    assert sink.put(box, "another place", [made(1)], 1).fresh == 1


def test_a_box_of_the_same_use_is_the_same(sink: keeping.Keeping) -> None:
    assert sink.box(Folder("Gesendet", "Gesendet", "\\Sent")) == "Sent"
    assert sink.box(Folder("Plans/2020", "Plans/2020")) == "Plans/2020"
    assert {"Sent", "Plans", "Plans/2020"} <= held(ADDRESS).keys()
    assert "Gesendet" not in held(ADDRESS)


def test_flags_follow_where_the_letter_still_is(sink: keeping.Keeping) -> None:
    box = sink.box(Folder("A", "A"))
    sink.put(box, "p", [made(1), made(2, "\\Seen")], 2)
    assert sink.flag("p", {1: ("\\Flagged", "hot"), 2: ("\\Seen",), 7: ("\\Seen",)}) == 1
    assert [flags for _, flags, _ in held(ADDRESS)["A"]] == [{"\\Flagged", "hot"}, {"\\Seen"}]


def test_a_quota_ends_it(hatoba: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATOBA_DIRECTORY_QUOTA_LETTERS", "2")
    settings = settings_file.load(None).settings
    with offline.directory(settings) as directory, offline.mailboxes(settings, directory) as post:
        sink = keeping.Keeping(post, ADDRESS)
        box = sink.box(Folder("A", "A"))
        sink.put(box, "p", [made(1), made(2)], 2)
        with pytest.raises(Full, match="quota"):
            sink.put(box, "p", [made(3)], 3)
        assert sink.reached("p") == 2
