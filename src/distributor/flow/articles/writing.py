"""Writing articles in the app: drafts that are kept while somebody types, and revisions that a person saves.

A draft belongs to one user. Keeping it never makes a revision and never publishes; saving it does what a new revision
of an article always does. Articles of the content folder are edited there: here they can only be copied.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from gettext import gettext as _

import structlog

from distributor.domain.article import Article, Manuscript, Media
from distributor.domain.article_draft import (
    ArticleDraft,
    ArticleRevisedError,
    DraftBase,
    DraftMovedError,
    DraftText,
    UnfinishedDraftError,
)
from distributor.domain.article_merge import merged_text
from distributor.domain.blocks import Heading, Image, images_of, replace_images, set_large_images_apart
from distributor.domain.errors import SourceError, StateError
from distributor.domain.image_file import read_image_file
from distributor.domain.tags import Tag, slugify
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import FOLDER, Change, free_slug, reading_options
from distributor.flow.articles.remote_images import fetch_remote_images, with_kept_images
from distributor.flow.articles.revisions import difference
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.html import read_html
from distributor.sources.markdown import parse_below
from distributor.sources.markdown_writer import write_markdown
from distributor.sources.pasted import read_pasted
from distributor.sources.summary import summarise
from distributor.sources.uploaded_image import read_uploaded_image
from distributor.sources.urls import is_allowed_image
from distributor.storage import article_drafts, articles, tags
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection

APP_SOURCE = "app"
LONGEST_TITLE = 300
LONGEST_BODY = 1_000_000
_LONGEST_FIELD = 2000
# Stands where the text for those who do not see an image goes, until somebody has decided what it is.
ALT_TO_WRITE = "Describe this picture"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingPlace:
    """What is written on: an article, or a new one, which is only a draft so far. Exactly one is given."""

    article_id: int | None = None
    draft_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What one user sees in the editor: the text, what it was read from, and the article if there is one already.

    `is_unsaved` says that the text is that of a draft, `is_behind` that the article has a newer revision than the one
    that the writing began from.
    """

    text: DraftText
    base: DraftBase
    draft: ArticleDraft | None
    found: StoredArticle | None

    @property
    def is_unsaved(self) -> bool:
        return self.draft is not None and self.draft.text is not None

    @property
    def is_behind(self) -> bool:
        return self.found is not None and self.is_unsaved and self.base.revision < self.found.article.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedArticle:
    """What saving did."""

    found: StoredArticle
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionConflict:
    """Nothing was saved: the article has got a newer revision. What was typed is kept in the draft."""

    found: StoredArticle


def start(app: AppContext, *, key: str, user_id: int, text: DraftText | None = None) -> ArticleDraft:
    """A draft for a new article; the same key gives the same draft, whatever is in it by now. Raises NotFoundError."""
    with app.database.begin() as connection:
        return article_drafts.add(
            connection, key=key, user_id=user_id, text=text or DraftText(language=app.site.language), now=app.clock()
        )


def start_copy(app: AppContext, article_id: int, *, key: str, user_id: int) -> ArticleDraft:
    """A draft for a new article with the text of this one. Raises NotFoundError."""
    with app.database.begin() as connection:
        text = text_of_article(articles.find_by_id(connection, article_id))
    return start(app, key=key, user_id=user_id, text=replace(text, title=f"Copy of {text.title}"))


def read_paste(app: AppContext, text: str, *, suffix: str = "") -> DraftText:
    """A pasted text as the fields of the editor; `suffix` names its format, by default it is as it looks.

    Raises SourceError.
    """
    return text_of_manuscript(read_pasted(text, suffix=suffix, options=reading_options(app)))


def markdown_of_html(html: str) -> str:
    """The content of pasted HTML as Markdown. Raises SourceError."""
    blocks = read_html(normalize_text(html))
    return write_markdown(
        [replace(one, level=2) if isinstance(one, Heading) and one.level == 1 else one for one in blocks]
    )


def open_writing(app: AppContext, place: WritingPlace, *, user_id: int) -> Writing:
    """What this user sees in the editor. Raises NotFoundError, and StateError for an article of the content folder."""
    with app.database.begin() as connection:
        return _open(connection, place, user_id=user_id)


