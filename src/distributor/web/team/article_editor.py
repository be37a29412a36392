"""The editor of an article, or of a new one: the form, what is kept while somebody types, pictures, and two texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from gettext import gettext as _

from starlette.responses import JSONResponse, Response

from distributor.domain.article_diff import differences
from distributor.domain.article_draft import DraftBase, DraftMovedError, DraftText, UnfinishedDraftError, draft_text_of
from distributor.domain.errors import SourceError, StateError
from distributor.domain.tags import tag_slug
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Change
from distributor.flow.articles.tag_suggestions import suggest_for_text
from distributor.flow.articles.writing import (
    ALT_TO_WRITE,
    RevisionConflict,
    Writing,
    WritingPlace,
    add_image,
    discard,
    imagine,
    keep,
    markdown_of_html,
    merge,
    open_writing,
    read_paste,
    save,
    text_of_article,
)
from distributor.sources.pasted import MARKDOWN, format_of
from distributor.storage import article_drafts, article_list, articles, users
from distributor.web.forms import number_of
from distributor.web.languages import LANGUAGES
from distributor.web.team.access import TEXT_BYTES, UPLOAD_BYTES, Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.article_preview import ArticlePreview, ArticlePreviews
from distributor.web.team.articles import field_labels
from distributor.web.team.pages import TeamPages

_SUGGESTED_TAGS = 40
_LONGEST_TAG = 200
# An article with so many tags needs no others.
_ENOUGH_TAGS = 3
# What a button does besides saving: `show:` and the name of a tab, and others.
_SHOW = "show:"
# The languages that articles are often in.
_LANGUAGES = "ar bg cs da de el en es et fi fr he hi hr hu it ja ko lt lv nb nl pl pt ro ru sk sl sv tr uk zh"
_REGIONS = {"en-GB": "English (UK)", "en-US": "English (US)", "pt-BR": "Português (Brasil)"}


class ArticleEditorPages:
    """All of it needs the permission to write articles. A draft is its user's own, to others it is not there."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate, previews: ArticlePreviews) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._previews = previews

    def routes(self) -> list[TeamRoute]:
        """The same routes for an article and for a new one."""
        write = Permission.ARTICLES_WRITE
        found = [TeamRoute("POST", "/articles/convert", self.convert, write, max_bytes=TEXT_BYTES)]
        for base in ("/articles/drafts/{draft_id}", "/articles/{article_id}/edit"):
            found += [
                TeamRoute("GET", base, self.show, write),
                TeamRoute("POST", base, self.submit, write, max_bytes=UPLOAD_BYTES, takes_files=True),
                TeamRoute("POST", f"{base}/draft", self.keep, write, max_bytes=TEXT_BYTES),
                TeamRoute("POST", f"{base}/images", self.add_image, write, max_bytes=UPLOAD_BYTES, takes_files=True),
                TeamRoute("POST", f"{base}/discard", self.discard, write),
                TeamRoute("GET", f"{base}/compare", self.compare, write),
                TeamRoute("POST", f"{base}/compare", self.decide, write),
                TeamRoute("GET", f"{base}/preview", self.show_preview, write),
                TeamRoute("GET", f"{base}/preview/{{tab}}", self.show_screen, write),
            ]
        return found

    def show(self, asked: TeamRequest) -> Response:
        place = _place(asked)
        try:
            writing = open_writing(self._app, place, user_id=asked.user.id)
        except StateError:
            # It comes from the content folder; its page says what to do.
            return self._gate.redirect(f"/app/articles/{place.article_id}")
        if place.draft_id is not None and writing.found is not None:
            return self._gate.redirect(f"/app/articles/{writing.found.id}/edit")
        return self._show(asked, writing, writing.text)

    def submit(self, asked: TeamRequest) -> Response:
        """Save; or do what another button says, which keeps what was typed."""
        place = _place(asked)
        writing = open_writing(self._app, place, user_id=asked.user.id)
        text, base = _typed(asked, writing.text), _base_of(asked)
        act = asked.form.one("do")
        try:
            if act == "image":
                text = self._with_image(asked, text)
            elif act == "convert":
                text = self._converted(text)
            if act not in ("", "save"):
                keep(self._app, place, text, base, user_id=asked.user.id)
                return self._gate.redirect(f"{_path(place)}{_shown_after(act)}")
            result = save(self._app, place, text, base, user_id=asked.user.id, actor=asked.actor.name)
        except UnfinishedDraftError as error:
            return self._show(asked, writing, text, reasons=error.reasons)
        except DraftMovedError as error:
            return self._show_windows(asked, text, error)
        except SourceError as error:
            reason = "picture" if act == "image" else "body"
            return self._show(asked, writing, text, reasons={reason: sentence_of(error)})
        if isinstance(result, RevisionConflict):
            return self._gate.redirect(f"/app/articles/{result.found.id}/edit/compare")
        done = "unchanged" if result.change is Change.UNCHANGED else "saved"
        return self._gate.redirect(f"/app/articles/{result.found.id}?done={done}")

    def convert(self, asked: TeamRequest) -> Response:
        """Pasted HTML as Markdown, for a script that puts it into the text. Nothing is stored."""
        try:
            return JSONResponse({"markdown": markdown_of_html(asked.form.exact("html"))})
        except SourceError as error:
            return JSONResponse({"error": sentence_of(error)}, 422)

    def keep(self, asked: TeamRequest) -> Response:
        """Keep what was typed: asked by the script while somebody types."""
        place = _place(asked)
        try:
            writing = open_writing(self._app, place, user_id=asked.user.id)
            text = _typed(asked, writing.text)
            draft = keep(self._app, place, text, _base_of(asked), user_id=asked.user.id)
        except UnfinishedDraftError as error:
            return JSONResponse({"error": sentence_of(error)}, 422)
        except DraftMovedError:
            error_text = _(
                "This article is open in another window, where it was changed later. What you type here is not kept "
                "any more; save it to compare both."
            )
            return JSONResponse({"error": error_text}, 409)
        except StateError as error:
            return JSONResponse({"error": sentence_of(error)}, 409)
        return JSONResponse({"version": draft.version})

    def add_image(self, asked: TeamRequest) -> Response:
        """Store a picture that was dropped into the text; the answer is what stands for it there."""
        open_writing(self._app, _place(asked), user_id=asked.user.id)
        files = asked.form.files.get("file", ())
        if len(files) != 1:
            return JSONResponse({"error": _("No file is chosen yet.")}, 422)
        try:
            media = add_image(self._app, files[0].body)
        except SourceError as error:
            return JSONResponse({"error": sentence_of(error)}, 422)
        return JSONResponse({"src": media.src, "markdown": f"![{ALT_TO_WRITE}]({media.src})"}, 201)

    def discard(self, asked: TeamRequest) -> Response:
        place = _place(asked)
        discard(self._app, place, user_id=asked.user.id)
        return self._gate.redirect(
            f"/app/articles/{place.article_id}?done=discarded" if place.article_id else "/app/articles"
        )

    def compare(self, asked: TeamRequest) -> Response:
        """Both texts, if somebody has saved the article since this user began to write."""
        place = _place(asked)
        writing = open_writing(self._app, place, user_id=asked.user.id)
        found = writing.found
        if found is None or not writing.is_behind:
            return self._gate.redirect(_path(place))
        with self._app.database.begin() as connection:
            last = [one for one in articles.history(connection, found.id) if one.action in ("added", "revised")][-1]
            names = users.names_by_email(connection, [last.actor.removeprefix("user:")])
        theirs = text_of_article(found)
        context = {
            "user": asked.user,
            "page": "articles",
            "writing": writing,
            "found": found,
            "theirs": theirs,
            "fields": differences(theirs, writing.text),
            "labels": field_labels(),
            "who": names.get(last.actor.removeprefix("user:"), last.actor.removeprefix("user:")) or _("Somebody"),
            "when": last.created_at,
            "path": _path(place),
            "text": None,
        }
        return self._pages.respond("article_compare.html.j2", context)

    def decide(self, asked: TeamRequest) -> Response:
        """Save the own text over the newest revision, take that one, or go on with both in one."""
        place = _place(asked)
        choice = asked.form.one("choice")
        writing = open_writing(self._app, place, user_id=asked.user.id)
        if writing.found is None or not writing.is_unsaved:
            return self._gate.redirect(_path(place))
        if choice == "mine":
            base = replace(_base_of(asked), version=writing.base.version)
            try:
                result = save(self._app, place, writing.text, base, user_id=asked.user.id, actor=asked.actor.name)
            except UnfinishedDraftError as error:
                return self._show(asked, writing, writing.text, reasons=error.reasons)
            if isinstance(result, RevisionConflict):
                return self._gate.redirect(f"{_path(place)}/compare")
            return self._gate.redirect(f"/app/articles/{result.found.id}?done=saved")
        if choice == "theirs":
            discard(self._app, place, user_id=asked.user.id)
            return self._gate.redirect(f"/app/articles/{writing.found.id}?done=discarded")
        merge(self._app, place, user_id=asked.user.id)
        return self._gate.redirect(f"{_path(place)}?done=merged")

    def show_preview(self, asked: TeamRequest) -> Response:
        """The preview of what is kept, for a script that puts it into the page."""
        place = _place(asked)
        writing = open_writing(self._app, place, user_id=asked.user.id)
        return self._pages.fragment("article_preview.html.j2", self._preview_context(asked, writing, place))

    def show_screen(self, asked: TeamRequest) -> Response:
        """The document of a frame: what is kept, as it would be read."""
        writing = open_writing(self._app, _place(asked), user_id=asked.user.id)
        return self._previews.respond(self._preview(writing, str(asked.request.path_params["tab"])))

    def _preview(self, writing: Writing, tab: str) -> ArticlePreview:
        try:
            article = imagine(self._app, writing)
        except UnfinishedDraftError as error:
            return self._previews.unseen(sentence_of(error))
        return self._previews.of(article, tab)

    def _preview_context(self, asked: TeamRequest, writing: Writing, place: WritingPlace) -> dict[str, object]:
        tabs = self._previews.tabs()
        name = asked.request.query_params.get("show", "")
        tab = next((one for one in tabs if one.name == name), tabs[0])
        return {
            "tabs": tabs,
            "tab": tab,
            "preview": self._preview(writing, tab.name),
            "path": _path(place),
            "version": writing.base.version,
        }

    def _show(
        self, asked: TeamRequest, writing: Writing, text: DraftText, *, reasons: Mapping[str, str] | None = None
    ) -> Response:
        place = _place(asked)
        found = writing.found
        with self._app.database.begin() as connection:
            tags = article_list.tag_labels(connection, limit=_SUGGESTED_TAGS)
            others = article_drafts.open_of_article(connection, found.id) if found else []
        known = {tag.key for tag in text.tag_list}
        # A form that comes back keeps what it began from.
        base = writing.base if reasons is None else _base_of(asked)
        context = {
            "user": asked.user,
            "page": "articles",
            "writing": writing,
            "found": found,
            "text": text,
            "base": base,
            "reasons": reasons or {},
            "labels": field_labels(),
            "languages": _languages(text.language),
            "suggestions": [label for _, label in tags if tag_slug(label) not in known],
            "found_tags": self._found_tags(replace(writing, text=text)),
            "others": [one for one in others if one.user_id != asked.user.id],
            "is_public": found is not None and found.status.is_public(self._app.clock()),
            "notice": _notice(asked),
            "picture_alt": asked.form.one("picture_alt"),
            "looks_pasted": format_of(text.body) != MARKDOWN and "•" in text.body,
            **self._preview_context(asked, replace(writing, text=text), place),
        }
        return self._pages.respond("article_edit.html.j2", context, status=422 if reasons else 200)

    def _found_tags(self, writing: Writing) -> list[str]:
        """Labels that the text suggests, for an article with few tags; none while it cannot be read."""
        if len(writing.text.tag_list) >= _ENOUGH_TAGS or not writing.text.body.strip():
            return []
        try:
            article = imagine(self._app, writing)
        except UnfinishedDraftError:
            return []
        return [one.label for one in suggest_for_text(self._app, article)]

    def _show_windows(self, asked: TeamRequest, text: DraftText, error: DraftMovedError) -> Response:
        """Two windows of one user: this text, and the one that was kept from the other window."""
        place = _place(asked)
        context = {
            "user": asked.user,
            "page": "articles",
            "writing": open_writing(self._app, place, user_id=asked.user.id),
            "fields": differences(error.text, text),
            "labels": field_labels(),
            "path": _path(place),
            "text": text,
            "values": {name: value for name, value in asdict(text).items() if name != "is_decorative"},
            "base": DraftBase(revision=_base_of(asked).revision, version=error.version),
        }
        return self._pages.respond("article_compare.html.j2", context, status=409)

    def _with_image(self, asked: TeamRequest, text: DraftText) -> DraftText:
        """The text with an uploaded picture. Raises SourceError and UnfinishedDraftError."""
        files = asked.form.files.get("picture", ())
        alt = " ".join(asked.form.one("picture_alt").split())
        is_decorative = bool(asked.form.one("picture_decorative"))
        if not files:
            raise UnfinishedDraftError({"picture": _("No picture is chosen yet.")})
        if not alt and not is_decorative:
            reason = _("Say what the picture shows, for those who do not see it, or mark it as decorative.")
            raise UnfinishedDraftError({"picture_alt": reason})
        media = add_image(self._app, files[0].body)
        if asked.form.one("picture_place") == "image":
            return replace(text, image=media.src, image_alt="" if is_decorative else alt, is_decorative=is_decorative)
        written = "" if is_decorative else alt.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
        return replace(text, body=f"{text.body.rstrip()}\n\n![{written}]({media.src})\n".lstrip())

    def _converted(self, text: DraftText) -> DraftText:
        """The text read as what was pasted: plain text or HTML. Fields that are filled in already stay."""
        read = read_paste(self._app, text.body)
        return replace(
            text,
            title=text.title or read.title,
            tags=text.tags or read.tags,
            summary=text.summary or read.summary,
            author=text.author or read.author,
            body=read.body if read.title in ("", text.title) or not text.title else f"## {read.title}\n\n{read.body}",
        )


