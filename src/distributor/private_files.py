"""Files with addresses, secrets or logs: for their owner only (0600, folders 0700), whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
# Root's embedded servers run as another user, who has to pass the folders above theirs, but may not list them.
_PASSABLE_MODE = 0o711


def open_private(path: Path, mode: Literal["wb", "xb", "ab"]) -> BinaryIO:
    """Open a file to write bytes; one that others could read no longer can. Raises OSError."""
    return open(path, mode, opener=_open_private)  # Path.open has no opener


@contextmanager
def replace_private(path: Path) -> Iterator[Path]:
    """A new, empty private file beside `path`, which replaces it at the end of the context; on any error it is removed.

    Raises OSError.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        open_private(part, "xb").close()
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_private_folder(folder: Path, *, is_passable: bool = False) -> None:
    """Create a folder, and those above it that are missing; existing ones stay as they are. Raises OSError.

    `is_passable` is for a folder that embedded servers have their data in.
    """
    above = _PASSABLE_MODE if os.geteuid() == 0 else _FOLDER_MODE
    for missing in reversed([found for found in (folder, *folder.parents) if not found.exists()]):
        mode = above if is_passable or missing != folder else _FOLDER_MODE
        missing.mkdir(mode=mode, exist_ok=True)
        # Without what the umask takes away.
        missing.chmod(mode)


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, _FILE_MODE)
    # Not the mode of a device such as /dev/null.
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, _FILE_MODE)
    return descriptor
