"""Identity: in whose name reports go out, and the reverse-path they have.

Called by office for each round.
Never asks whether anybody will believe us: SPF and DKIM are for the operator to publish (`hatoba dns` shows them).
Fails with Nobody when there is no address to send from.
"""

from hatoba.model.address import Address, BadAddress
from hatoba.reports.made import Who
from hatoba.reports.means import Directory
from hatoba.reports.settings import Settings


class Nobody(ValueError):
    """There is no address to report from; the text says what to do."""


def who(settings: Settings, directory: Directory, hostname: str) -> Who:
    """Who reports. Nobody."""
    written = settings.address
    if not written:
        home = directory.home(hostname)
        if not home:
            raise Nobody("this node has no local domain to report from: set reports.address")
        written = f"postmaster@{home}"
    try:
        address = Address.parse(written)
    except BadAddress as error:
        raise Nobody(f"reports.address {written!r} is no address: {error}") from None
    return Who(address, settings.organization or address.domain, settings.contact or str(address), hostname)


def sender(address: Address, directory: Directory) -> Address | None:
    """The reverse-path: the address itself where a mailbox here would take what comes back, else the null one.

    With it SPF speaks for the domain of From; with an address that nobody has, a host that asks back would refuse us.
    """
    return address if directory.local(address) else None
