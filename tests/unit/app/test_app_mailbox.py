"""`hatoba mailbox import` and `export`: Maildirs and mbox files in, out, and in again: nothing lost, nothing twice."""

import io
import json
import mailbox
from collections.abc import Callable
from pathlib import Path

import pytest

from hatoba.app import cli

ADDRESS, OTHER = "user1@example.test", "user2@example.test"
Run = Callable[..., tuple[int, str, str]]


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
    for address in (ADDRESS, OTHER):
        assert run("account", "add", address, given="correct-horse-battery\n")[0] == 0
    return run


def letter(number: int) -> bytes:
    return f"From: <a@b.test>\nSubject: letter {number}\n\nText {number}.\nFrom here on\n\nend\n".encode()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A Maildir++ of INBOX, 仕事/報告 and Sent, by the standard library."""
    root = tmp_path / "tree"
    box = mailbox.Maildir(str(root))
    for number, flags in ((1, "FS"), (2, "")):
        message = mailbox.MaildirMessage(letter(number))
        message.set_subdir("cur")
        message.set_flags(flags)
        message.set_date(1_500_000_000 + number)
        box.add(message)
    for name in ("&TtVOiw-.&WDFUSg-", "Sent"):
        inner = box.add_folder(name)
        inner.add(mailbox.MaildirMessage(letter(3)))
        inner.add(mailbox.MaildirMessage(letter(3)))  # twice, and so it stays
    return root


def contents(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Folder → (subject, flags) of a Maildir++."""
    box = mailbox.Maildir(str(root), create=False)
    found = {"": sorted((str(one["Subject"]), one.get_flags()) for one in box)}
    for name in box.list_folders():
        inner = sorted((str(one["Subject"]), one.get_flags()) for one in box.get_folder(name))
        if inner:
            found[name] = inner
    return found


def test_a_maildir_goes_in_and_comes_out_as_it_was(hatoba: Run, tree: Path, tmp_path: Path) -> None:
    code, out, err = hatoba("mailbox", "import", ADDRESS, str(tree), "--json")
    report = json.loads(out)
    assert (code, report["letters"], report["problems"]) == (0, 6, []), err
    code, out, err = hatoba("mailbox", "import", ADDRESS, str(tree), "--json")
    assert (code, json.loads(out)["letters"], json.loads(out)["known"]) == (0, 0, 6)
    code, out, err = hatoba("mailbox", "export", ADDRESS, str(tmp_path / "out"))
    assert (code, out.split()[0]) == (0, "6"), err
    assert contents(tmp_path / "out") == contents(tree)
    paths = list((tmp_path / "out" / "cur").iterdir())
    assert {path.stat().st_mtime for path in paths} == {1_500_000_001, 1_500_000_002}
    assert {path.read_bytes() for path in paths} == {letter(1), letter(2)}
    assert "Sent" in (tmp_path / "out" / "subscriptions").read_text()


def test_mbox_files_go_out_and_come_in_elsewhere(hatoba: Run, tree: Path, tmp_path: Path) -> None:
    hatoba("mailbox", "import", ADDRESS, str(tree))
    assert hatoba("mailbox", "export", ADDRESS, str(tmp_path / "boxes"), "--form", "mbox")[0] == 0
    names = {path.relative_to(tmp_path / "boxes").as_posix() for path in (tmp_path / "boxes").rglob("*.mbox")}
    assert {"INBOX.mbox", "仕事/報告.mbox", "Sent.mbox"} <= names
    read = mailbox.mbox(str(tmp_path / "boxes" / "INBOX.mbox"), create=False)
    assert [one["Subject"] for one in read] == ["letter 1", "letter 2"]
    read.close()
    code, out, err = hatoba("mailbox", "import", OTHER, str(tmp_path / "boxes"), "--json")
    assert (code, json.loads(out)["letters"]) == (0, 6), err
    assert hatoba("mailbox", "export", OTHER, str(tmp_path / "again"))[0] == 0
    assert contents(tmp_path / "again") == contents(tree)


def test_one_mbox_file_goes_where_it_is_told_to(hatoba: Run, tmp_path: Path) -> None:
    file = tmp_path / "old"
    file.write_bytes(b"".join(b"From a@b Thu Jan  1 00:00:0%d 2026\n" % n + letter(n) + b"\n" for n in range(3)))
    assert hatoba("mailbox", "import", ADDRESS, str(file), "--into", "Archive/2026")[0] == 0
    code, out, _ = hatoba("mailbox", "export", ADDRESS, str(tmp_path / "out"), "--only", "Archive", "--json")
    told = json.loads(out)["mailboxes"]
    assert (code, told) == (0, {"Archive": 0, "Archive/2026": 3})


def test_what_is_no_mail_is_said(hatoba: Run, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    code, _, err = hatoba("mailbox", "import", ADDRESS, str(tmp_path / "nothing"))
    assert code == 1
    assert "no Maildir" in err
    (tmp_path / "text").write_text("just text\n" * 10)
    code, _, err = hatoba("mailbox", "import", ADDRESS, str(tmp_path / "text"))
    assert code == 1
    assert "before its first From line" in err
    code, _, err = hatoba("mailbox", "import", "nobody@example.test", str(tmp_path / "text"))
    assert (code, "hatoba account add" in err) == (1, True)
    code, _, err = hatoba("mailbox", "export", ADDRESS, str(tmp_path))
    assert (code, "is not empty" in err) == (1, True)
