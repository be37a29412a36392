"""A DNS resolver in memory, with records given as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from distributor.mail.dns.lookup import DnsLookupError, IpAddress, MxRecord


class FakeDns:
    """Resolves `TYPE name` → values; every query for a name in `silent` fails."""

    def __init__(self, records: Mapping[str, Sequence[str]], *, silent: Sequence[str] = ()) -> None:
        self._records = records
        self._silent = silent
        self.asked: list[str] = []

    def txt(self, name: str) -> Sequence[str]:
        return self._values("TXT", name)

    def addresses(self, name: str) -> Sequence[IpAddress]:
        return [ip_address(text) for text in self._values("A", name)]

    def mx(self, name: str) -> Sequence[MxRecord]:
        pairs = (text.split(" ") for text in self._values("MX", name))
        return [MxRecord(int(preference), host.strip(".")) for preference, host in pairs]

    def ptr(self, address: IpAddress) -> Sequence[str]:
        return self._values("PTR", str(address))

    def exists(self, name: str) -> bool:
        return any(key.partition(" ")[2] == name or key.endswith(f".{name}") for key in self._records)

    def _values(self, kind: str, name: str) -> Sequence[str]:
        self.asked.append(f"{kind} {name}")
        if name in self._silent:
            raise DnsLookupError(f"no DNS server answered the query {kind} {name}")
        return self._records.get(f"{kind} {name}", ())
