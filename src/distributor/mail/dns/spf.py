"""SPF (RFC 7208): evaluates the record of a domain with everything it includes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from distributor.mail.dns.lookup import IpAddress, Resolver

# RFC 7208 section 4.6.4: with more lookups or void lookups the result is permerror, as if there were no SPF.
MAX_LOOKUPS = 10
_MAX_VOID_LOOKUPS = 2
_MAX_DEPTH = 12
# Then the evaluation stops: records that include many others, which do the same, would cost any number of lookups.
_STOP_AFTER_LOOKUPS = 10 * MAX_LOOKUPS

_Network: TypeAlias = IPv4Network | IPv6Network
_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_TERM = re.compile(
    r"(?P<sign>[+?~-]?)(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?:(?P<by>[:=])(?P<value>[^/\s]*))?(?P<cidr>/\S+)?"
)


@dataclass(slots=True)
class SpfEvaluation:
    """The result for one record: number of DNS lookups, permitted networks, and errors."""

    domain: str
    record: str = ""
    lookups: int = 0
    void_lookups: int = 0
    last: str = ""
    uses_ptr: bool = False
    has_macros: bool = False
    permitted: list[_Network] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def permits(self, address: IpAddress) -> bool:
        return any(address in network for network in self.permitted if network.version == address.version)


def evaluate_spf(domain: str, resolver: Resolver) -> SpfEvaluation | None:
    """Evaluate the record of `domain`; None if it has none. Raises DnsLookupError if a lookup fails."""
    result = SpfEvaluation(domain)
    found = _records(domain, resolver)
    if not found:
        return None
    result.record = found[0]
    if len(found) > 1:
        result.errors.append(f"{domain} has {len(found)} SPF records, and receivers then use none: remove all but one")
        return result
    is_complete = _Evaluator(result, resolver).evaluate(domain, found[0], path=(domain,))
    if result.lookups > MAX_LOOKUPS:
        number = str(result.lookups) if is_complete else f"at least {result.lookups}"
        result.errors.append(
            f"it costs {number} lookups, and receivers give up after {MAX_LOOKUPS}: remove what no longer sends for you"
        )
    if result.void_lookups > _MAX_VOID_LOOKUPS:
        result.errors.append(
            f"{result.void_lookups} of the names in it do not exist, and receivers give up after {_MAX_VOID_LOOKUPS}"
        )
    return result


def _records(domain: str, resolver: Resolver) -> list[str]:
    return [text for text in resolver.txt(domain) if _VERSION.match(text)]


class _Evaluator:
    """Evaluates a record and those it refers to."""

    def __init__(self, result: SpfEvaluation, resolver: Resolver) -> None:
        self._result = result
        self._resolver = resolver
        self._mechanisms: Mapping[str, Callable[[_Term], None]] = {
            "include": self._include,
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
            "ip4": self._network,
            "ip6": self._network,
            "all": self._all,
        }

    def evaluate(self, domain: str, record: str, *, path: tuple[str, ...]) -> bool:
        """False if the evaluation stopped because of the number of lookups."""
        target = ""
        has_all = False
        for word in record.split(" ")[1:]:
            if self._result.lookups >= _STOP_AFTER_LOOKUPS:
                return False
            term = _TERM.fullmatch(word) if word else None
            if not word:
                continue
            if term is None:
                self._result.errors.append(f"{domain}: {word!r} in its SPF record cannot be parsed")
                continue
            name, value = term["name"].lower(), term["value"] or ""
            if term["by"] == "=":
                # Other modifiers do not affect who may send (RFC 7208 section 6).
                target = value if name == "redirect" else target
                continue
            mechanism = self._mechanisms.get(name)
            if mechanism is None:
                self._result.errors.append(f"{domain}: {term['name']!r} is no SPF mechanism")
                continue
            has_all = has_all or name == "all"
            mechanism(_Term(domain, term["sign"] or "+", value, term["cidr"] or "", path))
        if target and not has_all:
            self._evaluate_target(_Term(domain, "+", target, "", path), what="redirect=")
        return self._result.lookups < _STOP_AFTER_LOOKUPS

    def _include(self, term: _Term) -> None:
        # "all" in an included record does not apply to the including one (RFC 7208 section 5.2).
        last = self._result.last
        self._evaluate_target(term, what="include:")
        self._result.last = last

    def _evaluate_target(self, term: _Term, *, what: str) -> None:
        self._result.lookups += 1
        if self._has_macro(term.value):
            return
        target = term.value.lower().rstrip(".")
        if target in term.path or len(term.path) > _MAX_DEPTH:
            self._result.errors.append(f"{term.domain}: {what}{target} leads to a loop")
            return
        found = _records(target, self._resolver)
        if len(found) != 1:
            number = f"{len(found)} SPF records" if found else "no SPF record"
            self._result.errors.append(
                f"{term.domain}: {what}{target} leads to {number}, which makes the whole record invalid"
            )
            return
        self.evaluate(target, found[0], path=(*term.path, target))

    def _a(self, term: _Term) -> None:
        self._result.lookups += 1
        name = term.value or term.domain
        if not self._has_macro(name):
            self._permit(term, self._resolver.addresses(name))

    def _mx(self, term: _Term) -> None:
        self._result.lookups += 1
        name = term.value or term.domain
        if not self._has_macro(name):
            hosts = [exchange.host for exchange in self._resolver.mx(name) if exchange.host]
            if len(hosts) > MAX_LOOKUPS:
                self._result.errors.append(
                    f"{term.domain}: mx leads to {len(hosts)} mail servers, and receivers give up after {MAX_LOOKUPS}"
                )
            permitted = [address for host in hosts[:MAX_LOOKUPS] for address in self._resolver.addresses(host)]
            self._permit(term, permitted)

    def _ptr(self, term: _Term) -> None:
        self._result.lookups += 1
        # Only ptr in the own record is reported: included records belong to others.
        self._result.uses_ptr = self._result.uses_ptr or term.domain == self._result.domain

    def _exists(self, term: _Term) -> None:
        self._result.lookups += 1
        if not self._has_macro(term.value) and not self._resolver.addresses(term.value):
            self._result.void_lookups += 1

    def _network(self, term: _Term) -> None:
        try:
            network = ip_network(f"{term.value}{term.cidr}", strict=False)
        except ValueError:
            self._result.errors.append(f"{term.domain}: {term.value}{term.cidr} in its SPF record is no address")
            return
        if term.qualifier == "+":
            self._result.permitted.append(network)

    def _all(self, term: _Term) -> None:
        self._result.last = f"{term.qualifier}all"

    def _permit(self, term: _Term, addresses: Sequence[IpAddress]) -> None:
        if not addresses:
            self._result.void_lookups += 1
        if term.qualifier == "+":
            self._result.permitted += [network for address in addresses for network in _networks(address, term.cidr)]

    def _has_macro(self, name: str) -> bool:
        """Whether the name has a macro, which is expanded per message (RFC 7208 section 7), or is empty."""
        self._result.has_macros = self._result.has_macros or "%" in name
        return "%" in name or not name


@dataclass(frozen=True, slots=True)
class _Term:
    """A mechanism or modifier: the domain of its record, qualifier, value, prefix length, and the include path."""

    domain: str
    qualifier: str
    value: str
    cidr: str
    path: tuple[str, ...]


def _networks(address: IpAddress, cidr: str) -> Iterator[_Network]:
    """The network with this prefix length around an address; ``/24//64`` gives one length for IPv4 and one for IPv6."""
    four, _, six = cidr.removeprefix("/").partition("//") if not cidr.startswith("//") else ("", "", cidr[2:])
    length = four if address.version == 4 else six
    try:
        yield ip_network(f"{address}/{length or address.max_prefixlen}", strict=False)
    except ValueError:
        yield ip_network(address)
