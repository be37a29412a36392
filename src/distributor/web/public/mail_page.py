"""A mail as its recipient got it, for a browser."""

from __future__ import annotations

from base64 import b64decode, b64encode
from html import escape

from distributor.channels.email.slots import Slots
from distributor.domain.delivery import Delivery
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner

# The smallest GIF89a with one transparent pixel.
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# In place of the pixel's address: to read a mail in a browser is not to open it once more.
NOTHING = f"data:image/gif;base64,{b64encode(PIXEL).decode()}"


def mail_page_of(rendition: Rendition, delivery: Delivery, tokens: TokenSigner) -> str | None:
    """The HTML part with this recipient's own values and links; None if the rendition is no mail."""
    payload = rendition.payload
    markup = payload.get("html")
    if not isinstance(markup, str):
        return None
    slots = Slots(public_url=payload["site"]["public_url"], links=len(payload["links"]), escape=escape)
    parts = slots.cut(markup.replace("@@open@@", NOTHING))
    return "".join(part if isinstance(part, str) else part.fill(delivery, tokens) for part in parts)
