"""Samples: a rendition filled in for previews and checks, not for a recipient."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from distributor.channels.email.composition.compose import PERSONAL_FIELDS, prepare_mail
from distributor.channels.email.personalization.merge_blocks import personalize, sample_reader
from distributor.channels.email.personalization.placeholders import PUBLIC_LINKS, Escape, follow_clicks
from distributor.domain.delivery import Delivery
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.rendition import Json, Rendition
from distributor.domain.tokens import TokenSigner

# Not a signed token, which has 16 to 30 characters (`domain.tokens`).
_SAMPLE = "sample"
_LONGEST = "x" * 30
_NO_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def sample_html(rendition: Rendition, reader: ReaderFields | None = None) -> str:
    """The HTML for `reader`, or for a sample reader. Raises InputError.

    Links lead to their targets untracked, and viewing it is not counted as an open.
    """
    reader = reader or sample_reader(rendition.payload)
    payload = personalize(rendition.payload, reader)
    page = follow_clicks(payload["html"].replace("@@open@@", _NO_PIXEL), payload["links"], html.escape)
    return _fill(page, payload, reader, html.escape)


def sample_text(rendition: Rendition, reader: ReaderFields | None = None) -> str:
    """The text part for `reader`, or for a sample reader. Raises InputError."""
    reader = reader or sample_reader(rendition.payload)
    payload = personalize(rendition.payload, reader)
    return _fill(follow_clicks(payload["text"], payload["links"], str), payload, reader, str)


def compose_sample(rendition: Rendition, reader: ReaderFields | None = None) -> bytes:
    """The mail for `reader`, or for a sample reader. Raises what `prepare_mail` and `PreparedMail.message_for` raise.

    Links lead to their targets, and the tokens in it are not valid.
    """
    reader = reader or sample_reader(rendition.payload)
    payload = personalize(rendition.payload, reader)
    payload["html"] = follow_clicks(payload["html"], payload["links"], html.escape)
    payload["text"] = follow_clicks(payload["text"], payload["links"], str)
    sample = Delivery(
        id=0,
        dispatch_id=0,
        recipient=reader.email,
        epoch=0,
        attempt=1,
        created_at=datetime(2026, 1, 1, 9, tzinfo=UTC),
        fields=reader.fields,
    )
    return prepare_mail(Rendition(rendition.kind, payload)).message_for(sample, TokenSigner(b"known to everybody"))


def with_longest_links(rendition: Rendition) -> str:
    """The HTML with every link at its longest, and sample values of merge fields. Raises InputError."""
    page: str = personalize(rendition.payload, sample_reader(rendition.payload))["html"]
    public_url = rendition.payload["site"]["public_url"]
    for number in range(len(rendition.payload["links"])):
        page = page.replace(f"@@click:{number}@@", PUBLIC_LINKS["click"].url(public_url, _LONGEST))
    for name, link in PUBLIC_LINKS.items():
        page = page.replace(f"@@{name}@@", link.url(public_url, _LONGEST))
    return page


def _fill(text: str, payload: Json, reader: ReaderFields, escape: Escape) -> str:
    for name, link in PUBLIC_LINKS.items():
        text = text.replace(f"@@{name}@@", escape(link.url(payload["site"]["public_url"], _SAMPLE)))
    for name in PERSONAL_FIELDS:
        value = reader.email if name == "email" else reader.fields.get(name, "")
        text = text.replace(f"@@{name}@@", escape(value))
    return text
