"""Taking: the letters of files put into a sink, in commits of some letters each.

Called by `hatoba mailbox import`.
Never puts a letter in twice that an earlier import put into the same box.
Fails by saying so in its Report: what was taken before stays.
"""

import time
from collections.abc import Iterable

from hatoba.app.migrating import files
from hatoba.app.migrating.pull import LETTERS, OCTETS, Reel, Report
from hatoba.app.migrating.sink import Full, Letter, Sink


def take(account: str, boxes: Iterable[files.Found], sink: Sink, reel: Reel) -> Report:
    """All folders, one after the other."""
    report = Report(account)
    started = time.monotonic()
    listed = list(boxes)
    reel.found(0, sum(one.octets for one in listed))
    try:
        for one in listed:
            _folder(one, sink, reel, report)
            report.mailboxes += 1
    except (Full, OSError) as error:
        report.problems.append(str(error))
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _folder(one: files.Found, sink: Sink, reel: Reel, report: Report) -> None:
    box = sink.box(one.folder)
    batch: list[Letter] = []
    read = held = 0
    for told in files.letters(one):
        read += told.octets
        if told.letter is None:
            report.left += 1
            report.problems.append(told.fault)
            continue
        batch.append(told.letter)
        held += len(told.letter.raw)
        if len(batch) >= LETTERS or held >= OCTETS:
            _put(box, batch, sink, report)
            reel.pulled(len(batch), read)
            batch, read, held = [], 0, 0
    if batch:
        _put(box, batch, sink, report)
    reel.pulled(len(batch), read)


def _put(box: str, batch: list[Letter], sink: Sink, report: Report) -> None:
    put = sink.put(box, f"files {box}", batch, 0)
    report.letters += put.fresh
    report.known += put.known
    report.left += len(put.large)
    report.octets += sum(len(letter.raw) for letter in batch)
    if put.large:
        report.problems.append(f"{box}: {len(put.large)} letters are too large")
    if put.unflagged:
        report.problems.append(f"{box}: {put.unflagged} letters have fewer keywords than they had: there are too many")
