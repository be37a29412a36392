"""The posts of one network: kept in memory, written to a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, Protocol, TypeVar

from cattrs.preconf.json import make_converter

from distributor.sandbox.ledger import JsonLog

_CONVERTER = make_converter()


class HasKey(Protocol):
    """Something kept under a key."""

    @property
    def key(self) -> str: ...


EntryT = TypeVar("EntryT", bound=HasKey)


class JsonStore(Generic[EntryT]):
    """Frozen dataclasses by key, in the order in which they were first put."""

    def __init__(self, path: Path, kind: type[EntryT]) -> None:
        self._ledger = JsonLog(path)
        self._by_key: dict[str, EntryT] = {}
        for entry in self._ledger.take_entries():
            self._replay(entry, kind)

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str) -> EntryT | None:
        """What is kept under the key."""
        return self._by_key.get(key)

    def oldest_first(self) -> list[EntryT]:
        """Everything there is."""
        return list(self._by_key.values())

    def newest_first(self) -> list[EntryT]:
        """Everything there is, the other way round."""
        return self.oldest_first()[::-1]

    def put(self, entry: EntryT) -> None:
        """Keep it, in place of what had its key."""
        self._ledger.append({"put": _CONVERTER.unstructure(entry)})
        self._by_key[entry.key] = entry

    def delete(self, key: str) -> None:
        """Forget what is kept under the key. Raises KeyError if nothing is."""
        del self._by_key[key]
        self._ledger.append({"delete": key})

    def close(self) -> None:
        """Let go of the ledger."""
        self._ledger.close()

    def _replay(self, entry: dict[str, object], kind: type[EntryT]) -> None:
        if "delete" in entry:
            self._by_key.pop(str(entry["delete"]), None)
            return
        kept = _CONVERTER.structure(entry["put"], kind)
        self._by_key[kept.key] = kept
