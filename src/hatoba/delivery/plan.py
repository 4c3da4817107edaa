"""Plan: the next transaction of an errand towards a peer whose offer is known, or why there can be none.

Called by exchange before a word about the letter is said: what cannot go is refused here, without dialling it out.
Never speaks. Fails by Outcomes on the errand: 5.3.4 too large, 5.6.1, 5.6.3, 5.6.7 forms the peer does not take,
5.7.30 REQUIRETLS, 5.3.3 DELIVERBY, 5.1.3 / 5.1.7 an address that cannot be said, 5.6.0 bare CR or LF.
"""

from hatoba.delivery import ways
from hatoba.delivery.errand import Errand, Transaction
from hatoba.delivery.verdict import LETTER, RECIPIENT, ours
from hatoba.delivery.ways import PLAIN
from hatoba.model.envelope import Letter
from hatoba.model.status import Status
from hatoba.wire.smtp import commands, outgoing, parameters
from hatoba.wire.smtp.extensions import Extensions

_DATA = commands.DataCommand()
_DOORS = frozenset(("mx", "submission", "submissions", "lmtp"))  # content that came in by SMTP was checked on its way

_MISSING = {
    "SMTPUTF8": Status("5.6.7", "the receiving host does not take internationalised addresses (SMTPUTF8)"),
    "REQUIRETLS": Status("5.7.30", "the sender requires TLS all the way (REQUIRETLS), the host does not offer that"),
    "BINARYMIME": Status("5.6.1", "the receiving host does not take binary content (BINARYMIME)"),
    "CHUNKING": Status("5.6.1", "the receiving host does not take binary content (CHUNKING)"),
    "8BITMIME": Status("5.6.3", "the receiving host does not take 8-bit content (8BITMIME) and conversion is not done"),
    "DELIVERBY": Status("5.3.3", "the sender's deadline cannot be handed on (DELIVERBY)"),
}


def vouched(letter: Letter) -> bool:
    """Whether the content was checked for bare CR and LF and for dots when it came in."""
    return letter.source.door in _DOORS


def transaction(
    errand: Errand, extensions: Extensions, most: int, *, eightbit_anyway: bool, secure: bool, now: int
) -> Transaction | None:
    """The transaction for the first `most` recipients of errand.todo; None when all of them have their Outcome now.

    `secure`: the peer's certificate was verified. `now` in ms. Hot.
    """
    letter = errand.job.letter
    envelope = letter.envelope
    status: Status | None
    way = PLAIN
    if envelope.ways:
        todo, rest, way = ways.parted(errand)
        envelope = ways.enveloped(envelope, way)
        if not todo:
            return None
    else:
        todo, rest = errand.todo, ()
    size = letter.size + len(way.top)
    if _plain(letter) and (extensions.size <= 0 or size <= extensions.size):
        words = [f"SIZE={size}"] if extensions.size >= 0 else []
    else:
        wanted = parameters.mail_parameters(envelope, size, extensions, eightbit=letter.eightbit, now=now)
        words = wanted.words
        status = _refusal(letter, size, wanted.missing, extensions, eightbit_anyway=eightbit_anyway, secure=secure)
        if status is not None:
            errand.refuse(status, LETTER)
            errand.todo = ()
            return None
    indexes = list(todo[:most])
    errand.todo = [*todo[most:], *rest] if rest else todo[most:]
    try:
        lines: list[commands.Command] = [commands.MailFrom(envelope.sender, words)]
    except ValueError as error:
        errand.refuse(Status("5.1.7", f"the sender's address cannot be sent: {error}"), LETTER)
        errand.todo = ()
        return None
    for n in todo[:most]:
        recipient = envelope.recipients[n]
        try:
            asked = parameters.rcpt_parameters(recipient, extensions) if extensions.dsn else ()
            lines.append(commands.RcptTo(recipient.address, asked))
        except ValueError as error:
            indexes.remove(n)
            errand.outcomes[n] = ours(n, Status("5.1.3", f"the address cannot be sent: {error}"), RECIPIENT)
    if not indexes:
        if not errand.todo:
            return None
        return transaction(errand, extensions, most, eightbit_anyway=eightbit_anyway, secure=secure, now=now)
    binary = envelope.body == "BINARYMIME"
    if not binary:
        lines.append(_DATA)
    return Transaction(errand, indexes, lines, way, binary=binary)


def _plain(letter: Letter) -> bool:
    """Nothing about the letter asks anything of the peer but its size. Hot: most letters are so."""
    envelope = letter.envelope
    return not (
        letter.eightbit
        or envelope.smtputf8
        or envelope.requiretls
        or envelope.ret
        or envelope.envid
        or envelope.priority
        or envelope.deliver_by
        or envelope.hold_until
        or envelope.body == "BINARYMIME"
        or letter.content is None
        or letter.source.door not in _DOORS
    )


def _refusal(
    letter: Letter, size: int, missing: list[str], extensions: Extensions, *, eightbit_anyway: bool, secure: bool
) -> Status | None:
    """Why this letter cannot go to this peer at all."""
    if extensions.size > 0 and size > extensions.size:  # RFC 1870 §6.1
        return Status("5.3.4", f"the letter has {size} octets, the receiving host takes {extensions.size}")
    if letter.envelope.requiretls and not secure:
        return Status("5.7.30", "the sender requires TLS with a verified certificate (REQUIRETLS)")
    for name in missing:
        if name != "8BITMIME" or not eightbit_anyway:
            return _MISSING[name]
    if letter.content is None:
        if not letter.blob:
            return Status("4.3.0", "the content is not at hand")
    elif not vouched(letter) and letter.envelope.body != "BINARYMIME":
        try:
            outgoing.check(letter.content)
        except ValueError:
            return Status("5.6.0", "the content has a bare CR or LF, which no mail host may be sent")
    return None
