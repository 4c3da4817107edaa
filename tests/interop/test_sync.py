"""mbsync both ways, and what Python's IMAP libraries do beside reading: keywords, IDLE, MOVE, quota, searches."""

import asyncio
import email
import imaplib
import mailbox
import threading
from email.message import Message
from pathlib import Path

import aioimaplib
import imap_tools
import imapclient
import pytest
from tests.interop.conftest import need
from tests.interop.houses import HOST, Account, House
from tests.interop.readers import private, run
from tests.interop.test_mail_clients import letter, submit
from tests.support.wait import until

pytestmark = pytest.mark.interop


class Mirror:
    """A Maildir that mbsync keeps like an account's mailboxes."""

    def __init__(self, house: House, account: Account, folder: Path) -> None:
        self.root = folder / "mirror"
        self.root.mkdir()
        self._folder = folder
        self._rc = private(
            folder / "mbsyncrc",
            f"IMAPAccount here\nHost {HOST}\nPort {house.ports['imaps']}\nUser {account.user}\n"
            f"Pass {account.password}\nSSLType IMAPS\nCertificateFile {house.ca}\n\n"
            "IMAPStore far\nAccount here\n\n"
            f"MaildirStore near\nPath {self.root}/\nInbox {self.root}/INBOX\nSubFolders Verbatim\n\n"
            f"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSync All\n"
            f"SyncState {folder}/state/\n",
        )
        (folder / "state").mkdir()

    def sync(self) -> None:
        run([need("mbsync", "isync"), "-c", str(self._rc), "-a"], self._folder)

    def box(self, name: str) -> mailbox.Maildir:
        return mailbox.Maildir(str(self.root / name), create=True)

    def subjects(self, name: str) -> dict[str, str]:
        """Subject → Maildir's flags."""
        box = self.box(name)
        return {str(message["Subject"]): message.get_flags() for message in box}


