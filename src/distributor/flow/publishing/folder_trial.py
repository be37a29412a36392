"""What the articles of a folder would be, without taking any of them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.flow.publishing.ingest import take_local_images
from distributor.sources.folder import UnreadableFile, scan_folder
from distributor.sources.reading_options import ReadingOptions


class TrialOutcome(StrEnum):
    """What would become of a file: an article, one with notes for its author, a draft, or nothing."""

    ACCEPTED = "accepted"
    NOTED = "noted"
    DRAFT = "draft"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedFile:
    """A file as it would come in. `reasons` say what was noted or why it is refused.

    `unused_keys` are keys of its front matter without a meaning here.
    """

    path: str
    outcome: TrialOutcome
    title: str = ""
    slug: str = ""
    published_at: datetime | None = None
    tags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unused_keys: tuple[str, ...] = ()


def try_folder(folder: Path, *, options: ReadingOptions) -> Iterator[TriedFile]:
    """Every file of a folder in the order of a scan; nothing is stored. Raises SourceError for the folder itself."""
    for one in scan_folder(folder, options=options):
        if isinstance(one, UnreadableFile):
            yield TriedFile(path=one.path, outcome=TrialOutcome.REFUSED, reasons=(_reason_of(one.error),))
            continue
        assert one.manuscript is not None, "no content is known before"  # noqa: S101
        manuscript, _ = take_local_images(one.manuscript, file=folder / one.path, root=folder)
        outcome = TrialOutcome.NOTED if manuscript.warnings else TrialOutcome.ACCEPTED
        yield TriedFile(
            path=one.path,
            outcome=TrialOutcome.DRAFT if manuscript.publish is False else outcome,
            title=manuscript.title,
            slug=manuscript.slug or "",
            published_at=manuscript.published_at,
            tags=tuple(tag.label for tag in manuscript.tags),
            reasons=manuscript.warnings,
            unused_keys=manuscript.unused_keys,
        )


def _reason_of(error: Exception) -> str:
    """What is wrong, with the line; an error that is no SourceError is a mistake in the code of the format."""
    if isinstance(error, SourceError):
        return f"line {error.line}: {error.reason}" if error.line else error.reason
    return f"{type(error).__name__}: {error}"
