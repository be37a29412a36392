"""Signed return paths: what comes back says itself which delivery it is about."""

from __future__ import annotations

import pytest

from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.return_path import ForgedAddress, read_return_path, return_path
from tests.channels.email.mailing import TOKENS, a_delivery


def test_a_return_path_is_read_whatever_became_of_its_case() -> None:
    spec = return_path(a_delivery(2**62), "bounces.example.org", TOKENS).spec
    assert len(spec.partition("@")[0]) <= 64
    assert [read_return_path(one, TOKENS) for one in (spec, spec.upper(), f"<{spec}>")] == [2**62] * 3


def test_a_return_path_of_another_installation_is_a_forgery() -> None:
    foreign = return_path(a_delivery(7), "bounces.example.org", TokenSigner(b"the key of another installation")).spec
    for_another_purpose = f"b+{TOKENS.mint_for_address(Purpose.UNSUBSCRIBE, 7)}@bounces.example.org"
    assert [read_return_path(one, TOKENS) for one in (foreign, for_another_purpose)] == [ForgedAddress.FOUND] * 2


@pytest.mark.parametrize("address", ["", "news@example.org", "b+@example.org", "b+short@example.org", "<>"])
def test_other_addresses_are_none_of_ours(address: str) -> None:
    assert read_return_path(address, TOKENS) is None
