"""Text as we keep it: one kind of line end, composed letters, and no sign that cannot be seen or sent."""

from __future__ import annotations

import re
import unicodedata

import regex

_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028]")
_SIGNS = str.maketrans(
    {
        "\u00a0": " ",  # word processors put no-break spaces wherever a text was pasted
        "\u2029": "\n\n",
        "\u200b": None,
        "\u2060": None,
        "\ufeff": None,
    }
)
# What XML 1.0 forbids (section 2.2), the C1 controls, and the last two signs of every plane, which are no characters.
_UNSENDABLE = regex.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\p{Noncharacter_Code_Point}]",
)
# Joiners belong into emoji, Persian or Malayalam; after a space, a Latin letter or a line end they are leftovers.
_STRAY_JOINERS = re.compile(r"(?<![\u0300-\u1fff\u2190-\U0010ffff])[\u200c\u200d]+")


def clean(text: str) -> str:
    """`text` with LF line ends and in NFC, without unsendable and invisible signs. Tabs stay."""
    seen = _UNSENDABLE.sub("", _LINE_ENDS.sub("\n", text).translate(_SIGNS))
    return unicodedata.normalize("NFC", _STRAY_JOINERS.sub("", unicodedata.normalize("NFC", seen)))


def count_controls(text: str) -> int:
    """How many signs in `text` are neither text nor white space."""
    return len(_UNSENDABLE.findall(_LINE_ENDS.sub("\n", text)))
