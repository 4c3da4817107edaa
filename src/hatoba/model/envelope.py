"""Envelope, Source and Letter: who sends what to whom, who handed it in, and the letter as it stands in the queue.

Made by intake (and by notice for bounces), kept by store, read by queue and delivery.
Never parses wire text: addresses arrive as `Address`.
"""

import msgspec

from hatoba.model.address import Address


class Recipient(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One forward-path with its DSN parameters. # RFC 3461 §4

    `way` is 0 where the letter goes to it as it stands, else Envelope.ways[way - 1] says what is different.
    """

    address: Address
    notify: str = ""  # "", "NEVER", or a comma list of SUCCESS, FAILURE, DELAY in that order
    orcpt: str = ""  # as received, xtext decoded: "rfc822;bob@example.com"; "" when absent
    way: int = 0


class Way(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is different about the copies that reach recipients by an alias, a list or a forward.

    `sender` stands in MAIL in place of the envelope's (SRS, a list's owner), `told` gets the notices in place of the
    sender; None: as in the envelope. `top` are fields on top of these copies. `ends` says that nothing is delivered,
    and why: "expanded" (an alias with several targets, only there for its notice), "listed" (a list, the same) or
    "discarded". `anew`: ENVID and RET stay behind, this is a letter of the list's.  # RFC 3461 §5.2.7
    """

    sender: Address | None = None
    told: Address | None = None
    top: bytes = b""
    ends: str = ""
    anew: bool = False


_AS_IT_STANDS = Way()


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reverse-path, the forward-paths and the parameters of MAIL FROM that travel with the letter."""

    sender: Address | None  # None is the null reverse-path <>
    recipients: tuple[Recipient, ...]
    body: str = "7BIT"  # "7BIT", "8BITMIME", "BINARYMIME": what the sender declared  # RFC 6152, RFC 3030
    smtputf8: bool = False  # RFC 6531
    requiretls: bool = False  # RFC 8689
    ret: str = ""  # "", "FULL", "HDRS"  # RFC 3461 §4.3
    envid: str = ""  # xtext decoded  # RFC 3461 §4.4
    priority: int = 0  # -9..9  # RFC 6710
    hold_until: int = 0  # ms since 1970; 0: at once  # RFC 4865
    deliver_by: int = 0  # ms since 1970; 0: no deadline  # RFC 2852
    by_mode: str = ""  # "R" return or "N" notify when the deadline passes  # RFC 2852 §4
    by_trace: bool = False
    tls_optional: bool = False  # the letter says "TLS-Required: No"  # RFC 8689 §5
    ways: tuple[Way, ...] = ()

    def way(self, n: int) -> Way:
        """The way of recipient `n`; an empty one for most."""
        way = self.recipients[n].way
        return self.ways[way - 1] if way else _AS_IT_STANDS

    def reverse(self, n: int) -> Address | None:
        """The reverse-path that recipient `n`'s copy goes out with."""
        return self.way(n).sender or self.sender

    def told(self, n: int) -> Address | None:
        """Who is told what becomes of recipient `n`; None for nobody.

        Nobody hears about a letter from nobody, whatever its way.  # RFC 5321 §4.5.5
        """
        return None if self.sender is None else self.way(n).told or self.sender


class Source(msgspec.Struct, frozen=True, gc=False):
    """Who handed the letter in, through which door, from where: the audit's half of a letter."""

    door: str  # "mx", "submission", "submissions", "lmtp", "dsn", "cli"
    ip: str = ""
    port: int = 0  # the port of ours that was spoken to
    helo: str = ""
    tls: str = ""  # "" or "TLSv1.3 TLS_AES_256_GCM_SHA384"
    account: str = ""  # the account that authenticated, "" for none


class Notes(msgspec.Struct):
    """What was found out about a letter as it came in: for the journal alone, it does not stay with the letter.

    `verdicts` are (check, action, score, reason), `auth` the findings of Authentication-Results as text, `dmarc` what
    an aggregate report wants to know (journal.forms.Dmarc). `hold` says why it is to be held in the queue, `drop` why
    it is to be accepted and thrown away; "" for neither. `chain` is its ARC chain (mailauth.arc.chain.Chain), for who
    seals it again. `rewrites` are (what, from, to). `seal` says how a forwarded letter is to be sealed
    (intake.rewriting.sealing.Wanted), None for most.
    """

    verdicts: tuple[tuple[str, str, float, str], ...] = ()
    auth: str = ""
    dmarc: object = None
    hold: str = ""
    drop: str = ""
    chain: object = None
    rewrites: tuple[tuple[str, str, str], ...] = ()
    seal: object = None


class Letter(msgspec.Struct):
    """A letter in the queue. Times are ms since 1970.

    `content` is the message in canonical form (CRLF lines, not dot-stuffed, our Received on top), or None when it
    must be read from the store (then `blob` may name the file that holds it). `top` is what stands before the octets
    in the blob, its header most often; `size` counts it. A letter with `content` has everything there.
    `signed` names the DKIM keys that signed it on its way in ("example.org selector"), `unsigned` says why none did:
    for the journal, as `notes` are; the row does not keep them.
    """

    id: int
    accepted: int
    expires: int
    envelope: Envelope
    source: Source
    size: int
    content: bytes | None = None
    blob: str = ""
    dotted: bool = False  # some line starts with a dot: DATA needs stuffing  # RFC 5321 §4.5.2
    eightbit: bool = False  # some byte is above 127
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    top: bytes = b""
    notes: Notes | None = None
    signed: tuple[str, ...] = ()
    unsigned: str = ""

    @property
    def apart(self) -> int:
        """The octets that lie in the blob."""
        return self.size - len(self.top)
