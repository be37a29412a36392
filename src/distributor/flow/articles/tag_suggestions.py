"""Suggestions of tags for an article: offered to those who edit it, never applied by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from distributor.domain.article import Article
from distributor.domain.tag_suggestions import (
    MOST_SUGGESTIONS,
    SuggestedTag,
    TextToTag,
    suggest_tags,
    words_of_text,
)
from distributor.domain.tags import tag_slug
from distributor.flow.app_context import AppContext
from distributor.storage import articles, tags
from distributor.storage.database import Connection
from distributor.storage.stop_words import stop_words_among

# The newest articles that a text is compared with: enough to learn which words all articles here use.
_COMPARED = 50


def suggest_for(app: AppContext, slug: str, *, most: int = MOST_SUGGESTIONS) -> tuple[SuggestedTag, ...]:
    """Tags for an article that it does not have. Raises NotFoundError."""
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, slug)
    return suggest_for_text(app, found.article, most=most)


def suggest_for_text(app: AppContext, article: Article, *, most: int = MOST_SUGGESTIONS) -> tuple[SuggestedTag, ...]:
    """The same for an article that is not stored as it is here."""
    text = _text_of(article)
    own = {tag.key for tag in article.tags}
    with app.database.begin() as connection:
        known = [tag.tag for tag in tags.listed(connection)]
        stop_words = stop_words_among(connection, words_of_text(text), text.language)
        others = _words_of_others(connection, article)
    # Of its own tags too, so that no phrase says one of them again.
    suggested = suggest_tags(text, known, stop_words=stop_words, others=others, most=most + len(own))
    own |= {tag.key for tag in known if own & {tag.key, *(tag_slug(label) for label in tag.synonyms)}}
    return tuple(one for one in suggested if tag_slug(one.label) not in own)[:most]


def _words_of_others(connection: Connection, article: Article) -> list[frozenset[str]]:
    """The words of the newest other articles in its language."""
    language = article.language.partition("-")[0]
    newest = [found.article for found in articles.latest(connection, limit=_COMPARED)]
    return [
        _words_of(_Revision(other.guid, other.revision, other))
        for other in newest
        if other.guid != article.guid and other.language.partition("-")[0] == language
    ]


@dataclass(frozen=True, slots=True)
class _Revision:
    """A revision of an article, which never changes."""

    guid: str
    number: int
    article: Article = field(compare=False)


@lru_cache(maxsize=4 * _COMPARED)
def _words_of(revision: _Revision) -> frozenset[str]:
    return words_of_text(_text_of(revision.article))


def _text_of(article: Article) -> TextToTag:
    return TextToTag(title=article.title, summary=article.summary, body=article.body, language=article.language)
