"""Roll: who is to be migrated, from a CSV file, and their pulls, several at once.

Called by `hatoba migrate imap`.
Never shows a password; one account's failure does not stop the others.
Fails with BadRoll, which names the line.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from hatoba.app.migrating.pull import Report
from hatoba.app.migrating.source import Who

COLUMNS = ("account", "user", "password", "password_file")


class BadRoll(Exception):
    """The file is not what it should be; the text says where."""


class Entry(msgspec.Struct, frozen=True):
    """An account here, and how to log in as it there."""

    account: str
    who: Who


def read(path: Path, *, token: bool = False) -> list[Entry]:
    """Every line of a CSV file whose first line names its columns: account, password or password_file, and maybe user
    (where it is not the account). BadRoll, OSError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        names = [name.strip().lower() for name in rows.fieldnames or ()]
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or "account" not in names or not {"password", "password_file"} & set(names):
            raise BadRoll(f"{path}: the first line names the columns {','.join(COLUMNS)}, not {','.join(names)}")
        rows.fieldnames = names
        entries = [_entry(path, rows.line_num, row, token) for row in rows if any(row.values())]
    doubled = {one.account for one in entries if sum(one.account == each.account for each in entries) > 1}
    if doubled:
        raise BadRoll(f"{path}: twice in it: {', '.join(sorted(doubled))}")
    return entries


def _entry(path: Path, line: int, row: dict[str, str], token: bool) -> Entry:
    if None in row or None in row.values():
        raise BadRoll(f"{path}:{line}: it has more or fewer columns than the first line")
    account = row["account"].strip()
    named = (row.get("password_file") or "").strip()
    password = row.get("password") or (secret(path.parent / named) if named else "")
    if not account or not password:
        raise BadRoll(f"{path}:{line}: {'the account' if not account else 'its password'} is missing")
    return Entry(account, Who((row.get("user") or "").strip() or account, password, token))


def secret(path: Path) -> str:
    """The first line of a file. OSError, BadRoll where it is empty."""
    with path.open(encoding="utf-8") as file:
        found = file.readline().rstrip("\r\n")
    if not found:
        raise BadRoll(f"{path}: its first line is empty; a password should stand there")
    return found


def run(entries: Iterable[Entry], work: Callable[[Entry], Report], jobs: int) -> list[Report]:
    """`work` for all of them, `jobs` at once; what they report, in their order."""

    def one(entry: Entry) -> Report:
        try:
            return work(entry)
        except Exception as error:  # noqa: BLE001  # one account's bug or full disk is no reason to leave the others
            return Report(entry.account, problems=[f"{type(error).__name__}: {error}"])

    listed: Sequence[Entry] = list(entries)
    with ThreadPoolExecutor(max(1, min(jobs, len(listed) or 1)), thread_name_prefix="migrate") as pool:
        return list(pool.map(one, listed))
