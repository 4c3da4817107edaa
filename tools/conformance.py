"""Runs the shared conformance vectors: python tools/conformance.py [--write] [--only NAME] [-v]

Called by `make conformance` and tests/vectors. The vectors lie in $HATOBA_SHARED/vectors or ../shared/vectors.
Never holds a vector and never lets one decide: AREAS says which runner meets which adapter, and nothing more.
Exit status 1 when an area is below its goal, 2 when the vectors are not there.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
ADAPTERS = "tests/vectors/adapters.py"


class Area(NamedTuple):
    """One line of the table. `goal` is the least number of cases that must pass."""

    name: str
    runner: str  # below the vectors' folder
    adapter: str  # behind adapters.py: ":function", "" for the module; "live" and "imap" ask a running server
    goal: int
    library: str  # what a well-known library scores
    notes: str = ""  # the failures, each read against its RFC
    options: tuple[str, ...] = ()  # of the runner
    zeros: bool = False  # the runner gets a copy of the cases with the zeros that it cannot do without (see with_zeros)


LIVE = frozenset({"live", "imap"})
AREAS = (
    Area(
        "addresses", "addresses/run_addresses.py", ":addr_valid", 440, "email-validator: 434 of 445",
        "Left: `::` for a single group of an IPv6 literal is taken (RFC 4291 §2.2, cited by RFC 5321, allows it, and "
        "the cases disagree with each other); a top-level domain with a digit or hyphen at its end is within RFC 5321 "
        "§4.1.2; a Czech local part and IDN refused by the source's old parser is within RFC 6531; a reverse-path "
        "without angle brackets is refused (RFC 5321 §4.1.1.2).",
    ),
    Area(
        "mime", "mime/run_mime.py", ":mime_parse", 1119, "stdlib: 630 of 758 and 385 of 386 letters survived",
        "No letter breaks the scan (386); of the other checks 733 of 776 hold. Left, by choice: octets without a "
        "charset are guessed where the cases want U+FFFD (13); x-uuencode is undone (5); a delimiter of an outer "
        "multipart ends the inner one (RFC 2046 §5.1.2; 3); parts without a body are parts, a multipart without parts "
        "has none, and a message/rfc822 is a letter whatever it holds (5); base64 goes on behind padding and "
        "what is no base64 is not shown as text (6); a line that is no field does not end a header (1). Received "
        "fields are not read. Comments are not made into names (3), parameters have no language (2).",
        ("--header-adapter", f"{ADAPTERS}:header_parse"),
    ),
    Area("mime (ja)", "mime/run_ja.py", "", 12, "stdlib: 12 of 12", "Japanese charsets and broken encoded words."),
    Area(
        "spf", "spf/run_spf.py", ":spf_check", 251, "pyspf: 249 of 251",
        "RFC 7208, RFC 4408, pyspf's and another implementation's suites. Skipped are two cases of pyspf's lax mode. "
        "By choice: a MAIL FROM domain without a dot is asked for (RFC 7208 §4.3 would say none; the cases and other "
        "checkers evaluate it), a HELO without a dot is none. A term counts as one void look-up at most, however many "
        "mail hosts of it have no address (RFC 7208 §4.6.4 counts terms). Cases of a fifth implementation, for which "
        "there is no runner, agree but for one with a syntax error behind `all` (RFC 7208 §4.6: permerror) and those "
        "whose MX and PTR name addresses in place of hosts.",
    ),
    Area(
        "dkim", "dkim/run_dkim.py", ":dkim_verify", 75, "dkimpy: 63 of 77",
        "All 33 with the algorithms of today are as expected, those that cover a part of the body (l=) with the option "
        "that takes them; of the 44 with rsa-sha1, short keys or the form from before RFC 4871 none passes "
        "(RFC 8301). Left: two with rsa-sha1 whose key is not to be had for now expect temperror; we refuse rsa-sha1 "
        "before we ask for a key, for no answer could change that.",
    ),
    Area(
        "arc", "arc/run_arc.py", ":arc_validate", 123, "dkimpy: 107 of 123",
        "The suite is of draft 18, where a chain whose seal says cv=fail has no state; RFC 8617 §5.2 says fail, and so "
        "do we: the adapter translates.",
        ("--sign-adapter", f"{ADAPTERS}:arc_sign"),
    ),
    Area(
        "misc", "misc/run_misc.py", "", 69, "authres, checkdmarc and a regular expression: 66 of 69",
        "BIMI records, Authentication-Results, List-Unsubscribe.",
    ),
    Area(
        "dmarc", "dmarc/run_dmarc.py", "", 112, "authheaders, checkdmarc and publicsuffixlist: 91 of 116",
        "Organizational domains by tree walk (RFC 9989), the public suffix list by its own tests. Record cases "
        "are held against the strict reading for those who publish. Left: `p=n` is taken for `p=none` by its source "
        "alone; the grammar knows no shortened policy. Skipped are cases on fields that the runner does not compare.",
    ),
    Area(
        "reports", "reports/run_reports.py", ":report_parse", 30, "parsedmarc: 28 of 30",
        "Aggregate reports of both forms in letters, zips, gzips and bare; TLS reports; feedback reports. One "
        "expectation leaves out a count that is 0, at which the runner would break off: it is given a copy with the "
        "0 written.",
        zeros=True,
    ),
    Area(
        "sts-tlsa", "sts-tlsa/run_sts_tlsa.py", "", 87, "checkdmarc, dkimpy and a small DANE check: 83 of 88",
        "Left: one DKIM signature with a UTF-8 identity stands twice, valid and invalid, and the adapter is not told "
        "whether the letter may hold UTF-8; we take it (RFC 8616). Skipped are TLSA usages 0 and 1, which SMTP cannot "
        "use (RFC 7672 §3.1.3).",
    ),
    Area(
        "sieve", "sieve/run_sieve.py", ":sieve_run", 247, "Pigeonhole: 245 of 255",
        "Left of the runs: one expects the values of a match that the block before it in the suite's file made, one "
        "asks for the name of its source, one has a command whose syntax is broken (RFC 5228 §8.2). Left of the "
        "compilations: one must fail because an option of its source forbids notifications, one because of a limit "
        "that its twin must stay below, one needs an extension of its source, as does the one that is skipped.",
        ("--compile-adapter", f"{ADAPTERS}:sieve_compile"),
    ),
    Area("smtp (live)", "smtp/run_smtp_live.py", "live", 62, "aiosmtpd: 60 of 62",
         "A whole hatoba whose mx door takes `bob@example.com` on loopback."),
    Area("imap (live)", "imap/run_imaptest.py", "imap", 41, "Dovecot 2.3: 41 of 41",
         "Scripts of imaptest against our IMAP door. Skipped are those that need URLAUTH."),
)  # fmt: skip


class Score(NamedTuple):
    """What a run said. `why` is set when the area was not run."""

    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...]
    why: str = ""


def vectors() -> Path | None:
    """The folder of the vectors, or None."""
    shared = os.environ.get("HATOBA_SHARED")
    folder = (Path(shared) if shared else ROOT.parent / "shared") / "vectors"
    return folder if folder.is_dir() else None


def command(area: Area, folder: Path, report: Path, port: int) -> list[str]:
    """How the runner of `area` is called."""
    line = [sys.executable, str(folder / area.runner), "--json", str(report)]
    if area.adapter == "live":
        return [*line, "--port", str(port), "--starttls"]
    if area.adapter == "imap":
        from tests.vectors import live_imap

        return [*line, "--port", str(port), "--user", live_imap.USER, "--password", live_imap.PASSWORD]
    line += ["--path", str(ROOT), "--path", str(ROOT / "src"), "--adapter", f"{ADAPTERS}{area.adapter}"]
    return [*line, *area.options]


def with_zeros(cases: Path, place: Path) -> Path:
    """A copy of the report cases in which every expected TLS summary has both its counts; a missing one is 0.

    RFC 8460 §4.4 has both in every summary; the runner looks both up, but a source leaves zeros out.
    """
    place.mkdir()
    for case in cases.iterdir():
        shutil.copyfile(case, place / case.name)
    manifest = place / "manifest.json"
    listed = json.loads(manifest.read_text(encoding="utf-8"))
    for case in listed:
        for policy in (case["expect"] or {}).get("policies", ()):
            for name in ("total-successful-session-count", "total-failure-session-count"):
                policy["summary"].setdefault(name, 0)
    manifest.write_text(json.dumps(listed), encoding="utf-8")
    return place


def run(area: Area, folder: Path, port: int = 0) -> Score:
    """The score of one area; the runner's own words go to no one unless it breaks."""
    if area.adapter in LIVE and not port:
        return Score(0, 0, 0, (), "needs a running server")
    if not (folder / area.runner).is_file():
        return Score(0, 0, 0, (), f"{area.runner} is not among the vectors")
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        line = command(area, folder, report, port)
        if area.zeros:
            line += ["--data", str(with_zeros(folder / Path(area.runner).parent / "data", Path(place) / "data"))]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
        if not report.is_file():
            return Score(0, 0, 0, (), f"the runner broke off: {done.stderr.strip().splitlines()[-1:]}")
        found = json.loads(report.read_text(encoding="utf-8"))
    failures = tuple(f"{case}: {detail}" for case, detail in found["failures"])
    return Score(found["passed"], found["failed"], found["skipped"], failures)


