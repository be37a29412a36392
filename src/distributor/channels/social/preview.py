"""Showing posts the way a network does."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from distributor.channels.social.post import Post, pieces_of, posts_of
from distributor.domain.rendition import Json
from distributor.rendering.environment import Templates, shipped_templates
from distributor.rendering.fitting import Measure


def show(
    template: str, payload: Mapping[str, Json], *, account: str, limit: int, measure: Measure, note: str = ""
) -> str:
    """An HTML document that needs nothing from elsewhere. `note` stands under the last post."""
    posts = posts_of(payload)
    values = {
        "name": payload["name"],
        "account": account,
        "limit": limit,
        "note": note,
        "posts": [_shown(post, measure) for post in posts],
        "language": posts[0].language if posts else "en",
    }
    return Templates([shipped_templates()]).render(template, values)


def _shown(post: Post, measure: Measure) -> dict[str, Json]:
    return {
        "pieces": pieces_of(post.text),
        "length": measure(post.text),
        "language": post.language,
        "continues": post.continues,
        "card": post.card,
        "host": urlsplit(post.card.url).hostname if post.card else "",
    }
