"""Ingestion: files become articles and revisions, each on its own; identity is minted once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.article import Article, ArticleState, ArticleStatus, Manuscript
from distributor.domain.blocks import Image, links_of, plain_text, walk
from distributor.domain.errors import ServiceError, SourceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.tags import LONGEST_SLUG, slugify
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Change, add_file, scan
from distributor.flow.publishing import article_control
from distributor.sources import folder
from distributor.sources.formats import parse_manuscript
from distributor.sources.front_matter import split
from distributor.sources.items import UnreadableItem
from distributor.storage import articles, quarantine
from distributor.storage.database import Connection, Database

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
Write = Callable[[str, str], Path]


@pytest.fixture
def write(app: AppContext) -> Write:
    """Write a file into the content folder."""
    app.content_dir.mkdir()

    def write_one(name: str, text: str) -> Path:
        file = app.content_dir / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_one


def _article(title: str, body: str = "Some words.") -> str:
    return f"---\ntitle: {title}\ntags: [one]\n---\n\n{body}\n"


def _dated(title: str, date: str) -> str:
    return _article(title).replace("tags:", f"published_at: {date}\ntags:")


def test_new_and_changed_files_are_taken_and_unchanged_ones_left_alone(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    write("deep/b.md", _article("B"))
    assert sorted(scan(app).added) == ["a", "b"]
    write("a.md", _article("A", "Other words."))
    report = scan(app)
    assert (report.added, report.revised, report.unchanged, report.broken) == ([], ["a"], 1, [])


def test_what_a_scan_has_no_time_for_is_left_for_the_next_one(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    write("b.md", _article("B", "[Next](c.md)"))
    scan(app)
    write("a.md", _article("A", "Other words."))
    write("d.md", _article("D", "[Later](e.md)"))
    late = scan(app, until=app.clock())
    assert (late.added, late.revised, late.unchanged, late.postponed, late.missing) == ([], [], 1, 2, [])
    report = scan(app)
    assert (report.added, report.revised, report.postponed) == (["d"], ["a"], 0)


def test_an_edit_keeps_the_guid_the_slug_and_the_first_publication(app: AppContext, write: Write) -> None:
    app = replace(app, content_publish=True)
    write("a.md", _article("A"))
    scan(app)
    before = _stored(app, "a")
    write("a.md", _article("A better title"))
    scan(app)
    after = _stored(app, "a")
    assert after.article.title == "A better title"
    assert (after.article.guid, after.article.slug) == (before.article.guid, "a")
    assert (after.article.revision, after.article.published_at) == (2, before.article.published_at)
    assert after.article.updated_at > before.article.updated_at


def test_a_file_of_the_content_folder_starts_as_a_draft(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    write("b.md", _dated("B", "2020-01-01T00:00Z"))
    scan(app)
    assert [_stored(app, slug).status for slug in ("a", "b")] == [ArticleStatus()] * 2


def test_a_folder_set_to_publish_publishes_its_files_at_their_dates(app: AppContext, write: Write) -> None:
    app = replace(app, content_publish=True)
    now = app.clock()
    write("undated.md", _article("Undated"))
    write("past.md", _dated("Past", "2020-01-01T00:00Z"))
    write("future.md", _dated("Future", "2032-01-01T00:00Z"))
    scan(app)
    undated, past, future = (_stored(app, slug).status for slug in ("undated", "past", "future"))
    assert undated.published_at is not None
    assert undated.published_at >= now
    assert past.published_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert [one.is_public(app.clock()) for one in (undated, past, future)] == [True, True, False]
    assert future.is_public(datetime(2032, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("publishes", [True, False])
@pytest.mark.parametrize(
    ("line", "is_public"),
    [
        ("publish: true", True),
        ("published: yes", True),
        ("draft: false", True),
        ("publish: false", False),
        ("published: false", False),
        ("draft: true", False),
    ],
)
def test_front_matter_decides_for_its_article(
    app: AppContext, write: Write, line: str, is_public: bool, publishes: bool
) -> None:
    write("a.md", _article("A").replace("tags:", f"{line}\ntags:"))
    write("b.md", _dated("B", "2032-01-01T00:00Z").replace("tags:", f"{line}\ntags:"))
    scan(replace(app, content_publish=publishes))
    assert _stored(app, "a").status.is_public(app.clock()) is is_public
    assert not _stored(app, "b").status.is_public(app.clock())


def test_a_setting_that_is_changed_publishes_no_draft_that_is_there_already(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    scan(app)
    write("a.md", _article("A", "Other words."))
    scan(replace(app, content_publish=True))
    assert _stored(app, "a").status == ArticleStatus()


def test_an_edit_decides_only_by_what_it_changes(app: AppContext, write: Write) -> None:
    hidden = _article("A").replace("tags:", "publish: false\ntags:")
    write("a.md", hidden)
    scan(app)
    article_control.publish(app, "a", actor="Ada")
    write("a.md", hidden.replace("words", "better words"))
    scan(app)
    assert _stored(app, "a").status.is_public(app.clock()), "a person published it; the edit is of its words"
    write("a.md", hidden.replace("publish: false", "publish: true"))
    scan(app)
    write("a.md", hidden)
    scan(app)
    assert _stored(app, "a").status.state is ArticleState.WITHDRAWN, "the edit is of that line"


def test_a_date_that_is_edited_moves_an_embargo_and_never_a_first_publication(app: AppContext, write: Write) -> None:
    app = replace(app, content_publish=True)
    write("past.md", _dated("Past", "2020-01-01T00:00Z"))
    write("future.md", _dated("Future", "2032-01-01T00:00Z"))
    scan(app)
    write("past.md", _dated("Past", "2033-03-03T00:00Z"))
    write("future.md", _dated("Future", "2033-03-03T00:00Z"))
    scan(app)
    assert _stored(app, "past").status.published_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert _stored(app, "past").status.is_public(app.clock())
    assert _stored(app, "future").status.publish_at == datetime(2033, 3, 3, tzinfo=UTC)


def test_the_public_article_of_a_missing_file_stays_and_is_named(app: AppContext, write: Write) -> None:
    app = replace(app, content_publish=True)
    file = write("a.md", _article("A"))
    write("b.md", _article("B"))
    scan(app)
    file.unlink()
    for _ in range(2):
        (message,) = scan(app).missing
        assert message.startswith("a.md is missing since ")
        assert "distributor article withdraw a" in message
    assert _stored(app, "a").status.is_public(app.clock())
    write("a.md", _article("A"))
    assert scan(app).missing == []


def test_an_article_whose_file_is_taken_away_before_its_time_does_not_become_public(
    app: AppContext, write: Write
) -> None:
    app = replace(app, content_publish=True)
    text = _dated("Merger", "2032-01-01T00:00Z")
    file = write("merger.md", text)
    scan(app)
    before = _stored(app, "merger").status
    file.unlink()
    scan(app)
    assert _stored(app, "merger").status.state is ArticleState.DRAFT
    write("merger.md", text)
    assert scan(app).missing == []
    assert _stored(app, "merger").status == before, "the file vanished by mistake, and is back"


def test_a_draft_that_a_person_made_one_is_not_published_when_its_file_is_back(app: AppContext, write: Write) -> None:
    app = replace(app, content_publish=True)
    text = _dated("Merger", "2032-01-01T00:00Z")
    file = write("merger.md", text)
    scan(app)
    article_control.unpublish(app, "merger", actor="Ada")
    file.unlink()
    scan(app)
    write("merger.md", text)
    scan(app)
    assert _stored(app, "merger").status.state is ArticleState.DRAFT


def test_files_below_a_folder_that_cannot_be_read_are_not_missing(
    app: AppContext, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("deep/a.md", _article("A"))
    scan(app)
    unreadable = UnreadableItem(ref="deep", error=SourceError("the folder cannot be read", path="deep"))
    monkeypatch.setattr(folder, "scan_folder", lambda *_, **__: iter([unreadable]))
    assert scan(app).missing == []


def test_the_history_says_who_did_what(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    scan(app)
    article_control.mark_ready(app, "a", actor="Ada")
    article_control.publish(app, "a", actor="Bo")
    write("a.md", _article("A", "Other words."))
    scan(app)
    article_control.withdraw(app, "a", actor="Cy")
    with app.database.begin() as connection:
        events = articles.history(connection, articles.find_by_slug(connection, "a").id)
    assert [(one.action.value, one.actor, one.revision, one.state.value) for one in events] == [
        ("added", "content folder", 1, "draft"),
        ("ready", "Ada", 1, "ready"),
        ("published", "Bo", 1, "published"),
        ("revised", "content folder", 2, "published"),
        ("withdrawn", "Cy", 2, "withdrawn"),
    ]


def test_a_broken_file_hurts_no_other_and_is_remembered_until_it_is_mended(app: AppContext, write: Write) -> None:
    write("bad.md", "---\ndraft: 7\n---\n\nText.\n")
    write("good.md", _article("Good"))
    assert scan(app).added == ["good"]
    assert list(_problems(app)) == ["bad.md"]
    reason = _problems(app)["bad.md"].reason
    assert reason.startswith("bad.md:2: ")
    assert scan(app).broken == [reason], "it is still broken, and still shown with its line"
    write("bad.md", _article("Mended"))
    assert scan(app).added == ["bad"]
    assert _problems(app) == {}


def test_a_broken_file_that_is_taken_away_is_forgotten(app: AppContext, write: Write) -> None:
    write("bad.md", "").unlink()
    write("bad.md", "---\ndraft: 7\n---\n\nText.\n")
    scan(app)
    (app.content_dir / "bad.md").unlink()
    scan(app)
    assert _problems(app) == {}


def test_scans_at_the_same_moment_bring_each_file_in_once(app: AppContext, write: Write) -> None:
    for number in range(12):
        write(f"{number}.md", _article(f"Article {number}"))
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: scan(app), range(4)))
    added = [slug for report in reports for slug in report.added]
    assert sorted(added) == sorted(str(number) for number in range(12))
    assert [report.revised for report in reports] == [[], [], [], []]


def test_two_articles_of_one_name_get_two_slugs(app: AppContext, write: Write) -> None:
    write("a/same.md", _article("A"))
    write("b.md", _article("B").replace("tags:", "slug: same\ntags:"))
    assert scan(app).added == ["same", "same-2"]


# Incompressible: PostgreSQL compresses a long key of repeated words to one that fits.
LONG = " ".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(100))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("b.txt", f"{LONG[:6000]}\n\nSome words below a first line of 6,000 characters.\n"),
        ("b.md", f"---\ntitle: B\ntags: ['{LONG[:4000]}', '{LONG[:4000]}, and another']\n---\n\nA long tag.\n"),
        ("b.md", f"---\ntitle: {LONG[:5000]}\n---\n\nA long title.\n"),
    ],
    ids=["first line", "tag", "title"],
)
def test_long_texts_make_short_keys_and_stay_whole(app: AppContext, write: Write, name: str, text: str) -> None:
    write("a.md", _article("A"))
    write(name, text)
    write("c.md", _article("C"))
    report = scan(app)
    assert (len(report.added), report.broken, _problems(app)) == (3, [], {})
    assert {"a", "c"} < set(report.added)
    (slug,) = set(report.added) - {"a", "c"}
    article = _stored(app, slug).article
    assert len(slug) <= LONGEST_SLUG
    assert len({tag.slug for tag in article.tags}) == len(article.tags)
    assert LONG[:3000] in text_of_article(article)


def test_a_path_that_an_author_chose_too_long_is_refused_and_the_others_arrive(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    write(f"{'b' * 200}/{'b' * 200}/{'b' * 200}/b.md", _article("B"))
    write("c/c.md", _article("C"))
    assert scan(app).added == ["a", "c"]
    (item,) = _problems(app).values()
    assert "more than 600" in item.reason


def test_a_slug_that_an_author_chose_too_long_is_shortened(app: AppContext, write: Write) -> None:
    write("b.md", f"---\ntitle: B\nslug: {LONG[:300].replace(' ', '-')}\n---\n\nText.\n")
    (slug,) = scan(app).added
    assert len(slug) <= LONGEST_SLUG


def test_a_file_that_a_format_or_the_database_fails_on_stops_no_other_and_is_tried_again(
    app: AppContext, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d"):
        write(f"{name}.md", _article(name))
    with monkeypatch.context() as patched:
        patched.setattr(split, "slugify", lambda text: "\x00" if text == "b" else slugify(text))
        patched.setattr(folder, "parse_manuscript", _failing_on(b"title: c"))
        report = scan(app)
    assert report.added == ["a", "d"]
    assert {path: item.failures for path, item in _problems(app).items()} == {"b.md": 1, "c.md": 1}
    assert "cannot store" in report.broken[0]
    assert re.search(r"RecursionError in test_ingest\.py:\d+: too deep", report.broken[1])
    assert scan(app).broken == report.broken, "it is not tried again at once"

    later = app.clock() + timedelta(seconds=2)
    assert scan(replace(app, clock=lambda: later)).added == ["b", "c"]
    assert _problems(app) == {}


def test_a_scan_ends_if_the_database_is_away_and_blames_no_file(app: AppContext, write: Write) -> None:
    write("a.md", _article("A"))
    with pytest.raises(ServiceError):
        scan(replace(app, database=Database("postgresql://127.0.0.1:1/nothing", pool_size=0)))
    assert _problems(app) == {}


def _failing_on(words: bytes) -> Callable[..., Manuscript]:
    def parse(data: bytes, *, name: str, **options: Any) -> Manuscript:
        if words in data:
            raise RecursionError("too deep")
        return parse_manuscript(data, name=name, **options)

    return parse


def text_of_article(article: Article) -> str:
    return "\n".join([article.title, plain_text(article.body), *(tag.label for tag in article.tags)])


def test_a_file_of_the_content_folder_is_the_same_article_when_added_by_hand(app: AppContext, write: Write) -> None:
    file = write("a.md", _article("A"))
    scan(app)
    assert add_file(app, file).change is Change.UNCHANGED


def test_articles_that_link_to_one_another_lead_to_their_pages(app: AppContext, write: Write) -> None:
    write("a.md", _article("Ann", "To [b](b.md#x), [c](sub/c.md) and [nobody](gone.md)."))
    write("b.md", _article("Ben", "Back to [a](a.md)."))
    write("sub/c.md", _article("Cid", "No link."))
    write("other.md", _article("Ola", "Some words.").replace("tags", "slug: taken\ntags"))
    assert sorted(scan(app).added) == ["a", "b", "c", "taken"]
    assert links_of(_stored(app, "a").article.body) == ["/articles/b#x", "/articles/c"]
    assert links_of(_stored(app, "b").article.body) == ["/articles/a"]
    assert any("gone.md" in warning for warning in _stored(app, "a").manuscript.warnings)
    write("d.md", _article("Dan", "[o](other.md) and [a](A.md)"))
    scan(app)
    assert links_of(_stored(app, "d").article.body) == ["/articles/taken", "/articles/a"]
    assert scan(app).unchanged == 5


def test_images_from_the_root_of_a_site_are_found_where_generators_keep_them(app: AppContext, write: Write) -> None:
    write("post.md", _article("A", "![one](/img/a%20b.png)\n\n![two](/media/x.png)"))
    (app.content_dir / "static" / "img").mkdir(parents=True)
    (app.content_dir / "static" / "img" / "a b.png").write_bytes(PNG)
    scan(app)
    one, two = _stored(app, "post").article.body_images
    assert one.src.startswith("/media/")
    assert two.src == "/media/x.png"


def test_images_beside_an_article_are_kept_and_get_public_paths(app: AppContext, write: Write) -> None:
    write("a.md", _article("A", "![A picture](images/p.png)\n\n![](https://example.org/far.png)"))
    (app.content_dir / "images").mkdir()
    (app.content_dir / "images" / "p.png").write_bytes(PNG)
    scan(app)
    near, far = [block for block in walk(_stored(app, "a").article.body) if isinstance(block, Image)]
    assert far.src == "https://example.org/far.png"
    with app.database.begin() as connection:
        kept = articles.find_media(connection, near.src.removeprefix("/media/"))
    assert (kept.body, kept.media_type) == (PNG, "image/png")


@pytest.mark.parametrize("src", ["images/none.png", "../outside.png", "text.png"])
def test_an_image_that_cannot_be_taken_is_a_warning(app: AppContext, write: Write, src: str) -> None:
    write("text.png", "no image")
    (app.content_dir.parent / "outside.png").write_bytes(PNG)
    file = write("a.md", _article("A", f"![A picture]({src})"))
    result = add_file(app, file)
    assert result.change is Change.ADDED
    assert any(src in warning for warning in result.warnings)


def test_a_content_folder_that_is_not_there_is_named(app: AppContext) -> None:
    with pytest.raises(SourceError, match="content"):
        scan(app)


def test_the_acceptance_article_is_stored_whole(app: AppContext, acceptance_article: Path) -> None:
    slug = add_file(app, acceptance_article).slug
    stored = _stored(app, slug).article
    assert len(stored.tags) == 30
    assert stored.title == "Stem Cell Therapy for Autoimmune Diseases: A New Hope for Healing"


def _stored(app: AppContext, slug: str) -> articles.StoredArticle:
    with app.database.begin() as connection:
        return articles.find_by_slug(connection, slug)


def _problems(app: AppContext) -> dict[str, QuarantinedItem]:
    with app.database.begin() as connection:
        return quarantine.of_loop(connection, QuarantineLoop.FILE)


def test_a_missing_file_that_cannot_be_noted_stops_no_other(
    app: AppContext, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write(f"{name}.md", _article(name)) for name in ("a", "b")]
    scan(app)
    for file in files:
        file.unlink()
    set_missing, failing = articles.set_missing, _stored(app, "a").id

    def fail_once(connection: Connection, article_id: int, at: datetime | None) -> None:
        if article_id == failing:
            raise ValueError("a bug")
        set_missing(connection, article_id, at)

    with monkeypatch.context() as patched:
        patched.setattr(articles, "set_missing", fail_once)
        for _ in range(2):
            assert [one.partition(" ")[0] for one in scan(app).missing] == ["b.md"]
    (item,) = _problems(app).values()
    assert (item.key, item.failures) == ("a.md", 2)
    assert len(scan(app).missing) == 2
    assert _problems(app) == {}
