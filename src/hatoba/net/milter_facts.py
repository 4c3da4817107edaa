"""milter_facts: the envelope of a question as a milter is told it: commands, each with the macros of its stage.

Called by milter at the beginning of each dialogue.
Never decides whether a command is wanted: the engine leaves out what is not.
Fails never: what a command cannot carry is left out of it.
"""

from collections.abc import Iterator, MutableMapping

from hatoba.model.opinion import Question
from hatoba.wire.milter import commands


def envelope(question: Question, macros: MutableMapping[bytes, bytes]) -> Iterator[commands.Command]:
    """Connect, Helo, Mail and a Rcpt for each recipient; `macros` is brought up to each one before it is given."""
    macros.clear()
    macros.update(_macros(question))
    host = question.client or (f"[{question.ip}]" if question.ip else "localhost")
    if question.ip:
        family = b"6" if ":" in question.ip else b"4"
        yield commands.Connect(octets(host), family, 0, octets(question.ip))
    else:
        yield commands.Connect(octets(host))
    yield commands.Helo(octets(question.helo or host))
    yield commands.Mail(octets(f"<{question.sender}>"))
    for recipient in question.recipients:
        macros[b"{rcpt_addr}"] = octets(recipient)
        macros[b"{rcpt_host}"] = octets(recipient.rpartition("@")[2])
        macros[b"{rcpt_mailer}"] = b"esmtp"
        yield commands.Rcpt(octets(f"<{recipient}>"))


def octets(text: str) -> bytes:
    """As the protocol carries a word: UTF-8 without NUL."""
    return text.replace("\0", "").encode("utf-8", "replace")


def _macros(question: Question) -> dict[bytes, bytes]:
    """By the names sendmail and Postfix have for them; an empty value is not told."""
    version, _, cipher = question.tls.partition(" ")
    name = question.client or "unknown"
    words = {
        "i": question.id,
        "j": question.hostname,
        "v": "hatoba",
        "_": f"{name} [{question.ip}]" if question.ip else name,
        "{daemon_name}": question.door,
        "{client_addr}": question.ip,
        "{client_name}": name,
        "{client_ptr}": name,
        "{tls_version}": version,
        "{cipher}": cipher,
        "{auth_type}": "SASL" if question.account else "",
        "{auth_authen}": question.account,
        "{mail_addr}": question.sender or "<>",
        "{mail_host}": question.sender.rpartition("@")[2],
        "{mail_mailer}": "esmtp",
    }
    return {name.encode("ascii"): octets(value) for name, value in words.items() if value}
