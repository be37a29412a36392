"""The words of posts: how long they are as each network counts, and whether a network takes them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from distributor.channels.api import (
    NO_MEDIA,
    Article,
    MeasuringChannel,
    MessageOptions,
    Personalization,
    PostLengths,
    RenderContext,
)
from distributor.domain.errors import PostWordsError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.storage import articles, channels
from distributor.storage.channels import ChannelRecord


def measure_posts(
    app: AppContext, channel_name: str, article_slugs: Sequence[str], options: MessageOptions
) -> PostLengths | None:
    """How long the posts with these words are on a channel, as its network counts; None for one that has no posts.

    They are about the first of the articles. Raises NotFoundError for an unknown channel or article.
    """
    with app.database.begin() as connection:
        record = channels.find(connection, channel_name)
        found = [articles.find_by_slug(connection, slug).article for slug in article_slugs[:1]]
    channel = app.open_channel(record)
    if not isinstance(channel, MeasuringChannel) or not found:
        return None
    return channel.measure_posts(found[0], _context(app, record, options))


def check_post_words(app: AppContext, record: ChannelRecord, article: Article, options: MessageOptions) -> None:
    """Raises PostWordsError for words that do not fit into a post of this channel, or into a thread."""
    channel = app.open_channel(record)
    if not isinstance(channel, MeasuringChannel) or not (options.words_posts or options.hashtags):
        return
    count = 1 + len(options.thread)
    if count > channel.max_thread():
        most = channel.max_thread()
        allowed = f"a thread has {most} posts at most there" if most > 1 else "there are no threads there"
        raise PostWordsError(record.name, "thread", count, f"these are {count} posts, and {allowed}: shorten the text")
    context = _context(app, record, options)
    for number, length in enumerate(channel.measure_posts(article, context).posts, start=1):
        over = length.used - length.limit
        if over <= 0:
            continue
        said = f"{length.used} {length.unit} with its link and hashtags, and {length.limit} are allowed"
        if number > 1:
            reason = f"post {number} of the thread has {length.used} {length.unit}, and {length.limit} are allowed"
            raise PostWordsError(record.name, "thread", number, f"{reason}: shorten it by {over}")
        bare = _context(app, record, replace(options, hashtags=()))
        fits_without = channel.measure_posts(article, bare).posts[0].used <= length.limit
        if options.hashtags and fits_without:
            raise PostWordsError(record.name, "hashtags", 1, f"the post has {said}: leave hashtags out")
        raise PostWordsError(record.name, "text", 1, f"the post has {said}: shorten the text by {over}")


def _context(app: AppContext, record: ChannelRecord, options: MessageOptions) -> RenderContext:
    return RenderContext(
        site=app.site,
        templates=app.templates,
        discovered_limits=record.discovered_limits,
        media=NO_MEDIA,
        personalization=Personalization(parse_markdown=read_markdown, options=options),
    )
