"""Return paths that say which delivery came back (VERP): ``b+<token>@`` the domain that receives bounces.

Addresses by which readers leave a list are read here too: they come in at the same door.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.address import Address
from distributor.mail.unsubscribe_address import UNSUBSCRIBE_LOCAL_PART

# Anywhere in a text. A token is 24 to 37 letters; a longer run is something else.
RETURN_PATH = re.compile(
    rf"(?<![\w.+-])(b|{UNSUBSCRIBE_LOCAL_PART})\+([a-z2-7]{{16,58}})@([a-z0-9.-]{{1,253}})", re.IGNORECASE
)
_PURPOSES = {"b": Purpose.BOUNCE, UNSUBSCRIBE_LOCAL_PART: Purpose.UNSUBSCRIBE}


class ForgedAddress(Enum):
    """An address that looks like a return path of ours and was not made here."""

    FOUND = "found"


def return_paths(bounce_domain: str, *, sender: Address, tokens: TokenSigner) -> Callable[[Delivery], Address]:
    """Where the bounces of each delivery go: its own address at `bounce_domain`, or without one all to the sender."""
    if not bounce_domain:
        return lambda _: sender
    domain = Address.parse(f"b@{bounce_domain}").domain
    return lambda delivery: return_path(delivery, domain, tokens)


def return_path(delivery: Delivery, domain: str, tokens: TokenSigner) -> Address:
    """The address of one delivery: at most 39 octets before the @, which no change of case spoils."""
    return Address(f"b+{tokens.mint_for_address(Purpose.BOUNCE, delivery.id)}", domain)


def read_return_path(address: str, tokens: TokenSigner) -> int | ForgedAddress | None:
    """The number of the delivery that an address was made for; None if it does not look like one of ours."""
    found = RETURN_PATH.fullmatch(address.strip("<> "))
    if found is None:
        return None
    claim = tokens.read_from_address(_PURPOSES[found[1].lower()], found[2])
    return claim.delivery_id if claim else ForgedAddress.FOUND


def is_unsubscribe_address(address: str) -> bool:
    """Whether the address is one that is written to for nothing but to leave a list."""
    return address.strip("<> ").lower().startswith(f"{UNSUBSCRIBE_LOCAL_PART}+")
