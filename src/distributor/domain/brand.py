"""Brand: what makes mails, pages, feeds and link previews look like those of one site."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import regex

DEFAULT_ACCENT = "#1a56b8"
# The space that a logo is shown in, in pixels: a larger one is scaled down, a smaller one keeps its size.
LOGO_WIDTH, LOGO_HEIGHT = 240, 48

_HEX_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_FAMILY = regex.compile(r"[\p{L}\p{M}\p{N} ._+-]{1,60}")
# The keywords of CSS Fonts 4 section 2.1.2 and of Apple; quoted they would be names of fonts.
_KEYWORDS = frozenset(
    {
        *("serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui", "ui-serif", "ui-sans-serif"),
        *("ui-monospace", "ui-rounded", "math", "-apple-system", "blinkmacsystemfont"),
    }
)
# What follows the fonts of the setting, by the generic family that they end with: fonts that every system has.
_FALLBACKS = {
    "serif": ("Georgia", "Times New Roman", "serif"),
    "sans-serif": ("Arial", "Helvetica", "sans-serif"),
    "monospace": ("Menlo", "Consolas", "Courier New", "monospace"),
}
_FONTS_WITH_SERIFS = frozenset(
    {
        *("baskerville", "bodoni", "book antiqua", "bookman", "cambria", "charter", "constantia", "crimson pro"),
        *("didot", "eb garamond", "garamond", "georgia", "iowan old style", "lora", "merriweather", "noto serif"),
        *("palatino", "palatino linotype", "playfair display", "pt serif", "source serif 4", "times"),
        *("times new roman", "ui-serif"),
    }
)
# A comma in a URL separates nothing: only what is followed by a label and the beginning of a URL does.
_LINK_START = r"[^=,;\n]+=\s*(?:https?://|mailto:|/)"
_BETWEEN_LINKS = re.compile(rf"\s*[,;\n]\s*(?={_LINK_START})", re.IGNORECASE)
_LINK = re.compile(r"([^=]{1,80})=\s*((?:https?://|mailto:|/)[^\s\"<>\\^`{|}]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """The logo of a site. `url` is absolute, or a path below the root of the site that serves `body`.

    Width and height are those it is shown in, in pixels; None if its own size is unknown. `body` is empty if it is on
    another server.
    """

    url: str
    media_type: str = ""
    width: int | None = None
    height: int | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def is_for_mail(self) -> bool:
        """Whether mail clients and feed readers show it: many show neither SVG nor WebP."""
        return self.media_type not in ("image/svg+xml", "image/webp")

    @property
    def is_square(self) -> bool:
        """Whether it can stand as an icon."""
        return self.width is not None and self.height is not None and abs(self.width - self.height) <= self.height / 10


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link at the end of mails and pages, such as the legal notice. `url` may be a path of the site."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """How a site looks. `accent` is a colour as ``#rrggbb``.

    `fonts` is a CSS font stack that ends in a generic family, or empty for the fonts of the templates; `safe_fonts` is
    the end of it that every system has.
    """

    logo: Logo | None = None
    accent: str = DEFAULT_ACCENT
    fonts: str = ""
    safe_fonts: str = ""
    footer_links: tuple[FooterLink, ...] = ()


def parse_colour(text: str) -> str:
    """A colour such as ``#1a56b8``, ``1a56b8`` or ``#abc`` as ``#rrggbb``. Raises ValueError."""
    found = _HEX_COLOUR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no colour: write it as #rrggbb, such as {DEFAULT_ACCENT}")
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def parse_fonts(text: str) -> tuple[str, str]:
    """Names of fonts, separated by commas, as a CSS font stack, and its end that every system has.

    Fonts that every system has are added. Both are empty if there is no name. Raises ValueError for characters that no
    name of a font has.
    """
    names = [" ".join(name.strip().strip("\"'").split()) for name in text.split(",")]
    names = [name for name in names if name]
    if not names:
        return "", ""
    for name in names:
        if not _FAMILY.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a font: write names with commas between, such as Inter, Arial")
    generic = names[-1].lower() if names[-1].lower() in _FALLBACKS else _generic_of(names)
    chosen = [name for name in names if name.lower() not in _FALLBACKS]
    known = {name.lower() for name in chosen}
    added = [name for name in _FALLBACKS[generic] if name.lower() not in known]
    return ", ".join(map(_in_css, [*chosen, *added])), ", ".join(map(_in_css, _FALLBACKS[generic]))


def parse_footer_links(text: str) -> tuple[FooterLink, ...]:
    """Links such as ``Imprint=https://example.org/imprint, About=/articles/about``. Raises ValueError for no link."""
    entries = [entry.strip(" \t\r\n,;") for entry in _BETWEEN_LINKS.split(text)]
    return tuple(_footer_link(entry) for entry in entries if entry)


def shown_size(width: int | None, height: int | None) -> tuple[int | None, int | None]:
    """The size in which a logo of this size is shown, in pixels: no larger than its space, in its proportions."""
    if not width or not height:
        return None, None
    scale = min(LOGO_WIDTH / width, LOGO_HEIGHT / height, 1)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _footer_link(entry: str) -> FooterLink:
    found = _LINK.fullmatch(entry)
    label = " ".join(found[1].split()) if found else ""
    if found is None or not label:
        raise ValueError(
            f"{entry!r} is no link: write LABEL=URL with commas between, such as Imprint=https://example.org/imprint; "
            "a URL begins with https://, mailto: or /"
        )
    return FooterLink(label, found[2])


def _generic_of(names: list[str]) -> str:
    """The generic family of fonts that do not end with one."""
    lowered = [name.lower() for name in names]
    if any("mono" in name or name.startswith(("courier", "consolas", "menlo")) for name in lowered):
        return "monospace"
    return "serif" if any(name in _FONTS_WITH_SERIFS for name in lowered) else "sans-serif"


def _in_css(name: str) -> str:
    if name.lower() in _KEYWORDS or re.fullmatch(r"[A-Za-z][A-Za-z-]*", name):
        return name
    return f"'{name}'"
