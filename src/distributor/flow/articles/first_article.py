"""The first article of a new installation: the sample, a paste or a file."""

from __future__ import annotations

from distributor.domain.errors import SourceError
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Ingested, add_file
from distributor.flow.articles.uploads import add_uploads
from distributor.rendering.environment import shipped_folder

_SAMPLE = "golden.md"
# What is pasted has no name that says its format.
_PASTED = "pasted text"


def add_sample_article(app: AppContext, *, actor: str) -> Ingested:
    """The sample article of the product; it is there once, however often it is asked for."""
    return add_file(app, shipped_folder("content") / _SAMPLE, actor=actor)


def add_article(app: AppContext, body: bytes, *, name: str, key: str, actor: str) -> str:
    """An article from what was pasted, or from a file of this name; returns its slug. The same key makes it once.

    Raises SourceError for what no source can read.
    """
    # A ZIP has several results, and any article will do for a first mail.
    results = add_uploads(app, [(name or _PASTED, body)], key=key, actor=actor)
    found = next((one.found for one in results if one.found), None)
    if found is None:
        raise SourceError(results[0].problem)
    return found.article.slug
