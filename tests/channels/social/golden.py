"""Golden files: what the channels post about the sample article, to be read in a diff."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, written: bytes) -> None:
    """The file is what was written before. UPDATE_GOLDEN=1 writes it anew, to be read in the diff."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written)
    assert written.decode() == path.read_text("utf-8")
