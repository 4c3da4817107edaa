"""Site: where letters that share a lane go: a set of MX hosts, a smarthost, an LMTP server, the local mailboxes.

Made by route and mx, named into the queue's rows, walked by dial. A value: two sites of one name are one lane.
Never resolves addresses itself: hosts are names (or literals) with a preference; dial asks for their addresses late.
Fails in nothing.
"""

import hashlib

import msgspec

from hatoba.delivery import settings as settings_
from hatoba.model.status import Status

_NAME_HOSTS = 3  # a longer set is shortened to its first hosts, a count and a hash
_NAME_LENGTH = 120


class Host(msgspec.Struct, frozen=True, gc=False):
    """One host to try. `name` is lower case without a final dot, or an IP literal without brackets."""

    name: str
    preference: int = 0


class Site(msgspec.Struct, frozen=True):
    """`kind` is "mx", "smarthost", "lmtp", "local" or "error".

    `domain` is a recipient's domain that led here (several may: any will do to ask DNS again); `hosts` are sorted by
    preference; `until` is monotonic seconds after which they should be asked for anew (0: never).
    """

    name: str
    kind: str
    domain: str = ""
    route: settings_.Route = settings_.Route()
    hosts: tuple[Host, ...] = ()
    status: Status | None = None  # kind "error": what every recipient is told
    until: float = 0.0


def mx_name(hosts: tuple[Host, ...]) -> str:
    """The lane's name of a set of MX hosts: sorted, whatever the preferences; long sets shortened with a hash.

    >>> mx_name((Host("b.example", 10), Host("a.example", 20)))
    'mx:a.example,b.example'
    """
    names = sorted({host.name for host in hosts})
    whole = "mx:" + ",".join(names)
    if len(names) <= _NAME_HOSTS and len(whole) <= _NAME_LENGTH:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:10]
    return f"mx:{names[0][:80]},+{len(names) - 1}~{digest}"
