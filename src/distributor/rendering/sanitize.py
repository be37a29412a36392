"""Which characters and URLs of an article may be written into mails, feeds and web pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import quote, urljoin, urlsplit

# Makes a URL absolute.
Resolve: TypeAlias = Callable[[str], str]

# The mandatory line breaks of Unicode annex 14 other than LF.
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
# What XML 1.0, section 2.2, forbids (which includes lone surrogates), and the control characters that it allows.
_NOT_PRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LINK_SCHEMES = frozenset({"", "http", "https", "mailto", "tel"})
_IMAGE_SCHEMES = frozenset({"", "http", "https"})
# WHATWG URL, section 4.4: browsers remove these, so they read "java\nscript:" as a scheme.
_REMOVED_BY_BROWSERS = re.compile(r"[\x00-\x1f\x7f]")
_MUST_BE_ENCODED = re.compile(r"[\s\"<>\\^`{|}]")


def printable(text: str) -> str:
    """`text` with LF line ends, without control characters and lone surrogates."""
    return _NOT_PRINTABLE.sub("", _LINE_END.sub("\n", text))


def resolver_for(base: str) -> Resolve:
    """Resolves relative URLs against `base`, the URL of the article (RFC 3986, section 5)."""

    def resolve(url: str) -> str:
        return urljoin(base, url)

    return resolve


def link_target(url: str, resolve: Resolve | None = None) -> str | None:
    """The URL for a link, or None if it is malformed or its scheme is not safe (``javascript:``)."""
    return _permitted(url, resolve, _LINK_SCHEMES)


def image_source(url: str, resolve: Resolve | None = None) -> str | None:
    """The URL for an image, or None if it is malformed or no mail client or feed reader would load it."""
    return _permitted(url, resolve, _IMAGE_SCHEMES)


def _permitted(url: str, resolve: Resolve | None, schemes: frozenset[str]) -> str | None:
    try:
        bare = _REMOVED_BY_BROWSERS.sub("", url).strip()
        full = resolve(bare) if resolve and bare else bare
        if not full or urlsplit(full).scheme not in schemes:
            return None
    except ValueError:
        return None
    return _percent_encoded(full)


def _percent_encoded(url: str) -> str:
    """Encodes the characters that end a URL in plain text, and ``@@``, which encloses placeholders."""
    encoded = _MUST_BE_ENCODED.sub(lambda character: quote(character[0], safe=""), url)
    return encoded.replace("@@", "%40%40")
