"""Policies: the need of each domain: the first rule of the settings that names it, else what the domain publishes.

Made by courier; router lets it learn a domain while it asks for its MX records, channel asks it for each letter.
Never waits in `known`; an answer that is past its time goes on counting while it is asked for anew.
Fails never: trouble with a domain's DNS is a need with a refusal.
"""

import asyncio
from collections.abc import Callable, Sequence

from hatoba.delivery import settings
from hatoba.delivery.need import Level, Need
from hatoba.delivery.sts import Cache, Found
from hatoba.model.status import Status
from hatoba.net import dns
from hatoba.net.session import Log

_FRESH = 60.0  # seconds until a domain is looked at again: DNS answers have their own time in the resolver
_TROUBLED = 5.0  # the same after trouble
_STALE = 600.0  # seconds beyond that for which an answer still counts while it is asked for anew
_DNS = "DNS"  # the rule of a need that says only that there is trouble
_PUBLISHED = ("opportunistic", "dane", "dane-only", "mta-sts")  # rules that ask what the domain publishes
_LEVELS: dict[str, Level] = {"require": "encrypt", "verify": "verify", "none": "none", "fingerprint": "fingerprint"}


class _Known:
    __slots__ = ("fresh", "need", "until")

    def __init__(self, need: Need, fresh: float, until: float) -> None:
        self.need = need
        self.fresh = fresh
        self.until = until


