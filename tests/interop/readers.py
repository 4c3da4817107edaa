"""Mail programs that fetch a letter: curl, mutt, fetchmail, getmail, mpop and Python's own, over TLS they verify.

Used by test_mail_clients. Each looks for the letter whose subject holds a token and returns its octets.
Never trusts another certificate than the house's.
A program that is not installed skips the test (conftest.need); one that fails is an AssertionError with what it said.
"""

import asyncio
import imaplib
import mailbox
import os
import poplib
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import aioimaplib
import imap_tools
import imapclient
from tests.interop.conftest import need
from tests.interop.houses import HOST, Account, House

Reader = Callable[[House, Account, str, Path], bytes]


def run(command: list[str], folder: Path, *, fine: tuple[int, ...] = (0,), given: bytes = b"") -> bytes:
    """What a program prints; it must end with one of these statuses."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HATOBA_")}
    environ |= {"HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    done = subprocess.run(command, input=given, capture_output=True, timeout=120, check=False, cwd=folder, env=environ)
    told = (done.stdout[-4000:] + done.stderr[-4000:]).decode("utf-8", "replace")
    assert done.returncode in fine, f"{command[0]} ended with {done.returncode}:\n{told}"
    return done.stdout


def crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def having(letters: list[bytes], token: str) -> bytes:
    """The one letter with the token."""
    found = [octets for octets in letters if token.encode() in octets]
    assert len(found) == 1, f"{len(found)} of {len(letters)} letters have {token}"
    return found[0]


def private(path: Path, text: str) -> Path:
    """A settings file that nobody else may read: it has a password in it."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def in_mbox(path: Path) -> list[bytes]:
    box = mailbox.mbox(str(path), create=False)
    try:
        return [crlf(box.get_bytes(key)).replace(b"\r\n>From ", b"\r\nFrom ") for key in box.iterkeys()]
    finally:
        box.close()


# ---- programs of Debian


def curl_imaps(house: House, account: Account, token: str, folder: Path) -> bytes:
    base = [need("curl"), "-sS", "--cacert", str(house.ca), "-u", f"{account.user}:{account.password}"]
    root = f"imaps://{HOST}:{house.ports['imaps']}"
    told = run([*base, f"{root}/INBOX?SUBJECT%20{token}"], folder)
    numbers = re.findall(rb"\d+", told.partition(b"SEARCH")[2])
    assert len(numbers) == 1, told
    return run([*base, f"{root}/INBOX;MAILINDEX={numbers[0].decode()}"], folder)


def curl_starttls(house: House, account: Account, token: str, folder: Path) -> bytes:
    base = [need("curl"), "-sS", "--ssl-reqd", "--cacert", str(house.ca), "-u", f"{account.user}:{account.password}"]
    root = f"imap://{HOST}:{house.ports['imap']}"
    assert b"INBOX" in run([*base, f"{root}/", "-X", 'LIST "" "*"'], folder)
    told = run([*base, f"{root}/INBOX?SUBJECT%20{token}"], folder)
    number = re.findall(rb"\d+", told.partition(b"SEARCH")[2])[0].decode()
    return run([*base, f"{root}/INBOX;MAILINDEX={number}"], folder)


def curl_pop3s(house: House, account: Account, token: str, folder: Path) -> bytes:
    base = [need("curl"), "-sS", "--cacert", str(house.ca), "-u", f"{account.user}:{account.password}"]
    root = f"pop3s://{HOST}:{house.ports['pop3s']}"
    count = len(run([*base, f"{root}/"], folder).splitlines())
    return having([run([*base, f"{root}/{number}"], folder) for number in range(1, count + 1)], token)


def curl_stls(house: House, account: Account, token: str, folder: Path) -> bytes:
    base = [need("curl"), "-sS", "--ssl-reqd", "--cacert", str(house.ca), "-u", f"{account.user}:{account.password}"]
    root = f"pop3://{HOST}:{house.ports['pop3']}"
    count = len(run([*base, f"{root}/", "-X", "UIDL"], folder).splitlines())
    return having([run([*base, f"{root}/{number}"], folder) for number in range(1, count + 1)], token)


