"""Address: a mailbox as local part and domain, normalised once, here.

Made by `parse` from wire or human text; spoken by every room above. Placeholder of the shape; see contracts.
"""

import msgspec


class BadAddress(ValueError):
    """The text is no address; the message says where it breaks the grammar."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """`local` is the local part unquoted, case kept; `domain` is lower case, IDNs as A-labels, literals in brackets.

    Two spellings of one mailbox ("a"@x and a@x, quoted and bare carrier forms) are equal.  # RFC 5321 §4.1.2
    """

    local: str
    domain: str

    def __str__(self) -> str:
        """As it stands between < and > on the wire; the local part quoted where the grammar asks for it."""
        return f"{self.local}@{self.domain}"
