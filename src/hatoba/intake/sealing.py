"""Sealing: an ARC set for a letter that goes on to somewhere else, over what was found when it came in. # RFC 8617

Called by whoever forwards a letter, as the last change before the queue, with a key of our own domain.
Never judges the letter again: what is attested is our own Authentication-Results on top of it.
Gives b"" where the chain must not be continued, or where nothing was found out about the letter.
"""

from hatoba.mailauth.arc import seal
from hatoba.mailauth.arc.chain import Chain
from hatoba.mailauth.dkim import fields
from hatoba.mailauth.dkim.sign import Signer
from hatoba.model.envelope import Letter


def arc(letter: Letter, content: bytes, signer: Signer, authserv_id: str, now: int) -> bytes:
    """The three fields with their line ends, to stand on top. `content`: the letter as it goes out; `now` in ms.

    `authserv_id`: the name in our Authentication-Results ([auth] authserv_id, else the hostname).
    """
    notes = letter.notes
    if notes is None or not notes.auth:
        return b""
    chain = notes.chain if isinstance(notes.chain, Chain) else Chain("none")
    header, _ = fields.split(content)
    return seal.seal(content, signer, chain, seal.attested(header, authserv_id), now=now // 1000)