def test_mbsync_goes_both_ways(house: House, tmp_path: Path) -> None:
    account = house.account()
    mirror = Mirror(house, account, tmp_path)
    for token in ("one", "two"):
        submit(house, account, letter(account, token), tmp_path)
        house.settled(account, token)
    mirror.sync()
    assert mirror.subjects("INBOX").keys() == {"one", "two"}
    with house.imap(account) as client:  # there …
        client.select("INBOX")
        number = client.search(None, "SUBJECT", "one")[1][0].decode()
        client.store(number, "+FLAGS", r"(\Flagged \Answered)")
        client.create("Far/Made")
        client.append("Far/Made", r"(\Seen)", "", letter(account, "three"))
    near = mirror.box("INBOX")  # … and here
    for key, message in near.items():
        if message["Subject"] == "two":
            message.set_subdir("cur")
            message.set_flags("S")
            near[key] = message
    written = mailbox.MaildirMessage(email.message_from_bytes(letter(account, "four")))
    written.set_subdir("cur")
    written.set_flags("FS")
    (mirror.root / "Near").mkdir()
    mirror.box("Near/Made").add(written)
    mirror.sync()
    assert set(mirror.subjects("INBOX")["one"]) >= {"F", "R"}
    assert mirror.subjects("Far/Made") == {"three": "S"}
    with imapclient.IMAPClient(HOST, house.ports["imaps"], ssl_context=house.context()) as client:
        client.login(account.user, account.password)
        client.select_folder("INBOX", readonly=True)
        assert len(client.search(["SUBJECT", "two", "SEEN"])) == 1
        client.select_folder("Near/Made", readonly=True)
        row = client.fetch(client.search("ALL"), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
        assert [set(one[b"FLAGS"]) - {b"\\Recent"} for one in row.values()] == [{b"\\Flagged", b"\\Seen"}]
    with house.imap(account) as plain:
        plain.select("INBOX")
        plain.store(plain.search(None, "SUBJECT", "one")[1][0].decode(), "+FLAGS", r"(\Deleted)")
        plain.expunge()
    mirror.sync()
    assert mirror.subjects("INBOX").keys() == {"two"}
    before = sorted(str(path) for path in mirror.root.rglob("*") if path.is_file())
    mirror.sync()  # nothing happened: nothing is done
    assert sorted(str(path) for path in mirror.root.rglob("*") if path.is_file()) == before


def test_imapclient_pushes_moves_and_counts(house: House, tmp_path: Path) -> None:
    account = house.account()
    with imapclient.IMAPClient(HOST, house.ports["imaps"], ssl_context=house.context()) as client:
        client.login(account.user, account.password)
        client.select_folder("INBOX")
        client.idle()
        submit(house, account, letter(account, "pushed"), tmp_path)
        until(lambda: any(b"EXISTS" in one for one in client.idle_check(timeout=5)), "EXISTS in IDLE")
        client.idle_done()
        (uid,) = client.search(["SUBJECT", "pushed"])
        client.add_flags([uid], ["\\Seen", "$Work", "案件".encode("utf-7").decode()])
        assert b"$Work" in client.get_flags([uid])[uid]
        assert client.search(["KEYWORD", "$Work"]) == [uid]
        client.create_folder("仕事/その他")
        client.move([uid], "仕事/その他")
        assert client.folder_status("INBOX")[b"MESSAGES"] == 0
        client.select_folder("仕事/その他", readonly=True)
        assert b"$Work" in next(iter(client.get_flags(client.search("ALL")).values()))
        client.rename_folder("仕事", "済")
        assert "済/その他" in {name for _, _, name in client.list_folders()}
        client.select_folder("済/その他", readonly=True)
        assert client.get_quota_root("INBOX")[0].quota_roots is not None
        assert client.sort(["REVERSE DATE"], "ALL") == client.search("ALL")
        assert client.has_capability("CONDSTORE")


def test_imap_tools_finds_flags_and_deletes(house: House, tmp_path: Path) -> None:
    account = house.account()
    box = imap_tools.MailBox(HOST, house.ports["imaps"], ssl_context=house.context())
    with box.login(account.user, account.password) as client:
        for token in ("red", "blue"):
            client.append(letter(account, token), "INBOX", flag_set=[imap_tools.MailMessageFlags.SEEN])
        assert {message.subject for message in client.fetch(imap_tools.AND(seen=True))} == {"red", "blue"}
        (red,) = client.fetch(imap_tools.AND(subject="red"), mark_seen=False)
        assert red.text.splitlines()[0] == "拝啓"
        assert red.uid is not None
        client.flag(red.uid, imap_tools.MailMessageFlags.FLAGGED, True)
        client.folder.create("kept")
        client.copy(red.uid, "kept")
        client.delete(red.uid)
        assert [message.subject for message in client.fetch()] == ["blue"]
        client.folder.set("kept")
        (copied,) = [set(message.flags) - {"\\Recent"} for message in client.fetch()]
        assert copied == {"\\Seen", "\\Flagged"}
        assert client.folder.status("kept")["MESSAGES"] == 1
        assert "kept" in {folder.name for folder in client.folder.list()}


def test_aioimaplib_hears_of_a_letter_while_it_idles(house: House, tmp_path: Path) -> None:
    account = house.account()

    async def hear() -> list[bytes]:
        client = aioimaplib.IMAP4_SSL(HOST, house.ports["imaps"], ssl_context=house.context(), timeout=60)
        await client.wait_hello_from_server()
        await client.login(account.user, account.password)
        await client.select("INBOX")
        idle = await client.idle_start(timeout=60)
        threading.Thread(target=submit, args=(house, account, letter(account, "told"), tmp_path)).start()
        told: list[bytes] = []
        while not any(line.endswith(b"EXISTS") for line in told):
            told += await client.wait_server_push(timeout=60)
        client.idle_done()
        await asyncio.wait_for(idle, 30)
        await client.logout()
        return told

    assert b"1 EXISTS" in asyncio.run(hear())


def test_imaplib_appends_and_reads_back(house: House) -> None:
    account = house.account()
    written = letter(account, "appended")
    with house.imap(account) as client:
        when = imaplib.Time2Internaldate(1_500_000_000)
        kind, told = client.append("INBOX", r"(\Draft)", when, written)
        assert kind == "OK"
        assert b"APPENDUID" in told[0]
        client.select("INBOX")
        answer = client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1][0]
        assert isinstance(answer, tuple)
        assert answer[1] == written
        moment = imaplib.Internaldate2tuple(answer[0])
        assert moment == imaplib.Internaldate2tuple(f"1 (INTERNALDATE {when})".encode())
        parsed: Message = email.message_from_bytes(answer[1])
        assert parsed["Subject"] == "appended"