def mutt(house: House, account: Account, token: str, folder: Path) -> bytes:
    rc = private(
        folder / "muttrc",
        f'set folder="imaps://{HOST}:{house.ports["imaps"]}/"\nset spoolfile="+INBOX"\n'
        f'set imap_user="{account.user}"\nset imap_pass="{account.password}"\n'
        f'set ssl_ca_certificates_file="{house.ca}"\nset ssl_usesystemcerts=no\nset ssl_force_tls=yes\n'
        "set header_cache=\nset message_cachedir=\nset quit=yes\nset wait_key=no\nset move=no\nset confirmappend=no\n"
        "set beep=no\nset pipe_decode=no\nset mark_old=no\n",
    )
    keys = f"push '<limit>~s {token}<enter><pipe-message>cat >{folder}/letter<enter><quit>'"
    inner = shlex.join([need("mutt"), "-n", "-F", str(rc), "-e", keys])
    run([need("script", "bsdutils"), "-qec", inner, "/dev/null"], folder)
    return crlf((folder / "letter").read_bytes())


def _fetchmail(house: House, account: Account, folder: Path, poll: str, tls: str) -> list[bytes]:
    (folder / "taken").mkdir()
    (folder / "mda").write_text(f'#!/bin/sh\ncat >"{folder}/taken/$$"\n')
    (folder / "mda").chmod(0o700)
    rc = private(
        folder / "fetchmailrc",
        f"poll {HOST} {poll} user '{account.user}' password '{account.password}' {tls} sslcertck"
        f" sslcertfile '{house.ca}' keep fetchall mda '{folder}/mda'\n",
    )
    run([need("fetchmail"), "-f", str(rc), "--nodetach", "--nosyslog", "-v"], folder)
    return [crlf(path.read_bytes()) for path in (folder / "taken").iterdir()]


def fetchmail_imap(house: House, account: Account, token: str, folder: Path) -> bytes:
    return having(_fetchmail(house, account, folder, f"protocol IMAP port {house.ports['imaps']}", "ssl"), token)


def fetchmail_pop3(house: House, account: Account, token: str, folder: Path) -> bytes:
    poll = f"protocol POP3 port {house.ports['pop3']} uidl"
    return having(_fetchmail(house, account, folder, poll, "sslproto TLS1.2+"), token)


def _getmail(house: House, account: Account, folder: Path, retriever: str, port: int) -> list[bytes]:
    data = folder / "getmail"
    data.mkdir()
    (folder / "taken").mkdir()
    private(
        data / "getmailrc",
        f"[retriever]\ntype = {retriever}\nserver = {HOST}\nport = {port}\nusername = {account.user}\n"
        f"password = {account.password}\nca_certs = {house.ca}\n"
        "[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\n"
        f"arguments = ('-c', 'cat >{folder}/taken/$$')\nunixfrom = false\n"
        "[options]\ndelete = false\nread_all = true\nverbose = 1\ndelivered_to = false\nreceived = false\n",
    )
    run([need("getmail", "getmail6"), "--getmaildir", str(data), "--rcfile", "getmailrc"], folder)
    # it puts a field of its own behind the others
    return [re.sub(rb"X-getmail-.*\r\n", b"", crlf(path.read_bytes())) for path in (folder / "taken").iterdir()]


def getmail_imap(house: House, account: Account, token: str, folder: Path) -> bytes:
    return having(_getmail(house, account, folder, "SimpleIMAPSSLRetriever", house.ports["imaps"]), token)


def getmail_pop3(house: House, account: Account, token: str, folder: Path) -> bytes:
    return having(_getmail(house, account, folder, "SimplePOP3SSLRetriever", house.ports["pop3s"]), token)


