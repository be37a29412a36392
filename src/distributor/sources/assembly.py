"""The last step of every format: front matter and text become a manuscript."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Divider, Heading, Paragraph, text_of
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.front_matter.split import words_of_name
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.summary import summarise
from distributor.sources.tags import merge_tags, read_tag_line

_MAX_TITLE = 120


def build_manuscript(
    front: FrontMatter,
    body: Sequence[Block],
    *,
    title: str | None,
    tags: Sequence[Tag],
    warnings: Sequence[str],
    path: str,
    options: ReadingOptions = DEFAULT_OPTIONS,
) -> Manuscript:
    """The manuscript. `title` and `tags` are those found in the text; front matter takes precedence.

    Without a title the first heading is one, else the name of the file. Raises SourceError if there is neither, or no
    text besides the title.
    """
    title = front.title or title
    if not title:
        title, body = _title_of(body, path)
    if all(isinstance(block, Divider) for block in body):
        raise SourceError("there is no text besides the title", path=path)
    merged = merge_tags([*(front.tags or ()), *tags])
    return Manuscript(
        title=title,
        body=tuple(body),
        tags=merged.tags,
        summary=front.summary or summarise(body),
        author=front.author or "",
        language=front.language or options.language,
        image=front.image,
        slug=front.slug,
        published_at=front.published_at,
        updated_at=front.updated_at,
        canonical_url=front.canonical_url,
        publish=front.publish,
        unused_keys=front.unused_keys,
        warnings=(*front.notes, *warnings, *_warnings_about(title, merged.tags), *merged.warnings),
    )


def take_title(body: tuple[Block, ...], known: str | None) -> tuple[str | None, tuple[Block, ...]]:
    """The title, and the body below it. A first heading that differs from the known title stays in the body."""
    if not body or not isinstance(first := body[0], Heading) or first.level != 1:
        return known, body
    title = " ".join(text_of(first.runs).split())
    if known is not None and title.casefold() != known.casefold():
        return known, (Heading(2, first.runs), *body[1:])
    return title, body[1:]


def take_tag_line(body: tuple[Block, ...], at: int) -> tuple[tuple[Block, ...], tuple[Tag, ...]]:
    """The body without the paragraph at this place, and the tags that it lists, if it does; never its only block."""
    if at > 0 and isinstance(block := body[at], Paragraph):
        tags = read_tag_line(text_of(block.runs))
        if tags:
            return (*body[:at], *body[at + 1 :]), tags
    return body, ()


def _title_of(body: Sequence[Block], path: str) -> tuple[str, Sequence[Block]]:
    """The title of a text that names none, and the rest of the text."""
    heading = next((block for block in body if isinstance(block, Heading)), None)
    words = " ".join(text_of(heading.runs).split()) if heading else words_of_name(path)
    if not words:
        raise SourceError("there is no title: start with one, or put `title:` in front matter", path=path)
    if heading is None:
        return words[0].upper() + words[1:], body
    return words, body[1:] if body[0] is heading else body


def _warnings_about(title: str, tags: Sequence[Tag]) -> list[str]:
    warnings = []
    if len(title) > _MAX_TITLE or title.endswith("."):
        warnings.append(
            f"the title reads like a sentence of the text: {title[:60]!r}; put the title on a line of its own"
        )
    if not tags:
        warnings.append("there are no tags: end the text with a line of them, or list them in front matter")
    return warnings
