"""IP addresses and networks: which of them are public, and how settings name them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

from distributor.domain.errors import ConfigurationError

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")


def parse_networks(text: str) -> tuple[IpNetwork, ...]:
    """Read networks or addresses separated by commas. Raises ConfigurationError."""
    try:
        return tuple(ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise ConfigurationError(f"{error}; write networks as in 10.0.0.0/8, separated by commas") from None


def is_public(address: IpAddress) -> bool:
    """Whether everyone on the internet reaches the same host under this address."""
    inner = embedded_address(address)
    return inner.is_global and not inner.is_multicast


def embedded_address(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 address stands for, or the address itself (RFC 4291, 3056, 4380 and 6052)."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
