"""Which addresses of an article a reader may follow, and what they are in full."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import quote, urljoin, urlsplit

Resolve: TypeAlias = Callable[[str], str]

_LINK_SCHEMES = frozenset({"", "http", "https", "mailto", "tel"})
_IMAGE_SCHEMES = frozenset({"", "http", "https"})
# WHATWG URL, section 4.4: browsers drop these, so "java\nscript:" is a scheme to them.
_DROPPED_BY_BROWSERS = re.compile(r"[\x00-\x1f\x7f]")
_BREAKS_OUT = re.compile(r"[\s\"<>\\^`{|}]")


def resolver_for(base: str) -> Resolve:
    """Resolves relative addresses against `base`, the address at which the article is read (RFC 3986, section 5)."""

    def resolve(address: str) -> str:
        return urljoin(base, address)

    return resolve


def link_target(address: str, resolve: Resolve | None = None) -> str | None:
    """The address a link leads to, or None if a reader must not follow it (``javascript:``) or it is malformed."""
    return _permitted(address, resolve, _LINK_SCHEMES)


def image_source(address: str, resolve: Resolve | None = None) -> str | None:
    """The address an image is loaded from, or None if no mail client or feed reader would load it."""
    return _permitted(address, resolve, _IMAGE_SCHEMES)


def _permitted(address: str, resolve: Resolve | None, schemes: frozenset[str]) -> str | None:
    try:
        bare = _DROPPED_BY_BROWSERS.sub("", address).strip()
        full = resolve(bare) if resolve and bare else bare
        if not full or urlsplit(full).scheme not in schemes:
            return None
    except ValueError:
        return None
    return _without_loose_ends(full)


def _without_loose_ends(address: str) -> str:
    """Percent-encodes what would end the address early in text, and the sign that encloses tokens."""
    encoded = _BREAKS_OUT.sub(lambda sign: quote(sign[0], safe=""), address)
    return encoded.replace("@@", "%40%40")
