"""hatoba ports HOST: which SMTP ports answer, and which one to use. Called by people; logs in nowhere."""

import os

import click

from hatoba.app import probe
from hatoba.app.cli import show


def language() -> str:
    """ "ja" when the locale says so, else "en"."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ja" if spoken.startswith("ja") else "en"


def _pairs(written: tuple[str, ...]) -> dict[int, int]:
    pairs = {25: 25, 465: 465, 587: 587, 2525: 2525}
    for text in written:
        role, _, port = text.partition("=")
        if not (role.isdigit() and port.isdigit() and int(role) in pairs and 0 < int(port) < 65536):
            raise click.BadParameter(f"{text!r} is not like 587=8587 (25, 465, 587 or 2525 on the left)")
        pairs[int(role)] = int(port)
    return pairs


def _tls(row: probe.Port) -> str:
    if not row.tls:
        return "none"
    return f"{row.tls}{'' if row.role == probe.IMPLICIT else ' by STARTTLS'}"


def _certificate(row: probe.Port) -> str:
    found = row.certificate
    if found is None:
        return ""
    return f"{', '.join(found.names[:2]) or found.subject}, until {found.expires[:10]}: {found.problem or 'trusted'}"


@click.command()
@click.argument("host")
@click.option("--at", "at", multiple=True, metavar="ROLE=PORT", help="Where a role listens, for example 587=8587.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds for each step.")
@click.option("--lang", type=click.Choice(["ja", "en"]), default=None, help="Language of the advice.")
@show.json_option
def ports(host: str, at: tuple[str, ...], timeout: float, lang: str | None, as_json: bool) -> int:
    """Ask HOST which of 25, 465, 587 and 2525 answer, with which TLS and AUTH, and recommend one."""
    rows = probe.ask_all(host, _pairs(at), timeout)
    port, reason = probe.recommend(rows, lang or language())
    if as_json:
        show.as_json({"host": host, "ports": rows, "recommended": port, "reason": reason})
    else:
        cells = (
            (
                row.port,
                probe.USES[row.role],
                "open" if row.open else "closed",
                _tls(row),
                " ".join(row.auth) + (" (offered before TLS!)" if row.auth_before_tls else ""),
                f"{row.seconds * 1000:.0f}" if row.open else "",
                row.failure or _certificate(row),
            )
            for row in rows
        )
        columns = ("port#", "for", "state", "TLS", "AUTH", "ms#", "certificate or failure")
        show.table(f"SMTP ports of {host}", columns, cells, empty="")
        click.echo(f"→ {port}: {reason}" if port else f"→ {reason}")
    return 0 if port else 1
