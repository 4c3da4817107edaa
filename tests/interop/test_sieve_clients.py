"""sieve-connect and sievelib: scripts put, listed, checked, made active, read back, and what an active one does."""

import os
import subprocess
from pathlib import Path

import pytest
from sievelib.managesieve import Client
from tests.interop.conftest import need
from tests.interop.houses import HOST, Account, House
from tests.interop.test_mail_clients import letter, submit

pytestmark = pytest.mark.interop

SCRIPT = 'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "filed" { fileinto :create "Filed"; }\r\n'


def connect(house: House, account: Account, folder: Path, *words: str) -> str:
    """sieve-connect reads the password from a descriptor."""
    program = need("sieve-connect")
    secret = folder / "secret"
    secret.write_text(account.password + "\n")
    command = [program, "-s", HOST, "--port", str(house.ports["sieve"]), "-u", account.user, "--tlscafile"]
    command += [str(house.ca), "--nosslverify", *words]
    with secret.open() as given:
        number = given.fileno()
        told = subprocess.run(
            [*command, "--passwordfd", str(number)], pass_fds=(number,), capture_output=True, text=True, timeout=60,
            check=False, cwd=folder, env=os.environ | {"HOME": str(folder)},
        )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_sieve_connect_manages_scripts(house: House, tmp_path: Path) -> None:
    account = house.account()
    (tmp_path / "mine.sieve").write_text(SCRIPT.replace("\r\n", "\n"))
    connect(house, account, tmp_path, "--localsieve", "mine.sieve", "--remotesieve", "mine", "--upload")
    connect(house, account, tmp_path, "--remotesieve", "mine", "--activate")
    listed = connect(house, account, tmp_path, "--list")
    assert '"mine"' in listed
    assert "ACTIVE" in listed
    connect(house, account, tmp_path, "--remotesieve", "mine", "--localsieve", "back.sieve", "--download")
    assert (tmp_path / "back.sieve").read_text().split() == SCRIPT.split()
    submit(house, account, letter(account, "filed"), tmp_path)
    house.settled(account, "filed", "Filed")
    connect(house, account, tmp_path, "--deactivate")
    connect(house, account, tmp_path, "--remotesieve", "mine", "--delete")
    assert "mine" not in connect(house, account, tmp_path, "--list")


def test_sievelib_manages_scripts(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = house.account()
    monkeypatch.setenv("SSL_CERT_FILE", str(house.ca))
    client = Client(HOST, house.ports["sieve"])
    assert client.connect(account.user, account.password, starttls=True, authmech="PLAIN")
    assert "fileinto" in client.get_sieve_capabilities()
    assert client.havespace("first", len(SCRIPT))
    assert client.checkscript(SCRIPT)
    assert not client.checkscript("this is no script")
    assert client.putscript("first", SCRIPT)
    assert client.putscript("second", "keep;\r\n")
    assert client.setactive("first")
    active, others = client.listscripts()
    assert (active, others) == ("first", ["second"])
    assert client.getscript("first").split() == SCRIPT.split()
    assert client.renamescript("second", "third")
    assert client.deletescript("third")
    assert client.listscripts() == ("first", [])
    submit(house, account, letter(account, "filed"), tmp_path)
    house.settled(account, "filed", "Filed")
    client.logout()
