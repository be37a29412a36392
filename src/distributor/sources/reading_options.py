"""What a source reads its articles with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """`zone` is that of dates that name none, `language` (BCP 47) that of articles that name none.

    With `is_strict`, whatever in front matter would be passed over with a note is an error.
    """

    zone: str = "UTC"
    language: str = "en"
    is_strict: bool = False


DEFAULT_OPTIONS = ReadingOptions()
