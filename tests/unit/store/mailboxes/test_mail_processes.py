"""Two processes at one mail shard, and processes that are killed in the middle of a transaction."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import mail_deeds, mail_writer
from tests.support.letters import Mailbox

from hatoba import store
from hatoba.store.base import Base
from hatoba.store.mailboxes.verify import shards
from hatoba.store.server import Server

ROOT = Path(__file__).parents[4]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_two_processes_never_give_a_number_twice(home: Base, bob: Mailbox) -> None:
    count = 40
    where = {"data": str(home.data), "url": home.database.url if isinstance(home, Server) else "", "mail": 2}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.mail_writer", json.dumps(where), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        ours = mail_writer.work(bob, count, 0)
        theirs = [(uid, modseq) for uid, modseq in json.loads(other.stdout.read())]
        assert other.wait(60) == 0
    modseqs = [modseq for _, modseq in ours + theirs]
    assert len(set(modseqs)) == len(modseqs)
    assert ours == sorted(ours, key=lambda one: one[1])
    assert sorted(bob.flags()) == list(range(1, 2 * count + 1)) == sorted({uid for uid, _ in ours + theirs})
    assert bob.state.modseq == max(modseqs)
    assert [report.findings for report in shards(home, lambda text: None)] == [[], []]


@pytest.mark.crash
def test_all_or_nothing_at_every_statement(tmp_path: Path) -> None:
    template, folder = tmp_path / "template", tmp_path / "deaths"
    store.prepare(template, 0, mailboxes=mail_deeds.MAIL)
    assert not (template / "mailboxes").exists()
    store.prepare(template, 1, mailboxes=mail_deeds.MAIL)
    expected = []
    whole = mail_deeds.opened(Path(shutil.copytree(template, tmp_path / "whole")))
    expected.append(mail_deeds.held(whole))
    for deed in mail_deeds.DEEDS:
        whole.numbered(0).wait(deed)
        expected.append(mail_deeds.held(whole))
    whole.close()
    folder.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.mail_deeds", str(template), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    before = after = 0
    for line in ran.stdout.splitlines():
        step, status, acknowledged = (int(word) for word in line.split())
        opened = mail_deeds.opened(folder / str(step))
        found = mail_deeds.held(opened)
        if status == 0:
            assert (acknowledged, found) == (len(mail_deeds.DEEDS), expected[-1])
        else:
            assert found in expected[acknowledged : acknowledged + 2], f"step {step}"
            before += found == expected[acknowledged]
            after += found != expected[acknowledged]
        inbox = mail_deeds.inbox(opened)
        state = inbox.state
        known = [int(str(row[1])) for name in ("message", "trash") for row in found[name] if row[0] == inbox.box]
        assert inbox.put().uid == state.uidnext > max([0, *known])
        opened.close()
    assert before > 100
    assert before > after
