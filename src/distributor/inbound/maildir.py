"""A Maildir: messages arrive in `new` and are moved to `cur` once they are processed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distributor.inbound.mailbox import MAX_BYTES, Disposition, MessageHandler

# Maildir info flags. S: seen. F: flagged, for a person to look at.
_FLAGS = {Disposition.PROCESSED: "S", Disposition.IGNORED: "", Disposition.FAILED: "F"}


@dataclass(frozen=True, slots=True)
class Maildir:
    """The folder that holds `new`, `cur` and `tmp`."""

    folder: Path

    def poll(self, handle: MessageHandler) -> int:
        new = sorted(path for path in (self.folder / "new").iterdir() if not path.name.startswith("."))
        return sum(self._process(path, handle) for path in new)

    def _process(self, path: Path, handle: MessageHandler) -> bool:
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES)
        except FileNotFoundError:
            # A mail program has moved it in the meantime.
            return False
        disposition = handle(raw)
        name = path.name.partition(":2,")[0]
        path.rename(self.folder / "cur" / f"{name}:2,{_FLAGS[disposition]}")
        return True
