"""What cannot be said by a type: files that must be there, ports said twice, networks, routes, the user.

Called by `hatoba config check`, at every start and at every reload.
Never opens a port and never changes a file.
Every finding is a Problem with its key and the fix.
"""

import ipaddress
import pwd
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from hatoba.app import config, dns_helper, filterfaults, listeners, services
from hatoba.app import listener as listener_
from hatoba.app.listener import Listener
from hatoba.app.places import default_data
from hatoba.app.problems import Problem
from hatoba.app.settings import Settings
from hatoba.delivery import courier
from hatoba.directory import dkim_key
from hatoba.directory.dkim import making, ring
from hatoba.directory.dkim import settings as dkim_
from hatoba.doors.http import mta_sts
from hatoba.intake.rewriting import rewriter
from hatoba.kit import sealing
from hatoba.mailauth import mtasts
from hatoba.model import domain
from hatoba.model.address import Address
from hatoba.net import dns, listen, tls
from hatoba.store import master_key, spools
from hatoba.store.blobs import settings as blobs
from hatoba.store.trouble import StoreTrouble

Found = Iterator[tuple[str, str, str]]  # (key, what is wrong, the fix)


def _certificate(settings: Settings) -> Found:
    chosen = settings.tls
    if chosen.key and not chosen.certificate:
        yield "tls.key", "a key without a certificate", "Set tls.certificate too, or remove tls.key."
    if not chosen.certificate:
        return
    key = chosen.key or chosen.certificate
    for name, path in (("tls.certificate", chosen.certificate), ("tls.key", key)):
        if not Path(path).is_file():
            yield name, f"{path} is not there", "Give the path of a PEM file that this user can read."
            return
    try:
        tls.server_context(chosen.certificate, key)
    except (OSError, ssl.SSLError) as error:
        yield "tls.certificate", f"certificate and key do not work: {error}", "Check that they belong together."


def _listeners(settings: Settings) -> Found:
    seen: dict[tuple[str, int], int] = {}
    for index, listener in enumerate(settings.listener):
        for name in listener_.foreign(listener):
            yield f"listener[{index}].{name}", f"it means nothing to kind {listener.kind}", "Leave it out."
        for address in listeners.addresses(listener):
            if address.startswith(listen.UNIX):
                yield from _unix(index, listener, address)
                continue
            try:
                ipaddress.ip_address(address)
            except ValueError:
                yield f"listener[{index}].address", f"{address!r} is no IP address", 'For all: ["0.0.0.0", "::"].'
                continue
            place = (address, listener.port)
            if listener.port and place in seen:
                fix = f"listener[{seen[place]}] has it already: choose another port or address."
                yield f"listener[{index}].port", f"{address} port {listener.port} is said twice", fix
            seen[place] = index


def _unix(index: int, listener: Listener, address: str) -> Found:
    if listener.kind != "lmtp":
        yield f"listener[{index}].address", "a Unix socket is for kind lmtp only", "Set an IP address."
    elif not address.removeprefix(listen.UNIX).startswith("/"):
        fix = 'Write it like "unix:/run/hatoba/lmtp".'
        yield f"listener[{index}].address", f"{address!r} has no absolute path", fix
    elif listener.port:
        yield f"listener[{index}].port", "a Unix socket has no port", "Set port = 0."


def _networks(settings: Settings) -> Found:
    for key, written in listeners.networks(settings):
        try:
            ipaddress.ip_network(written)
        except ValueError as error:
            yield key, f"{written!r} is no network: {error}", 'Write it like "192.0.2.0/24" or "2001:db8::/32".'


def _routes(settings: Settings) -> Found:
    for index, route in enumerate(settings.route):
        try:
            courier.check(route)
        except ValueError as error:
            yield f"route[{index}]", str(error), "See [[route]] in docs/settings.md."
        if route.password_file and not Path(route.password_file).is_file():
            yield f"route[{index}].password_file", f"{route.password_file} is not there", "Make it, one line."


def _tls_policies(settings: Settings) -> Found:
    for index, rule in enumerate(settings.tls_policy):
        try:
            courier.check_rule(rule)
        except ValueError as error:
            yield f"tls_policy[{index}]", str(error), "See [[tls_policy]] in docs/settings.md."


def _own_policy(settings: Settings) -> Found:
    try:
        mta_sts.Published(settings.mta_sts, settings.hostname or "localhost")
    except mtasts.BadPolicy as error:
        yield "mta_sts.mx", str(error), 'Write names like "mail.example.org" or "*.example.org".'


def _names(settings: Settings) -> Found:
    for key, written in (("hostname", settings.hostname), ("delivery.helo", settings.delivery.helo)):
        try:
            if written:
                domain.parse(written, smtputf8=False)
        except domain.BadAddress as error:
            yield key, f"{written!r} is no host name: {error}", 'Write it like "mail.example.org".'


def _addresses(settings: Settings) -> Found:
    try:
        ipaddress.ip_address(settings.http.address)
    except ValueError:
        yield "http.address", f"{settings.http.address!r} is no IP address", 'Give one, for example "127.0.0.1".'
    for written in settings.delivery.source_ips:
        try:
            ipaddress.ip_address(written)
        except ValueError:
            yield "delivery.source_ips", f"{written!r} is no IP address", "Give addresses of this machine."
    try:
        dns.Resolver(settings.dns)
    except ValueError as error:
        yield "dns.servers", str(error), 'Write each like "127.0.0.1", "127.0.0.1:5353" or "[::1]:53".'


