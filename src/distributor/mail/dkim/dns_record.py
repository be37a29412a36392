"""The DNS record that a key is published in (RFC 6376 section 3.6), written and read."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.mail.dkim.keys import RsaKey, SigningKey

_SPACE = re.compile(r"\s+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def record_name(selector: str, domain: str) -> str:
    """Where a key is published."""
    return f"{selector}._domainkey.{domain}"


def record_text(key: SigningKey) -> str:
    """The text that publishes the key."""
    return f"v=DKIM1; k={key.algorithm}; p={b64encode(key.public()).decode('ascii')}"


def publishes(text: str, key: SigningKey) -> bool:
    """Whether a record that was found publishes this key, whatever the order of its tags and the spaces in it.

    Raises InputError for a text that is no record of a key, saying why.
    """
    tags = parse_tag_list(text)
    if tags.get("v", "DKIM1") != "DKIM1":
        raise InputError(f"it says v={tags['v']}, not v=DKIM1")
    if "p" not in tags:
        raise InputError("it has no tag p=")
    if not tags["p"]:
        raise InputError("its p= is empty, which revokes the key")
    try:
        published = b64decode(_SPACE.sub("", tags["p"]), validate=True)
    except binascii.Error:
        raise InputError("what it says after p= is not base64") from None
    return published in _forms(key) and tags.get("k", "rsa") == key.algorithm


def parse_tag_list(text: str) -> Mapping[str, str]:
    """A list of tags (RFC 6376 section 3.2). Raises InputError."""
    tags: dict[str, str] = {}
    for part in text.rstrip("; \t\r\n").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise InputError(f"it cannot be read at {part.strip()[:40]!r}: tags are written name=value; name=value")
        if name in tags:
            raise InputError(f"it has the tag {name}= twice")
        tags[name] = value.strip()
    return tags


def _forms(key: SigningKey) -> tuple[bytes, ...]:
    """What p= may hold: for RSA both the structure that everybody uses and the one the RFC names (its erratum 3017)."""
    return (key.public(), key.bare_public()) if isinstance(key, RsaKey) else (key.public(),)
