"""Opening: banner, EHLO or HELO, STARTTLS by policy, AUTH: everything before the first letter of a connection.

Functions on a Line, called by session for each answer while the line is OPENING.
Never falls back to plain where TLS is required, never logs in over an unprotected connection.
Fails with Refused through `line.ready`; dial then tries the next host.
"""

import ipaddress
import secrets
import ssl
from pathlib import Path

from hatoba.delivery import guard as guards
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import LEAVING, Line
from hatoba.delivery.verdict import told
from hatoba.model.status import Status
from hatoba.net import session as sessions
from hatoba.wire import sasl
from hatoba.wire.smtp import client, commands
from hatoba.wire.smtp.peer import PeerReply

Say = list[commands.Command] | sessions.Then | None


def opened(line: Line) -> None:
    """The connection stands: the peer speaks first."""
    line.wait(line.timeouts.greeting)


def greeting(line: Line, reply: PeerReply) -> Say:
    """220 or nothing. # RFC 5321 §3.1; a 5xx here is this host's, not the letter's: others may do, later it may"""
    line.note("S", told(reply)[0])
    if reply.code != 220:
        return refuse(line, _host_status(reply, "4.3.2"), reply)
    return hello(line)


def hello(line: Line) -> Say:
    line.wait(line.timeouts.hello)
    return line.say(commands.Lhlo(line.helo) if line.peer.lmtp else commands.Ehlo(line.helo))


def answered(line: Line, verb: str, reply: PeerReply) -> Say:
    """One answer of the opening."""
    line.note("S", told(reply)[0])
    if verb in ("EHLO", "LHLO"):
        if not reply.ok:
            if reply.permanent and verb == "EHLO" and not line.pump.tls:
                return line.say(commands.Helo(line.helo))  # RFC 5321 §3.2
            return refuse(line, _host_status(reply, "4.3.2"), reply)
        return _greeted(line)
    if verb == "HELO":
        return _greeted(line) if reply.ok else refuse(line, _host_status(reply, "4.3.2"), reply)
    if verb == "STARTTLS":
        return _starttls(line, reply)
    if verb == "AUTH":
        return _auth(line, reply)
    return refuse(line, Status("4.5.0", f"an answer to {verb} nobody waited for"), reply)


def _greeted(line: Line) -> Say:
    """We know what the peer offers: TLS if the policy says so, then AUTH, then letters."""
    guard = line.peer.guard
    if not line.pump.tls and guard.tls:
        if line.engine.extensions.starttls:
            line.wait(line.timeouts.tls)
            return line.say(commands.StartTls())
        if guard.required:
            return _no_tls(line, "does not offer STARTTLS")
    if line.peer.route.username:
        return _login(line)
    return ready(line)


def _starttls(line: Line, reply: PeerReply) -> Say:
    if reply.code == 220:
        return sessions.Then("tls")
    if not line.peer.guard.required and reply.code != 421:
        line.note("*", "TLS was refused: going on in plain")
        return _login(line) if line.peer.route.username else ready(line)
    return _no_tls(line, "refused STARTTLS", reply)


def _no_tls(line: Line, what: str, reply: PeerReply | None = None) -> Say:
    guard = line.peer.guard
    code = "4.7.5" if reply is None and (guard.pkix or guard.names) else "4.7.4"
    text = f"TLS is required by {guard.by}, but {line.peer.host} {what}"
    return refuse(line, Status(code, text), reply, result="starttls-not-supported")


def secured(line: Line, tls: str) -> Say:
    """The handshake is over: whatever was said before counts for nothing. # RFC 3207 §4.2"""
    word, why = proven(line, tls)
    if word:
        return refuse(line, Status("4.7.5", f"{line.peer.guard.by}: {why}"), result=word)
    return hello(line)


