"""The languages of pages: those that subscribers can choose, and those that a browser asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# RFC 9110, section 12.5.4: a language range with an optional weight.
_ACCEPTED = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII
)
_MOST_ACCEPTED = 20

# The names of languages for themselves.

LANGUAGES: Mapping[str, str] = {
    "ar": "العربية",
    "bg": "Български",
    "ca": "Català",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "et": "Eesti",
    "fa": "فارسی",
    "fi": "Suomi",
    "fr": "Français",
    "he": "עברית",
    "hi": "हिन्दी",
    "hr": "Hrvatski",
    "hu": "Magyar",
    "id": "Bahasa Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "lt": "Lietuvių",
    "lv": "Latviešu",
    "nb": "Norsk bokmål",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "ru": "Русский",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "sr": "Српски",
    "sv": "Svenska",
    "th": "ไทย",
    "tr": "Türkçe",
    "uk": "Українська",
    "vi": "Tiếng Việt",
    "zh": "中文",
}


def language_choices(spoken: Iterable[str], *present: str) -> dict[str, str]:
    """The languages to choose from, by tag: those that our pages and mails speak, and `present` ones."""
    tags = {tag for tag in (*spoken, *present) if tag}
    return {tag: _name_of(tag) for tag in sorted(tags)}


def accepted_languages(header: str) -> list[str]:
    """The languages of an Accept-Language header, the preferred one first. What cannot be read is left out."""
    ranges = [_ACCEPTED.fullmatch(part) for part in header.split(",", _MOST_ACCEPTED)[:_MOST_ACCEPTED]]
    weights = {found[1]: float(found[2] or 1) for found in ranges if found}
    return sorted((tag for tag, weight in weights.items() if weight), key=lambda tag: -weights[tag])


def _name_of(tag: str) -> str:
    """The name of a language with its region, such as ``Deutsch (AT)``; the tag itself if it has no name."""
    language, _, rest = tag.partition("-")
    name = LANGUAGES.get(language.lower(), "")
    return f"{name} ({rest})" if name and rest else name or tag
