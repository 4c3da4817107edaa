"""Facts and findings: what is known of a domain and this node, the records that follow, and what the DNS has instead.

Facts are gathered by app from settings, directory and certificate; findings are read by the command line and doors.
Never asks anything.
Fails never: values only.
"""

from typing import Literal

import msgspec

Weight = Literal["needed", "advised", "optional"]
State = Literal["ok", "weak", "missing", "differs", "trouble", "unasked"]
Sts = Literal["enforce", "testing", "none"]


class KeyFact(msgspec.Struct, frozen=True):
    """A DKIM key: its selector, its TXT record and its state (see directory.dkim_key)."""

    selector: str
    record: str
    state: str


class Service(msgspec.Struct, frozen=True):
    """A door for people's programs: "submissions", "imaps", its port and host. # RFC 6186, RFC 8314 §5.1"""

    name: str
    port: int
    host: str


class Facts(msgspec.Struct, frozen=True):
    """`domain` and all hosts are A-labels in lower case. `here`: letters for the domain are taken here.

    `mx`: our hosts, the first is preferred. `helo`: what we call ourselves outward. `addresses`: the public addresses
    letters leave from; empty: those that `mx` and `helo` have in the DNS. `spf_terms` belong into SPF beside our
    addresses. `dmarc_rua`, `tls_rua`: URIs. `tlsa`: SHA-256 of our certificate's public key, b"" for none.
    `sts_id`: the id of the MTA-STS policy; `web`: the host that serves it and the files for mail programs.
    """

    domain: str
    mx: tuple[str, ...]
    helo: str
    here: bool = True
    addresses: tuple[str, ...] = ()
    keys: tuple[KeyFact, ...] = ()
    spf_terms: tuple[str, ...] = ()
    spf_all: str = "~all"
    dmarc_policy: str = "quarantine"
    dmarc_rua: tuple[str, ...] = ()
    tls_rua: tuple[str, ...] = ()
    sts: Sts = "testing"
    sts_id: str = ""
    web: str = ""
    services: tuple[Service, ...] = ()
    tlsa: bytes = b""
    ttl: int = 3600


class Record(msgspec.Struct, frozen=True):
    """A record to publish. `data` as a zone file has it; for TXT `text` is what it says."""

    name: str
    type: str
    data: str
    text: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One thing to publish: what should be there, what is, and what to do.

    `topic`: "mx", "address", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "srv", "autoconfig", "tlsa", "ptr".
    `found` as a zone file has it. `why` and `fix` are for people, "" when all is well.
    """

    topic: str
    weight: Weight
    expected: tuple[Record, ...]
    state: State = "unasked"
    found: tuple[str, ...] = ()
    why: str = ""
    fix: str = ""

    @property
    def name(self) -> str:
        return self.expected[0].name if self.expected else ""

    @property
    def matters(self) -> bool:
        """Letters are lost or distrusted for it."""
        return self.weight == "needed" and self.state in ("missing", "differs", "trouble")


def judged(finding: Finding, state: State, found: tuple[str, ...] = (), why: str = "", fix: str = "") -> Finding:
    """The finding with what the DNS says."""
    return msgspec.structs.replace(finding, state=state, found=found, why=why, fix=fix)