def keep(app: AppContext, place: WritingPlace, text: DraftText, base: DraftBase, *, user_id: int) -> ArticleDraft:
    """Keep what was typed so far; nothing else changes. Raises NotFoundError, StateError and DraftMovedError."""
    _check_length(text)
    with app.database.begin() as connection:
        writing = _open(connection, place, user_id=user_id)
        _require_same(writing, text, base)
        return _kept(connection, app, writing, text, base, user_id=user_id)


def discard(app: AppContext, place: WritingPlace, *, user_id: int) -> None:
    """Forget what is not saved. Raises NotFoundError and StateError."""
    with app.database.begin() as connection:
        draft = _open(connection, place, user_id=user_id).draft
        if draft is not None and draft.article_id is None:
            article_drafts.remove(connection, draft.id)
        elif draft is not None:
            article_drafts.put(connection, draft, None, now=app.clock())


def save(
    app: AppContext, place: WritingPlace, text: DraftText, base: DraftBase, *, user_id: int, actor: str
) -> SavedArticle | RevisionConflict:
    """Make a revision of what was typed, or a new article, which is a draft. The state of an article stays.

    The same text saved again changes nothing. Raises UnfinishedDraftError, NotFoundError, StateError for an article of
    the content folder, and DraftMovedError.
    """
    _check_length(text)
    warnings = _fetch_images(app, text)
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        writing = _open(connection, place, user_id=user_id)
        before = writing.found
        if before is not None:
            articles.lock(connection, [before.id])
        manuscript = manuscript_of(text, before=before.manuscript if before else None)
        manuscript = _illustrated(app, connection, manuscript, warnings)
        if before is None:
            _require_same(writing, text, base)
            return _add(connection, app, writing, text, manuscript, actor=actor)
        if manuscript == before.manuscript:
            _forget(connection, app, writing)
            return SavedArticle(found=before, change=Change.UNCHANGED)
        if base.revision != before.article.revision:
            _kept(connection, app, writing, text, base, user_id=user_id)
            return RevisionConflict(found=before)
        _require_same(writing, text, base)
        _forget(connection, app, writing)
        return _revise(connection, app, before, text, manuscript, actor=actor)


def add_text(app: AppContext, text: DraftText, *, key: str, actor: str) -> SavedArticle:
    """A new article, which is a draft, from a program; the same key gives the same article.

    Raises UnfinishedDraftError, and StateError if the key was used for another text.
    """
    _check_length(text)
    warnings = _fetch_images(app, text)
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        found = articles.find_by_ref(connection, APP_SOURCE, key)
        if found is not None and articles.hash_of_revision(connection, found.id, 1) != _hash_of(text):
            raise StateError(f"this key made article {found.article.slug} of another text: take another key")
        if found is not None:
            return SavedArticle(found=found, change=Change.UNCHANGED)
        manuscript = _illustrated(app, connection, manuscript_of(text), warnings)
        added = _insert(connection, app, text, manuscript, key=key, actor=actor)
        return SavedArticle(found=added, change=Change.ADDED)


def revise_text(
    app: AppContext, slug: str, change: Callable[[DraftText], DraftText], *, revision: int, actor: str
) -> SavedArticle:
    """Make a revision of an article with a changed text; `change` is given that of the revision it began from.

    The same text changes nothing, and the state of the article stays. Raises NotFoundError, UnfinishedDraftError,
    StateError for an article of the content folder, and ArticleRevisedError if there is a newer revision.
    """
    with app.database.begin() as connection:
        before = articles.find_by_slug(connection, slug)
        _require_written_here(before)
        common = _text_of_revision(connection, before, revision)
    text = change(common)
    _check_length(text)
    warnings = _fetch_images(app, text)
    with app.database.begin() as connection:
        articles.lock_ingestion(connection)
        articles.lock(connection, [before.id])
        before = articles.find_by_id(connection, before.id)
        newest = before.article.revision
        if revision != newest:
            merged = merged_text(common, text, text_of_article(before))
            if merged == text_of_article(before):
                return SavedArticle(found=before, change=Change.UNCHANGED)
            diff = difference(connection, before, older=revision, newer=newest)
            raise ArticleRevisedError(slug, revision=newest, diff=diff, merged=merged)
        manuscript = _illustrated(app, connection, manuscript_of(text, before=before.manuscript), warnings)
        if manuscript == before.manuscript:
            return SavedArticle(found=before, change=Change.UNCHANGED)
        return _revise(connection, app, before, text, manuscript, actor=actor)


