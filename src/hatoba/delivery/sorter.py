"""Sorter: what TLS must be like for each errand; one whose recipients' domains differ in that becomes several.

Made by channel, one each; asks policies, from memory where that is possible.
Never dials and never waits but in `learn`.
Fails in nothing: an errand of unknown need is sorted when a connection is opened for it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

from hatoba.delivery import feed as feeds
from hatoba.delivery.errand import Errand
from hatoba.delivery.ground import Ground
from hatoba.delivery.need import Need
from hatoba.delivery.site import Site
from hatoba.model.envelope import Envelope


class Sorter:
    """`fixed` is the need of a site that the settings name; letters to others go by their recipients' domains."""

    def __init__(self, site: Site, feed: feeds.Feed, ground: Ground) -> None:
        self._feed = feed
        self._policies = ground.policies
        self._fixed: Need | None = None
        if site.kind != "mx":
            host = site.hosts[0].name if site.hosts else ""
            self._fixed = ground.policies.fixed(host, site.route.tls or ground.options.tls)
        self._parts: deque[Errand] = deque()

    def part(self) -> Errand | None:
        """What an errand was parted into and not taken yet."""
        return self._parts.popleft() if self._parts else None

    def rest(self) -> list[Errand]:
        """All of these; the channel closes."""
        rest = [*self._parts]
        self._parts.clear()
        return rest

    def sorted(self, errand: Errand) -> Errand:
        """The errand with its need, as far as that is known. Hot."""
        job = errand.job
        envelope, indexes = job.letter.envelope, job.indexes
        need = self._fixed
        if need is None:
            if len(indexes) > 1:
                self._sort(errand)
                return errand
            need = self._policies.known(envelope.recipients[indexes[0]].address.domain)
        if need is not None and (envelope.requiretls or envelope.tls_optional):
            need = _asked(need, envelope)
        errand.need = need
        return errand

    async def learn(self, errand: Errand) -> Need:
        """The need of an errand once it is found out, with the errand parted where that must be."""
        domains = _domains(errand)
        found = await asyncio.gather(*[self._policies.find(domain) for domain in domains])
        return self._part(errand, dict(zip(domains, found, strict=True)))

    def _sort(self, errand: Errand) -> None:
        needs: dict[str, Need] = {}
        for domain in _domains(errand):
            need = self._policies.known(domain)
            if need is None:
                return
            needs[domain] = need
        self._part(errand, needs)

    def _part(self, errand: Errand, needs: Mapping[str, Need]) -> Need:
        """One errand for each need; those that ask nothing go together."""
        envelope = errand.job.letter.envelope
        groups: dict[Need | None, list[int]] = {}
        for n in errand.job.indexes:
            need = needs[envelope.recipients[n].address.domain]
            groups.setdefault(None if need.plain else need, []).append(n)
        asked = [
            _asked(need or needs[envelope.recipients[indexes[0]].address.domain], envelope)
            for need, indexes in groups.items()
        ]
        if len(groups) > 1:
            first, *others = self._feed.split(errand.job, list(groups.values()))
            errand.job = first
            errand.todo = first.indexes
            self._parts.extend(Errand(job, errand.started, need) for job, need in zip(others, asked[1:], strict=True))
        errand.need = asked[0]
        return asked[0]


def _domains(errand: Errand) -> list[str]:
    recipients = errand.job.letter.envelope.recipients
    return list(dict.fromkeys(recipients[n].address.domain for n in errand.job.indexes))


def _asked(need: Need, envelope: Envelope) -> Need:
    """The need of a letter to a domain. # RFC 8689 §5: with both, the field does not count"""
    if envelope.requiretls:
        return need.strict
    return need.relaxed if envelope.tls_optional else need
