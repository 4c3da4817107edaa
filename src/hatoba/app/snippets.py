"""Snippets: settings ready to paste, program by program, with host, port and user filled in; never a password.

Called by client_settings. What is said of each program follows its own documentation as of 2026.
Never prints a value that a language could read as anything but text: each has its way of quoting.
Fails never.
"""
# data table

import json
from collections.abc import Callable

import msgspec

from hatoba.doors.http.clients import Server

PASSWORD = "SMTP_PASSWORD"  # noqa: S105  the name of the variable the snippets read


class Facts(msgspec.Struct, frozen=True):
    """Whose settings; the first of `sending` is used, `reading` in order of preference. Either may be empty."""

    address: str
    sending: tuple[Server, ...]
    reading: tuple[Server, ...]


def _python(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # also a JavaScript literal


def _single(text: str) -> str:
    """A literal of PHP and Ruby that holds no expressions."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _dotenv(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _wordpress(user: str, server: Server) -> str:
    secure = "ssl" if server.implicit else "tls"
    return f"""<?php
// wp-content/mu-plugins/smtp.php; {PASSWORD} is an environment variable of the web server.
add_action( 'phpmailer_init', function ( $mail ) {{
    $mail->isSMTP();
    $mail->Host = {_single(server.host)};
    $mail->Port = {server.port};
    $mail->SMTPSecure = '{secure}';
    $mail->SMTPAuth = true;
    $mail->Username = {_single(user)};
    $mail->Password = getenv( '{PASSWORD}' );
}} );
add_filter( 'wp_mail_from', function () {{ return {_single(user)}; }} );
"""


def _django(user: str, server: Server) -> str:
    security = "EMAIL_USE_SSL" if server.implicit else "EMAIL_USE_TLS"
    return f"""# settings.py
import os

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = {_python(server.host)}
EMAIL_PORT = {server.port}
{security} = True
EMAIL_HOST_USER = {_python(user)}
EMAIL_HOST_PASSWORD = os.environ["{PASSWORD}"]
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = SERVER_EMAIL = {_python(user)}
"""


def _rails(user: str, server: Server) -> str:
    security = "ssl: true" if server.implicit else "enable_starttls: true"
    return f"""# config/environments/production.rb
config.action_mailer.delivery_method = :smtp
config.action_mailer.default_options = {{ from: {_single(user)} }}
config.action_mailer.smtp_settings = {{
  address: {_single(server.host)},
  port: {server.port},
  {security},
  authentication: :plain,
  user_name: {_single(user)},
  password: ENV.fetch('{PASSWORD}'),
  open_timeout: 30,
  read_timeout: 30
}}
"""


def _laravel(user: str, server: Server) -> str:
    scheme, older = ("smtps", "ssl") if server.implicit else ("smtp", "tls")
    return f"""# .env; Laravel 11 and later read MAIL_SCHEME, earlier ones MAIL_ENCRYPTION
MAIL_MAILER=smtp
MAIL_SCHEME={scheme}
MAIL_ENCRYPTION={older}
MAIL_HOST={server.host}
MAIL_PORT={server.port}
MAIL_USERNAME={_dotenv(user)}
MAIL_PASSWORD="(the password)"
MAIL_FROM_ADDRESS={_dotenv(user)}
MAIL_FROM_NAME="${{APP_NAME}}"
"""


def _node(user: str, server: Server) -> str:
    secure = "true" if server.implicit else "false"
    starttls = "" if server.implicit else "\n  requireTLS: true, // STARTTLS, never without"
    return f"""// npm install nodemailer
import nodemailer from "nodemailer";

const transport = nodemailer.createTransport({{
  host: {_python(server.host)},
  port: {server.port},
  secure: {secure},{starttls}
  auth: {{ user: {_python(user)}, pass: process.env.{PASSWORD} }},
}});

await transport.sendMail({{
  from: {_python(user)},
  to: {_python(user)},
  subject: "Hello",
  text: "It works.",
}});
"""


def _plain_python(user: str, server: Server) -> str:
    kind = "SMTP_SSL" if server.implicit else "SMTP"
    tls = ", context=ssl.create_default_context()" if server.implicit else ""
    starttls = "" if server.implicit else "    smtp.starttls(context=ssl.create_default_context())\n"
    return f"""import os
import smtplib
import ssl
from email.message import EmailMessage

user = {_python(user)}
message = EmailMessage()
message["From"] = user
message["To"] = user
message["Subject"] = "Hello"
message.set_content("It works.")

with smtplib.{kind}({_python(server.host)}, {server.port}, timeout=30{tls}) as smtp:
{starttls}    smtp.login(user, os.environ["{PASSWORD}"])
    smtp.send_message(message)
"""


_SENDERS: dict[str, Callable[[str, Server], str]] = {
    "wordpress": _wordpress,
    "django": _django,
    "rails": _rails,
    "laravel": _laravel,
    "node": _node,
    "python": _plain_python,
}


def _words(server: Server, starttls: str, implicit: str) -> str:
    return f"{server.host}, port {server.port}, {implicit if server.implicit else starttls}"


def _thunderbird(facts: Facts) -> str:
    lines = ["Account Settings, Add Mail Account, Configure manually:"]
    for server in (*facts.reading[:1], *facts.sending):
        side = "Outgoing server" if server.protocol == "smtp" else f"Incoming server ({server.protocol.upper()})"
        lines.append(f"  {side}: {_words(server, 'STARTTLS', 'SSL/TLS')}, authentication: normal password")
    return "\n".join((*lines, f"  Username for both: {facts.address}", ""))


def _outlook(facts: Facts) -> str:
    lines = ["File, Add Account, Advanced options, Let me set up my account manually, IMAP or POP:"]
    for server in (*facts.reading[:1], *facts.sending):
        side = "Outgoing mail" if server.protocol == "smtp" else f"Incoming mail ({server.protocol.upper()})"
        lines.append(f"  {side}: {_words(server, 'encryption STARTTLS', 'encryption SSL/TLS')}")
    lines.append("  Secure Password Authentication (SPA): off. The outgoing server asks for the same login.")
    return "\n".join((*lines, f"  User name: {facts.address}", ""))


def _apple(facts: Facts) -> str:
    lines = ["Mail, Add Account, Other Mail Account; the servers are asked for after name, address and password:"]
    for server in (*facts.reading[:1], *facts.sending):
        side = (
            "Outgoing Mail Server" if server.protocol == "smtp" else f"Incoming Mail Server ({server.protocol.upper()})"
        )
        lines.append(f"  {side}: {server.host}, port {server.port}, Use TLS/SSL on, authentication: password")
    return "\n".join((*lines, f"  User Name for both: {facts.address}", ""))


_READERS: dict[str, Callable[[Facts], str]] = {"thunderbird": _thunderbird, "outlook": _outlook, "apple": _apple}
PROGRAMS = (*_READERS, *_SENDERS)


def all_(facts: Facts) -> dict[str, str]:
    """The text for each program that can be set up with these doors; those who read mail need one for it."""
    found = {name: write(facts) for name, write in _READERS.items() if facts.reading and facts.sending}
    for server in facts.sending[:1]:
        found |= {name: write(facts.address, server) for name, write in _SENDERS.items()}
    return found
