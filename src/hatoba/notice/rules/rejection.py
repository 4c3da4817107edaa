"""Rejection: what the sender of a letter hears that a rule refused. # RFC 5429 §2, RFC 8098

Called by local delivery (and by a door that can still say no: `status`).
Never sends anything to the null sender, and returns the header of the letter, not its body.
Fails never.
"""

from hatoba.message import build, encode, report
from hatoba.model.envelope import Letter
from hatoba.model.status import Status
from hatoba.notice import words
from hatoba.notice.rules import about as abouts
from hatoba.sieve import actions

_CODE = "5.7.1"  # RFC 5429 §2.5
_STATUS_MOST = 400  # characters of a reply
_UNSPEAKABLE = "The recipient's mail filter refused this letter"  # where the reason is not ASCII  # RFC 5429 §2.1.1
_RETURNED_MOST = 64 << 10  # octets of the header
_RULE = "-" * 72

_TEXTS = {
    "en": (
        "Your letter was refused",
        "Your letter to {to} was refused by the recipient's mail filter. It was not read, and is not kept. "
        "The reason given is:",
    ),
    "ja": (
        "メールの受信が拒否されました",
        "{to} 宛てのメールは、受信者の設定した振り分け規則により受信を拒否されました。"
        "メールは読まれず、保存もされません。理由は次のとおりです。",
    ),
}  # fmt: skip


def status(action: actions.Reject) -> Status:
    """The refusal in the dialogue, or for a DSN: one line of ASCII. # RFC 5429 §2.1.1"""
    said = encode.clean(action.text).strip()
    if not said or not said.isascii():
        said = _UNSPEAKABLE
    return Status(_CODE, " ".join(said.split())[:_STATUS_MOST])


def in_dialogue(action: actions.Reject) -> bool:
    """Whether the dialogue can say all of the reason, so that plain reject may be said there too. # RFC 5429 §2.2"""
    return action.extended or action.text.isascii()


def compose(action: actions.Reject, about: abouts.About) -> Letter | None:
    """The MDN to the sender of the envelope; None where that is nobody. # RFC 5429 §2.2.1, RFC 8098 §3"""
    to = about.sender
    if to is None:
        return None
    order = [about.language, *(name for name in _TEXTS if name != about.language)]
    human = f"\n\n{_RULE}\n\n".join(
        f"{words.wrapped(_TEXTS[name][1].format(to=about.owner), '')}\n\n{action.text.strip()}" for name in order
    )
    fields = abouts.common(about, abouts.author(about, ""), str(to), _TEXTS[about.language][0], "auto-replied")
    body = report.report(build.text(human + "\n"), _disposition(about), _returned(about), about.written_id)
    return abouts.letter(about, fields, body, (to,))


def _disposition(about: abouts.About) -> build.Part:
    """message/disposition-notification. # RFC 8098 §3.1, §3.2"""
    utf8 = not about.owner.ascii
    fields = [
        ("Reporting-UA", f"{about.hostname}; hatoba"),
        ("Final-Recipient", report.typed(str(about.owner), utf8=utf8)),
    ]
    for name, value in abouts.thread(about.header)[:1]:
        fields.append(("Original-Message-ID", value if name else ""))
    fields.append(("Disposition", "automatic-action/MDN-sent-automatically; deleted"))  # RFC 5429 §2.2.1
    octets = b"".join(encode.field(*field) for field in fields)
    kind = "message/global-disposition-notification" if utf8 else "message/disposition-notification"
    return build.Part(kind, octets, "7bit" if octets.isascii() else "8bit")


def _returned(about: abouts.About) -> build.Part | None:
    block = about.header.block[:_RETURNED_MOST]
    block = block[: block.rfind(b"\n") + 1]
    return report.returned(block, whole=False, utf8=False) if block else None
