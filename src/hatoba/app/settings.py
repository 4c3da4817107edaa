"""All settings: the rooms' own Structs put together as the tables of one file, and what belongs to no room.

Read by config; handed to the rooms by wiring.
Never holds a room's setting: those stand in the rooms.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from hatoba.app import certificate, logs
from hatoba.app import dns_helper as dns_helper_
from hatoba.app.listener import Listener
from hatoba.delivery import settings as delivery_
from hatoba.directory import settings as directory_
from hatoba.directory.dkim import settings as dkim_
from hatoba.doors.http import settings as http_
from hatoba.doors.imap import settings as imap_
from hatoba.doors.login import settings as login_
from hatoba.doors.pop3 import settings as pop3_
from hatoba.doors.sieve import settings as sieve_
from hatoba.doors.smtp import settings as smtp_
from hatoba.intake import filter_settings, service_settings
from hatoba.intake import settings as intake_
from hatoba.intake.rewriting import settings as rewrite_
from hatoba.journal import settings as journal_
from hatoba.kit.units import Seconds
from hatoba.mailboxes import settings as reading_
from hatoba.net import settings as net
from hatoba.notice import settings as notice_
from hatoba.queue import settings as queue_
from hatoba.reports import settings as reports_
from hatoba.store import settings as store_
from hatoba.store.blobs import settings as blobs_
from hatoba.store.mailboxes import settings as mail_

# Within the class below a field hides a module of its name, so the modules end in an underscore.
_RELOADS = {"reloads": True}  # the whole table is taken over on SIGHUP


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: Annotated[str, Meta(description="Address of /metrics, /healthz and /readyz; keep it on loopback.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Its port; 0 serves none.")] = 8026


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hatoba.toml. Every key has a default; an empty file is a good one."""

    hostname: Annotated[
        str, Meta(description="Name we greet with and put into Received; empty: this machine's full name.")
    ] = ""
    data: Annotated[
        str, Meta(description="Data directory; empty: /var/lib/hatoba for root, else ~/.local/share/hatoba.")
    ] = ""
    workers: Annotated[int, Meta(ge=0, le=256, description="Worker processes; 0: one for each processor.")] = 0
    user: Annotated[
        str,
        Meta(description="When started by root: the user to become once the ports are bound; empty: root."),
    ] = ""
    drain: Annotated[
        Seconds, Meta(ge=0, description="At a stop, transactions and deliveries in progress may end for this long.")
    ] = 20.0
    master_key: Annotated[
        str,
        Meta(
            description="The master key itself (32 octets, base64), the same on every node; empty: it is in a file.",
            extra={"secret": True},
        ),
    ] = ""
    master_key_file: Annotated[
        str, Meta(description="File of the master key; empty: master.key in the data directory, made at first use.")
    ] = ""
    uvloop: Annotated[bool, Meta(description="Use uvloop where it is installed; false: plain asyncio.")] = True
    listener: Annotated[
        tuple[Listener, ...],
        Meta(
            description="Where clients connect. Without any: mx, submission (587 and 2525), submissions, imap, imaps, "
            "pop3, pop3s, sieve."
        ),
    ] = ()
    route: Annotated[
        tuple[delivery_.Route, ...],
        Meta(description="Where mail for some domains goes; all others by their MX records."),
    ] = ()
    tls_policy: Annotated[
        tuple[delivery_.TlsPolicy, ...],
        Meta(description="What TLS must be like towards some domains, whatever they publish; the first match counts."),
    ] = ()
    mta_sts: Annotated[http_.MtaSts, Meta(description="Our own MTA-STS policy, for our local domains.")] = (
        http_.MtaSts()
    )
    autoconfig: Annotated[http_.Autoconfig, Meta(description="Mail programs that find our doors by themselves.")] = (
        http_.Autoconfig()
    )
    tls: Annotated[certificate.Settings, Meta(description="The certificate of our listeners.")] = certificate.Settings()
    smtp: Annotated[smtp_.Settings, Meta(description="The SMTP listeners' limits.", extra=_RELOADS)] = smtp_.Settings()
    imap: Annotated[imap_.Settings, Meta(description="The IMAP listeners' limits.", extra=_RELOADS)] = imap_.Settings()
    pop3: Annotated[pop3_.Settings, Meta(description="The POP3 listeners' limits.", extra=_RELOADS)] = pop3_.Settings()
    sieve: Annotated[
        sieve_.Settings, Meta(description="The ManageSieve listeners' limits, and what scripts may be.", extra=_RELOADS)
    ] = sieve_.Settings()
    login: Annotated[
        login_.Settings, Meta(description="Logging in, over whatever protocol: what failures lead to.", extra=_RELOADS)
    ] = login_.Settings()
    intake: Annotated[intake_.Settings, Meta(description="What is taken in.", extra=_RELOADS)] = intake_.Settings()
    auth: Annotated[
        filter_settings.Auth,
        Meta(description="What SPF, DKIM, DMARC and ARC mean for letters from outside.", extra=_RELOADS),
    ] = filter_settings.Auth()
    filter: Annotated[
        filter_settings.Settings, Meta(description="How the verdicts of all checks combine.", extra=_RELOADS)
    ] = filter_settings.Settings()
    rspamd: Annotated[service_settings.Rspamd, Meta(description="The spam filter that is asked.", extra=_RELOADS)] = (
        service_settings.Rspamd()
    )
    clamd: Annotated[service_settings.Clamd, Meta(description="The virus scanner that is asked.", extra=_RELOADS)] = (
        service_settings.Clamd()
    )
    milter: Annotated[
        tuple[service_settings.Milter, ...],
        Meta(description="Filters of the milter protocol, asked one after the other.", extra=_RELOADS),
    ] = ()
    hook: Annotated[
        tuple[service_settings.Hook, ...],
        Meta(description="Programs of your own that are told letters over HTTP.", extra=_RELOADS),
    ] = ()
    rewrite: Annotated[
        rewrite_.Settings, Meta(description="What is changed about letters on their way in.", extra=_RELOADS)
    ] = rewrite_.Settings()
    queue: Annotated[queue_.Settings, Meta(description="Retries, lanes and memory.")] = queue_.Settings()
    delivery: Annotated[delivery_.Settings, Meta(description="Sending: routes, limits, TLS and time-outs.")] = (
        delivery_.Settings()
    )
    mailboxes: Annotated[mail_.Settings, Meta(description="How the letters of our accounts are stored.")] = (
        mail_.Settings()
    )
    reading: Annotated[reading_.Settings, Meta(description="How mailboxes are used.")] = reading_.Settings()
    notice: Annotated[notice_.Settings, Meta(description="Delivery status notifications.")] = notice_.Settings()
    journal: Annotated[journal_.Settings, Meta(description="How long events are kept, and how they are found.")] = (
        journal_.Settings()
    )
    audit: Annotated[journal_.Audit, Meta(description="What is kept for the audit.")] = journal_.Audit()
    dkim: Annotated[dkim_.Settings, Meta(description="DKIM: keys and signatures.", extra=_RELOADS)] = dkim_.Settings()
    reports: Annotated[
        reports_.Settings,
        Meta(description="Reports about mail: DMARC and TLS reports sent, others' taken in.", extra=_RELOADS),
    ] = reports_.Settings()
    directory: Annotated[directory_.Settings, Meta(description="Accounts and passwords.")] = directory_.Settings()
    blobs: Annotated[blobs_.Settings, Meta(description="Where large bodies are kept.")] = blobs_.Settings()
    store: Annotated[store_.Settings, Meta(description="The databases and files of letters.")] = store_.Settings()
    database: Annotated[
        store_.Database, Meta(description="A PostgreSQL server instead of files in the data directory.")
    ] = store_.Database()
    dns_helper: Annotated[
        dns_helper_.Settings, Meta(description="What `hatoba dns` proposes for our domains.", extra=_RELOADS)
    ] = dns_helper_.Settings()
    dns: Annotated[net.Dns, Meta(description="How names are looked up.")] = net.Dns()
    headroom: Annotated[net.Headroom, Meta(description="Disk and memory that must stay free.")] = net.Headroom()
    http: Annotated[Http, Meta(description="Metrics and health.")] = Http()
    log: Annotated[logs.Settings, Meta(description="The log.")] = logs.Settings()
