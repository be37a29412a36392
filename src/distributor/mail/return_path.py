"""Return paths that identify the delivery (VERP): ``b+<token>@`` the domain that receives bounces.

Unsubscribe addresses (`unsubscribe_address`) are parsed here too: their mail arrives at the same server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.address import Address
from distributor.mail.unsubscribe_address import UNSUBSCRIBE_LOCAL_PART

# Found anywhere in a text. A token has 24 to 37 characters; a much longer run is something else.
RETURN_PATH = re.compile(
    rf"(?<![\w.+-])(b|{UNSUBSCRIBE_LOCAL_PART})\+([a-z2-7]{{16,58}})@([a-z0-9.-]{{1,253}})", re.IGNORECASE
)
_PURPOSES = {"b": Purpose.BOUNCE, UNSUBSCRIBE_LOCAL_PART: Purpose.UNSUBSCRIBE}


class ForgedAddress(Enum):
    """An address in the form of our return paths whose token was not signed by this installation."""

    FOUND = "found"


def return_paths(bounce_domain: str, *, sender: Address, tokens: TokenSigner) -> Callable[[Delivery], Address]:
    """The return path of each delivery: its own address at `bounce_domain`, or without one the sender."""
    if not bounce_domain:
        return lambda _: sender
    domain = Address.parse(f"b@{bounce_domain}").domain
    return lambda delivery: return_path(delivery, domain, tokens)


def return_path(delivery: Delivery, domain: str, tokens: TokenSigner) -> Address:
    """The return path of one delivery: at most 39 bytes before the @, valid in any case."""
    return Address(f"b+{tokens.mint_for_address(Purpose.BOUNCE, delivery.id)}", domain)


def read_return_path(address: str, tokens: TokenSigner) -> int | ForgedAddress | None:
    """The id of the delivery that an address was made for; None if it does not have the form of our addresses."""
    found = RETURN_PATH.fullmatch(address.strip("<> "))
    if found is None:
        return None
    claim = tokens.read_from_address(_PURPOSES[found[1].lower()], found[2])
    return claim.delivery_id if claim else ForgedAddress.FOUND


def is_postmaster(recipient: str) -> bool:
    """Whether a recipient is postmaster, in any case, with or without a domain (RFC 5321 section 4.5.1)."""
    return recipient.partition("@")[0].lower() == "postmaster"


def is_unsubscribe_address(address: str) -> bool:
    """Whether the address is one that only unsubscribe requests are sent to."""
    return address.strip("<> ").lower().startswith(f"{UNSUBSCRIBE_LOCAL_PART}+")
