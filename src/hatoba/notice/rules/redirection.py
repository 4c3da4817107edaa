"""Redirection: a letter sent on by a rule, as it came, to another address. # RFC 5228 §4.2

Called by local delivery.
Never sends a letter where it has been: Delivered-To says where that was, and grows by the person's address.
Fails never; what would go in a circle is None, and should be kept.
"""

import msgspec

from hatoba.message import encode, headers
from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.notice.rules import about as abouts
from hatoba.sieve import actions, edited

HOPS_MOST = 50  # Received fields of a letter that is sent on  # RFC 5321 §6.3


def compose(action: actions.Redirect, about: abouts.About, envelope: Envelope, sender: Address | None) -> Letter | None:
    """The letter that goes on. `about.content` is the whole letter as it arrived, `envelope` that it arrived with.

    `sender` is the reverse-path it goes out with: the same, or one that brings bounces back through this host (SRS).
    """
    try:
        to = Address.parse(action.address)
    except BadAddress:
        return None
    header = about.header
    if circles(to, about, header):
        return None
    content = encode.field("Delivered-To", str(about.owner)) + edited.edited(about.content, action.edits)
    eightbit = not content.isascii()
    body = "8BITMIME" if eightbit and envelope.body == "7BIT" else envelope.body
    onward = msgspec.structs.replace(
        envelope,
        sender=sender,
        recipients=(Recipient(to),),
        body=body,
        smtputf8=envelope.smtputf8 or not to.ascii,
        ret="",
        envid="",  # of the letter that arrived  # RFC 3461 §5.2.7
        hold_until=0,
        deliver_by=0,
        ways=(),
    )
    return Letter(
        about.new_id,
        about.now,
        about.now + abouts.EXPIRES,
        onward,
        Source(abouts.DOOR),
        len(content),
        content,
        dotted=content.startswith(b".") or b"\r\n." in content,
        eightbit=eightbit,
        message_id=(headers.message_ids(header.first(b"message-id") or b"") or [""])[0],
        header_from=header.text(b"from")[:320],
        subject=header.text(b"subject"),
    )


def circles(to: Address, about: abouts.About, header: headers.Headers) -> bool:
    """Whether the letter would go to the person again, to where it was before, or has come a very long way."""
    had = {value.decode("utf-8", "replace").strip().casefold() for value in header.all(b"delivered-to")}
    target = str(to).casefold()
    return target == str(about.owner).casefold() or target in had or header.count(b"received") > HOPS_MOST
