"""Quarantine: items that a loop could not process. They are kept and shown, and the loop goes on with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json


class QuarantineLoop(StrEnum):
    """The loop that an item belongs to; its comment says what the key of an item is.

    SCHEDULER, JOB, FILE, SOURCE, MAILBOX, PURGE, CHANNEL and DOCUMENT read their items again and try them again. The
    other loops see an item once: it is kept with its content, and tried again by `distributor quarantine retry`.
    """

    # A dispatch for which no job can be enqueued: the job and the id of the dispatch.
    SCHEDULER = "scheduler"
    # A job that failed: the same.
    JOB = "job"
    # A file of the content folder: its path.
    FILE = "file"
    # An item of another source: the name of the source and what identifies the item there.
    SOURCE = "source"
    # A message of a mailbox that cannot be read or marked: the mailbox and the id of the message.
    MAILBOX = "mailbox"
    # What has passed its retention time: what it is, and its id.
    PURGE = "purge"
    # The settings of a channel: its name.
    CHANNEL = "channel"
    # A collection whose documents cannot be built: its kind and the slug of its tag.
    DOCUMENT = "document"
    # A journal of a dead worker: its file name.
    JOURNAL = "journal"
    # An open or click that waits in Redis: the id of its stream entry.
    EVENT = "event"
    # A mail: the SHA-256 of its bytes and its recipient.
    MAIL = "mail"
    # An event of a web hook: the name of the channel and the key of the event.
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedItem:
    """An item in quarantine. `failures` is how often it has failed, the first time at `first_at`.

    `content` is the item itself where it would be lost otherwise, and `detail` what else is needed to try it again.
    `retry_at` is when its loop tries it again; None if only a user does.
    """

    id: int
    loop: QuarantineLoop
    key: str
    reason: str
    first_at: datetime
    last_at: datetime
    failures: int
    retry_at: datetime | None = None
    content: bytes | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)