def mpop(house: House, account: Account, token: str, folder: Path) -> bytes:
    command = [need("mpop"), f"--host={HOST}", f"--port={house.ports['pop3s']}", "--tls=on", "--tls-starttls=off"]
    command += [f"--tls-trust-file={house.ca}", f"--user={account.user}", f"--passwordeval=echo {account.password}"]
    command += ["--auth=user", "--keep=on", f"--uidls-file={folder}/uidls", f"--delivery=mbox,{folder}/mbox"]
    run(command, folder)
    letters = in_mbox(folder / "mbox")
    run(command, folder)  # the UIDLs are the same: nothing comes a second time
    assert len(in_mbox(folder / "mbox")) == len(letters)
    return having(letters, token)


# ---- Python


def python_imap(house: House, account: Account, token: str, folder: Path) -> bytes:
    client = imaplib.IMAP4(HOST, house.ports["imap"], timeout=60)
    with client:
        client.starttls(house.context())
        client.authenticate("PLAIN", lambda _: f"\0{account.user}\0{account.password}".encode())
        client.select("INBOX")
        numbers = client.search(None, "SUBJECT", token)[1][0].split()
        assert len(numbers) == 1
        answer = client.fetch(numbers[0].decode(), "(BODY.PEEK[] FLAGS)")[1][0]
        assert isinstance(answer, tuple)
        return bytes(answer[1])


def python_pop3(house: House, account: Account, token: str, folder: Path) -> bytes:
    client = poplib.POP3(HOST, house.ports["pop3"], timeout=60)
    client.stls(house.context())
    client.user(account.user)
    client.pass_(account.password)
    count, octets = client.stat()
    uids = [line.split()[1] for line in client.uidl()[1]]
    assert len(set(uids)) == count
    letters = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
    assert sum(map(len, letters)) == octets
    top = client.top(1, 1)[1]
    assert top[: len(top) - 1] == letters[0].split(b"\r\n")[: len(top) - 1]
    client.quit()
    return having(letters, token)


def python_imapclient(house: House, account: Account, token: str, folder: Path) -> bytes:
    with imapclient.IMAPClient(HOST, house.ports["imaps"], ssl_context=house.context()) as client:
        client.login(account.user, account.password)
        client.select_folder("INBOX", readonly=True)
        (uid,) = client.search(["SUBJECT", token])
        row = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "BODY.PEEK[]"])[uid]
        assert token.encode() in row[b"ENVELOPE"].subject
        assert len(row[b"BODY[]"]) == row[b"RFC822.SIZE"]
        assert not row[b"BODYSTRUCTURE"].is_multipart
        return bytes(row[b"BODY[]"])


def python_imap_tools(house: House, account: Account, token: str, folder: Path) -> bytes:
    box = imap_tools.MailBox(HOST, house.ports["imaps"], ssl_context=house.context())
    with box.login(account.user, account.password) as client:
        (message,) = client.fetch(imap_tools.AND(subject=token), mark_seen=False)
        assert token in message.subject
        return message.obj.as_bytes(policy=message.obj.policy.clone(linesep="\r\n", max_line_length=0))


def python_aioimaplib(house: House, account: Account, token: str, folder: Path) -> bytes:
    async def read() -> bytes:
        client = aioimaplib.IMAP4_SSL(HOST, house.ports["imaps"], ssl_context=house.context(), timeout=60)
        await client.wait_hello_from_server()
        assert (await client.login(account.user, account.password)).result == "OK"
        await client.select("INBOX")
        found = await client.search("SUBJECT", token)
        told = await client.fetch(found.lines[0].decode().split()[0], "(BODY.PEEK[])")
        await client.logout()
        return bytes(told.lines[1])

    return asyncio.run(read())


READERS: dict[str, Reader] = {
    "curl-imaps": curl_imaps,
    "curl-starttls": curl_starttls,
    "curl-pop3s": curl_pop3s,
    "curl-stls": curl_stls,
    "mutt": mutt,
    "fetchmail-imap": fetchmail_imap,
    "fetchmail-pop3": fetchmail_pop3,
    "getmail-imap": getmail_imap,
    "getmail-pop3": getmail_pop3,
    "mpop": mpop,
    "imaplib": python_imap,
    "poplib": python_pop3,
    "imapclient": python_imapclient,
    "imap_tools": python_imap_tools,
    "aioimaplib": python_aioimaplib,
}
