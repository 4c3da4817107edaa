"""Source: one account on another IMAP server: its mailboxes, and their letters in batches.

Called by pull, in a thread of its account; blocking, with deadlines.
Never sends a password before TLS (unless told that there is none), never trusts a certificate it cannot verify (unless
told to), and never changes a flag there.
Fails with SourceTrouble, which tells whether the source refused this one thing, and whether trying again is in vain.
"""

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import imapclient
import msgspec
from imapclient import exceptions

from hatoba.app.migrating import naming
from hatoba.app.migrating.sink import Folder, Letter

Tls = Literal["implicit", "starttls", "none"]
_READ = 300.0  # seconds of silence; a server may take its time over the first FETCH of a large mailbox
_CONNECT = 30.0
_HELD = {"\\starred", "\\important"}  # Gmail's labels that are no mailbox of their own
_WINDOW = 100_000  # UIDs that one SEARCH looks at: imaplib reads no line above 1 MB
_ASKED = 500  # letters whose sizes or flags are asked for at once
_ITEMS = (b"UID", b"FLAGS", b"INTERNALDATE", b"BODY.PEEK[]")
_SECRETS = re.compile(r"(?i)(login|authenticate)\s+.*")


class SourceTrouble(Exception):
    """The source refused, went away or cannot be reached; the text is for the one who migrates.

    `refused`: it said NO to this, and the connection is whole. `lasting`: another connection will not help.
    """

    def __init__(self, text: str, *, refused: bool = False, lasting: bool = False) -> None:
        super().__init__(text)
        self.refused, self.lasting = refused, lasting


