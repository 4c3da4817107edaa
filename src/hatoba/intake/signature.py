"""Signature: who signs a letter of ours, and the signature itself: the last that is done to it before the queue.

Called by queue.signing for what the submission doors and trusted networks hand in and for our own notices.
Never signs for a domain that is not the author's, nor for one that the account may not speak for; never waits.
Fails never in `choose`; `sign` fails with StoreTrouble when a large body cannot be read again.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from hatoba.directory.directory import Directory
from hatoba.directory.dkim.ring import Hand, Ring
from hatoba.intake.heading import FROM_MOST
from hatoba.intake.rewriting import sealing
from hatoba.mailauth.dkim import canonical, fields
from hatoba.mailauth.dkim.sign import Signer
from hatoba.mailauth.dkim.sign import field as made
from hatoba.mailauth.dkim.sign import sign as signed
from hatoba.mailauth.dmarc import author
from hatoba.message import headers, mailbox
from hatoba.model.envelope import Letter

_PIECE = 256 * 1024  # octets of a large body read at once
_HEADER_MOST = 16 * 1024 * 1024  # a header beyond is none

_NOBODY = Hand("")


@lru_cache(maxsize=4096)  # letters of one sender say the same
def _authors(header_from: str) -> tuple[str, ...]:
    return tuple(author.domains_of(header_from))


def _written_from(letter: Letter) -> str:
    """The From field; the letter's own copy of it may be cut off."""
    if len(letter.header_from) < FROM_MOST or letter.content is None:
        return letter.header_from
    return (headers.scan(letter.content).first(b"from") or b"").decode("utf-8", "replace")


def choose(letter: Letter, ring: Ring, directory: Directory, now: int) -> Hand:
    """Who signs this letter. A Hand without signers says why; it has `ours` where that is worth a warning.

    With several authors the first of them whose domain has keys counts. `now`: ms.
    """
    wanted = seal_of(letter)
    if wanted is not None:
        return ring.hand(wanted.domain, now)
    written = _written_from(letter)
    best = _NOBODY
    for domain in _authors(written):
        hand = ring.hand(domain, now)
        if not hand.ours:
            continue
        if not _may_speak(letter, written, domain, ring, directory):
            why = f"{letter.source.account} may not speak for {domain} (dkim.any_author)"
            best = best if best.why else Hand(domain, why=why)
        elif hand.signers:
            return hand
        elif not best.ours:
            best = hand
    return best


def seal_of(letter: Letter) -> sealing.Wanted | None:
    """What a forwarded letter is to be sealed with; None: it is ours, and to be signed."""
    wanted = None if letter.notes is None else letter.notes.seal
    return wanted if isinstance(wanted, sealing.Wanted) else None


def _may_speak(letter: Letter, written: str, domain: str, ring: Ring, directory: Directory) -> bool:
    """An account signs for its own domain, those below it, and addresses that are its own; networks are trusted."""
    account = letter.source.account
    if not account or ring.settings.any_author:
        return True
    home = account.rpartition("@")[2]
    if domain == home or domain.endswith(f".{home}"):
        return True
    try:
        address = mailbox.parse(written).address
    except mailbox.BadMailbox:
        return False
    return address is not None and directory.may_send_as(account, address)


def sign(letter: Letter, hand: Hand, pieces: Iterable[bytes], now: int) -> None:
    """Puts the signatures on top of the letter and notes them in it. `pieces`: a large body, read again; ms.

    A large letter gets them in `top`. Reads the disk for such a one: in a thread. A letter that is only forwarded gets
    an ARC set in their place.
    """
    seconds = now // 1000
    wanted = seal_of(letter)
    if wanted is not None:
        sealing.seal(letter, wanted, hand.signers[0], now)
        return
    if letter.content is not None:
        fresh = signed(letter.content, hand.signers, now=seconds)
        letter.content = fresh + letter.content
    else:
        fresh = _in_pieces(chain((letter.top,) if letter.top else (), pieces), hand.signers, seconds)
        letter.top = fresh + letter.top
    letter.size += len(fresh)
    letter.signed = hand.names


def _in_pieces(pieces: Iterable[bytes], signers: Sequence[Signer], now: int) -> bytes:
    """The fields for a content that comes in pieces: its header at once, its body piece by piece."""
    rest = iter(pieces)
    header, body = _header(rest)
    hashes = {signer.body_form: canonical.BodyHash(signer.body_form) for signer in signers}
    for piece in chain((body,), rest):
        for taken in hashes.values():
            taken.update(piece)
    digests = {form: taken.digest() for form, taken in hashes.items()}
    return b"".join(made(header, digests[signer.body_form], signer, now=now) for signer in signers)


def _header(pieces: Iterator[bytes]) -> tuple[fields.Fields, bytes]:
    """(the fields, the part of the body that came with them)."""
    begun = b""
    for piece in pieces:
        begun += piece
        if b"\r\n\r\n" in begun or len(begun) > _HEADER_MOST:
            break
    return fields.split(begun)
