"""Pages: so many at once, and where the next ones begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

_Found = TypeVar("_Found")
_Shown = TypeVar("_Shown")


class Page(BaseModel, Generic[_Shown]):
    """Some of what there is, by ascending number."""

    items: list[_Shown]
    next: int | None = Field(description="Ask again with `after` set to this for the next page; null on the last.")


def paginate(
    found: Sequence[_Found], limit: int, *, number: Callable[[_Found], int]
) -> tuple[Sequence[_Found], int | None]:
    """The first `limit`, and where the next page begins if one more was found than wanted."""
    kept = found[:limit]
    return kept, number(kept[-1]) if len(found) > limit else None
