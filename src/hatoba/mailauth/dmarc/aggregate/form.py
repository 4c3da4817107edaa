"""The values of an aggregate report, old form and new. # RFC 9990 §3.1, RFC 7489 appendix C

Made by read and by the room that counts; written by write.
Never holds octets: text, words in lower case, times in seconds since 1970.
Fails never.
"""

from typing import Literal, NamedTuple

import msgspec


class Reason(NamedTuple):
    """Why what was done differs from what the domain asked for: "local_policy", "mailing_list", …"""

    type: str
    comment: str = ""


class DkimAuth(NamedTuple):
    domain: str
    selector: str = ""
    result: str = "none"
    human_result: str = ""


class SpfAuth(NamedTuple):
    """`scope`: "mfrom" or "helo"; "" where an old reporter does not say."""

    domain: str
    scope: str = "mfrom"
    result: str = "none"
    human_result: str = ""


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Letters that have all of this in common. `disposition`: none, quarantine, reject; new reports know pass too.

    `dkim`, `spf`: pass or fail, alignment included.
    """

    source_ip: str
    count: int
    disposition: str = "none"
    dkim: str = "fail"
    spf: str = "fail"
    header_from: str = ""
    envelope_from: str = ""
    envelope_to: str = ""
    reasons: tuple[Reason, ...] = ()
    auth_dkim: tuple[DkimAuth, ...] = ()
    auth_spf: tuple[SpfAuth, ...] = ()


class Published(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The record that held; "" where it, or the reporter, says nothing. `pct`: None likewise."""

    domain: str
    p: str = ""
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    fo: str = ""
    pct: int | None = None
    testing: str = ""  # "y", "n"
    discovery_method: str = ""  # "treewalk", "psl"


class Report(msgspec.Struct, frozen=True, gc=False):
    """`form`: what it is written as; "1.0" is RFC 7489's, "2.0" that of RFC 9990."""

    org_name: str
    email: str
    report_id: str
    begin: int
    end: int
    published: Published
    rows: tuple[Row, ...] = ()
    extra_contact_info: str = ""
    errors: tuple[str, ...] = ()
    generator: str = ""
    form: Literal["1.0", "2.0"] = "2.0"
