"""What stands around the words of every mail: its language, the voice it speaks in, and the site behind it."""

from __future__ import annotations

from distributor.channels.api import Site
from distributor.channels.email.personalization.literal import keep_literal
from distributor.channels.email.rendering.sender_identity import SenderIdentity
from distributor.channels.email.settings import EmailSettings
from distributor.domain.rendition import Json
from distributor.rendering.html import direction_of
from distributor.rendering.legible import legible


def given_by_frame(voice: SenderIdentity, site: Site, language: str) -> dict[str, Json]:
    """What the templates of every mail may name, all of it safe from tokens. `language` is a BCP 47 tag."""
    spoken = keep_literal(language)
    direction = direction_of(spoken)
    start, end = ("right", "left") if direction == "rtl" else ("left", "right")
    return {
        "language": spoken,
        "direction": direction,
        "start": start,
        "end": end,
        "list_name": keep_literal(voice.name),
        "list_footer": [[keep_literal(line) for line in paragraph] for paragraph in voice.footer],
        "site": {
            "name": keep_literal(site.name),
            "public_url": site.public_url,
            "postal_lines": [keep_literal(line) for line in _postal_lines(site.postal_address)],
        },
    }


def payload_of_frame(voice: SenderIdentity, site: Site, settings: EmailSettings) -> dict[str, Json]:
    """What a rendition says about where it comes from. `list_slug` is there if it speaks on behalf of a list."""
    return {
        "from": legible(voice.sender),
        "reply_to": settings.reply_to,
        "list_name": legible(voice.name),
        "site": {
            "name": legible(site.name),
            "public_url": site.public_url,
            "postal_address": legible(site.postal_address),
        },
        **({"list_slug": voice.slug} if voice.slug else {}),
        **({"submitted_by": settings.submitted_by} if settings.submitted_by else {}),
        **({"bounce_domain": settings.bounce_domain} if settings.bounce_domain else {}),
    }


def _postal_lines(address: str) -> list[str]:
    """One setting holds the whole address: its lines, whether real or written as ``\\n``."""
    return [line.strip() for line in address.replace("\\n", "\n").splitlines() if line.strip()]
