"""Images elsewhere on the web are fetched when an article comes in, and readers get them from here."""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import ExifTags, Image
from starlette.testclient import TestClient

from distributor.channels.api import InMemoryMedia, RenderContext
from distributor.channels.registry import make_channel
from distributor.domain.article import Manuscript
from distributor.domain.article_draft import DraftText
from distributor.domain.blocks import Image as ImageBlock
from distributor.domain.ip_networks import parse_networks
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.articles import remote_images
from distributor.flow.articles.ingest import Change, add_archive, add_file, scan
from distributor.flow.articles.remote_images import keep_remote_images
from distributor.flow.articles.uploads import add_uploads
from distributor.flow.articles.web_article import add_web_article
from distributor.flow.articles.writing import (
    SavedArticle,
    WritingPlace,
    add_text,
    imagine,
    open_writing,
    revise_text,
    save,
    start,
)
from distributor.flow.publishing import article_control
from distributor.flow.publishing.review import review_campaign
from distributor.storage import articles, users
from distributor.storage import remote_images as stored_images
from distributor.storage.articles import StoredArticle
from distributor.testing.scripted_server import (
    NeverRespond,
    RecordedRequest,
    Reply,
    ScriptedServer,
    Step,
    closed_port,
    scripted_server,
)
from distributor.web.app import create_app
from tests.flow.articles.test_web_article import BODY, HEAD
from tests.flow.campaign_harness import CampaignHarness
from tests.storage.image_fixtures import a_png

LOOPBACK = parse_networks("127.0.0.1")
PNG = a_png(320, 200)


def encoded(form: str, width: int = 320, height: int = 200, **options: object) -> bytes:
    file = BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(file, form, **options)
    return file.getvalue()


def lying() -> Image.Exif:
    found = Image.Exif()
    found[ExifTags.Base.Orientation] = 6
    return found


FILES: dict[str, bytes] = {
    "/a.png": PNG,
    "/b.webp": encoded("WEBP"),
    "/coast.png": PNG,
    "/wide.jpg": encoded("JPEG", 3000, 150),
    "/lying.jpg": encoded("JPEG", exif=lying()),
    "/page.png": b"<!doctype html><title>Please sign in</title>",
    "/drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.fixture
def app(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> AppContext:
    """An app that fetches images, from servers on this machine too, and that has time."""
    monkeypatch.setattr(remote_images, "_IMAGE_SECONDS", 60)
    monkeypatch.setattr(remote_images, "_ARTICLE_SECONDS", 60)
    app.content_dir.mkdir()
    return replace(app, content_fetch_images=True, fetch_networks=LOOPBACK)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(route=_answer) as running:
        yield running


def _answer(request: RecordedRequest) -> Step:
    if request.path == "/secret.png":
        return Reply(302, b"", {"Location": "http://10.0.0.1/a.png"})
    if request.path == "/post":
        page = HEAD.format(charset="utf-8", canonical="https://blatt.example/gezeiten") + BODY
        return Reply(200, page.encode(), {"Content-Type": "text/html"})
    if request.path in FILES:
        return Reply(200, FILES[request.path], {"Content-Type": "image/png"})
    return Reply(404)


def write(app: AppContext, name: str, body: str) -> Path:
    file = app.content_dir / name
    file.write_text(f"---\ntitle: {file.stem}\ntags: [one]\n---\n\n{body}\n")
    return file


def stored(app: AppContext, slug: str) -> StoredArticle:
    with app.database.begin() as connection:
        return articles.find_by_slug(connection, slug)


def taken(app: AppContext, *urls: str) -> Manuscript:
    """A manuscript with images at these addresses, after they were fetched."""
    body = tuple(ImageBlock(src=url, alt="A picture") for url in urls)
    return keep_remote_images(app, Manuscript(title="Pictures", body=body))


def only_image(app: AppContext, manuscript: Manuscript) -> tuple[ImageBlock, bytes]:
    """The image of a manuscript, and its file."""
    (image,) = manuscript.body
    assert isinstance(image, ImageBlock)
    with app.database.begin() as connection:
        media = articles.find_media_by_src(connection, image.src)
    assert media is not None, manuscript.warnings
    return image, media.body


def test_an_image_of_a_file_is_fetched_kept_and_sized(app: AppContext, server: ScriptedServer) -> None:
    write(app, "a.md", f"![A picture]({server.url}/a.png)")
    scan(app)
    found = stored(app, "a").manuscript
    image, body = only_image(app, found)
    assert (image.width, image.height, image.alt) == (320, 200, "A picture")
    assert body == PNG
    assert found.warnings == ()


def test_the_lead_image_and_those_in_lists_and_quotes_are_fetched_too(app: AppContext, server: ScriptedServer) -> None:
    file = write(app, "a.md", f"> ![One]({server.url}/a.png)\n\n- ![Two]({server.url}/b.webp)\n")
    file.write_text(file.read_text().replace("tags:", f"image: {server.url}/wide.jpg\nimage_alt: Wide\ntags:"))
    scan(app)
    sources = [image.src for image in stored(app, "a").article.images]
    assert len(set(sources)) == 3
    assert all(src.startswith("/media/") for src in sources)


def test_an_address_is_asked_once_whatever_articles_and_revisions_show_it(
    app: AppContext, server: ScriptedServer
) -> None:
    write(app, "a.md", f"![A picture]({server.url}/a.png#left)")
    write(app, "b.md", f"![The same]({server.url}/a.png)")
    scan(app)
    write(app, "a.md", f"Revised.\n\n![A picture]({server.url}/a.png)")
    scan(app)
    assert [stored(app, slug).article.revision for slug in ("a", "b")] == [2, 1]
    assert [request.path for request in server.requests] == ["/a.png"]
    assert {one.src for slug in ("a", "b") for one in stored(app, slug).article.images} == {
        only_image(app, taken(app, f"{server.url}/a.png"))[0].src
    }


def test_what_mails_do_not_show_is_converted(app: AppContext, server: ScriptedServer) -> None:
    image, body = only_image(app, taken(app, f"{server.url}/b.webp"))
    assert image.src.endswith(".jpg")
    assert Image.open(BytesIO(body)).format == "JPEG"


def test_what_is_too_wide_is_scaled_and_what_lies_is_turned(app: AppContext, server: ScriptedServer) -> None:
    wide, _ = only_image(app, taken(app, f"{server.url}/wide.jpg"))
    turned, _ = only_image(app, taken(app, f"{server.url}/lying.jpg"))
    assert (wide.width, wide.height) == (2000, 100)
    assert (turned.width, turned.height) == (200, 320)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone.png", "it answers 404 Not Found"),
        ("/page.png", "the file is no image that can be read"),
        ("/drawing.svg", "it is an SVG"),
        ("/secret.png", "not a public address"),
    ],
)
def test_what_cannot_be_kept_stays_where_it_is_with_a_warning_that_names_it(
    app: AppContext, server: ScriptedServer, path: str, reason: str
) -> None:
    write(app, "a.md", f"![A picture]({server.url}{path})\n\n![Another]({server.url}/a.png)")
    report = scan(app)
    assert (report.added, report.broken) == (["a"], [])
    found = stored(app, "a")
    assert [image.src.startswith("/media/") for image in found.article.images] == [False, True]
    assert found.article.images[0].src == f"{server.url}{path}"
    (warning,) = found.manuscript.warnings
    assert warning.startswith(f"the image {server.url}{path} was not fetched and stays there: ")
    assert reason in warning


