"""Addresses by which a reader leaves a list: ``unsubscribe+<token>@`` the domain that receives bounces.

They stand in List-Unsubscribe behind the address of the web (RFC 2369), for programs that cannot post.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.address import Address

UNSUBSCRIBE_LOCAL_PART = "unsubscribe"


@dataclass(frozen=True, slots=True)
class UnsubscribeTokenSlot:
    """The signed part of such an address, which no change of case spoils."""

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)


def unsubscribe_mailto(token: str, domain: str) -> str:
    """The address as a link that says what is wanted (RFC 6068)."""
    return mailto_uri(Address.parse(f"{UNSUBSCRIBE_LOCAL_PART}+{token}@{domain}"), subject="unsubscribe")


def mailto_uri(address: Address, *, subject: str) -> str:
    """A link that begins a mail; what is not ASCII is percent-encoded."""
    return f"mailto:{quote(address.spec, safe='@+=')}?subject={quote(subject)}"
