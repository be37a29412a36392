"""Images of articles reach channels through a port of their own, in campaigns and in previews."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from distributor.channels.api import RenderContext
from distributor.domain.article import Media
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.journal import open_journal
from distributor.flow.publishing.ingest import add_file
from distributor.flow.publishing.preview import preview
from distributor.sources.formats import read_manuscript
from distributor.storage import articles, channels
from tests.flow.campaign_harness import CampaignHarness

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
