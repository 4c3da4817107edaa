"""Sealing: which forwarded letters get an ARC set, and the set put on top of one.

Called by rewriter, which says whether, and by signature, which has the key, in a thread.
Never judges: intake.sealing attests what our own Authentication-Results on the letter say. Large letters go without.
Fails with ValueError where the results are no text; a chain that must not go on gets no set.
"""

import msgspec

from hatoba.intake import sealing
from hatoba.mailauth.dkim.sign import Signer
from hatoba.model.envelope import Letter


class Wanted(msgspec.Struct, frozen=True):
    """`domain` is the one that forwards, whose key seals; `authserv_id` our name in Authentication-Results."""

    domain: str
    authserv_id: str


def seal(letter: Letter, wanted: Wanted, signer: Signer, now: int) -> bool:
    """Puts the set on top of a letter that is in memory, and says so in its notes; `now` in ms. True if it did."""
    content = letter.content
    if content is None or letter.notes is None:
        return False
    made = sealing.arc(letter, content, signer, wanted.authserv_id, now)
    if not made:
        return False
    letter.content = made + content
    letter.size += len(made)
    said = ("sealed (ARC)", "", f"{signer.domain} {signer.selector}")
    letter.notes.rewrites = (*letter.notes.rewrites, said)
    return True
