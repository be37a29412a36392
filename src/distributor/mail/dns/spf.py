"""SPF (RFC 7208): the record of a domain, followed through everything it includes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from distributor.mail.dns.lookup import IpAddress, Resolver

# RFC 7208 section 4.6.4: more of these and a receiver gives up, which counts as no SPF at all.
MAX_LOOKUPS = 10
_MOST_VOID = 2
_DEEPEST = 12

_Network: TypeAlias = IPv4Network | IPv6Network
_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_TERM = re.compile(
    r"(?P<sign>[+?~-]?)(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?:(?P<by>[:=])(?P<value>[^/\s]*))?(?P<cidr>/\S+)?"
)


@dataclass(slots=True)
class SpfEvaluation:
    """A record and what became of following it: how many lookups it costs, whom it lets send, and what is wrong."""

    domain: str
    record: str = ""
    lookups: int = 0
    voids: int = 0
    last: str = ""
    uses_ptr: bool = False
    has_macros: bool = False
    permitted: list[_Network] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def permits(self, address: IpAddress) -> bool:
        return any(address in network for network in self.permitted if network.version == address.version)


def evaluate_spf(domain: str, lookup: Resolver) -> SpfEvaluation | None:
    """Follow the record of `domain`; None if it has none. Raises DnsSilentError if a part of it cannot be found out."""
    reading = SpfEvaluation(domain)
    found = _records(domain, lookup)
    if not found:
        return None
    reading.record = found[0]
    if len(found) > 1:
        reading.faults.append(f"{domain} has {len(found)} SPF records, and receivers then use none: leave one")
        return reading
    _Following(reading, lookup).follow(domain, found[0], path=(domain,))
    if reading.lookups > MAX_LOOKUPS:
        reading.faults.append(
            f"it costs {reading.lookups} lookups, and receivers give up after {MAX_LOOKUPS}: "
            "take out what no longer sends for you"
        )
    if reading.voids > _MOST_VOID:
        reading.faults.append(
            f"{reading.voids} of the names in it do not exist, and receivers give up after {_MOST_VOID}"
        )
    return reading


def _records(domain: str, lookup: Resolver) -> list[str]:
    return [text for text in lookup.texts(domain) if _VERSION.match(text)]


class _Following:
    """One walk through a record and those it points to."""

    def __init__(self, reading: SpfEvaluation, lookup: Resolver) -> None:
        self._reading = reading
        self._lookup = lookup
        self._mechanisms: Mapping[str, Callable[[_Place], None]] = {
            "include": self._include,
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
            "ip4": self._network,
            "ip6": self._network,
            "all": self._all,
        }

    def follow(self, domain: str, record: str, *, path: tuple[str, ...]) -> None:
        target = ""
        has_all = False
        for word in record.split(" ")[1:]:
            term = _TERM.fullmatch(word) if word else None
            if not word:
                continue
            if term is None:
                self._reading.faults.append(f"{domain}: {word!r} in its SPF record cannot be read")
                continue
            name, value = term["name"].lower(), term["value"] or ""
            if term["by"] == "=":
                # Other modifiers say nothing about who may send (RFC 7208 section 6).
                target = value if name == "redirect" else target
                continue
            act = self._mechanisms.get(name)
            if act is None:
                self._reading.faults.append(f"{domain}: there is no {term['name']!r} in SPF")
                continue
            has_all = has_all or name == "all"
            act(_Place(domain, term["sign"] or "+", value, term["cidr"] or "", path))
        if target and not has_all:
            self._point_to(_Place(domain, "+", target, "", path), what="redirect=")

    def _include(self, place: _Place) -> None:
        # An "all" in there decides nothing out here (RFC 7208 section 5.2).
        last = self._reading.last
        self._point_to(place, what="include:")
        self._reading.last = last

    def _point_to(self, place: _Place, *, what: str) -> None:
        self._reading.lookups += 1
        if self._is_beyond_reading(place.value):
            return
        target = place.value.lower().rstrip(".")
        if target in place.path or len(place.path) > _DEEPEST:
            self._reading.faults.append(f"{place.domain}: {what}{target} leads in a circle")
            return
        found = _records(target, self._lookup)
        if len(found) != 1:
            number = f"{len(found)} SPF records" if found else "no SPF record"
            self._reading.faults.append(
                f"{place.domain}: {what}{target} leads to {number}, which makes the whole invalid"
            )
            return
        self.follow(target, found[0], path=(*place.path, target))

    def _a(self, place: _Place) -> None:
        self._reading.lookups += 1
        name = place.value or place.domain
        if not self._is_beyond_reading(name):
            self._permit(place, self._lookup.addresses(name))

    def _mx(self, place: _Place) -> None:
        self._reading.lookups += 1
        name = place.value or place.domain
        if not self._is_beyond_reading(name):
            hosts = [exchange.host for exchange in self._lookup.exchanges(name) if exchange.host]
            self._permit(place, [address for host in hosts for address in self._lookup.addresses(host)])

    def _ptr(self, place: _Place) -> None:
        self._reading.lookups += 1
        # What others have in their records is not for the reader of ours to mend.
        self._reading.uses_ptr = self._reading.uses_ptr or place.domain == self._reading.domain

    def _exists(self, place: _Place) -> None:
        self._reading.lookups += 1
        if not self._is_beyond_reading(place.value) and not self._lookup.addresses(place.value):
            self._reading.voids += 1

    def _network(self, place: _Place) -> None:
        try:
            network = ip_network(f"{place.value}{place.cidr}", strict=False)
        except ValueError:
            self._reading.faults.append(f"{place.domain}: {place.value}{place.cidr} in its SPF record is no address")
            return
        if place.sign == "+":
            self._reading.permitted.append(network)

    def _all(self, place: _Place) -> None:
        self._reading.last = f"{place.sign}all"

    def _permit(self, place: _Place, addresses: Sequence[IpAddress]) -> None:
        if not addresses:
            self._reading.voids += 1
        if place.sign == "+":
            self._reading.permitted += [network for address in addresses for network in _around(address, place.cidr)]

    def _is_beyond_reading(self, name: str) -> bool:
        """A macro is filled in for each mail (RFC 7208 section 7)."""
        self._reading.has_macros = self._reading.has_macros or "%" in name
        return "%" in name or not name


@dataclass(frozen=True, slots=True)
class _Place:
    """A mechanism where it stands."""

    domain: str
    sign: str
    value: str
    cidr: str
    path: tuple[str, ...]


def _around(address: IpAddress, cidr: str) -> Iterator[_Network]:
    """The network of this length around an address; ``/24//64`` has one length for each kind of address."""
    four, _, six = cidr.removeprefix("/").partition("//") if not cidr.startswith("//") else ("", "", cidr[2:])
    length = four if address.version == 4 else six
    try:
        yield ip_network(f"{address}/{length or address.max_prefixlen}", strict=False)
    except ValueError:
        yield ip_network(address)