def test_a_body_without_end_is_read_as_far_as_an_image_may_be_large(app: AppContext) -> None:
    with endless_server() as url:
        (warning,) = taken(app, f"{url}/a.png").warnings
    assert "the image is over 5 MB" in warning


def test_a_server_that_never_answers_is_given_up(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_images, "_IMAGE_SECONDS", 0.3)
    with scripted_server(route=lambda request: NeverRespond()) as silent:
        (warning,) = taken(app, f"{silent.url}/a.png").warnings
    assert "no response within 0.3 seconds" in warning


def test_all_images_of_an_article_together_have_a_limit_of_time(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_images, "_ARTICLE_SECONDS", 0.3)
    with scripted_server(route=lambda request: NeverRespond()) as silent:
        (warning,) = taken(app, f"{silent.url}/a.png").warnings
    assert warning.endswith("all images of an article together have 0.3 seconds")


def test_an_article_fetches_so_many_images_and_the_next_time_the_rest(
    app: AppContext, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_images, "_MOST_IMAGES", 2)
    urls = [f"{server.url}/a.png?{number}" for number in range(3)]
    (warning,) = taken(app, *urls).warnings
    assert f"{urls[2]} was not fetched" in warning
    assert taken(app, *urls).warnings == ()
    assert len(server.requests) == 3


def test_a_host_that_is_away_is_asked_once_in_a_scan_and_again_when_its_article_changes(app: AppContext) -> None:
    with closed_port() as dead:
        for number in range(30):
            write(app, f"p{number:02}.md", f"![A picture]({dead}/{number}.png)")
        asked: list[str] = []
        with counting_connections(asked):
            report = scan(app)
            assert len(report.added) == 30
            assert len(asked) == 1
            assert all("no connection" in stored(app, slug).manuscript.warnings[0] for slug in report.added)
            scan(app)
            assert len(asked) == 1
            write(app, "p07.md", f"Changed.\n\n![A picture]({dead}/7.png)")
            assert scan(app).revised == ["p07"]
            assert len(asked) == 2


