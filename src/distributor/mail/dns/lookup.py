"""DNS queries."""

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
    """The query got no answer or an error, so nothing is known about the name."""


@dataclass(frozen=True, slots=True, order=True)
class MxRecord:
    """A mail server of a domain (MX). `host` is empty for a null MX: the domain accepts no mail (RFC 7505)."""

    preference: int
    host: str


class Resolver(Protocol):
    """The queries that the checks need. An empty result: no such record. Each raises DnsLookupError."""

    def txt(self, name: str) -> Sequence[str]:
        """The TXT records, each with its strings joined."""

    def addresses(self, name: str) -> Sequence[IpAddress]:
        """The A and AAAA records."""

    def mx(self, name: str) -> Sequence[MxRecord]:
        """The MX records, the preferred one first."""

    def ptr(self, address: IpAddress) -> Sequence[str]:
        """The names of an IP address (PTR records)."""

    def exists(self, name: str) -> bool:
        """Whether the name exists, with any type of record."""


class DnsResolver:
    """Queries one name server, or those of the system. If the first query times out, no other is sent."""

    def __init__(self, nameserver: Nameserver | None = None, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._has_answered = False
        self._failure: DnsLookupError | None = None
        self._resolver = _resolver(nameserver)

    def txt(self, name: str) -> Sequence[str]:
        return [b"".join(data.strings).decode("utf-8", "replace") for data in self._query(name, "TXT")]

    def addresses(self, name: str) -> Sequence[IpAddress]:
        return [ip_address(data.address) for record_type in ("A", "AAAA") for data in self._query(name, record_type)]

    def mx(self, name: str) -> Sequence[MxRecord]:
        found = self._query(name, "MX")
        return sorted(
            MxRecord(data.preference, data.exchange.to_text(omit_final_dot=True).strip(".")) for data in found
        )

    def ptr(self, address: IpAddress) -> Sequence[str]:
        name = dns.reversename.from_address(str(address)).to_text()
        return [data.target.to_text(omit_final_dot=True) for data in self._query(name, "PTR")]

    def exists(self, name: str) -> bool:
        try:
            self._resolve(name, "A")
        except dns.resolver.NXDOMAIN:
            return False
        return True

    def _query(self, name: str, record_type: str) -> Sequence[Any]:
        # The types of record data have no common base that could be annotated.
        try:
            return self._resolve(name, record_type)
        except dns.resolver.NXDOMAIN:
            return ()

    def _resolve(self, name: str, record_type: str) -> Sequence[Any]:
        if self._failure is not None:
            raise self._failure
        if self._resolver is None:
            raise self._give_up("this machine has no DNS server configured; set one with --nameserver")
        try:
            absolute = dns.name.from_text(name, dns.name.root)
            answer = self._resolver.resolve(absolute, record_type, lifetime=self._seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            self._has_answered = True
            raise
        except dns.resolver.NoNameservers as error:
            self._has_answered = True
            raise DnsLookupError(f"the DNS query {record_type} {name} failed: {_reason(error)}") from error
        except dns.exception.Timeout:
            sentence = f"no DNS server answered the query {record_type} {name} within {self._seconds:g} seconds"
            raise DnsLookupError(sentence) if self._has_answered else self._give_up(sentence) from None
        except (dns.exception.DNSException, UnicodeError) as error:
            raise DnsLookupError(f"the DNS query {record_type} {name} cannot be sent: {error}") from error
        self._has_answered = True
        return list(answer.rrset or ())

    def _give_up(self, sentence: str) -> DnsLookupError:
        self._failure = DnsLookupError(sentence)
        return self._failure


def _resolver(nameserver: Nameserver | None) -> dns.resolver.Resolver | None:
    """None if the system has no DNS server configured."""
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
    """The error of the last server that was queried."""
    errors = error.kwargs.get("errors") or []
    return str(errors[-1][3]) if errors else "no server gave a usable answer"