def _typed(asked: TeamRequest, before: DraftText) -> DraftText:
    """What was typed, with the tags that were ticked among those used before."""
    text = draft_text_of(asked.form.fields, before)
    known = {tag.key for tag in text.tag_list}
    # One may be offered twice.
    ticked = [tag for tag in dict.fromkeys(asked.form.all("tag")) if tag_slug(tag) not in known]
    ticked = [tag for tag in ticked if len(tag) <= _LONGEST_TAG]
    return replace(text, tags=", ".join([part for part in (text.tags.strip().rstrip(","), *ticked) if part]))


def _place(asked: TeamRequest) -> WritingPlace:
    if "draft_id" in asked.request.path_params:
        return WritingPlace(draft_id=asked.number("draft_id"))
    return WritingPlace(article_id=asked.number("article_id"))


def _path(place: WritingPlace) -> str:
    if place.draft_id is not None:
        return f"/app/articles/drafts/{place.draft_id}"
    return f"/app/articles/{place.article_id}/edit"


def _base_of(asked: TeamRequest) -> DraftBase:
    form = asked.form
    return DraftBase(revision=number_of(form.one("revision")) or 0, version=number_of(form.one("version")) or 0)


def _shown_after(act: str) -> str:
    if act.startswith(_SHOW):
        return f"?show={act.removeprefix(_SHOW)[:20]}#seen" if act.removeprefix(_SHOW).isalnum() else ""
    return {"image": "?done=image#text", "convert": "?done=converted#text"}.get(act, "?done=kept")


def _notice(asked: TeamRequest) -> str:
    notices = {
        "pasted": _("This is what was read from the text you pasted. It is kept; save it when it is right."),
        "copied": _("This is a copy. It is kept; save it when it is right."),
        "image": _("The picture is added."),
        "converted": _("The text is read anew: look whether it is right."),
        "kept": _("What you typed is kept."),
        "merged": _("Both texts are in one now. Look for lines that begin with TODO, and save it when it is right."),
    }
    return notices.get(asked.request.query_params.get("done", ""), "")


def _languages(chosen: str) -> list[tuple[str, str]]:
    """Languages that articles are often in, by their own names; the one that is set is always among them."""
    names = {**{tag: LANGUAGES[tag] for tag in _LANGUAGES.split()}, **_REGIONS}
    if chosen and chosen not in names:
        names[chosen] = chosen
    return sorted(names.items(), key=lambda one: one[1].casefold())