def proven(line: Line, tls: str) -> tuple[str, str]:
    """What the certificates show; ("", "") when that is what is asked, else what is wrong with them."""
    peer = line.peer
    line.proof = guards.seen(peer.guard, peer.host, line.pump.peer_chain(), line.owner.clock() // 1000, peer.fault)
    found = guards.fault(peer.guard, line.proof)
    shown = f"{peer.guard.by}: {found[1]}" if found[0] else guards.words(peer.guard, line.proof)
    line.note("*", f"{tls}, {shown}" if shown else tls)
    return found


def _login(line: Line) -> Say:
    """AUTH, the password said only where nobody can listen. # RFC 4954 §4"""
    route = line.peer.route
    offered = line.engine.extensions.auth
    covered = bool(line.pump.tls) or route.auth_without_tls or _near(line)
    mechanism = sasl.choose(offered, encrypted=covered)
    if not mechanism and offered and not covered:
        return refuse(line, Status("4.7.11", "AUTH is needed, but the connection is not encrypted"))
    if not mechanism:
        said = ", ".join(sorted(offered)) or "nothing"
        return refuse(line, Status("4.7.4", f"{line.peer.host} offers no AUTH mechanism we speak, but {said}"))
    try:
        word = route.password or _first_line(route.password_file)
        line.sasl = sasl.client(mechanism, route.username, word, nonce=secrets.token_urlsafe(18))
    except OSError as error:
        return refuse(line, Status("4.7.0", f"the password file cannot be read: {error.strerror}"))
    except ValueError as error:
        return refuse(line, Status("4.7.0", f"cannot log in: {error}"))
    line.wait(line.timeouts.auth)
    return line.say(commands.AuthCommand(mechanism, line.sasl.initial()))


def _auth(line: Line, reply: PeerReply) -> Say:
    if reply.code == 334 and line.sasl is not None:
        return line.say(commands.AuthResponse(line.sasl.step(client.challenge(reply))))
    login, line.sasl = line.sasl, None
    if not reply.ok:
        return refuse(line, Status("4.7.8", f"{line.peer.host} refused our login"), reply)
    if login is not None and not login.done:
        return refuse(line, Status("4.7.8", f"{line.peer.host} did not prove that it knows the password"), reply)
    return ready(line)


def ready(line: Line) -> Say:
    """Letters may go. Dial is told, and the channel starts the line with what it has."""
    if line.peer.need.covered and not line.engine.extensions.requiretls:  # RFC 8689 §4.2.1: the next host may
        return refuse(line, Status("5.7.30", f"{line.peer.host} does not offer REQUIRETLS"))
    line.pipelining = line.engine.extensions.pipelining and line.limits.pipelining
    if not line.ready.done():
        line.ready.set_result(None)
    return None


def refuse(line: Line, status: Status, reply: PeerReply | None = None, *, result: str = "") -> Say:
    """This host will not do: QUIT where it still listens, and dial goes on. `result`: the word for a TLS report."""
    text = told(reply)[0] if reply is not None else ""
    if not line.ready.done():
        line.ready.set_exception(Refused(status, text, result=result, information=status.text))
    line.retiring = True
    if reply is not None and reply.code == 421:
        return sessions.Then("close")
    return leave(line)


def leave(line: Line) -> Say:
    """QUIT; the peer has a moment to answer. # RFC 5321 §4.1.1.10"""
    line.state = LEAVING
    line.retiring = True
    line.wait(line.timeouts.quit)
    return [commands.Quit()]


def bad_tls(host: str, error: BaseException | None) -> Refused | None:
    """What a failed handshake means; None where the error is not one of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate of {host} is not valid: {error.verify_message}"
        word = _WORDS.get(error.verify_code, "certificate-not-trusted")
        return Refused(Status("4.7.5", text), handshake=True, result=word, information=error.verify_message)
    if isinstance(error, ssl.SSLError):
        return no_handshake(error.reason or str(error))
    return None


def no_handshake(why: str) -> Refused:
    """TLS did not come about."""
    text = f"TLS handshake failed: {why}"
    return Refused(Status("4.7.0", text), handshake=True, result="validation-failure", information=text)


# X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH  # RFC 8460 §4.3.1
_WORDS = {
    9: "certificate-expired", 10: "certificate-expired", 62: "certificate-host-mismatch",
    64: "certificate-host-mismatch",
}  # fmt: skip


def _host_status(reply: PeerReply, code: str) -> Status:
    """A refusal of the host as a temporary status: the peer's own code where that is temporary."""
    text, status = told(reply)
    return (
        status if status.temporary and not status.code.endswith(".0.0") else Status(code, f"the host refuses: {text}")
    )


def _near(line: Line) -> bool:
    """The peer is on this machine: nobody between can listen."""
    return bool(line.peer.unix) or ipaddress.ip_address(line.peer.ip).is_loopback


def _first_line(path: str) -> str:
    if not path:
        return ""
    return Path(path).read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