def imagine(app: AppContext, writing: Writing) -> Article:
    """The article that would come of what is written, for a preview: a title and a text that are missing are stood for.

    Raises UnfinishedDraftError for a text that cannot be read.
    """
    text = writing.text
    shown = replace(
        text,
        title=text.title.strip() or _("Untitled"),
        body=text.body.replace(f"![{ALT_TO_WRITE}]", "![]") if text.body.strip() else _("Nothing is written yet."),
        image_alt=text.image_alt or "-",
        language=text.language or app.site.language,
    )
    before = writing.found
    with app.database.begin() as connection:
        manuscript = manuscript_of(shown, before=before.manuscript if before else None)
        manuscript = _illustrated(app, connection, manuscript)
        manuscript = replace(manuscript, tags=tags.recognized(connection, manuscript.tags))
    return article_of(manuscript, before, now=app.clock())


def article_of(manuscript: Manuscript, before: StoredArticle | None, *, now: datetime) -> Article:
    """The article that this manuscript would be: with the identity of the one before, or of one that is new now."""
    known = before.article if before else None
    return Article(
        guid=known.guid if known else f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, manuscript.title)}",
        slug=known.slug if known else slugify(manuscript.title) or "article",
        revision=known.revision if known else 1,
        title=manuscript.title,
        body=manuscript.body,
        tags=manuscript.tags,
        summary=manuscript.summary,
        author=manuscript.author,
        language=manuscript.language,
        image=manuscript.image,
        published_at=known.published_at if known else now,
        updated_at=known.updated_at if known else now,
    )


def merge(app: AppContext, place: WritingPlace, *, user_id: int) -> None:
    """Put both texts of an article into the draft: what only one of them changed, and passages of both where both did.

    The draft then begins from the newest revision. Raises NotFoundError and StateError.
    """
    with app.database.begin() as connection:
        writing = _open(connection, place, user_id=user_id)
        if writing.draft is None or writing.found is None or not writing.is_unsaved:
            return
        common = DraftText()
        if writing.base.revision:
            common = _text_of_revision(connection, writing.found, writing.base.revision)
        merged = merged_text(common, writing.text, text_of_article(writing.found))
        revision = writing.found.article.revision
        article_drafts.put(connection, writing.draft, merged, base_revision=revision, now=app.clock())


def add_image(app: AppContext, body: bytes) -> Media:
    """Store an uploaded image, which nobody but the team sees until an article with it is public.

    Raises SourceError for what is no image that mails can show.
    """
    whole, found = read_uploaded_image(body)
    name = hashlib.sha256(whole).hexdigest()[:32] + found.suffix
    media = Media(name=name, media_type=found.media_type, body=whole)
    with app.database.begin() as connection:
        articles.add_media(connection, [media])
    return media


def text_of_article(found: StoredArticle) -> DraftText:
    """The fields of the editor for an article as it is saved."""
    return text_of_manuscript(found.manuscript, source_text=found.source_text)


def text_of_manuscript(manuscript: Manuscript, *, source_text: str | None = None) -> DraftText:
    """The fields of the editor for a manuscript. A summary that only repeats the text is none."""
    image = manuscript.image
    return DraftText(
        title=manuscript.title,
        summary="" if manuscript.summary == summarise(manuscript.body) else manuscript.summary,
        tags=", ".join(tag.label for tag in manuscript.tags),
        author=manuscript.author,
        language=manuscript.language,
        image=image.src if image else "",
        image_alt=image.alt if image else "",
        is_decorative=image is not None and not image.alt,
        body=write_markdown(manuscript.body) if source_text is None else source_text,
    )


