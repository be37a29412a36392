"""Uploaded images: the bytes in a folder, what is known about them in a ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from distributor.sandbox.json_store import JsonStore

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedMedia:
    """An uploaded image. `key` is the network's id of it; `alt` is None as long as nobody gave one."""

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
        self._known = JsonStore(folder / "media.jsonl", UploadedMedia)

    def get(self, key: str) -> UploadedMedia | None:
        """What is known about an image."""
        return self._known.get(key)

    def content(self, key: str) -> bytes | None:
        """The bytes of an image."""
        return self._path(key).read_bytes() if self._known.get(key) else None

    def keep(self, medium: UploadedMedia, content: bytes) -> None:
        """Store an image: first the bytes, then that they are there."""
        self._path(medium.key).write_bytes(content)
        self._known.put(medium)

    def describe(self, key: str, alt: str) -> UploadedMedia:
        """Give an image its alternative text. Raises KeyError if there is no such image."""
        medium = self._known.get(key)
        if medium is None:
            raise KeyError(key)
        described = replace(medium, alt=alt)
        self._known.put(described)
        return described

    def close(self) -> None:
        """Let go of the ledger."""
        self._known.close()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.bin"


def image_type(content: bytes) -> str | None:
    """The media type that the bytes themselves show, of those that every network takes."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if content.startswith(signature)), None)
