"""Images of articles reach channels through a port of their own, in campaigns and in previews."""

from __future__ import annotations

import html
import re
from base64 import b64decode
from pathlib import Path

import pytest

from distributor.channels.api import RenderContext
from distributor.domain.article import Media
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import add_file
from distributor.flow.delivery.send_context import send_context
from distributor.flow.journal import open_journal
from distributor.flow.publishing.preview import preview
from distributor.sources.formats import read_manuscript
from distributor.storage import articles, channels
from tests.domain.test_image_file import gif, png
from tests.flow.campaign_harness import CampaignHarness
from tests.paths import SHARED

PIXEL = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def write_article(folder: Path) -> Path:
    (folder / "boat.png").write_bytes(PIXEL)
    file = folder / "boats.md"
    file.write_text("---\ntitle: Boats\ntags: [harbour]\n---\nLook.\n\n![A boat](boat.png)\n\n![Gone](gone.png)\n")
    return file


def test_a_preview_of_a_file_shows_the_images_beside_it(app: AppContext, tmp_path: Path) -> None:
    file = write_article(tmp_path)
    context = RenderContext(site=app.site, templates=app.templates)
    shown = preview(read_manuscript(file), ["email"], context, file=file)
    assert b"http://gazette.example/media/" in shown.files["email.html"]
    assert any("gone.png" in warning for warning in shown.warnings)


def written_for(kind: str, name: str, words: str, folder: Path, app: AppContext) -> str:
    """The file that a channel writes of an article with these words, beside a badge and a photograph."""
    (folder / "badge.gif").write_bytes(gif(88, 31))
    (folder / "photo.png").write_bytes(png(1600, 900))
    file = folder / "award.md"
    file.write_text(f"---\ntitle: An award\ntags: [harbour]\n---\n{words}\n")
    context = RenderContext(site=app.site, templates=app.templates)
    return preview(read_manuscript(file), [kind], context, file=file).files[name].decode()


@pytest.mark.parametrize(("kind", "name"), [("email", "email.html"), ("feed", "atom.xml")])
def test_a_badge_keeps_its_size_and_its_place_in_the_line(
    app: AppContext, tmp_path: Path, kind: str, name: str
) -> None:
    shown = html.unescape(written_for(kind, name, "We won this: ![Award](badge.gif) in spring.", tmp_path, app))
    (badge,) = re.findall(r"<p>We won this: (<img [^>]*>) in spring.</p>", shown)
    assert 'alt="Award"' in badge
    assert 'width="88" height="31"' in badge
    assert "display: block" not in badge


def test_badges_in_one_paragraph_stay_beside_one_another(app: AppContext, tmp_path: Path) -> None:
    row = "![One](badge.gif)\n[![Two](badge.gif)](https://example.org/two) ![Three](badge.gif)"
    shown = written_for("email", "email.html", f"{row}\n\nText.", tmp_path, app)
    (line,) = re.findall(r"<p>(<img .*?)</p>", shown)
    assert re.findall(r'alt="(\w+)"', line) == ["One", "Two", "Three"]
    assert "Text." in written_for("x", "x.json", f"{row}\n\nText.", tmp_path, app)
    assert "One" not in written_for("x", "x.json", f"{row}\n\nText.", tmp_path, app)


def test_a_photograph_among_text_gets_a_line_of_its_own_as_wide_as_the_text(app: AppContext, tmp_path: Path) -> None:
    shown = written_for("email", "email.html", "Before\n![The jury](photo.png)\nafter.", tmp_path, app)
    (photo,) = re.findall(r"<p>Before</p>\s*<p>(<img [^>]*>)</p>\s*<p>after.</p>", shown)
    assert 'width="520"' in photo
    assert "height=" not in photo


def test_a_small_image_on_a_line_of_its_own_is_not_enlarged(app: AppContext, tmp_path: Path) -> None:
    shown = written_for("email", "email.html", "Before.\n\n![Award](badge.gif)\n\nAfter.", tmp_path, app)
    assert re.findall(r'alt="Award"[^>]* width="(\d+)"', shown) == ["88"]


def test_the_badge_of_the_shared_cases_is_88_pixels_wide(app: AppContext) -> None:
    file = SHARED / "data" / "cases" / "md" / "badge.md"
    if not file.exists():
        pytest.skip("the shared cases are not beside this checkout")
    context = RenderContext(site=app.site, templates=app.templates)
    shown = preview(read_manuscript(file), ["email"], context, file=file).files["email.html"].decode()
    assert re.findall(r'alt="Award"[^>]* width="(\d+)"', shown) == ["88"]


def test_a_badge_among_text_is_stored_with_its_article(harness: CampaignHarness, tmp_path: Path) -> None:
    (tmp_path / "badge.gif").write_bytes(gif(88, 31))
    file = tmp_path / "award.md"
    file.write_text("---\ntitle: An award\ntags: [harbour]\n---\nWe won this: ![Award](badge.gif) in spring.\n")
    slug = add_file(harness.app, file).slug
    with harness.app.database.begin() as connection:
        (badge,) = articles.find_by_slug(connection, slug).article.images
        stored = articles.find_media_by_src(connection, badge.src)
    assert (badge.width, badge.height) == (88, 31)
    assert stored is not None
    assert stored.body == gif(88, 31)


def test_the_mail_of_the_acceptance_article_ends_with_five_tags_and_its_text_with_their_names(
    app: AppContext, acceptance_article: Path
) -> None:
    context = RenderContext(site=app.site, templates=app.templates)
    files = preview(read_manuscript(acceptance_article), ["email"], context, file=acceptance_article).files
    page, text = files["email.html"].decode(), files["email.txt"].decode()
    assert len(re.findall(r'href="[^"]*/tags/', page)) == 5
    assert "and 25 more" in page
    assert "/tags/" not in text
    assert "Filed under: stem cell therapy, autoimmune disease," in text


def test_a_channel_that_sends_can_read_the_stored_images(harness: CampaignHarness, tmp_path: Path) -> None:
    harness.channel("posts", "scripted_broadcast")
    ingested = add_file(harness.app, write_article(tmp_path))
    with harness.app.database.begin() as connection:
        (stored,) = articles.find_by_slug(connection, ingested.slug).article.images[:1]
        record = channels.all_channels(connection)[0]
    with open_journal(harness.app.journal_dir) as journal:
        media = send_context(harness.app, record, journal).media
        assert media.open(stored.src) == Media(
            name=stored.src.removeprefix("/media/"), media_type="image/png", body=PIXEL
        )
        assert media.open("/media/unknown.png") is None
        assert media.open("https://elsewhere.example/media/x.png") is None
