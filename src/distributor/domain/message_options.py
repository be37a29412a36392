"""Message options: the subject, greeting, closing and attachments around the articles of a personalized message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file attached to a mail. `name` is its suggested file name."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOptions:
    """Words around the articles, with expressions such as ``{{ subscriber.name }}``; if empty, those of the channel.

    `subject` is one line; `greeting` stands above the articles and `closing` below them, in Markdown.
    """

    subject: str = ""
    greeting: str = ""
    closing: str = ""
    attachments: tuple[Attachment, ...] = ()