def manuscript_of(text: DraftText, *, before: Manuscript | None = None) -> Manuscript:
    """What was typed, as a manuscript. What the editor does not show stays as in the one before.

    Raises UnfinishedDraftError with every field that is wrong.
    """
    reasons: dict[str, str] = {}
    title = " ".join(normalize_text(text.title).split())
    if not title:
        reasons["title"] = _("Give the article a title.")
    language = text.language or (before.language if before else "en")
    try:
        checked_language(language)
    except ValueError as error:
        reasons["language"] = _("The language %(problem)s.") % {"problem": error}
    if text.image and not is_allowed_image(text.image):
        reasons["image"] = _("The image must be an address that begins with https, or an image that was uploaded here.")
    elif text.image and not text.image_alt and not text.is_decorative:
        reasons["image_alt"] = _("Say what the image shows, for those who do not see it, or mark it as decorative.")
    front = FrontMatter(
        title=title or "-",
        summary=" ".join(normalize_text(text.summary).split()) or None,
        author=" ".join(normalize_text(text.author).split()) or None,
        language=language,
        tags=_with_synonyms(text.tag_list, before),
        image=Image(text.image, "" if text.is_decorative else text.image_alt) if text.image else None,
    )
    try:
        manuscript = parse_below(front, normalize_text(text.body), path="")
    except SourceError as error:
        place = _(" in line %(line)s") % {"line": error.line} if error.line else ""
        reasons["body"] = f"{error.reason[:1].upper()}{error.reason[1:]}{place}."
    else:
        if any(image.alt == ALT_TO_WRITE for image in images_of(manuscript.body)):
            reasons["body"] = _(
                "A picture has no description yet. Say in its square brackets what it shows, for those who do not see "
                "it, or leave them empty if it is decorative."
            )
    if reasons:
        raise UnfinishedDraftError(reasons)
    if before is None:
        return manuscript
    return replace(manuscript, slug=before.slug, published_at=before.published_at, publish=before.publish)


def _open(connection: Connection, place: WritingPlace, *, user_id: int) -> Writing:
    draft = None
    article_id = place.article_id
    if place.draft_id is not None:
        draft = article_drafts.find(connection, place.draft_id, user_id=user_id)
        article_id = draft.article_id
    if article_id is None:
        assert draft is not None, "a place is an article or a draft"  # noqa: S101
        base = DraftBase(version=draft.version)
        return Writing(text=draft.text or DraftText(), base=base, draft=draft, found=None)
    found = articles.find_by_id(connection, article_id)
    _require_written_here(found)
    draft = draft or article_drafts.of_article(connection, article_id, user_id=user_id)
    if draft is None or draft.text is None:
        base = DraftBase(revision=found.article.revision, version=draft.version if draft else 0)
        return Writing(text=text_of_article(found), base=base, draft=draft, found=found)
    base = DraftBase(revision=draft.base_revision, version=draft.version)
    return Writing(text=draft.text, base=base, draft=draft, found=found)


def _require_written_here(found: StoredArticle) -> None:
    """Raises StateError for an article of the content folder."""
    if found.source == FOLDER:
        raise StateError(
            f"this article comes from {found.source_ref} in the content folder: edit it there, or make a copy here"
        )


def _text_of_revision(connection: Connection, found: StoredArticle, revision: int) -> DraftText:
    """The text of one of its revisions. Raises NotFoundError."""
    manuscript = articles.find_revision(connection, found.id, revision)
    return text_of_manuscript(manuscript, source_text=articles.source_text_of(connection, found.id, revision))


def _require_same(writing: Writing, text: DraftText, base: DraftBase) -> None:
    """Raises DraftMovedError if the draft holds what was typed elsewhere meanwhile."""
    draft = writing.draft
    if draft is not None and draft.text is not None and draft.version != base.version and draft.text != text:
        raise DraftMovedError(draft.text, draft.version)


def _kept(
    connection: Connection, app: AppContext, writing: Writing, text: DraftText, base: DraftBase, *, user_id: int
) -> ArticleDraft:
    now = app.clock()
    if writing.draft is not None:
        if writing.draft.text == text:
            return writing.draft
        is_new = writing.found is None
        return article_drafts.put(
            connection, writing.draft, text, base_revision=None if is_new else base.revision, now=now
        )
    assert writing.found is not None, "a new article is a draft"  # noqa: S101
    return article_drafts.add(
        connection,
        key=uuid.uuid4().hex,
        user_id=user_id,
        article_id=writing.found.id,
        base_revision=base.revision,
        text=text,
        now=now,
    )


