"""What somebody is writing: the fields of the editor as they were typed, before they become a revision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from distributor.domain.errors import InputError, StateError
from distributor.domain.tags import Tag

_TAG_ENDS = re.compile(r"[,;\n，；、،]")
_LINE_ENDS = re.compile(r"\r\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftText:
    """The fields of the editor. `body` is Markdown, `tags` are labels between commas.

    `image` is the address of the image of the article; it has a text for those who do not see it, or is decorative.
    """

    title: str = ""
    summary: str = ""
    tags: str = ""
    author: str = ""
    language: str = ""
    image: str = ""
    image_alt: str = ""
    is_decorative: bool = False
    body: str = ""

    @property
    def tag_list(self) -> tuple[Tag, ...]:
        """The tags as they were typed, with or without a hash sign, each once by its key."""
        labels = (" ".join(part.split()).lstrip("#").strip() for part in _TAG_ENDS.split(self.tags))
        found = [Tag(label) for label in labels if label]
        return tuple({tag.key: tag for tag in reversed(found) if tag.key}.values())[::-1]

    @property
    def is_empty(self) -> bool:
        """Whether nobody has written anything yet."""
        return not any((self.title, self.summary, self.tags, self.image, self.body.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDraft:
    """What one user is writing: about an article, or for a new one, which has no id yet.

    `base_revision` is the revision that the writing began from, 0 for a new article. `version` grows with each change;
    `text` is None once nothing is unsaved. `key` makes it from one form only once, and becomes the reference of its
    article.
    """

    id: int
    key: str
    user_id: int
    article_id: int | None
    base_revision: int
    version: int
    text: DraftText | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftBase:
    """What the text in a form was read from: the revision of its article, and the version of the draft; 0 for none."""

    revision: int = 0
    version: int = 0


class UnfinishedDraftError(InputError):
    """A draft that cannot be saved yet: what is wrong by the name of its field."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__(" ".join(self.reasons.values()))


class DraftMovedError(StateError):
    """The draft was changed in another window since this one read it; `text` is what it says there."""

    def __init__(self, text: DraftText, version: int) -> None:
        self.text = text
        self.version = version
        super().__init__("this text was changed in another window since you opened it here")


class ArticleRevisedError(StateError):
    """The article has got a newer revision than the one that a text began from; nothing was saved.

    `diff` is what changed since then as a unified diff, and `merged` both texts in one, to be saved over `revision`.
    """

    def __init__(self, slug: str, *, revision: int, diff: str, merged: DraftText) -> None:
        self.revision = revision
        self.diff = diff
        self.merged = merged
        super().__init__(f"article {slug} has revision {revision} by now: look at what changed, and save over that")


def draft_text_of(values: Mapping[str, Sequence[str]], before: DraftText) -> DraftText:
    """The text of submitted fields. A field that was not submitted stays as it was before; a box without a tick is."""
    typed = {
        one.name: _LINE_ENDS.sub("\n", values[one.name][0])
        for one in fields(DraftText)
        if one.name != "is_decorative" and values.get(one.name)
    }
    is_decorative = before.is_decorative if "image" not in values else bool(values.get("is_decorative"))
    lines = {name: " ".join(text.split()) for name, text in typed.items() if name not in ("body", "tags")}
    kept = {one.name: getattr(before, one.name) for one in fields(DraftText)}
    return DraftText(**{**kept, **typed, **lines, "is_decorative": is_decorative})
