"""Seal: an ARC set for a letter that is about to be passed on, over what was found when it came in.

Called by whoever forwards a letter, with the Chain that arc.chain gave for it as it came in.
Never judges the letter: the results it attests are handed in, or gathered from our own Authentication-Results.
Gives b"" where a chain must not be continued; fails with ValueError for results that are no header text.
"""

import base64
import re
from collections.abc import Sequence

from hatoba.mailauth.arc import sets
from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.dkim import canonical, fields, keys, sign

_DKIM = b"dkim-signature"
_LINE = 900  # octets of a b= on one line; only RSA keys beyond 5000 bits need a second  # RFC 5322 §2.1.1
_WIDTH = 72
_FOLD = b";\r\n "  # a space, no tab: dkimpy 1.1.8 looks for " i=1;"
# possessive throughout: whatever others wrote is read once
_LEADING = re.compile(rb"(?:[ \t]|\((?:[^()\\]|\\.)*+\))*+(\"(?:[^\"\\]|\\.)*+\"|[^\s;\"()]++)[^;]*+;", re.DOTALL)
_PART = re.compile(rb"(?:\"(?:[^\"\\]|\\.)*+\"|\((?:[^()\\]|\\.)*+\)|[^;])++", re.DOTALL)
_TEXT = re.compile(rb"[ \t!-~\x80-\xff]*")


def attested(header: fields.Fields, authserv_id: str) -> bytes:
    """What our own Authentication-Results fields say, joined into one payload: b"id; spf=pass …; dkim=pass …".

    The fields of others count for nothing; b"id; none" when there is none of ours.  # RFC 8617 §4.1.1, RFC 8601 §2.2
    """
    said: list[bytes] = []
    for value in header.named(b"authentication-results"):
        line = canonical.squeeze(value.replace(b"\r\n", b"")).strip()
        found = _LEADING.match(line)
        if not found or found[1].strip(b'"').lower() != authserv_id.lower().encode():
            continue
        rest = line[found.end() :].strip(b"; ")
        if rest and rest.lower() != b"none":
            said.append(rest)
    return b"; ".join((authserv_id.encode(), *(said or [b"none"])))


def seal(
    content: bytes,
    signer: sign.Signer,
    chain: Chain,
    results: bytes,
    *,
    now: int,
    names: Sequence[bytes] | None = None,
) -> bytes:
    """ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results with their line ends, to stand above the letter.

    `content` as it goes out; `results`: an authserv-id and what follows it, as from `attested`; `names`: the h= in
    lower case, None for what DKIM would sign. b"" when the chain is closed, at its most sets, or not known for now:
    then the letter goes on without a new set.  # RFC 8617 §5.1
    """
    instance = chain.instance + 1
    if chain.closed or chain.temporary or instance > sets.MOST:
        return b""
    results = canonical.squeeze(results.replace(b"\r\n", b"")).strip()
    if not _TEXT.fullmatch(results) or b"arc-seal" in (names or ()):
        raise ValueError("results are text, and h= is without ARC-Seal")
    header, body = fields.split(content)
    attests = b" i=%d; %s" % (instance, _FOLD.join(map(_folded, _parts(results))))
    aar = b"ARC-Authentication-Results", attests
    ams = _message_signature(header, body, signer, instance, names, now)
    cv = {"none": "none", "pass": "pass"}.get(chain.result, "fail")
    own = [canonical.field(*aar, "relaxed"), canonical.field(*ams, "relaxed")]
    # a chain that fails is sealed over the new set alone  # RFC 8617 §5.1.2
    before = _before(header) if cv == "pass" else []
    said = {
        "a": keys.algorithm(signer.key), "b": "", "cv": cv, "d": signer.domain, "i": str(instance),
        "s": signer.selector, "t": str(now),
    }  # fmt: skip
    as_ = _signed(b"ARC-Seal", said, [*before, *own], signer)
    return b"".join(name + b":" + value + b"\r\n" for name, value in (as_, ams, aar))


def _message_signature(
    header: fields.Fields,
    body: bytes,
    signer: sign.Signer,
    instance: int,
    names: Sequence[bytes] | None,
    now: int,
) -> fields.Field:
    """The ARC-Message-Signature.  # RFC 8617 §4.1.2"""
    if names is None:
        names = [*sign.signed_names(header, signer), *[b"dkim-signature"] * len(header.places.get(_DKIM, ()))]
    digest = canonical.BodyHash("relaxed")
    digest.update(body)
    said = {
        "a": keys.algorithm(signer.key), "b": "", "bh": base64.b64encode(digest.digest()).decode(),
        "c": "relaxed/relaxed", "d": signer.domain, "h": ":".join(name.decode() for name in names),
        "i": str(instance), "s": signer.selector, "t": str(now),
    }  # fmt: skip
    parts = [header.canonical(place, "relaxed") for place in header.selected(names)]
    return _signed(b"ARC-Message-Signature", said, parts, signer)


def _signed(name: bytes, said: dict[str, str], parts: list[bytes], signer: sign.Signer) -> fields.Field:
    """The field with its b= made over `parts` and itself. One tag a line: a fold within a value would be signed."""
    over = canonical.field(name, _value(said), "relaxed")
    made = keys.sign(signer.key, b"\r\n".join((*parts, over)))
    text = base64.b64encode(made).decode()
    pieces = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return name, _value(said | {"b": "\r\n\t ".join(pieces)})


def _value(said: dict[str, str]) -> bytes:
    parts = [
        sign.listed(tuple(text.encode().split(b":"))) if tag == "h" else f"{tag}={text}" for tag, text in said.items()
    ]
    return b" " + _FOLD.decode().join(parts).encode()


def _before(header: fields.Fields) -> list[bytes]:
    """The canonical fields of the sets so far, in the order they are sealed.  # RFC 8617 §5.1.1"""
    return [
        header.canonical(place, "relaxed")
        for found in sets.gather(header)
        for place in (found.results, found.message, found.seal)
    ]


def _parts(results: bytes) -> list[bytes]:
    """`results` cut at the semicolons that stand outside of comments and quoted strings."""
    return [part for part in _PART.findall(results) if part.strip()]


def _folded(part: bytes) -> bytes:
    """A part in lines, cut where there is a space: to what is signed that is still one space."""
    lines = [b""]
    for word in part.strip().split(b" "):
        if lines[-1] and len(lines[-1]) + len(word) > _WIDTH:
            lines.append(word)
        else:
            lines[-1] += b" " + word if lines[-1] else word
    return b"\r\n\t ".join(lines)
