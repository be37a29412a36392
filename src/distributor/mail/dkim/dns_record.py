"""The DNS record of a DKIM key (RFC 6376 section 3.6)."""

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
    """The name of the TXT record of a key."""
    return f"{selector}._domainkey.{domain}"


def record_text(key: SigningKey) -> str:
    """The text of the TXT record that publishes the key."""
    return f"v=DKIM1; k={key.algorithm}; p={b64encode(key.public()).decode('ascii')}"


def publishes(text: str, key: SigningKey) -> bool:
    """Whether a TXT record publishes this key, regardless of the order of tags and of white space.

    Raises InputError, with the reason, for a text that is no DKIM key record.
    """
    tags = parse_tag_list(text)
    if tags.get("v", "DKIM1") != "DKIM1":
        raise InputError(f"it has v={tags['v']}, not v=DKIM1")
    if "p" not in tags:
        raise InputError("it has no tag p=")
    if not tags["p"]:
        raise InputError("its p= is empty, which revokes the key")
    try:
        published = b64decode(_SPACE.sub("", tags["p"]), validate=True)
    except binascii.Error:
        raise InputError("the value of p= is not base64") from None
    return published in _forms(key) and tags.get("k", "rsa") == key.algorithm


def parse_tag_list(text: str) -> Mapping[str, str]:
    """Parse a tag list (RFC 6376 section 3.2). Raises InputError."""
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
    """The valid values of p=: for RSA the usual SubjectPublicKeyInfo and the RSAPublicKey of the RFC (erratum 3017)."""
    return (key.public(), key.bare_public()) if isinstance(key, RsaKey) else (key.public(),)
