"""The adapter of the report vectors for feedback reports (kinds arf and dmarc-failure).

Called by the adapter of all reports; also alone: --adapter tests/vectors/arf_adapter.py:report_parse.
Never reads another kind: NotImplemented skips it.
Fails with arf.BadReport.
"""

from typing import Any

from hatoba.message import arf


def report_parse(kind: str, raw: bytes, filename: str) -> Any:
    """What a feedback report says."""
    if kind not in ("arf", "dmarc-failure"):
        return NotImplemented
    found = arf.parse(raw)
    return {
        "feedback_type": found.feedback_type,
        "source_ip": found.source_ip,
        "reported_domain": list(found.reported_domains),
    }
