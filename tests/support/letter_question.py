"""A question about a small letter, as a check has app put it to a service.

Used by the tests of the clients in net, against peers of ours and against real daemons.
Never changes.
"""

from typing import Any

import msgspec

from hatoba.model.opinion import Question

HEADER = b"Subject: one\r\nX-Folded: a\r\n\tb\r\n"
BODY = b"\r\nHello.\r\n"


def question(body: bytes = BODY, **more: Any) -> Question:
    return msgspec.structs.replace(
        Question(
            id="0123456789ABC",
            hostname="here.example",
            received=1_790_000_000_000,
            door="mx",
            ip="192.0.2.1",
            client="client.example",
            helo="helo.example",
            tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
            account="",
            sender="a@example.org",
            recipients=("b@example.com", "c@example.com"),
            size=len(HEADER) + len(body),
            block=HEADER,
            pieces=lambda: (HEADER, body),
        ),
        **more,
    )
