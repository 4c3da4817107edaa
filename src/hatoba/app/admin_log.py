"""The admin log as app writes it: who changed what, when, from where, with what result.

Called by cli.marks for every verb that is not marked as reading, and by supervisor when settings are taken over.
Never holds a secret: values of options that name one are left out, and so are passwords in URLs.
Fails in nothing: what could not be logged is told as a sentence, the work itself stands.
"""

import getpass
import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hatoba.app import offline
from hatoba.app.settings import Settings
from hatoba.store import admin, trouble

_SECRET = re.compile(r"passw|secret|token|credential|private|_key$|^key$|passphrase", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]*@")
_LONGEST = 512  # characters of one value
_MANY = 100  # values of one option
_PLUMBING = frozenset({"as_json", "config"})  # options that say nothing of what was done


class Facts(msgspec.Struct, omit_defaults=True):
    """The data of an entry. `origin`: the machine, the terminal and, over SSH, the address; `outcome`: done, or why
    not."""

    outcome: str
    arguments: dict[str, Any] = {}
    origin: dict[str, str] = {}


def who() -> str:
    """The person at the command line: who became root by sudo is named as who he was."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the password file
        name = f"uid {os.getuid()}"
    return f"cli:{name}"


def origin() -> dict[str, str]:
    """From where: what the environment and the terminal tell."""
    found = {"host": socket.gethostname()}
    try:
        found["terminal"] = os.ttyname(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):  # a pipe, a timer
        found["terminal"] = ""
    found["ssh"] = os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return {key: value for key, value in found.items() if value}


def arguments(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Options and arguments as they may be kept: those given, bounded, without secrets."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if name in _PLUMBING or value in (None, False, "", (), []):
            continue
        found[name] = "********" if _SECRET.search(name) and value is not True else _kept(value)
    return found


def _kept(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_kept(one) for one in value[:_MANY]]
    return text(str(value.absolute()) if isinstance(value, Path) and str(value) != "-" else str(value))


def text(value: str) -> str:
    """A value or sentence, bounded, without a password in a URL."""
    return _IN_URL.sub("********@", value)[:_LONGEST]


def record(settings: Settings, name: str, verb: str, facts: Facts) -> str:
    """Writes an entry; "" when it was, or when this node has no directory yet; else why not."""
    data = msgspec.json.encode(facts)
    try:
        register = offline.home(settings).register()
    except trouble.WrongVersion:
        return ""
    except trouble.StoreTrouble as error:
        return str(error)
    try:
        register.note(lambda tx: admin.append(tx, offline.now(), name, verb, data))
    except trouble.StoreTrouble as error:
        return str(error)
    finally:
        register.close()
    return ""
