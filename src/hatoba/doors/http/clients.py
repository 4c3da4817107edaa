"""Setup: the servers mail programs are to use, and the files in which Thunderbird, Outlook and Apple Mail read them.

Made by app from the listeners; said by autoconfig over HTTPS and by `hatoba client-settings`.
Never holds a password: each file says where and how, the person says who.
Fails with ValueError only where a profile for Apple lacks a door.
"""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Iterator
from typing import Final, Literal
from xml.sax.saxutils import escape

import msgspec

from hatoba.model.address import Address

READS: Final = ("imap", "pop3")
THUNDERBIRD, OUTLOOK, APPLE = "text/xml; charset=utf-8", "text/xml; charset=utf-8", "application/x-apple-aspen-config"
_NAMESPACE = uuid.UUID("6f0d3f5e-2f6a-5b7c-9a55-6d61746f6261")  # of our profiles' identifiers
_OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK_SETTINGS = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


class Server(msgspec.Struct, frozen=True):
    """One door. `implicit`: TLS from the first octet; else STARTTLS before anything else."""

    protocol: Literal["smtp", "imap", "pop3", "sieve"]
    host: str
    port: int
    implicit: bool


class Setup(msgspec.Struct, frozen=True):
    """The doors for programs, of each protocol the preferred first. `name` is shown to people; "": the domain."""

    servers: tuple[Server, ...]
    name: str = ""

    def of(self, *protocols: str) -> tuple[Server, ...]:
        """Those of these protocols, in their order."""
        return tuple(server for protocol in protocols for server in self.servers if server.protocol == protocol)

    @property
    def whole(self) -> bool:
        """Letters can be read and sent: without both a program cannot be set up."""
        return bool(self.of(*READS)) and bool(self.of("smtp"))


def thunderbird(setup: Setup, domain: str) -> bytes:
    """config-v1.1.xml of a domain. # https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat"""
    name = escape(setup.name or domain)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f'  <emailProvider id="{escape(domain)}">',
        f"    <domain>{escape(domain)}</domain>",
        f"    <displayName>{name}</displayName>",
        f"    <displayShortName>{name}</displayShortName>",
    ]
    for server in setup.of(*READS, "smtp"):
        tag = "outgoingServer" if server.protocol == "smtp" else "incomingServer"
        lines += [
            f'    <{tag} type="{server.protocol}">',
            f"      <hostname>{escape(server.host)}</hostname>",
            f"      <port>{server.port}</port>",
            f"      <socketType>{'SSL' if server.implicit else 'STARTTLS'}</socketType>",
            "      <username>%EMAILADDRESS%</username>",
            "      <authentication>password-cleartext</authentication>",
            f"    </{tag}>",
        ]
    return "\n".join((*lines, "  </emailProvider>", "</clientConfig>", "")).encode()


def outlook(setup: Setup, address: Address) -> bytes:
    """The answer to Outlook's question. # [MS-OXDSCLI] §2.2.4, POX with the settings of IMAP, POP3 and SMTP"""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<Autodiscover xmlns="{_OUTLOOK}">',
        f'  <Response xmlns="{OUTLOOK_SETTINGS}">',
        "    <Account>",
        "      <AccountType>email</AccountType>",
        "      <Action>settings</Action>",
    ]
    for server in setup.of(*READS, "smtp"):
        lines += ["      <Protocol>", *_protocol(server, escape(str(address))), "      </Protocol>"]
    return "\n".join((*lines, "    </Account>", "  </Response>", "</Autodiscover>", "")).encode()


def _protocol(server: Server, login: str) -> Iterator[str]:
    fields = {
        "Type": server.protocol.upper(),
        "Server": escape(server.host),
        "Port": str(server.port),
        "DomainRequired": "off",
        "LoginName": login,
        "SPA": "off",
        "SSL": "on",
        "Encryption": "SSL" if server.implicit else "TLS",
        "AuthRequired": "on",
    }
    if server.protocol == "smtp":
        fields |= {"UsePOPAuth": "off", "SMTPLast": "off"}
    for name, value in fields.items():
        yield f"        <{name}>{value}</{name}>"


def unanswerable(text: str) -> bytes:
    """Outlook's form of "no". # [MS-OXDSCLI] §2.2.4.1.1.3"""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{_OUTLOOK}">\n  <Response>\n'
        '    <Error Time="00:00:00" Id="0">\n      <ErrorCode>600</ErrorCode>\n'
        f"      <Message>{escape(text)}</Message>\n      <DebugData />\n"
        "    </Error>\n  </Response>\n</Autodiscover>\n"
    ).encode()


def apple(setup: Setup, address: Address) -> bytes:
    """A configuration profile for Apple's mail programs; the password is asked when it is installed. ValueError where
    the setup is not whole.

    # https://developer.apple.com/documentation/devicemanagement/mail
    """
    if not setup.whole:
        raise ValueError("letters cannot be both read and sent")
    incoming, sending = setup.of(*READS)[0], setup.of("smtp")[0]
    login, name = str(address), setup.name or address.domain
    identity = uuid.uuid5(_NAMESPACE, login)
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identity}.mail",
        "PayloadUUID": str(uuid.uuid5(identity, "mail")).upper(),
        "PayloadDisplayName": login,
        "EmailAccountType": "EmailTypeIMAP" if incoming.protocol == "imap" else "EmailTypePOP",
        "EmailAccountDescription": login,
        "EmailAddress": login,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": login,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": sending.host,
        "OutgoingMailServerPortNumber": sending.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": login,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": str(identity),
        "PayloadUUID": str(identity).upper(),
        "PayloadDisplayName": f"{name}: {login}",
        "PayloadDescription": f"Mail for {login}",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile)
