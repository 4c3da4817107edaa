"""What SPF and DKIM found, as DMARC needs it: a domain and a word.

Made by the rooms that check letters from the results of spf.check and dkim.verify; read by dmarc.check and reports.
Never holds more than DMARC compares or reports.
Fails never.
"""

from typing import NamedTuple


class SpfResult(NamedTuple):
    """`domain`: of MAIL FROM (of HELO for the null sender), A-labels in lower case. `result`: RFC 8601 §2.7.2"""

    domain: str
    result: str


class DkimResult(NamedTuple):
    """`domain` and `selector`: d= and s=, A-labels in lower case. `result`: RFC 8601 §2.7.1"""

    domain: str
    selector: str
    result: str
