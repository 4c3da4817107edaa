"""What a receiver reports: rows made of single judgements, and equal ones counted together. # RFC 9990 §3.1.1

Called by the room that sends reports, with what the journal kept of each letter.
Never holds anything of a letter but domains, an address and words.
Fails never.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published, Reason, Row, SpfAuth
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.dmarc.record import Policy
from hatoba.mailauth.dmarc.result import Result

_SIGNATURES = 100  # of one letter  # RFC 9990 §3.1.1


def published(result: Result) -> Published:
    """The record that held for a letter. `result` has one."""
    record = result.record
    if record is None:
        return Published(result.domain)
    old = result.method == "psl"
    return Published(
        result.domain, record.p, record.sp or "", record.np or "", record.adkim, record.aspf, ":".join(record.fo),
        record.pct if old else None, "" if old else "y" if record.testing else "n", result.method,
    )  # fmt: skip


def row(
    result: Result,
    source_ip: str,
    disposition: Policy,
    spf: SpfResult,
    dkim: Sequence[DkimResult],
    *,
    scope: str = "mfrom",
    envelope_to: str = "",
    reasons: Sequence[Reason] = (),
) -> Row:
    """One letter. `disposition`: what was done with it; `reasons`: why that was not what the domain asked for.

    `spf`: the identity that was checked, of `scope` "mfrom" or "helo".
    """
    told = list(reasons)
    if result.result == "fail" and result.policy != result.published:
        told.append(Reason("policy_test_mode"))
    return Row(
        source_ip, 1, disposition, "pass" if result.dkim else "fail", "pass" if result.spf else "fail",
        result.author, spf.domain if scope == "mfrom" else "", envelope_to, tuple(told),
        tuple(DkimAuth(each.domain, each.selector, each.result) for each in dkim[:_SIGNATURES]),
        (SpfAuth(spf.domain, scope, spf.result),),
    )  # fmt: skip


def gathered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows that differ in their count alone as one, the largest first."""
    counts: Counter[Row] = Counter()
    for each in rows:
        counts[msgspec.structs.replace(each, count=0)] += each.count
    return tuple(msgspec.structs.replace(each, count=count) for each, count in counts.most_common())