def test_a_machine_that_reaches_no_host_stops_asking(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(remote_images, "_HOSTS_OF_OFFLINE", 3)

    def look_up(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "the name server is away")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    manuscripts = [ImageBlock(src=f"https://host{number}.example/a.png") for number in range(8)]
    hosts = remote_images.HostReachability()
    for image in manuscripts:
        found = keep_remote_images(app, Manuscript(title="-", body=(image,)), reachability=hosts)
        assert found.body == (image,)
        assert image.src in found.warnings[0]
    assert len(asked) == 3


def test_a_host_that_redirects_to_one_that_is_away_is_still_asked(app: AppContext) -> None:
    with closed_port() as dead:

        def answer(request: RecordedRequest) -> Step:
            return Reply(200, PNG) if request.path == "/a.png" else Reply(302, b"", {"Location": f"{dead}/x.png"})

        with scripted_server(route=answer) as server:
            found = taken(app, f"{server.url}/moved.png", f"{server.url}/a.png")
    assert [isinstance(one, ImageBlock) and one.src.startswith("/media/") for one in found.body] == [False, True]


def test_with_the_setting_off_nobody_is_asked_and_images_stay(app: AppContext, server: ScriptedServer) -> None:
    off = replace(app, content_fetch_images=False)
    write(off, "a.md", f"![A picture]({server.url}/a.png)")
    scan(off)
    assert stored(off, "a").article.images[0].src == f"{server.url}/a.png"
    assert server.requests == []


def test_images_of_this_site_are_not_asked_for(app: AppContext) -> None:
    found = taken(app, f"{app.site.public_url}/media/x.png")
    assert found.warnings == ()


def test_an_address_that_is_too_long_or_is_none_is_a_warning(app: AppContext) -> None:
    warnings = taken(app, "http://127.0.0.1/" + "x" * 2000, "http://[::1/a.png").warnings
    assert "over 2,000 bytes" in warnings[0]
    assert "not a valid URL" in warnings[1]


def test_a_file_that_is_added_by_hand_has_its_images_fetched(
    app: AppContext, server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "added.md"
    file.write_text(f"# Added\n\nText.\n\n![A picture]({server.url}/a.png)\n\n![Gone]({server.url}/gone.png)\n")
    ingested = add_file(app, file)
    assert f"the image {server.url}/gone.png was not fetched" in " ".join(ingested.warnings)
    assert stored(app, ingested.slug).article.images[0].src.startswith("/media/")


def test_an_article_from_a_web_address_has_its_images_fetched(app: AppContext, server: ScriptedServer) -> None:
    ingested = add_web_article(app, f"{server.url}/post")
    (image,) = stored(app, ingested.slug).article.images
    assert (image.src[:7], image.width, image.height) == ("/media/", 320, 200)


def test_the_articles_of_a_zip_ask_a_host_that_is_away_once(app: AppContext, tmp_path: Path) -> None:
    packed = tmp_path / "posts.zip"
    asked: list[str] = []
    with closed_port() as dead, counting_connections(asked):
        with ZipFile(packed, "w") as archive:
            for number in range(3):
                archive.writestr(f"p{number}.md", f"---\ntitle: P{number}\ntags: a\n---\n![A]({dead}/{number}.png)\n")
        added = add_archive(app, packed)
        uploaded = add_uploads(app, [("posts.zip", packed.read_bytes())], key="k", actor="user:ada")
    assert all("was not fetched" in " ".join(one.ingested.warnings) for one in added if one.ingested)
    assert all("was not fetched" in " ".join(one.warnings) for one in uploaded)
    assert (len(added), len(uploaded), len(asked)) == (3, 3, 2)


def test_uploaded_files_have_their_images_fetched(app: AppContext, server: ScriptedServer) -> None:
    text = f"# Uploaded\n\nText.\n\n![A picture]({server.url}/a.png)\n\n![Gone]({server.url}/gone.png)\n"
    for _ in range(2):
        (result,) = add_uploads(app, [("up.md", text.encode())], key="k", actor="user:ada")
        assert result.found is not None
        assert result.found.article.images[0].src.startswith("/media/")
    assert result.found is not None
    assert len(server.requests_to("GET", "/gone.png")) == 1
    assert f"the image {server.url}/gone.png was not fetched" in " ".join(
        stored(app, result.found.article.slug).manuscript.warnings
    )


def test_what_is_saved_in_the_editor_shows_the_kept_image_and_keeps_the_text(
    app: AppContext, server: ScriptedServer
) -> None:
    with app.database.begin() as connection:
        ada = users.add(connection, email="ada@example.org", name="Ada", role=Role.EDITOR, now=app.clock()).id
    body = f"Text.\n\n![A picture]({server.url}/a.png)\n\n![Gone]({server.url}/gone.png)"
    text = DraftText(title="Written", language="en", body=body)
    draft = start(app, key="k", user_id=ada, text=text)
    place = WritingPlace(draft_id=draft.id)
    writing = open_writing(app, place, user_id=ada)
    assert imagine(app, writing).images[0].src == f"{server.url}/a.png"
    assert server.requests == [], "a preview asks nobody"
    saved = save(app, place, text, writing.base, user_id=ada, actor="user:ada")
    assert isinstance(saved, SavedArticle)
    images = saved.found.article.images
    assert (images[0].width, images[0].src[:7], images[1].src) == (320, "/media/", f"{server.url}/gone.png")
    assert saved.found.source_text == body
    assert f"the image {server.url}/gone.png was not fetched" in " ".join(saved.found.manuscript.warnings)
    again = WritingPlace(article_id=saved.found.id)
    base = open_writing(app, again, user_id=ada).base
    same = save(app, again, text, base, user_id=ada, actor="user:ada")
    assert isinstance(same, SavedArticle)
    assert same.change is Change.UNCHANGED


def test_what_programs_write_has_its_images_fetched(app: AppContext, server: ScriptedServer) -> None:
    text = DraftText(title="Posted", language="en", image=f"{server.url}/a.png", image_alt="A", body="Text.")
    added = add_text(app, text, key="api:1", actor="api:shop").found
    assert added.article.images[0].src.startswith("/media/")
    assert add_text(app, text, key="api:1", actor="api:shop").change is Change.UNCHANGED
    revised = revise_text(
        app,
        added.article.slug,
        lambda before: replace(before, body=f"Text.\n\n![B]({server.url}/b.webp)"),
        revision=1,
        actor="api:shop",
    ).found
    assert [image.src.startswith("/media/") for image in revised.article.images] == [True, True]
    assert sorted(request.path for request in server.requests) == ["/a.png", "/b.webp"]


def test_readers_of_the_page_the_feed_and_the_mail_get_our_address(app: AppContext, server: ScriptedServer) -> None:
    write(app, "a.md", f"Text.\n\n![A picture]({server.url}/b.webp)")
    scan(app)
    article_control.publish(app, "a", actor="cli:ada")
    found = stored(app, "a").article
    (image,) = found.images
    with TestClient(create_app(app), base_url=app.site.public_url) as client:
        page = client.get("/articles/a").text
        assert client.get(image.src).headers["content-type"] == "image/jpeg"
    with app.database.begin() as connection:
        media = articles.find_media_by_src(connection, image.src)
    assert media is not None
    context = RenderContext(site=app.site, templates=app.templates, media=InMemoryMedia([media]))
    mail = make_channel("email", {}).render([found], context)
    feed = make_channel("feed", {}).render([found], context)
    for shown in (page, str(mail), str(feed)):
        assert image.src in html.unescape(shown)
        assert not re.search(re.escape(server.url), shown)


def test_a_dead_image_is_a_warning_of_the_review_that_names_it(
    app: AppContext, server: ScriptedServer, harness: CampaignHarness
) -> None:
    write(app, "a.md", f"![A picture]({server.url}/gone.png)\n\n![Kept]({server.url}/a.png)")
    scan(app)
    harness.channel("news", "scripted")
    campaign_id = harness.draft("news", slugs=("a",))
    found = review_campaign(app, campaign_id, with_links=True)
    assert f"the image {server.url}/gone.png in article a answers 404 Not Found" in [
        one.problem.message for one in found.warnings
    ]
    assert f"{server.url}/a.png" not in str(found.warnings)


def test_it_is_remembered_when_an_address_was_fetched_and_the_first_image_stays(
    app: AppContext, server: ScriptedServer
) -> None:
    url = f"{server.url}/a.png"
    image, _ = only_image(app, taken(app, url))
    with app.database.begin() as connection:
        other = articles.find_media_by_src(connection, image.src)
        assert other is not None
        stored_images.add(connection, url, replace(other, name="0.png"), width=1, height=1, now=app.clock())
        assert stored_images.find(connection, [url])[url].src == image.src
        assert stored_images.find(connection, []) == {}


@contextmanager
def endless_server() -> Iterator[str]:
    """The URL of a server whose one answer has no end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n")
                    while True:
                        connection.sendall(bytes(65536))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join()


@contextmanager
def counting_connections(asked: list[str]) -> Iterator[None]:
    """Collects the names that are resolved."""
    found: Callable[..., object] = socket.getaddrinfo

    def look_up(host: str, *rest: object, **options: object) -> object:
        if options.get("type") == socket.SOCK_STREAM:
            asked.append(host)
        return found(host, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield
