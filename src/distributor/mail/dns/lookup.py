"""Questions to the DNS, and nothing but their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Protocol, TypeAlias

import dns.exception
import dns.name
import dns.resolver
import dns.reversename

from distributor.domain.diagnostics import Nameserver
from distributor.domain.errors import ServiceError

IpAddress: TypeAlias = IPv4Address | IPv6Address

_SECONDS = 5.0


class DnsLookupError(ServiceError):
    """There was no answer, so nothing is known."""


@dataclass(frozen=True, slots=True, order=True)
class MxRecord:
    """A mail server of a domain (MX). `host` is empty for a domain that takes no mail (RFC 7505)."""

    preference: int
    host: str


class Resolver(Protocol):
    """The questions there are. An empty answer means that there is no such record; each raises DnsLookupError."""

    def texts(self, name: str) -> Sequence[str]:
        """The TXT records, the strings of each joined."""

    def addresses(self, name: str) -> Sequence[IpAddress]:
        """The addresses of both kinds."""

    def exchanges(self, name: str) -> Sequence[MxRecord]:
        """The mail servers, the preferred one first."""

    def names_of(self, address: IpAddress) -> Sequence[str]:
        """The names that an address gives itself (PTR)."""

    def exists(self, name: str) -> bool:
        """Whether there is such a name at all, with whatever records."""


class DnsResolver:
    """Asks one name server, or those of the system. If the first question gets no answer, no other is asked."""

    def __init__(self, nameserver: Nameserver | None = None, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._is_answered = False
        self._silence: DnsLookupError | None = None
        self._resolver = _resolver(nameserver)

    def texts(self, name: str) -> Sequence[str]:
        return [b"".join(data.strings).decode("utf-8", "replace") for data in self._ask(name, "TXT")]

    def addresses(self, name: str) -> Sequence[IpAddress]:
        return [ip_address(data.address) for kind in ("A", "AAAA") for data in self._ask(name, kind)]

    def exchanges(self, name: str) -> Sequence[MxRecord]:
        found = self._ask(name, "MX")
        return sorted(
            MxRecord(data.preference, data.exchange.to_text(omit_final_dot=True).strip(".")) for data in found
        )

    def names_of(self, address: IpAddress) -> Sequence[str]:
        name = dns.reversename.from_address(str(address)).to_text()
        return [data.target.to_text(omit_final_dot=True) for data in self._ask(name, "PTR")]

    def exists(self, name: str) -> bool:
        try:
            self._resolve(name, "A")
        except dns.resolver.NXDOMAIN:
            return False
        return True

    def _ask(self, name: str, kind: str) -> Sequence[Any]:
        # The kinds of record data have nothing in common that could be typed.
        try:
            return self._resolve(name, kind)
        except dns.resolver.NXDOMAIN:
            return ()

    def _resolve(self, name: str, kind: str) -> Sequence[Any]:
        if self._silence is not None:
            raise self._silence
        if self._resolver is None:
            raise self._fall_silent("this machine names no DNS server; name one with --nameserver")
        try:
            absolute = dns.name.from_text(name, dns.name.root)
            answer = self._resolver.resolve(absolute, kind, lifetime=self._seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            self._is_answered = True
            raise
        except dns.resolver.NoNameservers as error:
            self._is_answered = True
            raise DnsLookupError(f"the DNS has trouble with {kind} {name}: {_reason(error)}") from error
        except dns.exception.Timeout:
            sentence = f"no DNS server answered about {kind} {name} within {self._seconds:g} seconds"
            raise DnsLookupError(sentence) if self._is_answered else self._fall_silent(sentence) from None
        except (dns.exception.DNSException, UnicodeError) as error:
            raise DnsLookupError(f"the DNS cannot be asked about {kind} {name}: {error}") from error
        self._is_answered = True
        return list(answer.rrset or ())

    def _fall_silent(self, sentence: str) -> DnsLookupError:
        self._silence = DnsLookupError(sentence)
        return self._silence


def _resolver(nameserver: Nameserver | None) -> dns.resolver.Resolver | None:
    """None where the system names no server."""
    if nameserver is None:
        try:
            return dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            return None
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [str(nameserver.address)]
    resolver.port = nameserver.port
    return resolver


def _reason(error: dns.resolver.NoNameservers) -> str:
    """The answer of the last server that was asked."""
    errors = error.kwargs.get("errors") or []
    return str(errors[-1][3]) if errors else "no server gave a usable answer"
