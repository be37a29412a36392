"""Diagnostics: the findings of `distributor doctor` about a channel, and the DNS records to publish."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from distributor.domain.errors import InputError

# An IPv6 address has more than one colon, and needs brackets before a port.
_WITH_PORT = re.compile(r"[^:]*:\d{1,5}|\[.*\]:\d{1,5}")


class DiagnosticStatus(StrEnum):
    """FAIL keeps messages from arriving; WARN is worth a look, or could not be determined."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A DNS record to publish. `value` is the part of a zone file after the type, without the quotes of a text."""

    name: str
    type: str
    value: str

    def in_zone_file(self) -> str:
        """The record as a line of a zone file; a text in strings of at most 255 bytes (RFC 1035 section 3.3.14)."""
        if self.type != "TXT":
            return f"{self.name}. {self.type} {self.value}"
        text = self.value.replace("\\", "\\\\").replace('"', '\\"')
        strings = (f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))
        return f"{self.name}. TXT {' '.join(strings)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, in a sentence, and the DNS record to publish, if any.

    `figures` are the numbers in the sentence, for programs.
    """

    check: str
    state: DiagnosticStatus
    sentence: str
    record: DnsRecord | None = None
    figures: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nameserver:
    """A DNS server by its address."""

    address: IPv4Address | IPv6Address
    port: int = 53

    @classmethod
    def parse(cls, text: str) -> Nameserver:
        """Read ``address`` or ``address:port``, with brackets around an IPv6 address. Raises InputError."""
        host, _, port = text.rpartition(":") if _WITH_PORT.fullmatch(text) else (text, "", "53")
        try:
            return cls(ip_address(host.strip("[]")), int(port))
        except ValueError:
            raise InputError(f"{text!r} is not the address of a DNS server: write address or address:port") from None
