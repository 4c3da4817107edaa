"""What OpenSSL is told about this processor: some sign faster with RSA-2048 when one of their instructions is left out.

Asked by crew for each worker it starts, and by the benchmark of signatures.
Never overrules an OPENSSL_ia32cap that is set, and touches nothing but the choice between two of OpenSSL's own ways.
Fails never: a processor that cannot be read is left as it is.
"""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "OPENSSL_ia32cap"
_WITHOUT_ADX = ":~0x80000"  # bit 19 of what CPUID 7 says in EBX
_CPUINFO = Path("/proc/cpuinfo")


def hints(environ: Mapping[str, str] | None = None, cpuinfo: Path = _CPUINFO) -> dict[str, str]:
    """Variables for a process that signs; {} where there is nothing to say.

    OpenSSL multiplies with ADX where it can, as Intel's processors want it, and leaves its AVX2 code for RSA-2048
    unused. AMD's with both run that code half as fast again (an EPYC: 665 µs a signature against 1,000, three rounds
    in turn; RSA-3072, Ed25519, X25519 and P-256 the same). Those with AVX-512 IFMA have a third way, faster than both.
    """
    environ = os.environ if environ is None else environ
    if VARIABLE in environ:
        return {}
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    lines = dict(line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.split() for name, value in lines.items()}
    flags = set(facts.get("flags", ()))
    amd = facts.get("vendor_id") == ["AuthenticAMD"]
    return {VARIABLE: _WITHOUT_ADX} if amd and {"adx", "avx2"} <= flags and "avx512ifma" not in flags else {}
