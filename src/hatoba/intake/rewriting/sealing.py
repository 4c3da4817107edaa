"""Sealing: an ARC set on a letter that is forwarded: what SPF, DKIM and DMARC said here, for the host that gets it.

Called by rewriter, which says whether, and by signature, which has the key, in a thread.
Never judges: it attests what our own Authentication-Results on the letter say. Large letters go on without.
Fails with ValueError where the results are no text; a chain that must not go on gets no set.
"""

import msgspec

from hatoba.mailauth.arc import seal as arc
from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.dkim import fields
from hatoba.mailauth.dkim.sign import Signer
from hatoba.model.envelope import Letter


class Wanted(msgspec.Struct, frozen=True):
    """`domain` is the one that forwards, whose key seals; `chain` what the letter brought along."""

    domain: str
    chain: Chain
    authserv_id: str


def seal(letter: Letter, wanted: Wanted, signer: Signer, now: int) -> bool:
    """Puts the set on top of a letter that is in memory, and says so in its notes; `now` in seconds. True if it did."""
    content = letter.content
    if content is None or letter.notes is None:
        return False
    header, _ = fields.split(content)
    results = arc.attested(header, wanted.authserv_id)
    made = arc.seal(content, signer, wanted.chain, results, now=now)
    if not made:
        return False
    letter.content = made + content
    letter.size += len(made)
    said = ("sealed (ARC)", "", f"{signer.domain} {signer.selector}")
    letter.notes.rewrites = (*letter.notes.rewrites, said)
    return True
