"""What the templates and the rendition of every mail have in common: language, sender and site."""

from __future__ import annotations

from distributor.channels.api import Site
from distributor.channels.email.personalization.literal import keep_literal
from distributor.channels.email.rendering.sender_identity import SenderIdentity
from distributor.channels.email.settings import EmailSettings
from distributor.domain.brand import LOGO_HEIGHT
from distributor.domain.rendition import Json
from distributor.rendering.html import direction_of
from distributor.rendering.sanitize import printable


def base_variables(identity: SenderIdentity, site: Site, language: str) -> dict[str, Json]:
    """The variables that the templates of every mail have, all safe from tokens. `language` is a BCP 47 tag."""
    tag = keep_literal(language)
    direction = direction_of(tag)
    start, end = ("right", "left") if direction == "rtl" else ("left", "right")
    return {
        "language": tag,
        "direction": direction,
        "start": start,
        "end": end,
        "list_name": keep_literal(identity.name),
        "list_footer": [[keep_literal(line) for line in paragraph] for paragraph in identity.footer],
        "site": {
            "name": keep_literal(site.name),
            "public_url": site.public_url,
            "postal_lines": [keep_literal(line) for line in _postal_lines(identity.postal_address)],
        },
        "brand": _brand_variables(site),
    }


def origin_payload(identity: SenderIdentity, site: Site, settings: EmailSettings) -> dict[str, Json]:
    """The members of a rendition about its sender and site. `list_slug` is there if the mail is for a list."""
    return {
        "from": printable(identity.sender),
        "reply_to": settings.reply_to,
        "list_name": printable(identity.name),
        "site": {
            "name": printable(site.name),
            "public_url": site.public_url,
            "postal_address": printable(identity.postal_address),
        },
        **({"list_slug": identity.slug} if identity.slug else {}),
        **({"submitted_by": settings.submitted_by} if settings.submitted_by else {}),
        **({"bounce_domain": settings.bounce_domain} if settings.bounce_domain else {}),
    }


def _brand_variables(site: Site) -> dict[str, Json]:
    """The brand with absolute URLs. A logo that mail clients do not show is left out: the name stands for it."""
    brand = site.brand
    logo = brand.logo if brand.logo and brand.logo.is_for_mail else None
    return {
        "accent": brand.accent,
        "fonts": brand.fonts,
        "safe_fonts": brand.safe_fonts,
        "logo": logo
        and {
            "url": site.absolute_url(logo.url),
            "width": logo.width,
            "height": logo.height or LOGO_HEIGHT,
        },
        "footer_links": [
            {"label": keep_literal(link.label), "url": keep_literal(site.absolute_url(link.url))}
            for link in brand.footer_links
        ],
    }


def _postal_lines(address: str) -> list[str]:
    """The lines of the setting, in which a line break may also be written as ``\\n``."""
    return [line.strip() for line in address.replace("\\n", "\n").splitlines() if line.strip()]
