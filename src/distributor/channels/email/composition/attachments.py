"""What goes along with a mail: images inside it (RFC 2387) and attached files, encoded once for all recipients.

The alternatives stand first and innermost: ``mixed(related(alternative(text, html), images…), files…)``, each layer
only where there is something to hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from distributor.channels.email.personalization.placeholders import Slot
from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.mail.mime.header_fields import ascii_field, identity_field, parameter_field

# RFC 2045 section 6.8.
_LINE = 76
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
# Such types may not be encoded in base64 (RFC 2045 section 6.4).
_COMPOSITE = ("message/", "multipart/")

Stretch: TypeAlias = bytes | Slot


def with_pictures(html: str, payload: Mapping[str, Json], *, domain: str) -> str:
    """The HTML that shows the images inside the mail in place of those on the web."""
    for picture in payload.get("pictures", ()):
        html = html.replace(f'src="{picture["url"]}"', f'src="cid:{_content_id(picture, domain)}"')
    return html


def enclose(
    alternatives: Iterable[Stretch], payload: Mapping[str, Json], *, boundary: str, domain: str
) -> tuple[bytes, Iterator[Stretch]]:
    """The Content-Type of the mail, and its body with everything that goes along.

    Raises InputError for a name or a type that cannot be written.
    """
    content_type = f'multipart/alternative; boundary="{boundary}"'
    body = iter(alternatives)
    pictures = [_picture(one, domain) for one in payload.get("pictures", ())]
    files = [_attachment(one) for one in payload.get("attachments", ())]
    for subtype, parts in (('related; type="multipart/alternative"', pictures), ("mixed", files)):
        if parts:
            # Neither a letter of a hexadecimal number nor one of the other layer: no boundary begins another.
            outer = f"=_{subtype[0]}{boundary[2:]}"
            body = _layer(body, ascii_field("Content-Type", content_type), parts, outer)
            content_type = f'multipart/{subtype}; boundary="{outer}"'
    return ascii_field("Content-Type", content_type), body


def _layer(body: Iterator[Stretch], content_type: bytes, parts: Sequence[bytes], boundary: str) -> Iterator[Stretch]:
    line = f"--{boundary}".encode("ascii")
    others = b"".join(line + b"\r\n" + part for part in parts)
    return chain([b"\r\n" + line + b"\r\n" + content_type], body, [others + line + b"--\r\n"])


def _picture(picture: Mapping[str, Json], domain: str) -> bytes:
    return _part(
        picture,
        identity_field("Content-ID", "", _content_id(picture, domain)),
        parameter_field("Content-Disposition", "inline", {"filename": picture["name"]}),
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


def _content_id(picture: Mapping[str, Json], domain: str) -> str:
    return f"{picture['name']}@{domain}"
