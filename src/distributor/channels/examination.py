"""Examining a channel: what a person should see to outside of this system, and the DNS records to publish.

A channel that has something to say implements `Examinable`, one more of the optional methods of `contract`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol, runtime_checkable

from distributor.channels.api import Site
from distributor.domain.errors import InputError

# An IPv6 address has more than one colon, and needs brackets before a port.
_WITH_PORT = re.compile(r"[^:]*:\d{1,5}|\[.*\]:\d{1,5}")


class State(StrEnum):
    """WRONG keeps mails from arriving; ADVICE is worth a look, or could not be found out."""

    FINE = "fine"
    ADVICE = "advice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish. `value` is what a zone file has after the type, without the quotes of a text."""

    name: str
    type: str
    value: str

    def in_zone_file(self) -> str:
        """The record as a line of a zone file; a text in strings of at most 255 octets (RFC 1035 section 3.3.14)."""
        if self.type != "TXT":
            return f"{self.name}. {self.type} {self.value}"
        text = self.value.replace("\\", "\\\\").replace('"', '\\"')
        strings = (f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))
        return f"{self.name}. TXT {' '.join(strings)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in a sentence, and the record that it is about if one is to be published."""

    check: str
    state: State
    sentence: str
    record: Record | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an examination may use. Without `nameserver` the system's are asked.

    `outgoing` are the addresses that mails leave from, as far as a person has told them.
    """

    site: Site
    now: datetime
    nameserver: Nameserver | None = None
    outgoing: Sequence[IPv4Address | IPv6Address] = ()


@runtime_checkable
class Examinable(Protocol):
    """A channel that can tell whether the world around it is ready for what it sends."""

    def examine(self, circumstances: Circumstances) -> Iterator[Finding]:
        """Every finding. What cannot be found out is a finding too: raises nothing for a network that is away."""
