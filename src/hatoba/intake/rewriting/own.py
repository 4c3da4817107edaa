"""Own: letters that we write ourselves (notices, reports) given to those that their recipients stand for.

Called by desk for the queue and for who makes such letters: they come in by no door, so nobody resolved them.
Never sends to a list: what comes from nobody goes to its owner.
Fails never: a recipient that cannot be resolved stays, and delivery says what is wrong with it.
"""

import msgspec

from hatoba.directory import resolve
from hatoba.directory.directory import Directory
from hatoba.directory.entries import key
from hatoba.intake.rewriting import srs as srs_
from hatoba.intake.rewriting.settings import Srs
from hatoba.intake.rewritten.ways import DISCARDED, Draft, Ways
from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient


def readdressed(directory: Directory, settings: Srs, letter: Letter, now: int) -> Letter:
    """The letter with its recipients as they are to be delivered to; the very letter where all of them stay."""
    envelope = letter.envelope
    if envelope.ways or all(_plain(directory, settings, one.address) for one in envelope.recipients):
        return letter
    ways = Ways()
    made: dict[Address, Recipient] = {}
    for recipient in envelope.recipients:
        for one in _behind(directory, settings, recipient, ways, now):
            made.setdefault(one.address, one)
    fields = headers.scan(letter.content or letter.top)
    letter.envelope = msgspec.structs.replace(envelope, recipients=tuple(made.values()), ways=ways.finished(fields))
    return letter


def forwarded(directory: Directory, settings: Srs, sender: Address, here: str, now: int) -> Address:
    """The reverse-path that a letter of `sender` is sent on with for somebody of the domain `here`: as it is where it
    is one of ours, SRS is off or cannot be, else one whose bounces come back through us."""
    snapshot = directory.snapshot()
    ours = sender.domain in snapshot.domains or sender.domain == settings.domain
    if not settings.enabled or ours or not snapshot.secrets:
        return sender
    signer = srs_.Srs(snapshot.secrets, width=settings.hash, age=settings.age, longest=settings.longest)
    try:
        return signer.forward(sender, settings.domain or here, now) or sender
    except ValueError:
        return sender


def _plain(directory: Directory, settings: Srs, address: Address) -> bool:
    if settings.enabled and srs_.tagged(address.local):
        return False
    return directory.domain(address.domain) is None or not directory.snapshot().aliases


def _behind(directory: Directory, settings: Srs, recipient: Recipient, ways: Ways, now: int) -> list[Recipient]:
    address = _returned(directory, settings, recipient.address, now)
    try:
        found = directory.expand(address, bounce=True)
    except (resolve.TooDeep, resolve.TooMany):
        return [recipient]
    if not found.aliased:
        return [msgspec.structs.replace(recipient, address=address)]
    made = []
    for leaf in found.leaves:
        through = (str(address),) if leaf.kind == resolve.OUTSIDE else ()
        draft = Draft(ends=DISCARDED) if leaf.kind == resolve.DISCARDED else Draft(through=through)
        way = ways.add(draft) if draft.ends or through else 0
        made.append(Recipient(leaf.address, recipient.notify, recipient.orcpt, way))
    return made or [recipient]


def _returned(directory: Directory, settings: Srs, address: Address, now: int) -> Address:
    """The sender behind a return address of ours; else the address itself."""
    snapshot = directory.snapshot()
    ours = address.domain in snapshot.domains or address.domain == settings.domain
    if not settings.enabled or not ours or not srs_.tagged(address.local) or key(address) in snapshot.accounts:
        return address
    try:
        return srs_.Srs(snapshot.secrets, width=settings.hash, age=settings.age).reverse(address, now)
    except ValueError:
        return address
