"""Subject: the base subject by which IMAP sorts and threads. # RFC 5256 §2.1

Called by the sort keys.
Never decodes: it gets the subject as text for people.
Fails never.
"""

import re

_SPACES = re.compile(r"[ \t]+")
_BLOB = r"\[[^\[\]]*\]\s*"
_TRAILER = re.compile(r"(?:\s*\(fwd\))+\s*$|\s+$", re.IGNORECASE)
_LEADER = re.compile(rf"(?:{_BLOB})*(?:re|fwd?)\s*(?:{_BLOB})?:\s*|\s+", re.IGNORECASE)
_BLOBS = re.compile(_BLOB)
_ROUNDS = 100  # of prefixes that are taken off one subject


def base(subject: str) -> tuple[str, bool]:
    """(the base subject, whether it says reply or forward)."""
    text = _SPACES.sub(" ", subject[:2000]).strip()
    reply = False
    for _ in range(_ROUNDS):
        before = text
        if text[-5:].lower() == "(fwd)":  # step 2
            text, reply = text[:-5].rstrip(), True
            continue
        if found := _LEADER.match(text):  # steps 3 and 5
            reply = reply or ":" in found[0]
            text = text[found.end() :]
        elif (found := _BLOBS.match(text)) and found.end() < len(text):  # step 4
            text = text[found.end() :]
        if text == before:
            if text[:5].lower() == "[fwd:" and text.endswith("]"):  # step 6
                text, reply = text[5:-1].strip(), True
                continue
            break
    return text, reply