def _forget(connection: Connection, app: AppContext, writing: Writing) -> None:
    if writing.draft is not None and writing.draft.text is not None:
        article_drafts.put(connection, writing.draft, None, now=app.clock())


def _add(
    connection: Connection, app: AppContext, writing: Writing, text: DraftText, manuscript: Manuscript, *, actor: str
) -> SavedArticle:
    assert writing.draft is not None, "a new article is a draft"  # noqa: S101
    found = _insert(connection, app, text, manuscript, key=writing.draft.key, actor=actor)
    article_drafts.put(connection, writing.draft, None, article_id=found.id, base_revision=1, now=app.clock())
    return SavedArticle(found=found, change=Change.ADDED)


def _insert(
    connection: Connection, app: AppContext, text: DraftText, manuscript: Manuscript, *, key: str, actor: str
) -> StoredArticle:
    article_id = articles.add(
        connection,
        manuscript,
        guid=uuid.uuid4().urn,
        slug=free_slug(connection, manuscript),
        source=APP_SOURCE,
        source_ref=key,
        content_hash=_hash_of(text),
        source_text=text.body,
        actor=actor,
        now=app.clock(),
    )
    return articles.find_by_id(connection, article_id)


def _revise(
    connection: Connection,
    app: AppContext,
    before: StoredArticle,
    text: DraftText,
    manuscript: Manuscript,
    *,
    actor: str,
) -> SavedArticle:
    articles.revise(
        connection,
        before.id,
        manuscript,
        content_hash=_hash_of(text),
        source_text=text.body,
        actor=actor,
        now=app.clock(),
    )
    log.info("article.saved", article_id=before.id, revision=before.article.revision + 1)
    return SavedArticle(found=articles.find_by_id(connection, before.id), change=Change.REVISED)


def _fetch_images(app: AppContext, text: DraftText) -> tuple[str, ...]:
    """Fetch the remote images of what is about to be saved; a warning for each that cannot be had.

    Not within a transaction, which would wait for them. What cannot be read is refused later.
    """
    try:
        return fetch_remote_images(app, manuscript_of(text))
    except UnfinishedDraftError:
        return ()


def _illustrated(
    app: AppContext, connection: Connection, manuscript: Manuscript, warnings: Sequence[str] = ()
) -> Manuscript:
    """The manuscript with the images that are stored here and their sizes, large ones on lines of their own."""

    def sized(image: Image) -> Image:
        media = articles.find_media_by_src(connection, image.src)
        found = read_image_file(media.body) if media else None
        return replace(image, width=found.width, height=found.height) if found else image

    kept = with_kept_images(app, connection, manuscript)
    return replace(
        kept,
        body=set_large_images_apart(replace_images(kept.body, sized)),
        image=sized(kept.image) if kept.image else None,
        warnings=(*kept.warnings, *warnings),
    )


def _with_synonyms(tags: Sequence[Tag], before: Manuscript | None) -> tuple[Tag, ...]:
    """The tags, with the synonyms that they had: the editor shows labels only."""
    had = {tag.key: tag.synonyms for tag in before.tags} if before else {}
    return tuple(replace(tag, synonyms=had.get(tag.key, ())) for tag in tags)


def _hash_of(text: DraftText) -> str:
    return hashlib.sha256("\0".join(map(str, asdict(text).values())).encode()).hexdigest()


def _check_length(text: DraftText) -> None:
    """Raises UnfinishedDraftError for a text that is too long to be kept."""
    reasons = {}
    if len(text.title) > LONGEST_TITLE:
        reasons["title"] = _("A title has at most %(most)s characters; this one has %(count)s.") % {
            "most": LONGEST_TITLE,
            "count": len(text.title),
        }
    if len(text.body) > LONGEST_BODY:
        reasons["body"] = _("A text has at most %(most)s characters; this one has %(count)s.") % {
            "most": f"{LONGEST_BODY:,}",
            "count": f"{len(text.body):,}",
        }
    for name in ("summary", "tags", "author", "language", "image", "image_alt"):
        if len(getattr(text, name)) > _LONGEST_FIELD:
            reasons[name] = _("This field has at most %(most)s characters.") % {"most": f"{_LONGEST_FIELD:,}"}
    if reasons:
        raise UnfinishedDraftError(reasons)
