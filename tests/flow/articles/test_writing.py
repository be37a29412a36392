"""Writing articles in the app: what is kept while somebody types, what saving does, and two who write at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from distributor.domain.article import ArticleState
from distributor.domain.article_draft import (
    ArticleDraft,
    DraftBase,
    DraftMovedError,
    DraftText,
    UnfinishedDraftError,
    draft_text_of,
)
from distributor.domain.article_merge import MARKER, merged_text
from distributor.domain.blocks import Paragraph, Run, links_of
from distributor.domain.errors import NotFoundError, SourceError, StateError
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Change, add_archive, add_file, scan
from distributor.flow.articles.uploads import add_uploads
from distributor.flow.articles.writing import (
    RevisionConflict,
    SavedArticle,
    WritingPlace,
    add_image,
    discard,
    keep,
    merge,
    open_writing,
    read_paste,
    save,
    start,
    start_copy,
)
from distributor.flow.publishing import article_control
from distributor.sources.formats import read_manuscript
from distributor.storage import articles, users
from distributor.storage.articles import StoredArticle
from tests.paths import SHARED
from tests.sources.documents.office_files import archive, docx, paragraph, picture
from tests.storage.image_fixtures import a_png

TEXT = DraftText(title="Tides", tags="sea, #moon", language="en", body="The *sea* rises.\n\nAnd falls.")


@pytest.fixture
def ada(app: AppContext) -> int:
    with app.database.begin() as connection:
        return users.add(connection, email="ada@example.org", name="Ada", role=Role.EDITOR, now=app.clock()).id


@pytest.fixture
def eve(app: AppContext) -> int:
    with app.database.begin() as connection:
        return users.add(connection, email="eve@example.org", name="Eve", role=Role.EDITOR, now=app.clock()).id


def on(draft: ArticleDraft) -> WritingPlace:
    return WritingPlace(draft_id=draft.id)


def at(found: StoredArticle) -> WritingPlace:
    return WritingPlace(article_id=found.id)


def saved(app: AppContext, place: WritingPlace, text: DraftText, user_id: int) -> StoredArticle:
    base = open_writing(app, place, user_id=user_id).base
    result = save(app, place, text, base, user_id=user_id, actor=f"user:{user_id}")
    assert isinstance(result, SavedArticle)
    return result.found


def written(app: AppContext, user_id: int, text: DraftText = TEXT, key: str = "k") -> StoredArticle:
    return saved(app, on(start(app, key=key, user_id=user_id)), text, user_id)


def all_articles(app: AppContext) -> list[StoredArticle]:
    with app.database.begin() as connection:
        return articles.latest(connection, limit=100)


def history(app: AppContext, found: StoredArticle) -> list[tuple[str, str, int]]:
    with app.database.begin() as connection:
        return [(one.action, one.actor, one.revision) for one in articles.history(connection, found.id)]


def test_what_is_typed_is_kept_and_only_saving_makes_an_article(app: AppContext, ada: int) -> None:
    draft = start(app, key="k", user_id=ada)
    assert start(app, key="k", user_id=ada) == draft
    for number in range(3):
        base = DraftBase(version=draft.version)
        draft = keep(app, on(draft), replace(TEXT, body=f"text {number}"), base, user_id=ada)
    assert all_articles(app) == []
    assert open_writing(app, on(draft), user_id=ada).text.body == "text 2"
    found = saved(app, on(draft), TEXT, ada)
    assert (found.article.slug, found.status.state, found.source) == ("tides", ArticleState.DRAFT, "app")
    assert [tag.label for tag in found.article.tags] == ["sea", "moon"]
    assert found.article.summary == "The sea rises."
    assert history(app, found) == [("added", f"user:{ada}", 1)]
    writing = open_writing(app, at(found), user_id=ada)
    assert (writing.text, writing.is_unsaved) == (replace(TEXT, tags="sea, moon"), False)


def test_saving_twice_makes_one_article_and_one_revision(app: AppContext, ada: int) -> None:
    draft = start(app, key="k", user_id=ada)
    first = save(app, on(draft), TEXT, DraftBase(version=draft.version), user_id=ada, actor="a")
    second = save(app, on(draft), TEXT, DraftBase(version=draft.version), user_id=ada, actor="a")
    assert isinstance(first, SavedArticle)
    assert isinstance(second, SavedArticle)
    assert (first.change, second.change, second.found.id) == (Change.ADDED, Change.UNCHANGED, first.found.id)
    changed = replace(TEXT, body="Other.")
    base = DraftBase(revision=1)
    results = [save(app, at(first.found), changed, base, user_id=ada, actor="a") for _ in range(2)]
    assert [one.change for one in results if isinstance(one, SavedArticle)] == [Change.REVISED, Change.UNCHANGED]
    assert [revision for _, _, revision in history(app, first.found)] == [1, 2]


def test_keeping_never_changes_a_public_article_and_saving_does_at_once(app: AppContext, ada: int) -> None:
    found = written(app, ada)
    article_control.publish(app, found.article.slug, actor="ada")
    keep(app, at(found), replace(TEXT, body="Secret."), DraftBase(revision=1), user_id=ada)
    with app.database.begin() as connection:
        public = articles.find_public(connection, "tides", now=app.clock())
    assert public.article.body == found.article.body
    assert public.article.revision == 1
    assert saved(app, at(found), replace(TEXT, body="Secret."), ada).article.body == (Paragraph((Run("Secret."),)),)
    with app.database.begin() as connection:
        assert articles.find_public(connection, "tides", now=app.clock()).article.revision == 2


def test_of_two_who_edit_one_article_the_second_is_told_and_neither_loses_anything(
    app: AppContext, ada: int, eve: int
) -> None:
    found = written(app, ada, replace(TEXT, body="One.\n\nTwo.\n\nThree."))
    base = open_writing(app, at(found), user_id=eve).base
    saved(app, at(found), replace(TEXT, body="One by Ada.\n\nTwo.\n\nThree."), ada)
    mine = replace(TEXT, title="Tides by Eve", tags="sea, moon", body="One.\n\nTwo.\n\nThree by Eve.")
    assert isinstance(save(app, at(found), mine, base, user_id=eve, actor="eve"), RevisionConflict)
    writing = open_writing(app, at(found), user_id=eve)
    assert (writing.text, writing.is_behind, writing.base.revision) == (mine, True, 1)
    assert writing.found is not None
    assert writing.found.source_text == "One by Ada.\n\nTwo.\n\nThree."
    assert not open_writing(app, at(found), user_id=ada).is_unsaved
    merge(app, at(found), user_id=eve)
    writing = open_writing(app, at(found), user_id=eve)
    assert not writing.is_behind
    assert (writing.text.title, writing.text.body) == ("Tides by Eve", "One by Ada.\n\nTwo.\n\nThree by Eve.")
    assert saved(app, at(found), writing.text, eve).article.title == "Tides by Eve"


def test_the_second_may_keep_the_own_text_or_take_the_other(app: AppContext, ada: int, eve: int) -> None:
    found = written(app, ada)
    base = open_writing(app, at(found), user_id=eve).base
    saved(app, at(found), replace(TEXT, body="Ada's."), ada)
    save(app, at(found), replace(TEXT, body="Eve's."), base, user_id=eve, actor="eve")
    mine = open_writing(app, at(found), user_id=eve)
    kept = save(app, at(found), mine.text, DraftBase(revision=2, version=mine.base.version), user_id=eve, actor="eve")
    assert isinstance(kept, SavedArticle)
    assert kept.found.source_text == "Eve's."
    save(app, at(found), replace(TEXT, body="Again."), base, user_id=eve, actor="eve")
    discard(app, at(found), user_id=eve)
    assert open_writing(app, at(found), user_id=eve).text.body == "Eve's."


def test_where_both_changed_the_same_passage_both_stand_behind_a_line_that_review_finds() -> None:
    common = DraftText(title="t", body="a\n\nb\n\nc")
    merged = merged_text(common, replace(common, body="a\n\nmine\n\nc\n\nd"), replace(common, body="a\n\ntheirs\n\nc"))
    assert merged.body == f"a\n\n{MARKER}\n\ntheirs\n\nmine\n\nc\n\nd"
    assert merged_text(DraftText(), DraftText(body="x"), DraftText(body="y")).body == f"{MARKER}\n\ny\n\nx"


def test_of_two_windows_of_one_user_the_older_one_does_not_overwrite_the_newer(app: AppContext, ada: int) -> None:
    draft = start(app, key="k", user_id=ada)
    keep(app, on(draft), replace(TEXT, body="newer"), DraftBase(version=draft.version), user_id=ada)
    for act in (keep, lambda *args, user_id: save(*args, user_id=user_id, actor="ada")):
        with pytest.raises(DraftMovedError) as caught:
            act(app, on(draft), replace(TEXT, body="older"), DraftBase(version=draft.version), user_id=ada)
        assert caught.value.text.body == "newer"
    assert open_writing(app, on(draft), user_id=ada).text.body == "newer"


def test_a_draft_is_its_users_own(app: AppContext, ada: int, eve: int) -> None:
    draft = start(app, key="k", user_id=ada)
    for act in (
        lambda: open_writing(app, on(draft), user_id=eve),
        lambda: discard(app, on(draft), user_id=eve),
        lambda: keep(app, on(draft), TEXT, DraftBase(), user_id=eve),
        lambda: save(app, on(draft), TEXT, DraftBase(), user_id=eve, actor="eve"),
        lambda: start(app, key="k", user_id=eve),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_an_article_of_the_content_folder_is_not_edited_here_but_may_be_copied(app: AppContext, ada: int) -> None:
    app.content_dir.mkdir()
    (app.content_dir / "tides.md").write_text("# Tides\n\nThe **sea**.\n\nTags: sea, moon\n")
    scan(app)
    (found,) = all_articles(app)
    for act in (
        lambda: open_writing(app, at(found), user_id=ada),
        lambda: keep(app, at(found), TEXT, DraftBase(revision=1), user_id=ada),
        lambda: save(app, at(found), TEXT, DraftBase(revision=1), user_id=ada, actor="ada"),
    ):
        with pytest.raises(StateError, match=r"comes from tides\.md"):
            act()
    draft = start_copy(app, found.id, key="c", user_id=ada)
    assert draft.text == DraftText(title="Copy of Tides", tags="sea, moon", language="en", body="The **sea**.\n")
    copy = saved(app, on(draft), draft.text, ada)
    assert (copy.article.body, copy.article.slug) == (found.article.body, "copy-of-tides")
    assert scan(app).unchanged == 1


def test_an_uploaded_file_of_the_command_line_can_be_edited_and_stays_the_same_blocks(
    app: AppContext, ada: int, tmp_path: Path
) -> None:
    file = tmp_path / "tides.md"
    file.write_text(
        "---\ntitle: Tides\ntags: [{label: sea, synonyms: [ocean]}]\npublished_at: 2020-01-01T00:00Z\n---\n\n* a\n* b\n"
    )
    add_file(app, file)
    (found,) = all_articles(app)
    text = open_writing(app, at(found), user_id=ada).text
    assert text.body == "- a\n- b\n"
    after = saved(app, at(found), replace(text, title="The tides"), ada)
    assert after.article.body == found.article.body
    assert after.article.tags == found.article.tags
    assert after.manuscript.published_at == found.manuscript.published_at


def test_a_draft_that_cannot_be_saved_says_why_by_field_and_stays(app: AppContext, ada: int) -> None:
    draft = start(app, key="k", user_id=ada)
    text = DraftText(language="Klingon!", image="javascript:alert(1)", body="")
    keep(app, on(draft), text, DraftBase(version=draft.version), user_id=ada)
    with pytest.raises(UnfinishedDraftError) as caught:
        saved(app, on(draft), text, ada)
    assert caught.value.reasons.keys() == {"title", "language", "image", "body"}
    with pytest.raises(UnfinishedDraftError) as caught:
        saved(app, on(draft), replace(TEXT, image="https://example.org/x.png"), ada)
    assert caught.value.reasons.keys() == {"image_alt"}
    with pytest.raises(UnfinishedDraftError, match="at most 1,000,000"):
        keep(app, on(draft), DraftText(body="x" * 1_000_001), DraftBase(), user_id=ada)
    assert open_writing(app, on(draft), user_id=ada).text == text
    decorative = replace(TEXT, image="https://example.org/x.png", is_decorative=True)
    image = saved(app, on(draft), decorative, ada).article.image
    assert image is not None
    assert (image.src, image.alt) == ("https://example.org/x.png", "")


def test_a_field_that_did_not_arrive_stays_as_it_was() -> None:
    before = replace(TEXT, image="/media/x.png", is_decorative=True)
    assert draft_text_of({"tags": ["sea"]}, before) == replace(before, tags="sea")
    assert draft_text_of({"image": ["/media/x.png"]}, before).is_decorative is False
    assert draft_text_of({"body": ["a\r\nb\rc"], "title": [" a\n b "]}, before).body == "a\nb\nc"


def test_an_uploaded_image_is_kept_to_its_end_and_stays_private_until_an_article_with_it_is_public(
    app: AppContext, ada: int
) -> None:
    png = a_png(400, 300)
    media = add_image(app, png + b"<script>alert(1)</script>PK\x03\x04")
    assert media.body == png
    assert add_image(app, png) == media
    text = replace(TEXT, body=f"A line ![with an image]({media.src}) in it.")
    found = written(app, ada, text)
    assert [type(block).__name__ for block in found.article.body] == ["Paragraph", "Image", "Paragraph"]
    assert [(image.width, image.height) for image in found.article.images] == [(400, 300)]
    with app.database.begin() as connection, pytest.raises(NotFoundError):
        articles.find_public_media(connection, media.name, now=app.clock())
    article_control.publish(app, found.article.slug, actor="ada")
    with app.database.begin() as connection:
        assert articles.find_public_media(connection, media.name, now=app.clock()).body == png


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(20), "WebP"),
        (b"<html><script>alert(1)</script>", "no image"),
        (b"GIF89a=1;/*" + bytes(20) + b"*/alert(1)", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF<?php", "damaged"),
        (a_png(10, 10)[:-4], "damaged"),
        (a_png(13_000, 1), "smaller"),
        (bytes(5 * 2**20 + 1), "over 5 MB"),
    ],
)
def test_what_is_no_image_for_mails_is_refused_in_words(app: AppContext, body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        add_image(app, body)


def test_of_several_files_a_bad_one_does_not_stop_the_others_and_nothing_comes_twice(app: AppContext) -> None:
    files = [
        ("tides.md", b"# Tides\n\nText ![x](x.png)"),
        ("word.docx", b"PK\x03\x04..."),
        ("broken.md", b"---\ntitle: [\n---\ntext"),
        ("page.html", b"<h1>A page</h1><p>Text</p><script>alert(1)</script>"),
        ("published.md", b"---\ntitle: Published\npublish: true\n---\ntext"),
    ]
    results = add_uploads(app, files, key="k", actor="ada")
    assert [bool(one.found) for one in results] == [True, False, False, True, True]
    assert "damaged" in results[1].problem
    assert results[2].problem.startswith("line ")
    assert "x.png is not here" in " ".join(results[0].warnings)
    assert {one.status.state for one in all_articles(app)} == {ArticleState.DRAFT}
    again = add_uploads(app, files, key="k", actor="ada")
    assert [one.is_new for one in again] == [False] * 5
    assert len(all_articles(app)) == 3


@pytest.mark.parametrize("adds", ["uploaded", "added"])
def test_a_document_is_stored_with_the_images_inside_it(app: AppContext, tmp_path: Path, adds: str) -> None:
    body = docx(
        paragraph("Tides", style="Title"),
        paragraph("Text."),
        paragraph(picture("p", "The coast")),
        images={"p": a_png(800, 600)},
    )
    if adds == "uploaded":
        # The content decides, whatever the name says.
        (result,) = add_uploads(app, [("tides.txt", body)], key="k", actor="ada")
        assert result.problem == ""
    else:
        (tmp_path / "tides.docx").write_bytes(body)
        add_file(app, tmp_path / "tides.docx")
    (found,) = all_articles(app)
    (image,) = found.article.images
    assert (found.article.title, image.alt, image.width) == ("Tides", "The coast", 800)
    with app.database.begin() as connection:
        stored = articles.find_media_by_src(connection, image.src)
    assert stored is not None
    assert stored.body == a_png(800, 600)


def test_a_zip_of_articles_becomes_drafts_with_their_images_and_links(app: AppContext, tmp_path: Path) -> None:
    parts: dict[str, bytes | str] = {
        "a.md": "# Ann\n\nTo [Ben](b.md).\n\n![coast](coast.png)",
        "b.md": "# Ben\n\nBack to [Ann](a.md).",
        "c.md": "---\ntitle: [\n---\ntext",
        "coast.png": a_png(800, 600),
    }
    file = tmp_path / "issue.zip"
    file.write_bytes(archive(parts))
    added = add_archive(app, file)
    assert [(one.path, one.ingested.slug if one.ingested else "", bool(one.problem)) for one in added] == [
        ("a.md", "ann", False),
        ("b.md", "ben", False),
        ("c.md", "", True),
    ]
    file.write_bytes(archive(parts | {"b.md": "# Ben\n\nChanged."}))
    again = add_archive(app, file)
    assert [one.ingested.change for one in again if one.ingested] == [Change.UNCHANGED, Change.REVISED]
    found = {one.article.slug: one for one in all_articles(app)}
    assert "/articles/ben" in links_of(found["ann"].article.body)
    assert [image.width for image in found["ann"].article.images] == [800]
    uploaded = add_uploads(app, [("issue.zip", archive(parts))], key="k", actor="ada")
    assert [(one.name, one.is_new) for one in uploaded] == [
        ("issue.zip/a.md", True),
        ("issue.zip/b.md", True),
        ("issue.zip/c.md", False),
    ]
    assert uploaded[2].problem.startswith("line ")
    assert [one.is_new for one in add_uploads(app, [("issue.zip", archive(parts))], key="k", actor="ada")] == [
        False
    ] * 3


@pytest.mark.skipif(not SHARED.exists(), reason="the acceptance articles are not beside this repository")
def test_the_acceptance_article_pasted_and_saved_is_the_article_of_its_file(app: AppContext, ada: int) -> None:
    for number, path in enumerate(sorted((SHARED / "articles").glob("*.txt"))):
        of_file = read_manuscript(path)
        text = read_paste(app, path.read_text(encoding="utf-8"))
        found = written(app, ada, text, key=str(number))
        assert (found.article.title, found.article.body) == (of_file.title, of_file.body)
        assert (found.article.tags, found.article.summary) == (of_file.tags, of_file.summary)
