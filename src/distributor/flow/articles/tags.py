"""Tags as the team looks after them: their names, hashtags and hierarchy, and two that become one."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from distributor.domain.errors import InputError
from distributor.domain.hashtags import read_hashtags
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.storage import audit_log, tags
from distributor.storage.tags import StoredTag

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChanges:
    """What is to change of a tag; None: it stays.

    A new `label` gives it another slug. An empty `hashtag` is the one that follows from the label, an empty `parent`
    none.
    """

    label: str | None = None
    hashtag: str | None = None
    parent: str | None = None
    add_synonyms: tuple[str, ...] = ()
    remove_synonyms: tuple[str, ...] = ()


def change(app: AppContext, slug: str, changes: TagChanges, *, actor: Actor) -> StoredTag:
    """Change a tag, all or nothing.

    Raises NotFoundError, InputError for a value that cannot be one, and StateError for a name of another tag.
    """
    now = app.clock()
    hashtag = None if changes.hashtag is None else checked_hashtag(changes.hashtag)
    with app.database.begin() as connection:
        before = tags.find(connection, slug)
        found = tags.change(
            connection,
            before.slug,
            hashtag=hashtag,
            parent=changes.parent,
            add_synonyms=changes.add_synonyms,
            remove_synonyms=changes.remove_synonyms,
            now=now,
        )
        if found != before:
            audit_log.record(connection, actor, AuditAction.TAG_CHANGED, subject=before.label, now=now)
        if changes.label is not None and changes.label != before.label:
            found = tags.rename(connection, before.slug, changes.label, now=now)
            audit_log.record(
                connection, actor, AuditAction.TAG_RENAMED, subject=before.label, detail=found.label, now=now
            )
    if found != before:
        log.info("tag.changed", tag=before.slug, is_renamed=found.slug != before.slug)
    return found


def merge(app: AppContext, slug: str, into: str, *, actor: Actor) -> StoredTag:
    """Let one tag become another, which cannot be undone; returns that. Raises NotFoundError and InputError."""
    now = app.clock()
    with app.database.begin() as connection:
        before = tags.find(connection, slug)
        kept = tags.merge(connection, before.slug, into, now=now)
        audit_log.record(connection, actor, AuditAction.TAG_MERGED, subject=before.label, detail=kept.label, now=now)
    log.info("tag.merged", tag=before.slug, into=kept.slug)
    return kept


def checked_hashtag(text: str) -> str:
    """The hashtag without "#"; empty for none. Raises InputError for what networks would not link whole."""
    found = read_hashtags(text)
    if len(found) > 1:
        raise InputError(f"a tag has one hashtag, and these are {len(found)}")
    return found[0] if found else ""
