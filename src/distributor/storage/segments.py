"""Segments: saved conditions, as one condition in SQL over subscribers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement

from distributor.domain.errors import NotFoundError
from distributor.storage.database import Connection


def filter_of(connection: Connection, slug: str, *, now: datetime) -> ColumnElement[bool]:
    """A condition on `subscribers`: being in the saved segment. Raises NotFoundError."""
    raise NotFoundError("segment", slug, hint="`distributor segment list` shows the ones there are")
