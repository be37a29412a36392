"""What a reader of Markdown tells its author: each thing once."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def note(environment: MutableMapping[str, Any], reason: str) -> None:
    """Remember it with the text that is being parsed."""
    environment.setdefault("notes", {})[reason] = True