class Policies:
    """One per courier. `floor` gives the `tls` word of a domain's route; `steady` seconds."""

    def __init__(
        self,
        options: settings.Settings,
        rules: Sequence[settings.TlsPolicy],
        resolver: dns.Resolver,
        sts: Cache | None,
        *,
        floor: Callable[[str], settings.Tls],
        steady: Callable[[], float],
        log: Log,
    ) -> None:
        self._options = options
        self._rules = tuple(rules)
        self._resolver = resolver
        self._sts = sts
        self._floor = floor
        self._now = steady
        self._log = log
        self._most = options.route_cache
        self._domains: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[Need]] = {}

    def known(self, domain: str) -> Need | None:
        """The need of a domain, None when it was not asked for lately. Hot: once per letter."""
        known = self._domains.get(domain)
        if known is None:
            return None
        now = self._now()
        if known.fresh > now:
            return known.need
        if known.until > now:
            self.learn(domain)
            return known.need
        return None

    def learn(self, domain: str) -> "asyncio.Task[Need]":
        """Asks for a domain's need, once for all who want it."""
        task = self._asking.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._find(domain))
            self._asking[domain] = task
            task.add_done_callback(lambda done: self._asked(domain, done))
        return task

    def _asked(self, domain: str, task: "asyncio.Task[Need]") -> None:
        del self._asking[domain]
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._log.error("fault", domain=domain, exc_info=error)

    async def find(self, domain: str) -> Need:
        """The need of a domain, asked for where it is not known."""
        known = self.known(domain)
        return known if known is not None else await asyncio.shield(self.learn(domain))

    def rule(self, domain: str) -> settings.TlsPolicy | None:
        """The first rule of the settings that names the domain or host."""
        for rule in self._rules:
            wanted = rule.match.lower()
            if wanted in ("*", domain) or (wanted[:1] == "." and domain.endswith(wanted)):
                return rule
        return None

    def fixed(self, host: str, word: settings.Tls) -> Need:
        """The need of a host that the settings name (smarthost, LMTP); `word` is its route's."""
        rule = self.rule(host.lower())
        if rule is None or rule.level in _PUBLISHED:
            return Need(word, rule="the route", pinned=True)
        return self._ruled(rule, "")

    async def close(self) -> None:
        """Ends what is being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- finding

    async def _find(self, domain: str) -> Need:
        if domain[:1] == "[":  # RFC 8461 §2: literals have no policy
            need = self._default(domain, Found(), secure=False, dane=False)
        else:
            need = await self._published(domain)
        return self._remember(domain, need)

    async def _published(self, domain: str) -> Need:
        rule = self.rule(domain)
        level = rule.level if rule is not None else "opportunistic"
        floor = self._floor(domain)
        asks = level in ("opportunistic", "mta-sts") and (rule is not None or floor != "none")
        found = Found()
        if asks and self._sts is not None and (self._options.mta_sts.enabled or level == "mta-sts"):
            found = await self._sts.find(domain)
        try:
            secure = (await self._resolver.query(domain, "MX")).secure
        except dns.DnsTrouble as trouble:  # whoever can bring it about must not get rid of DANE by it
            refusal = Status("4.4.3", f"DNS did not tell the mail hosts of {domain}: {trouble}")
            return Need("may", rule=_DNS, domain=domain, mx=True, refusal=refusal)
        if rule is not None and level not in _PUBLISHED:
            return self._ruled(rule, domain, secure=secure)
        dane = secure and self._options.dane and floor in ("may", "encrypt") and level != "mta-sts"
        if rule is None or level == "opportunistic":
            return self._default(domain, found, secure=secure, dane=dane)
        return self._asked_for(rule, domain, found, secure=secure)

    def _default(self, domain: str, found: Found, *, secure: bool, dane: bool) -> Need:
        """What the route says, and what the domain publishes on top."""
        return Need(
            self._floor(domain), rule="delivery.tls", domain=domain, mx=True, secure=secure, dane=dane,
            sts=found.policy, failure=found.failure,
        )  # fmt: skip

    def _asked_for(self, rule: settings.TlsPolicy, domain: str, found: Found, *, secure: bool) -> Need:
        """A rule that says which of the two is to be asked for, or must be there."""
        name = _name(rule)
        if rule.level in ("dane", "dane-only"):
            return Need(
                "may", rule=name, domain=domain, mx=True, secure=secure, dane=secure, only=rule.level == "dane-only",
                local=True,
            )  # fmt: skip
        refusal = None
        if found.policy is None:
            why = found.failure[1] or "it announces none"
            refusal = Status("4.7.0", f"a policy of MTA-STS is required ({name}), but {domain} has none: {why}")
        policy = found.policy
        if policy is not None and policy.mode != "enforce":
            policy = type(policy)("enforce", policy.mx, policy.max_age, policy.text)
        return Need(
            "may", rule=name, domain=domain, mx=True, secure=secure, sts=policy, failure=found.failure,
            refusal=refusal, local=True,
        )  # fmt: skip

    def _ruled(self, rule: settings.TlsPolicy, domain: str, *, secure: bool = False) -> Need:
        """A rule that settles it by itself."""
        return Need(
            _LEVELS[rule.level], rule=_name(rule), domain=domain, mx=bool(domain), secure=secure,
            pinned=not domain or bool(rule.names or rule.fingerprints), names=tuple(map(str.lower, rule.names)),
            fingerprints=tuple(plain_hex(each) for each in rule.fingerprints), local=True,
        )  # fmt: skip

    def _remember(self, domain: str, need: Need) -> Need:
        known, now = self._domains, self._now()
        old = known.pop(domain, None)
        if old is not None and old.need.key == need.key:
            need = old.need  # lines remember it
        elif old is not None and need.rule == _DNS and old.need.refusal is None and old.until > now:
            old.fresh = now + _TROUBLED  # what was found before holds a while longer
            known[domain] = old
            return old.need
        if len(known) >= self._most:
            for name in [*known][: max(1, len(known) // 16)]:
                del known[name]
        fresh = now + (_TROUBLED if need.refusal is not None else _FRESH)
        known[domain] = _Known(need, fresh, fresh if need.refusal is not None else fresh + _STALE)
        return need


def _name(rule: settings.TlsPolicy) -> str:
    return f"tls_policy {rule.match}"


def plain_hex(text: str) -> str:
    """A fingerprint without what people write in it."""
    return text.lower().removeprefix("sha256:").replace(":", "")
