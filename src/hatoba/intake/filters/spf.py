"""SPF: whether the client may send for the envelope's domain. # RFC 7208

Asked with the first RCPT, so that a refusal names sender and recipient; fills in `case.authenticity`.
Never refuses unless the settings say so: a forwarded letter fails, and DMARC knows better.
Fails never.
"""

from collections.abc import Sequence

from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filter_settings import Auth
from hatoba.mailauth.spf import check
from hatoba.mailauth.spf.result import Result
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_SHOWN = 200  # characters of a stranger's explanation that a refusal repeats


class Spf:
    name = "spf"
    anyway = True

    def __init__(self, settings: Auth, hostname: str) -> None:
        self._settings = settings
        self._hostname = hostname

    def at_sender(self, case: Case) -> Asking[Sequence[Verdict]]:
        settings, source, known = self._settings, case.source, case.authenticity
        if not source.ip:
            return ()
        sender = "" if case.mail.sender is None else str(case.mail.sender)
        us, now, rules = self._hostname, case.now // 1000, settings.spf_rules
        known.spf = yield from check.mail_from(source.ip, sender, source.helo, receiver=us, now=now, settings=rules)
        if settings.spf_helo and known.spf.identity != "helo":
            known.helo = yield from check.helo(source.ip, source.helo, receiver=us, now=now, settings=rules)
        found = [each for each in (known.spf, known.helo) if each is not None]
        return [verdict for result in found if (verdict := self._verdict(result, source.ip)) is not None]

    def _verdict(self, result: Result, ip: str) -> Verdict | None:
        if result.result == "fail":
            reason = f"fail for {result.identity} {result.domain}"
            if self._settings.spf != "reject":
                return Verdict(self.name, "accept", reason=reason)
            return Verdict(self.name, "reject", Status("5.7.23", _why(result, ip)), reason)  # RFC 7372 §3.2
        if result.result == "temperror" and self._settings.spf == "reject" and self._settings.spf_trouble == "defer":
            text = f"SPF: {result.domain} cannot be asked for its policy now"
            return Verdict(self.name, "defer", Status("4.7.24", text), f"temperror: {result.why}")
        return None


def _why(result: Result, ip: str) -> str:
    """The text of a refusal; what the domain itself says is marked as its words. # RFC 7208 §6.2"""
    said = f"SPF: {result.domain} does not let {ip} send its mail"
    return f"{said}; {result.domain} explains: {result.explanation[:_SHOWN]}" if result.explanation else said