def run_live(area: Area, folder: Path) -> Score:
    """The score of an area that asks a running server: one is started for it."""
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    from tests.vectors import live, live_imap

    serving = live.listening if area.adapter == "live" else live_imap.serving
    with tempfile.TemporaryDirectory() as place, serving(Path(place) / "node") as port:
        return run(area, folder, port)


def row(area: Area, score: Score) -> str:
    """The area's line of the page; one that was not run now keeps the figures of its last run."""
    if score.why:
        for line in PAGE.read_text(encoding="utf-8").splitlines() if PAGE.is_file() else ():
            if line.startswith(f"| {area.name} |"):
                return line
        return f"| {area.name} | not run | | | {area.goal} | {area.library} |"
    return f"| {area.name} | {score.passed} | {score.failed} | {score.skipped} | {area.goal} | {area.library} |"


def page(scores: Sequence[tuple[Area, Score]]) -> str:
    """docs/conformance.md."""
    lines = [
        "# Conformance",
        "",
        "Generated by `make conformance CONFORMANCE_ARGS=--write`; do not edit. The cases are those that other mail",
        "projects test themselves with; the score of a well-known library on the same cases stands beside ours.",
        "Skipped are cases that a source marks as its own taste, or that need what an area does not offer.",
        "",
        "| area | passed | failed | skipped | goal | a library |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(area, score) for area, score in scores]
    for area, _ in scores:
        if area.notes:
            lines += ["", f"**{area.name}.** {area.notes}"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Run the shared conformance vectors.")
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    parser.add_argument("--only", action="append", default=[], help="an area's name; may be repeated")
    parser.add_argument("-v", action="store_true", help="print each failure")
    asked = parser.parse_args(arguments)
    folder = vectors()
    if folder is None:
        print("conformance: no vectors; set HATOBA_SHARED to the folder that holds vectors/", file=sys.stderr)
        return 2
    scores = []
    below = 0
    for area in AREAS:
        left_out = bool(asked.only) and area.name not in asked.only
        if left_out:
            score = Score(0, 0, 0, (), "left out")
        else:
            score = run_live(area, folder) if area.adapter in LIVE else run(area, folder)
        scores.append((area, score))
        said = score.why or f"{score.passed} passed, {score.failed} failed, {score.skipped} skipped (goal {area.goal})"
        print(f"{area.name:14} {said}")
        for failure in score.failures if asked.v else ():
            print(f"    {failure}")
        below += not score.why and score.passed < area.goal
    if asked.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(scores), encoding="utf-8")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
