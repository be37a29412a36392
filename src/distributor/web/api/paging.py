"""Pagination by ascending id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

_Found = TypeVar("_Found")
_Item = TypeVar("_Item")


class Page(BaseModel, Generic[_Item]):
    """A page of items, by ascending id."""

    items: list[_Item]
    next: int | None = Field(description="The value of `after` for the next page; null on the last.")


def paginate(
    found: Sequence[_Found], limit: int, *, number: Callable[[_Found], int]
) -> tuple[Sequence[_Found], int | None]:
    """The first `limit` items, and the value of `after` for the next page if more than `limit` were found."""
    kept = found[:limit]
    return kept, number(kept[-1]) if len(found) > limit else None
