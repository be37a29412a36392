"""Colours that stay readable: contrast by WCAG 2.2, and a colour made lighter or darker until it has enough of it."""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from functools import lru_cache

_WHITE, _BLACK = "#ffffff", "#000000"
# Of text (1.4.3), and of a button with a text on it, which has to be seen and not read.
_TEXT_CONTRAST, _SHAPE_CONTRAST = 4.5, 1.5
_STEPS = 255


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(maxsize=256)
def readable_on(colour: str, *grounds: str, ratio: float = _TEXT_CONTRAST) -> str:
    """The colour, or the nearest lightness of it that has this contrast with every one of these grounds.

    Where no lightness has it, the result has as much as there is.
    """
    hue, lightness, saturation = rgb_to_hls(*_channels(colour))

    def enough(candidate: str) -> bool:
        return all(contrast(candidate, ground) >= ratio for ground in grounds)

    if enough(colour):
        return colour
    candidates = sorted((step / _STEPS for step in range(_STEPS + 1)), key=lambda one: abs(one - lightness))
    for candidate in (_hex(*hls_to_rgb(hue, one, saturation)) for one in candidates):
        if enough(candidate):
            return candidate
    return max(_WHITE, _BLACK, key=lambda one: min(contrast(one, ground) for ground in grounds))


def button_on(colour: str, *grounds: str) -> str:
    """The colour of a button that stands out from every one of these grounds, as near to `colour` as possible."""
    return readable_on(colour, *grounds, ratio=_SHAPE_CONTRAST)


def ink_on(ground: str) -> str:
    """White, or black where white is not readable: one of them always is."""
    return _WHITE if contrast(_WHITE, ground) >= _TEXT_CONTRAST else _BLACK


def _luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _hex(red: float, green: float, blue: float) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in (red, green, blue))
