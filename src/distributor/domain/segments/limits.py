"""What a condition may hold at most, so that none is a bomb for the reader, the printer or the database."""

from __future__ import annotations

import math

DEEPEST = 25
# The limits with all referenced segments written out.
DEEPEST_EXPANDED = 50
MOST_CONDITIONS = 200
MOST_CONDITIONS_EXPANDED = 500
MOST_VALUES = 1000
# PostgreSQL takes 65,535 parameters in one query.
MOST_VALUES_EXPANDED = 5000
MOST_STEPS = 8
LONGEST_TEXT = 100_000
LONGEST_VALUE = 500
MOST_MAILS = 50
LARGEST_COUNT = 9999
LARGEST_CAMPAIGN = 10**15
# The largest whole number that every reader of JSON keeps exactly.
LARGEST_NUMBER = 2**53 - 1


def why_text_is_invalid(text: str) -> str | None:
    """Why this text cannot be a value, or None."""
    if not text:
        return "an empty text is no value"
    if len(text) > LONGEST_VALUE:
        return f"a text is longer than {LONGEST_VALUE} characters"
    if "\0" in text:
        return "a text holds the character NUL, which no data can contain"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "a text holds half a character (a lone surrogate)"
    return None


def why_number_is_invalid(number: int | float) -> str | None:
    """Why this number cannot be a value, or None."""
    # A whole number may be too large to become a float.
    if isinstance(number, float) and not math.isfinite(number):
        return "a number is not finite"
    if abs(number) > LARGEST_NUMBER:
        return f"a number is beyond {LARGEST_NUMBER}"
    return None


def why_count_is_invalid(count: int, *, least: int = 1, most: int = LARGEST_COUNT) -> str | None:
    """Why this number cannot be a count, or None."""
    return None if least <= count <= most else f"a number from {least} to {most} is needed"
