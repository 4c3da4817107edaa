"""Query: what a person looks for, as criteria that all must hold: each with the terms that propose letters for it.

Made by app from words and options; carried out by search.
Never touches the store.
Fails with BadQuery, whose text says what cannot be looked for.
"""

import ipaddress
from collections.abc import Iterator

import msgspec

from hatoba.journal import facts, terms, tokens
from hatoba.journal.facts import Facts
from hatoba.model.address import Address, BadAddress

LONGEST = 1000  # characters of one word or option
_PLAIN = str.maketrans("", "", '"\\')  # what JSON escapes in a word


class BadQuery(ValueError):
    """This cannot be looked for."""


class Query(msgspec.Struct, frozen=True):
    """What is looked for; "" and 0 ask for nothing. `since` and `until` in ms; `below`: only letters with a lower id.

    `sender` is the envelope's or the From field's address (or its domain; "<>": bounces), `recipient` and `account`
    an address or domain, `domain` any of sender's and recipients'. `words` may be any of these, a Message-ID, a client
    address or words of the subject; all of them must be found. `status` is one of facts.STATUSES.
    """

    words: tuple[str, ...] = ()
    sender: str = ""
    recipient: str = ""
    domain: str = ""
    subject: str = ""
    message_id: str = ""
    ip: str = ""
    account: str = ""
    status: str = ""
    verdict: str = ""
    since: int = 0
    until: int = 0
    below: int = 0


class Criterion(msgspec.Struct, frozen=True):
    """One of the things that must hold.

    `options`: sets of terms; a letter with all terms of one of them is proposed. () where no term can propose any.
    `subject` (folded) and `status`: what must hold besides. `needles`: octets of which one stands in every accepted
    event (in lower case, if it is ASCII) that could match; () where that cannot be said.
    """

    options: tuple[frozenset[str], ...] = ()
    subject: str = ""
    status: str = ""
    needles: tuple[bytes, ...] = ()

    def proposes(self, found: set[str]) -> bool:
        """Whether terms of one event are enough, or the criterion has no terms."""
        return not self.options or any(option <= found for option in self.options)

    def holds(self, known: Facts) -> bool:
        """Whether the letter fits."""
        if self.status:
            return self.status in known.standing
        if self.options and not self.proposes(known.terms):
            return False
        return not self.subject or self._in_subject(known)

    def _in_subject(self, known: Facts) -> bool:
        """A word may be in the subject, or be something else that was found; a subject must be."""
        others = any(option <= known.terms for option in self.options if not _is_subject(option))
        return others or tokens.matches(known.subject, self.subject)


def _is_subject(option: frozenset[str]) -> bool:
    return all(term.startswith("s ") for term in option)


def criteria(query: Query) -> list[Criterion]:
    """All that must hold but for the times. BadQuery."""
    return [_bounded(one) for one in _criteria(query)]


def _bounded(one: Criterion) -> Criterion:
    if any(len(term) > LONGEST for option in one.options for term in option) or len(one.subject) > LONGEST:
        raise BadQuery(f"a word of more than {LONGEST} characters is not looked for")
    return one


def _criteria(query: Query) -> Iterator[Criterion]:
    for word in query.words:
        yield _word(word)
    if query.sender:
        yield _sender(query.sender)
    if query.recipient:
        yield _person("t", query.recipient)
    if query.account:
        yield _person("a", query.account)
    if query.domain:
        name = normal(query.domain)
        yield Criterion((frozenset({f"F {name}"}), frozenset({f"T {name}"})))
    if query.subject:
        yield _subject(query.subject)
    if query.message_id:
        bare = terms.bare(query.message_id)
        yield Criterion((frozenset({f"m {bare}"}),), needles=_needles(bare))
    if query.ip:
        address = _ip(query.ip)
        yield Criterion((frozenset({f"i {address}"}),), needles=_needles(address))
    if query.status:
        yield _status(query.status)
    if query.verdict:
        yield Criterion((frozenset({f"v {query.verdict.casefold()}"}),))


def normal(written: str) -> str:
    """A word in the form in which addresses, domains and Message-IDs are indexed."""
    text = written.strip().removeprefix("<").removesuffix(">")
    prefix = "" if "@" in text.removeprefix("@") else "postmaster@"  # a domain is normalised as an address has it
    try:
        address = Address.parse(prefix + text.removeprefix("@"))
    except BadAddress:
        return text.casefold()
    return address.domain if prefix else str(address).casefold()


def _sender(written: str) -> Criterion:
    if written.strip() == terms.NULL:
        return Criterion((frozenset({f"f {terms.NULL}"}),))
    return msgspec.structs.replace(_person("f", written), needles=())  # the From field may be written in any way


def _person(field: str, written: str) -> Criterion:
    name = normal(written)
    term = f"{field} {name}" if "@" in name else f"{field.upper()} {name}"
    return Criterion((frozenset({term}),), needles=_needles(name))


def _word(written: str) -> Criterion:
    name, text = normal(written), tokens.folded(written)
    if written.strip() == terms.NULL:
        return _sender(written)
    fields = "ftam" if "@" in name else "FTAami"
    options = [frozenset({f"{field} {name}"}) for field in fields]
    asked = frozenset(f"s {token}" for token in tokens.asked(text))
    if asked:
        options.append(asked)
    return Criterion(tuple(options), subject=text if asked else "")


def _subject(written: str) -> Criterion:
    text = tokens.folded(written)
    if not tokens.runs(text):
        raise BadQuery(f"{written!r} has no word that could stand in a subject")
    asked = frozenset(f"s {token}" for token in tokens.asked(text))
    return Criterion((asked,) if asked else (), subject=text)


def _status(written: str) -> Criterion:
    word = written.casefold()
    if word not in facts.STATUSES:
        raise BadQuery(f"no letter is {written!r}: give one of {', '.join(facts.STATUSES)}")
    return Criterion(() if word in facts.WAITING else (frozenset({f"k {word}"}),), status=word)


def _ip(written: str) -> str:
    try:
        return str(ipaddress.ip_address(written.strip().strip("[]")))
    except ValueError:
        raise BadQuery(f"{written!r} is no IP address") from None


def _needles(word: str) -> tuple[bytes, ...]:
    """A word that stands in the event's JSON as it is: no character of it is escaped or folded."""
    plain = word.isascii() and word.isprintable() and word == word.translate(_PLAIN)
    return (word.encode("ascii"),) if plain else ()
