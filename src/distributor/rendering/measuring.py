"""How long a text is: every network counts in its own way."""

from __future__ import annotations

import unicodedata

import regex

from distributor.rendering.url_extraction import extract_urls

# \X alone counts a run of regional indicators from its start at each of them.
_GRAPHEME = regex.compile(r"\p{Regional_Indicator}{2}(?=\p{Regional_Indicator})|\X")
_WITH_SCHEME = regex.compile(r"https?://[^\s<>\"“”„«»]+", flags=regex.IGNORECASE)
_WEIGHT_OF_URL = 23
# What a sentence puts behind an address and no address ends with.
_AFTER_URL = ".,;:!?…'’)]}*_"
# A mention of someone elsewhere counts without the server's name.
_MENTION = regex.compile(r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)@[\w.-]+\w", flags=regex.IGNORECASE)
# The code points that weigh 1 in configuration 3 of twitter-text; all others weigh 2.
_LIGHT = r"\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037"
# The regions that have a flag: the first letter of their code, then every second letter (UTS #51, annex B).
_FLAGS = (
    "ACDEFGILMOQRSTUWXZ BABDEFGHIJLMNOQRSTVWYZ CACDFGHIKLMNOPRUVWXYZ DEGJKMOZ EACEGHRSTU FIJKMOR GABDEFGHILMNPQRSTUWY "
    "HKMNRTU ICDELMNOQRST JEMOP KEGHIMNPRWYZ LABCIKRSTUVY MACDEFGHKLMNOPQRSTUVWXYZ NACEFGILOPRUZ OM PAEFGHKLMNRSTWY "
    "QA REOSUW SABCDEGHIJKLMNORSTVXYZ TACDFGHJKLMNORTVWZ UAGMNSYZ VACEGINU WFS XK YET ZAMW"
)
_INDICATORS = str.maketrans({chr(ord("A") + at): chr(ord("🇦") + at) for at in range(26)})
_REGION_FLAG = "|".join(f"{row[0]}[{row[1:]}]" for row in _FLAGS.translate(_INDICATORS).split())
# The flags of England, Scotland and Wales: a black flag, and their codes in tag characters.
_TAGS = str.maketrans({letter: chr(0xE0000 + ord(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"})
_TAG_FLAG = rf"🏴(?:{'gbeng|gbsct|gbwls'.translate(_TAGS)})\U000e007f"
# What is drawn as an emoji by itself, and what is one with the variation selector U+FE0F.
_PICTOGRAPH = r"[\p{Emoji}--\p{Regional_Indicator}--[#*0-9©®]]"
_WITH_SELECTOR = (
    r"[[\p{Emoji}--\p{Emoji_Presentation}--[#*0-9]]⌚⌛◽◾☔☕♈-♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛔⛪⛲⛳⛵⛺⛽❗⬛⬜⭐⭕🀄🈚🈯]"
    r"\ufe0f"
)
_ELEMENT = rf"(?:{_WITH_SELECTOR}|{_PICTOGRAPH})(?:(?<=\p{{Emoji_Modifier_Base}}\ufe0f?)\p{{Emoji_Modifier}})?"
# Everything that weighs 2: an emoji, of however many code points, or a code point that does not weigh 1. U+200D joins
# up to four emoji to one, as many as the longest sequences of UTS #51 have.
_WEIGHS_TWO = regex.compile(
    rf"[#*0-9]\ufe0f?\u20e3|[©®]\ufe0f"
    rf"|(?=[^{_LIGHT}])(?:{_REGION_FLAG}|{_TAG_FLAG}|{_ELEMENT}(?:\u200d{_ELEMENT}){{0,3}}|.)",
    flags=regex.V1 | regex.DOTALL,
)


def weighted_length(text: str) -> int:
    """The length as X counts it: NFC, most scripts weigh 1 a character and CJK and emoji 2, every link weighs 23.

    Source: docs.x.com, "Counting characters"; configuration 3 of twitter-text. A text has room for 280.
    """
    normal = unicodedata.normalize("NFC", text)
    weight, end = 0, 0
    for url in extract_urls(normal):
        weight += _weight(normal[end : url.start]) + _WEIGHT_OF_URL
        end = url.end
    return weight + _weight(normal[end:])


def _weight(text: str) -> int:
    heavy = [] if text.isascii() else _WEIGHS_TWO.findall(text)
    return len(text) - sum(map(len, heavy)) + 2 * len(heavy)


def mastodon_length(text: str, *, characters_reserved_per_url: int = _WEIGHT_OF_URL) -> int:
    """The length as Mastodon counts it: graphemes; a link costs `characters_reserved_per_url`, a mention no server.

    Source: docs.joinmastodon.org, "Posting to your profile". Only addresses with http(s):// count as links.
    """
    shortened, end = [], 0
    for url in extract_urls(text):
        if url.has_protocol:
            shortened += [text[end : url.start], "x" * characters_reserved_per_url]
            end = url.end
    return graphemes(_MENTION.sub(r"@\1", "".join([*shortened, text[end:]])))


def graphemes(text: str) -> int:
    """How many characters a reader sees (extended grapheme clusters, UAX #29). Bluesky allows 300."""
    return sum(1 for _ in _GRAPHEME.finditer(text))


def utf8_bytes(text: str) -> int:
    """The length in UTF-8. Bluesky allows 3000 bytes and places its facets by them."""
    return len(text.encode())


def utf16_length(text: str) -> int:
    """The length in UTF-16 code units. Telegram counts so, and places its entities by them."""
    return len(text.encode("utf-16-le")) // 2


def grapheme_boundaries(text: str) -> list[int]:
    """The offsets at which a grapheme ends, in code points, the end of the text included."""
    return [match.end() for match in _GRAPHEME.finditer(text)]


def url_spans(text: str) -> list[tuple[int, int]]:
    """Where addresses stand, as start and end in code points: all that X links, and all with http(s)://.

    They do not overlap and are in order. A comma or a closing bracket of the sentence is not part of an address.
    """
    spans = [(url.start, url.end) for url in extract_urls(text)]
    spans += [(at.start(), at.start() + len(at.group().rstrip(_AFTER_URL))) for at in _WITH_SCHEME.finditer(text)]
    apart: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            start, end = apart[-1][0], max(apart.pop()[1], end)
        apart.append((start, end))
    return apart
