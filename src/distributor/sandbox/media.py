"""Uploaded images: the bytes in files, their metadata in a JSON store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from distributor.sandbox.json_store import JsonStore

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedMedia:
    """An uploaded image. `key` is the network's id of it; `alt` is None until one is given."""

    key: str
    mime: str
    size: int
    uploaded_at: datetime
    alt: str | None = None


class UploadStore:
    """The images uploaded to one network."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._metadata = JsonStore(folder / "media.jsonl", UploadedMedia)

    def get(self, key: str) -> UploadedMedia | None:
        """The metadata of an image, if there is one."""
        return self._metadata.get(key)

    def content(self, key: str) -> bytes | None:
        """The bytes of an image, if there is one."""
        return self._path(key).read_bytes() if self._metadata.get(key) else None

    def add(self, medium: UploadedMedia, content: bytes) -> None:
        """Store an image: first the bytes, then the metadata."""
        self._path(medium.key).write_bytes(content)
        self._metadata.put(medium)

    def describe(self, key: str, alt: str) -> UploadedMedia:
        """Give an image its alternative text. Raises KeyError if there is no such image."""
        medium = self._metadata.get(key)
        if medium is None:
            raise KeyError(key)
        described = replace(medium, alt=alt)
        self._metadata.put(described)
        return described

    def close(self) -> None:
        """Close the files."""
        self._metadata.close()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.bin"


def image_type(content: bytes) -> str | None:
    """The media type that the bytes themselves show, of those that every network accepts."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if content.startswith(signature)), None)
