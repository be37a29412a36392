"""A DNS server on loopback, over UDP and TCP, that knows what a test tells it and can be made to misbehave."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

# What fits into one datagram without EDNS (RFC 1035 section 4.2.1).
_DATAGRAM = 512


@dataclass
class Zones:
    """What the server answers. A name in `failing` gets SERVFAIL, one in `silent` no answer at all."""

    records: dict[tuple[dns.name.Name, str], list[str]] = field(default_factory=dict)
    failing: set[dns.name.Name] = field(default_factory=set)
    silent: set[dns.name.Name] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def put(self, name: str, kind: str, *values: str) -> None:
        """Values as in a zone file; earlier ones of this name and type are replaced."""
        self.records[dns.name.from_text(name), kind] = list(values)

    def put_text(self, name: str, *texts: str) -> None:
        """TXT records, each cut into strings of 255 bytes as it has to be."""
        self.put(name, "TXT", *(_quoted(text) for text in texts))

    def fail(self, name: str) -> None:
        self.failing.add(dns.name.from_text(name))

    def keep_silent(self, name: str) -> None:
        self.silent.add(dns.name.from_text(name))

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((question.name.to_text(omit_final_dot=True).lower(), kind))
        if question.name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if question.name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        self._fill(response, question.name, kind)
        return response

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> None:
        alias = self.records.get((name, "CNAME"))
        if alias and kind != "CNAME":
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", alias[0]))
            self._fill(response, dns.name.from_text(alias[0]), kind)
        elif values := self.records.get((name, kind)):
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
        elif not any(known.is_subdomain(name) for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)


@dataclass(frozen=True)
class DnsServer:
    """A running server: its zones may be changed while it runs."""

    zones: Zones
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def running_dns() -> Iterator[DnsServer]:
    """A server with empty zones on a free port, which is the same for UDP and TCP."""
    zones = Zones()
    tcp, udp = _bound(zones)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (tcp, udp)]
    for thread in threads:
        thread.start()
    try:
        yield DnsServer(zones, tcp.server_address[1])
    finally:
        for server in (tcp, udp):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def _bound(zones: Zones) -> tuple[socketserver.TCPServer, socketserver.UDPServer]:
    """Both sockets on one port: the system gives a free one for TCP, and UDP may have to try again."""

    class OverUdp(socketserver.DatagramRequestHandler):
        _has_response = False

        def handle(self) -> None:
            query = dns.message.from_wire(self.rfile.read())
            response = zones.answer(query)
            if response is not None:
                wire = response.to_wire()
                if len(wire) > max(_DATAGRAM, query.payload):
                    response.answer.clear()
                    response.flags |= dns.flags.TC
                    wire = response.to_wire()
                self.wfile.write(wire)
                self._has_response = True

        def finish(self) -> None:
            # The base class sends a datagram even where nothing was written.
            if self._has_response:
                super().finish()

    class OverTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while prefix := self.rfile.read(2):
                response = zones.answer(dns.message.from_wire(self.rfile.read(struct.unpack("!H", prefix)[0])))
                if response is None:
                    return
                wire = response.to_wire()
                self.wfile.write(struct.pack("!H", len(wire)) + wire)

    while True:
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), OverTcp)
        tcp.daemon_threads = True
        try:
            return tcp, socketserver.UDPServer(tcp.server_address, OverUdp)
        except OSError:
            tcp.server_close()


def _quoted(text: str) -> str:
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
