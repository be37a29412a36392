"""What a source reads its articles with, and how people set that."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """`zone` is that of dates that name none, `language` (BCP 47) that of articles that name none.

    With `is_strict`, whatever in front matter would be passed over with a note is an error.
    """

    zone: str = "UTC"
    language: str = "en"
    is_strict: bool = False


DEFAULT_OPTIONS = ReadingOptions()


class FileSettings(BaseModel, extra="forbid"):
    """How files are read. Empty values stand for those of the site."""

    zone: str = Field("", title="Time zone", description="of dates that name none; default: that of the site")
    language: str = Field("", title="Language", description="of articles that name none; default: that of the site")
    strict: bool = Field(
        False, title="Strict", description="refuse a file whose front matter has anything that is not used"
    )

    def applied_to(self, options: ReadingOptions) -> ReadingOptions:
        """The options with what is set here."""
        return replace(
            options,
            zone=self.zone or options.zone,
            language=self.language or options.language,
            is_strict=self.strict or options.is_strict,
        )
