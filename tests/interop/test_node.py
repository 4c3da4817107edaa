"""nodemailer and imapflow, what most JavaScript talks to mail with: sent, pushed, read, flagged, moved, deleted."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.interop.conftest import missing, need
from tests.interop.houses import House

pytestmark = pytest.mark.interop

SCRIPT = Path(__file__).parent / "node" / "round_trip.mjs"
PACKAGES = {"imapflow": "^2.0.0", "nodemailer": "^10.0.0"}


def modules() -> Path:
    """A folder with the packages, installed from the registry once for this machine and these versions."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "hatoba-tests" / "node-mail"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"private": True, "dependencies": PACKAGES})
    done = cache / "installed"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            (cache / "package.json").write_text(wanted)
            command = [need("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            told = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=300, check=False)
            if told.returncode:
                missing(f"npm cannot install {', '.join(PACKAGES)}: {told.stderr[-500:]}")
            done.write_text(wanted)
    return cache


def test_nodemailer_sends_and_imapflow_hears_of_it(house: House) -> None:
    node = need("node", "nodejs")
    folder = modules()
    script = folder / f"round_trip-{os.getpid()}.mjs"  # imports are looked for from where the script is
    shutil.copy(SCRIPT, script)
    account = house.account()
    told = {"ports": house.ports, "user": account.user, "password": account.password, "token": "fromnode"}
    environ = os.environ | {"NODE_EXTRA_CA_CERTS": str(house.ca)}
    try:
        done = subprocess.run(
            [node, str(script), json.dumps(told)], capture_output=True, text=True, timeout=120, check=False, env=environ
        )
    finally:
        script.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    seen["flags"] = [flag for flag in seen["flags"] if flag != "\\Recent"]
    boxes, capabilities = seen.pop("boxes"), seen.pop("capabilities")
    assert {"IDLE", "MOVE", "UIDPLUS"} <= set(capabilities)
    assert "INBOX" in boxes
    assert "移動先" not in boxes
    assert seen == {
        "accepted": [account.user],
        "count": 1,
        "found": 1,
        "subject": "fromnode お知らせ",
        "from": account.user,
        "type": "multipart/mixed",
        "parts": ["multipart/alternative", "text/plain"],
        "filename": "資料.txt",
        "size": True,
        "text": "本文です",
        "flags": ["\\Seen", "noted"],
        "moved": 1,
        "left": 0,
        "there": 1,
        "deleted": 0,
    }
