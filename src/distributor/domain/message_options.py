"""Message options: the subject, greeting, closing and attachments around the articles of a personalized message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.domain.errors import InputError


class MailLayout(StrEnum):
    """How a mail shows its articles.

    WHOLE: from beginning to end. TEASER: picture, title and summary of each, and a button to its page. DIGEST: titles
    and summaries in one list, each title a link.
    """

    WHOLE = "whole"
    TEASER = "teaser"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file attached to a mail. `name` is its suggested file name."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOptions:
    """Words around the articles, with expressions such as ``{{ subscriber.name }}``; if empty, those of the channel.

    `subject` is one line; `greeting` stands above the articles and `closing` below them, in Markdown. `preheader` is a
    line without expressions that an inbox shows beside the subject; if empty, the summary of the first article.
    `layout` is None for whole articles, and those end after `cut_after` blocks with a link to their page. `text` is
    what a post says instead of title and summary, and `thread` are the posts that continue it as replies, where the
    network has threads. `hashtags` stand under a post in this order, without "#"; None: chosen from the article's tags.
    """

    subject: str = ""
    greeting: str = ""
    closing: str = ""
    attachments: tuple[Attachment, ...] = ()
    cut_after: int | None = None
    text: str = ""
    preheader: str = ""
    layout: MailLayout | None = None
    thread: tuple[str, ...] = ()
    hashtags: tuple[str, ...] | None = None

    @property
    def words_posts(self) -> bool:
        """Whether posts say something else than title and summary of the article."""
        return bool(self.text or self.thread)

    def __post_init__(self) -> None:
        if self.cut_after is not None and self.cut_after < 1:
            raise InputError("an article can be cut after one block or more")

    def overridden_by(self, own: MessageOptions) -> MessageOptions:
        """These options, with those of one channel where it has its own; a text and its thread are one of them."""
        worded = own if own.words_posts else self
        return MessageOptions(
            subject=own.subject or self.subject,
            greeting=own.greeting or self.greeting,
            closing=own.closing or self.closing,
            attachments=own.attachments or self.attachments,
            cut_after=own.cut_after or self.cut_after,
            text=worded.text,
            preheader=own.preheader or self.preheader,
            layout=own.layout or self.layout,
            thread=worded.thread,
            hashtags=self.hashtags if own.hashtags is None else own.hashtags,
        )
