"""DnsServer: a real DNS server on loopback, UDP and TCP on one port, answering from a dict tests change as they go.

Called by tests of net, delivery and the stories; runs in threads of its own, so any event loop or process may ask it.
Never recurses and never leaves 127.0.0.1; a CNAME is followed inside its own zone data as a resolver would.
Fails with OSError when no port is free; `silent`, `servfail`, `refused`, `truncated`, `delay` make it err by name.

    with DnsServer({"example.com": {"MX": ["10 mx.example.com."]}, "mx.example.com": {"A": ["127.0.0.1"]}}) as dns:
        Resolver(Settings(servers=(dns.address,)), ...)
        dns.zone["example.com"]["MX"] = ["0 ."]        # from now on
        dns.silent.add("slow.example")                 # no answer at all
        assert dns.asked.count(("example.com", "MX")) == 1
"""

import socketserver
import threading
import time
from types import TracebackType
from typing import Any, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[str, dict[str, list[str]]]


def _key(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        answer = self.server.owner.answer(wire, udp=True)  # type: ignore[attr-defined] # set by DnsServer
        if answer is not None:
            sock.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while (head := self.rfile.read(2)) and len(head) == 2:
            wire = self.rfile.read(int.from_bytes(head, "big"))
            answer = self.server.owner.answer(wire, udp=False)  # type: ignore[attr-defined] # set by DnsServer
            if answer is None:
                return
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 4096


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class DnsServer:
    """`zone` maps a name (no final dot, lower case) to {rtype: [rdata as in a zone file]}.

    A name in `zone` without the type asked for is NODATA; a name absent from it is NXDOMAIN (unless something stands
    below it). `ttl` is every record's TTL, `negative_ttl` the SOA minimum. `secure` sets the AD bit but for `insecure`.
    """

    def __init__(self, zone: Zone | None = None, *, ttl: int = 300, negative_ttl: int = 60) -> None:
        self.zone: Zone = dict(zone or {})
        self.ttl = ttl
        self.negative_ttl = negative_ttl
        self.ttls: dict[str, int] = {}  # by name, instead of `ttl`
        self.silent: set[str] = set()  # names never answered
        self.servfail: set[str] = set()
        self.refused: set[str] = set()
        self.truncated: set[str] = set()  # UDP answers come empty with TC set; TCP answers in full
        self.wrong_id: set[str] = set()  # answered with another id first, as a blind forger would
        self.delay: dict[str, float] = {}  # seconds before the answer, by name
        self.secure = False
        self.insecure: set[str] = set()  # names without the AD bit all the same
        self.asked: list[tuple[str, str]] = []  # (name, rtype) in order of arrival
        self.asked_tcp: list[tuple[str, str]] = []
        self.port = 0
        self._servers: list[Any] = []

    @property
    def address(self) -> str:
        """ "127.0.0.1:port", as the resolver's settings take it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        for _ in range(50):
            udp = _UdpServer(("127.0.0.1", 0), _Udp)
            try:
                tcp = _TcpServer(("127.0.0.1", udp.server_address[1]), _Tcp)
            except OSError:
                udp.server_close()
                continue
            self.port = int(udp.server_address[1])
            self._servers = [udp, tcp]
            for server in self._servers:
                server.owner = self
                threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            return self
        raise OSError("no port is free for both UDP and TCP")

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The whole answer to one question, or None to stay silent."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, rtype = _key(question.name), dns.rdatatype.to_text(question.rdtype)
        (self.asked if udp else self.asked_tcp).append((name, rtype))
        if name in self.silent:
            return None
        if wait := self.delay.get(name):
            time.sleep(wait)
        reply = dns.message.make_response(query, recursion_available=True)
        if self.secure and name not in self.insecure:
            reply.flags |= dns.flags.AD
        if name in self.servfail:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name in self.refused:
            reply.set_rcode(dns.rcode.REFUSED)
        elif udp and name in self.truncated:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, question.name, rtype)
        if udp and name in self.wrong_id:
            reply.id ^= 0x5555
        return reply.to_wire(max_size=1232 if udp else 65535)

    def _fill(self, reply: dns.message.Message, name: dns.name.Name, rtype: str) -> None:
        for _ in range(12):  # CNAME hops, so that a loop ends
            key = _key(name)
            types = self.zone.get(key)
            if types is None:
                below = any(other.endswith("." + key) for other in self.zone)
                reply.set_rcode(dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN)
                break
            ttl = self.ttls.get(key, self.ttl)
            if types.get(rtype):
                reply.answer.append(dns.rrset.from_text(name, ttl, "IN", rtype, *types[rtype]))
                return
            if not types.get("CNAME"):
                break
            reply.answer.append(dns.rrset.from_text(name, ttl, "IN", "CNAME", types["CNAME"][0]))
            name = dns.name.from_text(types["CNAME"][0])
        soa = f"ns.invalid. root.invalid. 1 3600 600 86400 {self.negative_ttl}"
        reply.authority.append(dns.rrset.from_text(name.parent(), self.negative_ttl, "IN", "SOA", soa))
