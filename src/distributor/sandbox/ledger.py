"""An append-only file of JSON lines: what a part of the sandbox remembers across restarts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributor.domain.errors import ConfigurationError


class JsonLog:
    """One file. An entry is handed to the operating system before `append` returns, so it outlives this process.

    A last line that a killed process left unfinished was never acknowledged to anyone and is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _read(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def take_entries(self) -> list[dict[str, Any]]:
        """What was written by earlier runs, oldest first. Given once, so that it is not kept in memory twice."""
        entries, self._entries = self._entries, []
        return entries

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one entry, in one write."""
        os.write(self._file, json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [_entry(line, path, number) for number, line in enumerate(whole.splitlines(), start=1)]


def _entry(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise ConfigurationError(
            f"{path}, line {number}: not a JSON object; the sandbox's folder was changed by something else, "
            "start the sandbox on another folder"
        )
    return entry
