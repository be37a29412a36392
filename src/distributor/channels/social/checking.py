"""What can be wrong with posts on any network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from distributor.channels.social.post import Post
from distributor.domain.problems import Problem, Severity
from distributor.rendering.fitting import Measure

_ONLY_HERE = (".localhost", ".local", ".internal", ".test", ".invalid", ".example")


def check_posts(posts: Sequence[Post], *, limit: int, measure: Measure, unit: str) -> Iterator[Problem]:
    """Posts that are empty or too long (blocking), links that lead nowhere and titles that were cut (warnings)."""
    if not posts:
        yield Problem(Severity.BLOCK, "empty", "there is no article to post: choose one")
    for number, post in enumerate(posts, start=1):
        where = f"post {number} of {len(posts)}"
        length = measure(post.text)
        if not post.text:
            yield Problem(Severity.BLOCK, "empty", "the post says nothing: give the article a title", where)
        if length > limit:
            message = f"the post has {length} {unit}, {limit} are allowed: shorten the title or the template"
            yield Problem(Severity.BLOCK, "too-long", message, where)
        if post.link and _is_out_of_reach(post.link):
            message = f"readers elsewhere cannot open {post.link}: set DISTRIBUTOR_PUBLIC_URL to the public address"
            yield Problem(Severity.WARN, "link-is-local", message, where)
        if post.card and post.card.title not in post.text and "…" in post.text:
            message = "the title does not fit and was shortened: give the article a shorter one"
            yield Problem(Severity.WARN, "title-cut", message, where)


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """Blocking problems before warnings, else in the order they were found."""
    return sorted(problems, key=lambda problem: problem.severity is not Severity.BLOCK)


def _is_out_of_reach(link: str) -> bool:
    host = urlsplit(link).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_ONLY_HERE)
