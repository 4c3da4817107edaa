"""Sign: DKIM-Signature fields for a letter that is about to leave, one for each key, over one hash of the body.

Called by whoever sends a letter out, in a thread for RSA: it holds the interpreter's lock for a fifth of the time.
Never reads a key, a clock or the letter's envelope: keys, time and domains come in. The letter must be in the form
that goes over the wire (CRLF, transfer encoding chosen): what is changed behind the signature breaks it.
Fails never for any octets; a Signer that could not sign is refused when it is made (ValueError).
"""

import base64
import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from hatoba.mailauth.dkim import canonical, fields, keys, signature
from hatoba.mailauth.dkim.signature import Unusable

# Signed once for each time they are there, and once more: nobody may add another.  # RFC 6376 §8.15
SEALED = (b"from", b"to", b"cc", b"subject", b"reply-to", b"date", b"message-id")
# The same for those that are there; some relay may rightly add one that is not.
GUARDED = (b"mime-version", b"content-type", b"content-transfer-encoding", b"in-reply-to", b"references", b"sender")
# Signed where they are there, for lists may add theirs.  # RFC 6376 §5.4.1, RFC 8058 §4
TAKEN = (
    b"content-id", b"content-description", b"resent-date", b"resent-from", b"resent-to", b"resent-cc",
    b"resent-sender", b"resent-message-id", b"list-id", b"list-help", b"list-unsubscribe", b"list-unsubscribe-post",
    b"list-subscribe", b"list-post", b"list-owner", b"list-archive", b"feedback-id", b"auto-submitted",
)  # fmt: skip
_NAME = re.compile(rb"[!-9<-@[-~]+")
_WIDTH = 72  # octets of a line


class Signer(msgspec.Struct, frozen=True):
    """One key and how to sign with it. Make it once and keep it. ValueError for a domain, selector or i= in bad form.

    `domain` and `selector` are kept as A-labels; `identity` is the i= to write ("" for none): "@sub.example.org".
    `lifetime`: seconds until x=, 0 for no x=. `stamped`: whether t= tells when it was made.
    """

    domain: str
    selector: str
    key: keys.PrivateKey
    header_form: canonical.Form = "relaxed"
    body_form: canonical.Form = "relaxed"
    identity: str = ""
    lifetime: int = 0
    stamped: bool = True
    sealed: tuple[bytes, ...] = SEALED
    guarded: tuple[bytes, ...] = GUARDED
    taken: tuple[bytes, ...] = TAKEN
    # made from the others
    extra: dict[bytes, int] = {}  # name → how often it stands in h= beyond what is there
    opening: str = ""  # the tags that are the same for every letter

    def __post_init__(self) -> None:
        said = {"v": "1", "a": keys.algorithm(self.key), "d": self.domain, "s": self.selector, "h": "from"}
        if self.identity:
            said["i"] = self.identity
        try:
            read = signature.read(said | {"b": "AAAA", "bh": "A" * 43 + "="})
        except Unusable as unusable:
            raise ValueError(unusable.reason) from None
        extra = dict.fromkeys(self.taken, 0) | dict.fromkeys((*self.guarded, *self.sealed), 1)
        if b"from" not in extra:
            raise ValueError("From must be signed")
        if any(not _NAME.fullmatch(name) for name in extra):
            raise ValueError("a header to sign is no field name in lower case")
        if self.lifetime < 0 or not read.identity.isascii():
            raise ValueError("a lifetime below nothing, or an i= beyond ASCII")
        opening = (
            f" v=1; a={read.algorithm}; c={self.header_form}/{self.body_form};\r\n\td={read.domain}; s={read.selector};"
        )
        opening += f"\r\n\ti={read.identity};\r\n\t" if self.identity else "\r\n\t"
        msgspec.structs.force_setattr(self, "opening", opening)
        msgspec.structs.force_setattr(self, "extra", extra)
        msgspec.structs.force_setattr(self, "domain", read.domain)
        msgspec.structs.force_setattr(self, "selector", read.selector)


def field(header: fields.Fields, body_hash: bytes, signer: Signer, *, now: int) -> bytes:
    """The DKIM-Signature field with its line end, to stand above the header.

    `body_hash`: canonical.BodyHash of signer.body_form over the whole body. `now`: seconds since 1970.  # RFC 6376 §5
    """
    names = signed_names(header, signer)
    times = f"t={now};" if signer.stamped else ""
    if signer.lifetime:
        times += f" x={now + signer.lifetime};" if times else f"x={now + signer.lifetime};"
    if times:
        times += "\r\n\t"
    digest = base64.b64encode(body_hash).decode()
    value = f"{signer.opening}{times}{listed(tuple(names))};\r\n\tbh={digest};\r\n\tb=".encode()
    form = signer.header_form
    parts = [header.canonical(place, form) for place in header.selected(names)]
    parts.append(canonical.field(b"DKIM-Signature", value, form))
    made = base64.b64encode(keys.sign(signer.key, b"\r\n".join(parts)))
    pieces = [made[at : at + _WIDTH] for at in range(0, len(made), _WIDTH)]
    return b"DKIM-Signature:" + value + b"\r\n\t ".join(pieces) + b"\r\n"


@lru_cache(maxsize=256)  # letters of one sender have the same fields
def listed(names: tuple[bytes, ...]) -> str:
    """The h= tag without its semicolon, cut into lines behind colons."""
    text, width = "h=", 2
    for name in names:
        word = name.decode() + ":"
        if width > 2 and width + len(word) > _WIDTH:
            text, width = text + "\r\n\t", 0
        text, width = text + word, width + len(word)
    return text[:-1] if names else text


def sign(content: bytes, signers: Sequence[Signer], *, now: int) -> bytes:
    """The DKIM-Signature fields of a whole letter, in the order of `signers`, to stand above it."""
    header, body = fields.split(content)
    hashes: dict[canonical.Form, bytes] = {}
    for signer in signers:
        if signer.body_form not in hashes:
            taken = canonical.BodyHash(signer.body_form)
            taken.update(body)
            hashes[signer.body_form] = taken.digest()
    return b"".join(field(header, hashes[signer.body_form], signer, now=now) for signer in signers)


def signed_names(header: fields.Fields, signer: Signer) -> list[bytes]:
    """What h= names for this header."""
    places, extra = header.places, signer.extra
    names = [name for name in signer.sealed if name not in places]
    for name, found in places.items():
        if name in extra:
            names += [name] * (len(found) + extra[name])
    return names
