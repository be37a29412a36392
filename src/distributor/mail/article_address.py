"""Addresses that articles are sent to: ``article+NAME.TOKEN@`` a domain whose mail the inbound server receives.

The token is signed for a source and a number. Nothing about it is stored: a source with another number has another
address, and the one before is worthless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.address import Address

_LONGEST_NAME = 24
ARTICLE_ADDRESS = re.compile(
    r"(?<![\w.+-])article\+(?:[a-z0-9-]{1,24}\.)?([a-z2-7]{16,58})@([a-z0-9.-]{1,253})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleAddressClaim:
    """The source that an address was made for, and which of its addresses it is."""

    source_id: int
    number: int


def article_address(source_id: int, number: int, *, name: str, domain: str, tokens: TokenSigner) -> Address:
    """The address of a source at `domain`; the beginning of its name is in it for people only. Raises AddressError."""
    token = tokens.mint_for_address(Purpose.ARTICLE, source_id, number)
    return Address(f"article+{name[:_LONGEST_NAME].rstrip('-')}.{token}", Address.parse(f"a@{domain}").domain)


def is_article_address(address: str) -> bool:
    """Whether an address has the form of those that articles are sent to."""
    return address.strip("<> ").lower().startswith("article+")


def read_article_address(address: str, tokens: TokenSigner) -> ArticleAddressClaim | None:
    """What an address was signed for; None if it was not made by this installation."""
    found = ARTICLE_ADDRESS.fullmatch(address.strip("<> "))
    claim = tokens.read_from_address(Purpose.ARTICLE, found[1]) if found else None
    return ArticleAddressClaim(source_id=claim.delivery_id, number=claim.number) if claim else None
