"""What a peer offers: the reply to EHLO or LHLO read into a value.

Called by the client engine (which forgets it when TLS starts) and by whoever asks ports what they offer.
Never believes more than is written; a keyword it does not know is kept in `offered`.
Fails never: an argument that is no number counts as not given.
"""

import msgspec

from hatoba.wire.smtp.peer import PeerReply


class Extensions(msgspec.Struct, frozen=True, gc=False):
    """Sizes in octets, times in seconds. -1: not offered; 0 in `size`: offered without a limit.

    The empty value is what a peer offers that was not asked yet, or that only knows HELO.
    """

    name: str = ""  # what the peer calls itself
    offered: frozenset[str] = frozenset()  # every keyword, upper case
    size: int = -1  # RFC 1870
    pipelining: bool = False  # RFC 2920
    starttls: bool = False  # RFC 3207
    eightbit: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    chunking: bool = False  # RFC 3030
    binarymime: bool = False  # RFC 3030
    dsn: bool = False  # RFC 3461
    enhanced: bool = False  # RFC 2034
    requiretls: bool = False  # RFC 8689
    auth: frozenset[str] = frozenset()  # mechanisms, upper case; RFC 4954
    mailmax: int = 0  # letters in one session, 0: not said; RFC 9422
    rcptmax: int = 0  # recipients in one transaction, 0: not said; RFC 9422
    rcptdomainmax: int = 0  # recipient domains in one transaction, 0: not said; RFC 9422
    deliverby: int = -1  # the shortest by-time, 0: any; RFC 2852
    futurerelease: int = -1  # the longest delay; RFC 4865
    priority: bool = False  # MT-PRIORITY; RFC 6710
    priority_profile: str = ""

    def takes(self, octets: int) -> bool:
        """Whether the declared SIZE lets a letter of so many octets in. # RFC 1870 §6"""
        return self.size <= 0 or octets <= self.size


def parse(reply: PeerReply) -> Extensions:
    """The extensions in a 250 to EHLO or LHLO; the empty value for any other reply. # RFC 5321 §4.1.1.1"""
    if reply.code != 250:
        return Extensions()
    words: dict[str, list[str]] = {}
    auth: set[str] = set()
    for line in reply.lines[1:]:
        keyword, *arguments = line.upper().split() or [""]
        if keyword.startswith("AUTH="):  # servers of before RFC 2554
            arguments.insert(0, keyword[5:])
            keyword = "AUTH"
        if keyword == "AUTH":
            auth.update(filter(None, arguments))
        if keyword:
            words.setdefault(keyword, arguments)
    limits = _limits(words.get("LIMITS", []))
    return Extensions(
        name=(reply.lines[0].split() or [""])[0],
        offered=frozenset(words),
        size=_number(words, "SIZE"),
        pipelining="PIPELINING" in words,
        starttls="STARTTLS" in words,
        eightbit="8BITMIME" in words,
        smtputf8="SMTPUTF8" in words,
        chunking="CHUNKING" in words,
        binarymime="BINARYMIME" in words,
        dsn="DSN" in words,
        enhanced="ENHANCEDSTATUSCODES" in words,
        requiretls="REQUIRETLS" in words,
        auth=frozenset(auth),
        mailmax=limits.get("MAILMAX", 0),
        rcptmax=limits.get("RCPTMAX", 0),
        rcptdomainmax=limits.get("RCPTDOMAINMAX", 0),
        deliverby=_number(words, "DELIVERBY"),
        futurerelease=_number(words, "FUTURERELEASE"),
        priority="MT-PRIORITY" in words,
        priority_profile=" ".join(words.get("MT-PRIORITY", [])[:1]),
    )


def _decimal(text: str) -> int:
    """The number written, 0 when it is none or has more digits than any limit. # RFC 1870 §3: 1*20DIGIT"""
    return int(text) if len(text) <= 20 and text.isascii() and text.isdigit() else 0


def _number(words: dict[str, list[str]], keyword: str) -> int:
    """The first argument of a keyword: -1 without the keyword, 0 without a number."""
    arguments = words.get(keyword)
    if arguments is None:
        return -1
    return _decimal(arguments[0]) if arguments else 0


def _limits(arguments: list[str]) -> dict[str, int]:
    """LIMITS' name=value pairs; the first of a name counts. # RFC 9422 §4"""
    found: dict[str, int] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        found.setdefault(name, _decimal(value))
    return found
