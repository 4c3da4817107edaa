"""Need: what TLS must be like on the way to a domain: the local rule, what the domain publishes, what the letter asks.

Made by policies, one for each domain, and compared by identity: a line remembers which needs it meets.
Never asks DNS and never looks at a certificate: guard says what a need means at one host.
Fails in nothing.
"""

from typing import Literal, TypeAlias

from hatoba.mailauth.mtasts import Policy
from hatoba.model.status import Status

Level: TypeAlias = Literal["none", "may", "encrypt", "verify", "fingerprint"]


class Need:
    """`level` is the least that is asked of any host; what `sts` and `dane` ask comes on top of it.

    `domain` names whom it is about ("" for a host of the settings), `rule` the setting it comes from. `mx`: the hosts
    were named by DNS, `secure`: by answers a validating resolver vouched for; `pinned`: by the settings, so that an MX
    record cannot lie. `failure`: (word for a TLS report, why) where a policy was announced and not to be had.
    `refusal`: nothing may go there for now. `counted`: sessions for it are told in TLS reports.
    """

    __slots__ = (
        "_relaxed", "_strict", "counted", "covered", "dane", "domain", "failed", "failure", "fingerprints", "level",
        "mx", "names", "only", "pinned", "plain", "refusal", "rule", "secure", "special", "sts",
    )  # fmt: skip

    def __init__(
        self,
        level: Level,
        *,
        rule: str,
        domain: str = "",
        mx: bool = False,
        secure: bool = False,
        pinned: bool = False,
        dane: bool = False,
        only: bool = False,
        sts: Policy | None = None,
        names: tuple[str, ...] = (),
        fingerprints: tuple[str, ...] = (),
        failure: tuple[str, str] = ("", ""),
        refusal: Status | None = None,
        covered: bool = False,
        local: bool = False,
    ) -> None:
        self.level = level
        self.rule = rule
        self.domain = domain
        self.mx = mx
        self.secure = secure
        self.pinned = pinned
        self.dane = dane  # TLSA records of its hosts count  # RFC 7672 §2.2.1
        self.only = only  # without usable ones nothing goes
        self.sts = sts  # in mode "enforce" or "testing"  # RFC 8461 §5
        self.names = names
        self.fingerprints = fingerprints
        self.failure = failure
        self.refusal = refusal
        self.covered = covered  # REQUIRETLS  # RFC 8689 §4.2.1
        self.counted = True
        self.failed: tuple[Status, float] | None = None  # (why no host would do, until when that is believed)
        enforced = sts is not None and sts.mode == "enforce"
        # Any line will do for it.
        self.plain = level in ("none", "may") and not (dane or only or enforced or covered or refusal is not None)
        # It asks more than a site's other letters do: what it fails for is no fault of the site.
        self.special = dane or only or enforced or covered or local
        self._strict: Need | None = None
        self._relaxed: Need | None = None

    def __repr__(self) -> str:
        return f"Need({self.level}, {self.rule}, {self.domain})"

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for needs that ask the same."""
        return (
            self.level, self.rule, self.domain, self.mx, self.secure, self.pinned, self.dane, self.only, self.sts,
            self.names, self.fingerprints, self.failure, self.refusal, self.covered, self.special,
        )  # fmt: skip

    @property
    def strict(self) -> "Need":
        """The same for a letter with REQUIRETLS."""
        if self._strict is None:
            self._strict = self._but(covered=True)
        return self._strict

    @property
    def relaxed(self) -> "Need":
        """The same for a letter with "TLS-Required: No": what the domain publishes does not count, the settings do.

        Its sessions are not counted: TLS reports are such letters, and would be reported. # RFC 8689 §5, RFC 8460 §3
        """
        if self._relaxed is None:
            self._relaxed = self._but(dane=False, sts=None, failure=("", ""))
            self._relaxed.counted = False
        return self._relaxed

    def _but(
        self,
        *,
        covered: bool = False,
        dane: bool | None = None,
        sts: Policy | Literal["same"] | None = "same",
        failure: tuple[str, str] | None = None,
    ) -> "Need":
        return Need(
            self.level,
            rule=self.rule,
            domain=self.domain,
            mx=self.mx,
            secure=self.secure,
            pinned=self.pinned,
            dane=self.dane if dane is None else dane,
            only=self.only,
            sts=self.sts if sts == "same" else sts,
            names=self.names,
            fingerprints=self.fingerprints,
            failure=self.failure if failure is None else failure,
            refusal=self.refusal,
            covered=covered,
            local=self.special,
        )

    def blocked(self, now: float) -> Status | None:
        """Why nothing may go there now. `now` in steady seconds. Hot."""
        if self.refusal is not None:
            return self.refusal
        if self.failed is not None:
            if self.failed[1] > now:
                return self.failed[0]
            self.failed = None
        return None
