"""Inline images (RFC 2387) and attached files of a mail, encoded once for all recipients.

The alternatives stand first and innermost: ``mixed(related(alternative(text, html), images…), files…)``, each layer
only if it has parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from distributor.channels.email.personalization.placeholders import Placeholder
from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.mail.mime.header_fields import ascii_field, identity_field, parameter_field

# RFC 2045 section 6.8.
_LINE = 76
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
# These types must not be encoded in base64 (RFC 2045 section 6.4).
_COMPOSITE = ("message/", "multipart/")

Segment: TypeAlias = bytes | Placeholder


def with_inline_images(html: str, payload: Mapping[str, Json], *, domain: str) -> str:
    """The HTML with links to the inline images in place of those on the web."""
    for image in payload.get("inline_images", ()):
        html = html.replace(f'src="{image["url"]}"', f'src="cid:{_content_id(image, domain)}"')
    return html


def wrap_body(
    alternatives: Iterable[Segment], payload: Mapping[str, Json], *, boundary: str, domain: str
) -> tuple[bytes, Iterator[Segment]]:
    """The Content-Type of the mail, and its body with inline images and attachments.

    Raises InputError for an invalid media type or file name.
    """
    content_type = f'multipart/alternative; boundary="{boundary}"'
    body = iter(alternatives)
    inline_images = [_inline_image(one, domain) for one in payload.get("inline_images", ())]
    files = [_attachment(one) for one in payload.get("attachments", ())]
    for subtype, parts in (('related; type="multipart/alternative"', inline_images), ("mixed", files)):
        if parts:
            # "r" and "m" are no hexadecimal digits and differ, so no boundary is the beginning of another.
            outer = f"=_{subtype[0]}{boundary[2:]}"
            body = _layer(body, ascii_field("Content-Type", content_type), parts, outer)
            content_type = f'multipart/{subtype}; boundary="{outer}"'
    return ascii_field("Content-Type", content_type), body


def _layer(body: Iterator[Segment], content_type: bytes, parts: Sequence[bytes], boundary: str) -> Iterator[Segment]:
    delimiter = f"--{boundary}".encode("ascii")
    others = b"".join(delimiter + b"\r\n" + part for part in parts)
    return chain([b"\r\n" + delimiter + b"\r\n" + content_type], body, [others + delimiter + b"--\r\n"])


def _inline_image(image: Mapping[str, Json], domain: str) -> bytes:
    return _part(
        image,
        identity_field("Content-ID", "", _content_id(image, domain)),
        parameter_field("Content-Disposition", "inline", {"filename": image["name"]}),
    )


def _attachment(file: Mapping[str, Json]) -> bytes:
    return _part(file, parameter_field("Content-Disposition", "attachment", {"filename": file["name"]}))


def _part(file: Mapping[str, Json], *fields: bytes) -> bytes:
    media_type = file["media_type"]
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise InputError(f"{file['name']}: {media_type!r} is not a media type such as application/pdf")
    if media_type.lower().startswith(_COMPOSITE):
        media_type = "application/octet-stream"
    content = file["content"].encode("ascii")
    lines = [content[start : start + _LINE] for start in range(0, len(content), _LINE)]
    head = (ascii_field("Content-Type", media_type), ascii_field("Content-Transfer-Encoding", "base64"), *fields)
    return b"".join((*head, b"\r\n", b"\r\n".join(lines), b"\r\n"))


def _content_id(image: Mapping[str, Json], domain: str) -> str:
    return f"{image['name']}@{domain}"