def _user(settings: Settings) -> Found:
    if settings.user:
        try:
            pwd.getpwnam(settings.user)
        except KeyError:
            fix = f"Make it: useradd --system {settings.user}"
            yield "user", f"there is no user {settings.user!r} on this machine", fix


def _data(settings: Settings) -> Found:
    if settings.data and Path(settings.data).exists() and not Path(settings.data).is_dir():
        yield "data", f"{settings.data} is no directory", "Give a directory; it is made when it is missing."


def _blobs(settings: Settings) -> Found:
    for key, urls in (("blobs.url", (settings.blobs.url,)), ("blobs.former", settings.blobs.former)):
        for url in filter(None, urls):
            try:
                blobs.place(url)
            except ValueError as error:
                shown, _, fix = str(error).partition(": ")
                yield key, f"{shown} cannot be used", fix[:1].upper() + fix[1:] + "."
    if bool(settings.blobs.access_key) != bool(settings.blobs.secret_key):
        fix = "Give both, or neither: then the environment or the machine's role is asked."
        yield "blobs.access_key", "access_key and secret_key belong together", fix


def _audit(settings: Settings) -> Found:
    if not settings.audit.encrypt or settings.audit.content == "none":
        return
    data = Path(settings.data).resolve() if settings.data else default_data()
    fix = "Make one with `hatoba dkim new DOMAIN`, name it (master_key_file), or leave contents unencrypted."
    try:
        if master_key.read(data, given=settings.master_key, named=settings.master_key_file) is None:
            yield "audit.encrypt", "there is no master key to encrypt contents with", fix
    except StoreTrouble as error:
        yield "audit.encrypt", f"the master key cannot be read: {error}", fix


def _auth(settings: Settings) -> Found:
    names = [("auth.arc_sealers", name) for name in settings.auth.arc_sealers]
    names += [(f"filter.domain[{n}].name", each.name) for n, each in enumerate(settings.filter.domain)]
    for key, written in names:
        try:
            domain.parse(written.removeprefix("*."))
        except domain.BadAddress as error:
            yield key, f"{written!r} is no domain: {error}", 'Write it like "example.org".'


def _spools(settings: Settings) -> Found:
    for index, field, text, fix in spools.faults(settings.database):
        yield f"database.spool[{index}].{field}", text, fix


def _unsignable(chosen: dkim_.Settings) -> str:
    """Why nothing can be signed with these settings, "" when it can: tried with a key of its own."""
    probe = making.Made("x", making.make("ed25519"))
    key = dkim_key.Key("example.org", "x", 0, 0, probe.kind, probe.bits, "", b"", "")
    try:
        ring.signer(key, probe.key, chosen)
    except ValueError as error:
        return str(error)
    return ""


def _signing(settings: Settings) -> Found:
    if why := _unsignable(settings.dkim):
        lists = ("oversigned", "guarded", "signed")
        alone = {
            name: msgspec.structs.replace(dkim_.Settings(), **{name: getattr(settings.dkim, name)}) for name in lists
        }
        guilty = next((name for name in lists if _unsignable(alone[name])), "oversigned")
        fix = "Name header fields like Subject, and From among those that are signed."
        yield f"dkim.{guilty}", f"nothing can be signed like this: {why}", fix
    if settings.master_key:
        try:
            sealing.read(settings.master_key)
        except sealing.BadSeal as error:
            yield "master_key", str(error), "Take the line of a master.key file, or 32 octets in base64."
    elif settings.master_key_file and not Path(settings.master_key_file).is_file():
        fix = "Give the path of the master key, or leave it out: then one is made in the data directory."
        yield "master_key_file", f"{settings.master_key_file} is not there", fix


def _rewriting(settings: Settings) -> Found:
    for key, text in rewriter.faults(settings.rewrite):
        yield f"rewrite.{key}", text, "See docs/rewriting.md."


def _dns_helper(settings: Settings) -> Found:
    for key, text, fix in dns_helper.faults(settings.dns_helper):
        yield f"dns_helper.{key}", text, fix


def _reports(settings: Settings) -> Found:
    chosen = settings.reports
    named = [("reports.address", chosen.address)] if chosen.address else []
    for key, written in (*named, *(("reports.inbox", each) for each in chosen.inbox)):
        try:
            Address.parse(written)
        except domain.BadAddress as error:
            yield key, f"{written!r} is no address: {error}", 'Write it like "reports@example.org".'
    for written in chosen.omit:
        try:
            domain.parse(written)
        except domain.BadAddress as error:
            yield "reports.omit", f"{written!r} is no domain: {error}", 'Write it like "example.org".'


_CHECKS: tuple[Callable[[Settings], Found], ...] = (
    _names, _certificate, _listeners, _networks, _routes, _tls_policies, _own_policy, _addresses, _user, _data, _blobs,
    _spools, _auth, filterfaults.found, services.faults, _signing, _dns_helper, _audit, _reports, _rewriting,
)  # fmt: skip


def problems(loaded: config.Loaded) -> list[Problem]:
    """Everything that is wrong with these settings, each with the place it was set at."""
    found = []
    for check in _CHECKS:
        for key, text, fix in check(loaded.settings):
            place = config.source(loaded, key)
            file, _, line = place.rpartition(":")
            at = (file, int(line)) if line.isdigit() else (place if place != "default" else "defaults", 0)
            found.append(Problem(at[0], at[1], key, text, fix))
    return found
