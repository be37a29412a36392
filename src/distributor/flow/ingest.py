"""Ingest: what the sources deliver becomes articles and revisions; a file that cannot be read hurts no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

FOLDER = "folder"
UPLOAD = "upload"


class Change(StrEnum):
    ADDED = "added"
    REVISED = "revised"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of one manuscript."""

    slug: str
    change: Change
    warnings: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ScanReport:
    """What a scan found: slugs added and revised, and what could not be read, each in one sentence."""

    added: list[str] = field(default_factory=list)
    revised: list[str] = field(default_factory=list)
    unchanged: int = 0
    broken: list[str] = field(default_factory=list)
