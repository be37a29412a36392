"""What emulators keep across restarts: append-only files of JSON lines, and stores of dataclasses on top of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from cattrs.preconf.json import make_converter

from distributor.domain.errors import ConfigurationError

_CONVERTER = make_converter()


class JsonLog:
    """One append-only file. `append` hands an entry to the operating system, so it outlives this process.

    A last line that a killed process left unfinished was never acknowledged, and is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = _read(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def take_entries(self) -> list[dict[str, Any]]:
        """The entries of earlier runs, oldest first. Returned once, so that they are not kept in memory twice."""
        entries, self._entries = self._entries, []
        return entries

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one entry, in one write."""
        os.write(self._file, json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class HasKey(Protocol):
    """An entry of a store."""

    @property
    def key(self) -> str: ...


EntryT = TypeVar("EntryT", bound=HasKey)


class JsonStore(Generic[EntryT]):
    """Frozen dataclasses by key, in the order in which they were first put."""

    def __init__(self, path: Path, model: type[EntryT]) -> None:
        self._log = JsonLog(path)
        self._by_key: dict[str, EntryT] = {}
        for entry in self._log.take_entries():
            self._replay(entry, model)

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str) -> EntryT | None:
        """The entry with this key, if there is one."""
        return self._by_key.get(key)

    def oldest_first(self) -> list[EntryT]:
        """All entries."""
        return list(self._by_key.values())

    def newest_first(self) -> list[EntryT]:
        """All entries, the last put first."""
        return self.oldest_first()[::-1]

    def put(self, entry: EntryT) -> None:
        """Add the entry, or replace the one with its key."""
        self._log.append({"put": _CONVERTER.unstructure(entry)})
        self._by_key[entry.key] = entry

    def delete(self, key: str) -> None:
        """Remove the entry with this key. Raises KeyError if there is none."""
        del self._by_key[key]
        self._log.append({"delete": key})

    def close(self) -> None:
        """Close the file."""
        self._log.close()

    def _replay(self, entry: dict[str, object], model: type[EntryT]) -> None:
        if "delete" in entry:
            self._by_key.pop(str(entry["delete"]), None)
            return
        kept = _CONVERTER.structure(entry["put"], model)
        self._by_key[kept.key] = kept


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
