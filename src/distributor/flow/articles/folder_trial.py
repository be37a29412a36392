"""What the articles of a folder, of a ZIP or of one file would be, without taking any of them in."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.flow.articles.remote_images import remote_images_of
from distributor.sources.article_links import SourceIndex
from distributor.sources.documents import MAX_DOCUMENT_BYTES
from distributor.sources.folder import list_folder, path_as_text, read_listed
from distributor.sources.formats import read_bytes
from distributor.sources.items import SourceItem, UnreadableItem
from distributor.sources.local_images import take_local_images
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.zipped import is_archive, read_archive

# From so many files on, starting processes takes less time than they save.
_MANY, _AT_ONCE = 500, 50


class TrialOutcome(StrEnum):
    """What would become of a file: an article, one with notes for its author, a draft, or nothing."""

    ACCEPTED = "accepted"
    NOTED = "noted"
    DRAFT = "draft"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedFile:
    """A file as it would come in. `reasons` say what was noted or why it is refused.

    `unused_keys` are keys of its front matter without a meaning here, `remote_images` the addresses of its images that
    are elsewhere on the web.
    """

    path: str
    outcome: TrialOutcome
    title: str = ""
    slug: str = ""
    published_at: datetime | None = None
    tags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unused_keys: tuple[str, ...] = ()
    remote_images: tuple[str, ...] = ()


def try_files(path: Path, *, options: ReadingOptions) -> Iterator[TriedFile]:
    """Every file of a folder or a ZIP, or the one file; nothing is stored or fetched.

    Raises SourceError for the folder or the ZIP itself.
    """
    if path.is_dir():
        return try_folder(path, options=options)
    if not is_archive(path.name):
        return iter([_try_file(path.resolve(), root=path.resolve().parent, options=options, index=SourceIndex())])
    items = list(read_archive(read_bytes(path, max_bytes=MAX_DOCUMENT_BYTES), path=path.name, options=options))
    index = SourceIndex.of({one.ref: "-" for one in items})
    return (_tried(one, index) for one in items)


def try_folder(folder: Path, *, options: ReadingOptions) -> Iterator[TriedFile]:
    """Every file of a folder in the order of a scan; nothing is stored or fetched.

    Raises SourceError for the folder itself. Many files are read by as many processes as there are cores.
    """
    root, listed = list_folder(folder)
    paths = (one.relative_to(root) for one in listed if isinstance(one, Path))
    index = SourceIndex.of({path_as_text(path): "-" for path in paths})
    attempt = partial(_try_file, root=root, options=options, index=index)
    cores = os.cpu_count() or 1
    if len(listed) < _MANY or cores == 1 or multiprocessing.current_process().daemon:
        return map(attempt, listed)
    return _in_parallel(attempt, listed, cores)


def _in_parallel(
    attempt: Callable[[Path | UnreadableItem], TriedFile], listed: Sequence[Path | UnreadableItem], cores: int
) -> Iterator[TriedFile]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        yield from pool.map(attempt, listed, chunksize=_AT_ONCE)


def _try_file(listed: Path | UnreadableItem, *, root: Path, options: ReadingOptions, index: SourceIndex) -> TriedFile:
    one = read_listed(root, listed, {}, options)
    return _tried(one, index, root=root)


def _tried(one: SourceItem | UnreadableItem, index: SourceIndex, *, root: Path | None = None) -> TriedFile:
    """`root` is the folder that images are looked for in; what comes from elsewhere brings them along."""
    if isinstance(one, UnreadableItem):
        return TriedFile(path=one.ref, outcome=TrialOutcome.REFUSED, reasons=(_reason_of(one.error),))
    assert one.manuscript is not None, "no content is known before"  # noqa: S101
    _, notes = index.settle(one.manuscript.body, beside=one.ref)
    manuscript = replace(one.manuscript, warnings=(*one.manuscript.warnings, *notes))
    if root is not None:
        manuscript, _ = take_local_images(manuscript, file=root / one.ref, root=root)
    outcome = TrialOutcome.NOTED if manuscript.warnings else TrialOutcome.ACCEPTED
    return TriedFile(
        path=one.ref,
        outcome=TrialOutcome.DRAFT if manuscript.publish is False else outcome,
        title=manuscript.title,
        slug=manuscript.slug or "",
        published_at=manuscript.published_at,
        tags=tuple(tag.label for tag in manuscript.tags),
        reasons=manuscript.warnings,
        unused_keys=manuscript.unused_keys,
        remote_images=tuple(remote_images_of(manuscript)),
    )


def _reason_of(error: Exception) -> str:
    """What is wrong, with the line; an error that is no SourceError is a mistake in the code of the format."""
    if isinstance(error, SourceError):
        return error.reason_with_line
    return f"{type(error).__name__}: {error}"
