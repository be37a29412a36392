"""A folder of files, such as a blog, a vault or a content folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field

from distributor.domain.rendition import Json
from distributor.sources.folder import read_folder
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import Reading
from distributor.sources.reading_options import FileSettings


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
