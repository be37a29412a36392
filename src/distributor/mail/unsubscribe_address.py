"""Unsubscribe addresses: ``unsubscribe+<token>@`` the domain that receives bounces.

They follow the web link in List-Unsubscribe (RFC 2369), for mail programs that do not support one-click (RFC 8058).
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
    """Placeholder for the token of an unsubscribe address; the token is valid in any case."""

    def fill(self, delivery: Delivery, tokens: TokenSigner) -> str:
        return tokens.mint_for_address(Purpose.UNSUBSCRIBE, delivery.id)


def unsubscribe_mailto(token: str, domain: str) -> str:
    """The unsubscribe address as a mailto link with a subject (RFC 6068)."""
    return mailto_uri(Address.parse(f"{UNSUBSCRIBE_LOCAL_PART}+{token}@{domain}"), subject="unsubscribe")


def mailto_uri(address: Address, *, subject: str) -> str:
    """A mailto link (RFC 6068), percent-encoded."""
    return f"mailto:{quote(address.spec, safe='@+=')}?subject={quote(subject)}"
