"""A mail as its recipient got it, for a browser."""

from __future__ import annotations

from html import escape

from distributor.channels.email.personalization.placeholders import Placeholders
from distributor.domain.delivery import Delivery
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner


def view_mail(rendition: Rendition, delivery: Delivery, tokens: TokenSigner, *, pixel_url: str) -> str:
    """The HTML part with this recipient's own values and links, and another picture in place of what counts opens."""
    payload = rendition.payload
    return Placeholders.of(payload, escape).fill(payload["html"].replace("@@open@@", pixel_url), delivery, tokens)
