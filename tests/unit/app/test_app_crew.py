"""Logs, numbers, stories for people, and the hands of the crew: real processes, real files."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hatoba.app import crew, numbers, stories
from hatoba.app.settings import Settings
from hatoba.doors.http.metrics import Sample
from hatoba.journal import forms, timeline

NOW = 1_700_000_000_000

SPEAK = """
import structlog
from hatoba.app import logs
logs.configure(logs.Settings(level="info", form={form!r}, file={file!r}), worker=3)
structlog.get_logger("x").debug("hidden")
structlog.get_logger("x").info("letter taken", letter="0A", to="鳩@example.com")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("x").exception("bug")
"""


def speak(form: str, file: str) -> str:
    """The log of a process of its own: structlog is set up once a process."""
    command = [sys.executable, "-c", SPEAK.format(form=form, file=file)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stderr


def test_json_lines_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for _ in range(2):
        assert speak("json", str(path)) == ""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["letter taken", "bug"] * 2
    assert (lines[0]["worker"], lines[0]["level"], lines[0]["to"]) == (3, "info", "鳩@example.com")
    assert "ZeroDivisionError" in lines[1]["exception"]


def test_words_on_standard_error() -> None:
    first = speak("text", "").splitlines()[0]
    assert 'level=info event="letter taken"' in first
    assert "letter=0A" in first


def test_a_full_disk_stops_nothing() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    assert speak("json", "/dev/full") == ""


def test_numbers_of_all_workers() -> None:
    answers = [[{"name": "n", "kind": "counter", "help": "h", "value": 2.0, "labels": {}}], None]
    found = list(numbers.samples(answers, [0, 5]))
    assert [(one.name, one.value, one.labels) for one in found] == [
        ("worker_restarts", 0, {"worker": "0"}), ("worker_up", 1.0, {"worker": "0"}),
        ("worker_restarts", 5, {"worker": "1"}), ("worker_up", 0.0, {"worker": "1"}),
        ("n", 2.0, {}),
    ]  # fmt: skip
    assert isinstance(found[-1], Sample)


def story(*entries: timeline.Entry, waiting: list[timeline.Waiting] | None = None) -> timeline.Story:
    first = next((entry.form for entry in entries if isinstance(entry.form, forms.Accepted)), None)
    return timeline.Story("0A", 10, 0, first, NOW, 0, bool(waiting), list(entries), waiting or [])


ACCEPTED = timeline.Entry(
    1, NOW, "accepted",
    forms.Accepted("", ("bob@example.com",), "mx", 99, "192.0.2.1", 25, "c.example", subject="=?utf-8?b?6bOp?= Hi"),
)  # fmt: skip


def test_a_story_in_words() -> None:
    result = forms.Result(0, "bob@example.com", "4.4.1", "no answer", "450 later")
    tried = forms.Tried(2, (result,), "mx:h", "h", "192.0.2.2", "TLSv1.3", started=NOW, ended=NOW + 1500,
                        session="S", dialogue="C: MAIL\nS: 450 later\n")  # fmt: skip
    told = story(ACCEPTED, timeline.Entry(2, NOW, "deferred", tried, "S: 220 h\n"))
    moment = stories.Moment()
    lines = [line for entry in told.entries for line in stories.lines_of(entry, moment)]
    assert lines[0].endswith("accepted by mx on port 25 from 192.0.2.1 (c.example) in plain text, 99 octets")
    assert lines[1] == "    <> → <bob@example.com>"
    assert lines[2].endswith("deferred (attempt 2) at h [192.0.2.2] over TLSv1.3 in 1.50 s")
    assert lines[3:] == [
        "    TLS policy: opportunistic, certificate not checked",
        "    bob@example.com: 4.4.1 450 later",
        "      S: 220 h",
        "      C: MAIL",
        "      S: 450 later",
    ]
    assert next(stories.heading(told)).endswith("  鳩 Hi")
    assert list(stories.standing(told, moment)) == ["  → no longer in the queue; last: deferred"]


def test_other_events_and_where_it_stands() -> None:
    moment = stories.Moment()
    held = timeline.Entry(2, NOW, "held", forms.Ordered((0,), "cli:me", "a reason"))
    freed = timeline.Entry(3, NOW, "released", forms.Ordered((0,), "cli:me", next_at=NOW))
    odd = timeline.Entry(4, NOW, "new", timeline.Unreadable("{"))
    assert [next(stories.lines_of(entry, moment)).split("  ", 1)[1] for entry in (held, freed, odd)] == [
        "held: by cli:me, reason a reason",
        f"released: by cli:me, next try {moment(NOW)}",
        "new: data {",
    ]
    waiting = timeline.Waiting(
        0, "b@c", "mx:h", "ready", 2, NOW, status="4.4.1", reply="450 later", binds=["lane held"]
    )
    (line,) = stories.standing(story(ACCEPTED, waiting=[waiting]), moment)
    assert line.startswith("  → b@c: ready in mx:h, 2 attempts, next try ")
    assert line.endswith("; last: 4.4.1 450 later; binds now: lane held")
    assert next(stories.heading(story())).endswith("(no subject)")


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[crew.Crew]:
    """A crew of one whose worker is a small script in the worker's place: it says ready and waits for its end."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, os, sys\n"
        "orders = json.loads(sys.stdin.readline())\n"
        "os.write(orders['ready'], b'r')\n"
        "sys.stdin.read()\n",
        encoding="utf-8",
    )
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    counters = os.memfd_create("test", os.MFD_CLOEXEC)
    made = crew.Crew(Settings(), [[]], counters, "here")
    yield made
    for hand in made.hands:
        if hand.process:
            hand.process.kill()
            hand.process.wait(10)
            assert hand.process.stdin is not None
            hand.process.stdin.close()
        if hand.ready_fd >= 0:
            os.close(hand.ready_fd)
    os.close(counters)


def until_ready(made: crew.Crew) -> None:
    """Waits for the word of the worker, as long as a loaded machine may need."""
    import select

    for hand in made.hands:
        assert select.select([hand.ready_fd], [], [], 30)[0]
    made.look()


def test_a_worker_becomes_ready_dies_and_comes_back(hands: crew.Crew) -> None:
    (hand,) = hands.hands
    deaths: list[int] = []
    hands.on_death = deaths.append
    hands.start(hand)
    until_ready(hands)
    assert hands.all_ready
    assert hands.alive
    first = hand.pid
    assert hand.process is not None
    hands.tell(signal.SIGKILL)
    hand.process.wait(10)
    hands.reap(restart=True)
    assert (deaths, hand.restarts, hand.delay, hands.all_ready) == ([0], 1, crew.FIRST_DELAY, False)
    hand.due = 0.0  # the delay is over
    hands.reap(restart=True)
    until_ready(hands)
    assert hand.pid not in (0, first)


def test_short_lives_are_spaced_out(hands: crew.Crew) -> None:
    (hand,) = hands.hands
    delays = []
    for _ in range(3):
        hands.start(hand)
        assert hand.process is not None
        hand.process.kill()
        hand.process.wait(10)
        hands.reap(restart=True)
        delays.append(hand.delay)
    assert delays == [0.1, 0.2, 0.4]
    hands.reap(restart=False)
    assert not hands.alive