class Server(msgspec.Struct, frozen=True):
    """Where the source is. `ca`: a file of the authorities to trust, besides those of this machine."""

    host: str
    port: int = 0
    tls: Tls = "implicit"
    ca: Path | None = None
    insecure: bool = False

    @property
    def number(self) -> int:
        """The port."""
        return self.port or (993 if self.tls == "implicit" else 143)

    def context(self) -> ssl.SSLContext:
        """What TLS asks of it: a name and an authority, at least TLS 1.2."""
        context = ssl.create_default_context()
        if self.ca is not None:
            context.load_verify_locations(self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Who(msgspec.Struct, frozen=True):
    """How to log in there. `token`: the password is an OAuth 2 access token."""

    user: str
    password: str
    token: bool = False


class Source:
    """An open, logged-in connection. Use it as a context manager."""

    def __init__(self, server: Server, who: Who) -> None:
        self._next = 1  # UIDNEXT of the open mailbox
        self.origin = naming.origin(who.user, server.host, server.number)
        with _trouble(f"{server.host}:{server.number}"):
            self._client = _connected(server)
        try:
            with _trouble(f"{who.user} at {server.host}", lasting=True):
                _log_in(self._client, who)
            with _trouble(server.host):
                self._capabilities = {word.decode("ascii", "replace") for word in self._client.capabilities()}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def gmail(self) -> bool:
        """It shows one letter in several mailboxes, by labels."""
        return "X-GM-EXT-1" in self._capabilities

    def close(self) -> None:
        """Leaves, politely where that is possible."""
        with contextlib.suppress(imaplib.IMAP4.error, OSError, ssl.SSLError):
            self._client.logout()
        with contextlib.suppress(imaplib.IMAP4.error, OSError, AttributeError):
            self._client.shutdown()

    def folders(self) -> list[Folder]:
        """The account's own mailboxes that can hold letters, INBOX first."""
        with _trouble("the list of mailboxes"):
            listed = self._client.list_folders()
            subscribed = {str(name) for _, _, name in self._client.list_sub_folders()}
            space = self._client.namespace() if "NAMESPACE" in self._capabilities else None
        rows = [(_texts(flags), _text(delimiter), str(name)) for flags, delimiter, name in listed]
        return naming.folders(rows, subscribed, naming.space(space), gmail=self.gmail)

    def open(self, folder: Folder) -> int:
        """Looks into a mailbox without changing it; its UIDVALIDITY."""
        with _trouble(f"mailbox {folder.name}"):
            told = self._client.select_folder(folder.name, readonly=True)
            self._next = int(told.get(b"UIDNEXT", 0)) or self._after_all(int(told.get(b"EXISTS", 0)))
        return int(told.get(b"UIDVALIDITY", 0))

    def _after_all(self, exists: int) -> int:
        """The UID after the last letter's, of a server that does not say it."""
        found = self._client.search([b"%d" % exists]) if exists else ()
        return max(found, default=0) + 1

    def sizes(self, folder: Folder, above: int) -> dict[int, int]:
        """UID → octets of what is in the open mailbox above a UID, ascending."""
        items = [b"RFC822.SIZE"] + ([b"X-GM-LABELS"] if folder.archived else [])
        return {
            uid: int(row.get(b"RFC822.SIZE", 0))
            for uid, row in self._rows(folder, above + 1, self._next - 1, items)
            if not (folder.archived and _elsewhere(row))
        }

    def flags(self, folder: Folder, upto: int) -> dict[int, tuple[str, ...]]:
        r"""UID → flags of what is in the open mailbox up to a UID, without \Recent."""
        return {uid: _flags(row) for uid, row in self._rows(folder, 1, upto, [b"FLAGS"]) if b"FLAGS" in row}

    def _rows(
        self, folder: Folder, first: int, last: int, items: Sequence[bytes]
    ) -> Iterator[tuple[int, Mapping[bytes, Any]]]:
        """What the open mailbox says of its letters in a range of UIDs, ascending."""
        with _trouble(f"the letters of {folder.name}"):
            for start in range(first, last + 1, _WINDOW):
                found = self._client.search([b"UID", b"%d:%d" % (start, min(start + _WINDOW - 1, last))])
                uids = sorted(uid for uid in found if first <= uid <= last)
                for at in range(0, len(uids), _ASKED):
                    told: Mapping[int, Any] = self._client.fetch(uids[at : at + _ASKED], items)
                    yield from ((uid, told[uid]) for uid in uids[at : at + _ASKED] if uid in told)

    def letters(self, uids: Sequence[int]) -> Iterator[Letter]:
        """Those of the open mailbox that are still there, ascending."""
        with _trouble("letters"):
            told: Mapping[int, Any] = self._client.fetch(uids, _ITEMS)
        for uid in uids:
            row = told.get(uid, {})
            if isinstance(row.get(b"BODY[]"), bytes):
                moment, zone = _moment(row.get(b"INTERNALDATE"))
                yield Letter(uid, row[b"BODY[]"], _flags(row), moment, zone)


def _connected(server: Server) -> imapclient.IMAPClient:
    timeout = imapclient.SocketTimeout(_CONNECT, _READ)
    context = server.context()
    implicit = server.tls == "implicit"
    client = imapclient.IMAPClient(
        server.host, server.number, ssl=implicit, ssl_context=context if implicit else None, timeout=timeout
    )
    client.normalise_times = False
    if server.tls == "starttls":
        client.starttls(context)
    return client


def _log_in(client: imapclient.IMAPClient, who: Who) -> None:
    if who.token:
        client.oauth2_login(who.user, who.password)
    elif client.has_capability("AUTH=PLAIN"):
        client.plain_login(who.user, who.password)
    else:
        client.login(who.user, who.password)


@contextlib.contextmanager
def _trouble(what: str, *, lasting: bool = False) -> Iterator[None]:
    """Whatever the library, the network or TLS says becomes SourceTrouble, without a password in it."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        text = f"{what}: the certificate is not trusted ({error.verify_message}); --ca names another authority"
        raise SourceTrouble(text, lasting=True) from error
    except (exceptions.IMAPClientAbortError, OSError) as error:
        raise SourceTrouble(f"{what}: {_words(error)}") from error
    except exceptions.LoginError as error:
        raise SourceTrouble(f"{what}: the login was refused: {_words(error)}", lasting=True) from error
    except (exceptions.IMAPClientError, imaplib.IMAP4.error, ValueError, UnicodeError) as error:
        raise SourceTrouble(f"{what}: {_words(error)}", refused=True, lasting=lasting) from error


def _words(error: Exception) -> str:
    return _SECRETS.sub(r"\1 …", str(error) or type(error).__name__)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _flags(row: Mapping[bytes, Any]) -> tuple[str, ...]:
    return tuple(flag for flag in _texts(row.get(b"FLAGS", ())) if flag.lower() != "\\recent")


def _elsewhere(row: Mapping[bytes, Any]) -> bool:
    """A letter of Gmail's "All Mail" that another mailbox shows, too."""
    return any(label.lower() not in _HELD for label in _texts(row.get(b"X-GM-LABELS", ())))


def _moment(when: object) -> tuple[int, int]:
    """ms since 1970 and minutes east; the time of now is not known here: (0, 0) without one."""
    if not isinstance(when, datetime):
        return 0, 0
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    offset = aware.utcoffset()
    return int(aware.timestamp() * 1000), int(offset.total_seconds() // 60) if offset is not None else 0
