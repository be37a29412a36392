"""A Maildir: messages arrive in `new` and are moved to `cur` once they are processed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from distributor.inbound.mailbox import MAX_BYTES, Disposition, MessageError

# Maildir info flags. S: seen. F: flagged, for a person to look at.
_FLAGS = {Disposition.PROCESSED: "S", Disposition.IGNORED: "", Disposition.FAILED: "F"}


@dataclass(frozen=True, slots=True)
class Maildir:
    """The folder that holds `new`, `cur` and `tmp`."""

    folder: Path

    @property
    def name(self) -> str:
        return f"maildir:{self.folder}"

    def messages(self) -> Generator[MaildirMessage]:
        for path in sorted((self.folder / "new").iterdir()):
            if not path.name.startswith("."):
                yield MaildirMessage(path)


@dataclass(frozen=True, slots=True)
class MaildirMessage:
    """A file in `new`."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    def read(self, max_bytes: int = MAX_BYTES) -> bytes | None:
        try:
            with self.path.open("rb") as file:
                return file.read(max_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MessageError(f"cannot be read: {error.strerror}") from error

    def mark(self, disposition: Disposition) -> None:
        name = self.path.name.partition(":2,")[0]
        try:
            self.path.rename(self.path.parent.parent / "cur" / f"{name}:2,{_FLAGS[disposition]}")
        except OSError as error:
            raise MessageError(f"cannot be moved to cur: {error.strerror}") from error
