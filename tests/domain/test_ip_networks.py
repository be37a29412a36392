from __future__ import annotations

from ipaddress import ip_address

import pytest

from distributor.domain.errors import ConfigurationError
from distributor.domain.ip_networks import is_public, parse_networks


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "224.0.0.1", "::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "fe80::1"]
)
def test_others_are_not_whatever_form_they_have(address: str) -> None:
    assert not is_public(ip_address(address))


def test_networks_are_read_and_misspelt_ones_named() -> None:
    assert [str(one) for one in parse_networks("10.0.0.0/8, fd00::/8,")] == ["10.0.0.0/8", "fd00::/8"]
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.0/99"):
        parse_networks("10.0.0.0/99")
