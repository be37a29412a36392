"""A rendition with its tokens filled in for people who look at it, not for a recipient."""

from __future__ import annotations

import html

from distributor.channels.email.composition.compose import PERSONAL_FIELDS
from distributor.channels.email.personalization.merge_blocks import imagined_reader, said_to
from distributor.channels.email.personalization.placeholders import PUBLIC_LINKS, Escape, follow_clicks
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.rendition import Json, Rendition

# A signed token is 16 to 30 characters long (domain.tokens), and this is none.
_SAMPLE = "sample"
_LONGEST = "x" * 30
_NO_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def sample_html(rendition: Rendition, reader: ReaderFields | None = None) -> str:
    """The HTML as a reader gets it, an imagined one if none is named. Raises InputError.

    Links lead to their targets uncounted, and looking at it is not an open.
    """
    reader = reader or imagined_reader(rendition.payload)
    payload = said_to(rendition.payload, reader)
    page = follow_clicks(payload["html"].replace("@@open@@", _NO_PIXEL), payload["links"], html.escape)
    return _filled(page, payload, reader, html.escape)


def sample_text(rendition: Rendition, reader: ReaderFields | None = None) -> str:
    """The text part as a reader gets it. Raises InputError."""
    reader = reader or imagined_reader(rendition.payload)
    payload = said_to(rendition.payload, reader)
    return _filled(follow_clicks(payload["text"], payload["links"], str), payload, reader, str)


def with_longest_links(rendition: Rendition) -> str:
    """The HTML as long as it can become for any recipient, but for personal values. Raises InputError."""
    page: str = said_to(rendition.payload, imagined_reader(rendition.payload))["html"]
    public_url = rendition.payload["site"]["public_url"]
    for number in range(len(rendition.payload["links"])):
        page = page.replace(f"@@click:{number}@@", PUBLIC_LINKS["click"].url(public_url, _LONGEST))
    for name, link in PUBLIC_LINKS.items():
        page = page.replace(f"@@{name}@@", link.url(public_url, _LONGEST))
    return page


def _filled(text: str, payload: Json, reader: ReaderFields, escape: Escape) -> str:
    for name, link in PUBLIC_LINKS.items():
        text = text.replace(f"@@{name}@@", escape(link.url(payload["site"]["public_url"], _SAMPLE)))
    for name in PERSONAL_FIELDS:
        value = reader.email if name == "email" else reader.fields.get(name, "")
        text = text.replace(f"@@{name}@@", escape(value))
    return text
