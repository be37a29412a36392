"""A folder of files, such as a blog, a vault or a content folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field

from distributor.domain.rendition import Json
from distributor.sources.folder import read_folder
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import Reading
from distributor.sources.reading_options import ReadingOptions


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


class FolderSettings(FileSettings):
    """Settings of a folder."""

    path: Path = Field(title="Folder", description="the folder, on the machine of the workers")


class FolderSource:
    """A folder, which is scanned: unchanged files are not parsed again."""

    kind: ClassVar[str] = "folder"
    title: ClassVar[str] = "Folder"
    sentence: ClassVar[str] = "Files in Markdown, plain text, HTML and other formats, with their images."
    settings_model: ClassVar[type[BaseModel]] = FolderSettings
    interval: ClassVar[timedelta] = timedelta(seconds=30)
    is_local: ClassVar[bool] = True

    def __init__(self, settings: FolderSettings) -> None:
        self._settings = settings

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """Any folder of this machine."""
        path = Path(address).expanduser()
        return {"path": str(path.absolute())} if path.is_dir() and not (path / ".git").exists() else None

    @property
    def address(self) -> str:
        return str(self._settings.path)

    def folder(self) -> Path:
        return self._settings.path

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        yield from read_folder(self._settings.path, reading.known, self._settings.applied_to(reading.options))


KIND = FolderSource
