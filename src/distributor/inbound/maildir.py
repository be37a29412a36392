"""A Maildir: mails appear in `new` and go to `cur` once they are taken in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distributor.inbound.remote_mailbox import MOST_OCTETS, Fate, HandIn

# S: seen. F: flagged, for a person to look at.
_FLAGS = {Fate.ACTED_ON: "S", Fate.NO_CONCERN: "", Fate.BROKEN: "F"}


@dataclass(frozen=True, slots=True)
class Maildir:
    """The folder with `new`, `cur` and `tmp`."""

    folder: Path

    def visit(self, hand_in: HandIn) -> int:
        waiting = sorted(path for path in (self.folder / "new").iterdir() if not path.name.startswith("."))
        return sum(self._take(path, hand_in) for path in waiting)

    def _take(self, path: Path, hand_in: HandIn) -> bool:
        try:
            with path.open("rb") as file:
                raw = file.read(MOST_OCTETS)
        except FileNotFoundError:
            # A mail program has moved it meanwhile.
            return False
        fate = hand_in(raw)
        name = path.name.partition(":2,")[0]
        path.rename(self.folder / "cur" / f"{name}:2,{_FLAGS[fate]}")
        return True
