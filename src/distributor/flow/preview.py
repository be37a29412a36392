"""Preview: what channels would say about a manuscript, without any server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from distributor.channels.contract import RenderContext
from distributor.channels.shelf import make_channel
from distributor.domain.article import Article, Manuscript
from distributor.domain.problems import Problem
from distributor.domain.tags import slugify

# An article that has not been brought in has no date of its own; the same file must give the same bytes every day.
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
_NAMESPACE = uuid.UUID("7e2a4a0e-6f0f-4a5b-9a3c-0d6d5a1f8c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The files of every channel by name, and what the checks found by kind."""

    files: Mapping[str, bytes]
    problems: Mapping[str, Sequence[Problem]]


def preview(manuscript: Manuscript, kind_names: Sequence[str], context: RenderContext) -> Preview:
    """Render a manuscript on channels of these kinds with their default settings.

    Raises NotFoundError for an unknown kind and TemplateError for a template that cannot be rendered.
    """
    article = imagine_article(manuscript)
    files: dict[str, bytes] = {}
    problems: dict[str, Sequence[Problem]] = {}
    for name in kind_names:
        channel = make_channel(name, {})
        rendition = channel.render([article], context)
        problems[name] = channel.check(rendition)
        files.update(channel.files(rendition))
    return Preview(files=files, problems=problems)


def imagine_article(manuscript: Manuscript) -> Article:
    """The article that this manuscript would become, with an identity made from its title."""
    slug = manuscript.slug or slugify(manuscript.title)
    published_at = manuscript.published_at or _UNDATED
    return Article(
        guid=f"urn:uuid:{uuid.uuid5(_NAMESPACE, slug)}",
        slug=slug,
        revision=1,
        title=manuscript.title,
        body=manuscript.body,
        tags=manuscript.tags,
        summary=manuscript.summary,
        author=manuscript.author,
        language=manuscript.language,
        image=manuscript.image,
        published_at=published_at,
        updated_at=published_at,
    )
