"""The pages that readers see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.article import ArticleState, ArticleStatus
from distributor.domain.blocks import Alignment, Code, Image, Paragraph, Run, Table
from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.storage import tags
from distributor.web.app import create_app

from .samples import PUBLISHED, PublishFeed, WriteArticle

SCRIPT = "<script>alert(1)</script>"


def page_at(client: TestClient, path: str) -> html.HtmlElement:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return html.document_fromstring(response.content)


def meta(page: html.HtmlElement, name: str) -> str | None:
    return next(iter(page.xpath("//meta[@name=$name or @property=$name]/@content", name=name)), None)


def test_an_article_has_its_words_author_date_and_tags(client: TestClient, write_article: WriteArticle):
    page = page_at(client, f"/articles/{write_article()}")
    assert page.xpath("//h1/text()") == ["The news"]
    assert page.xpath("//*[@class='author']/text()") == ["Ada Reporter"]
    assert page.xpath("//time/text()") == ["20 November 2026"]
    assert page.xpath("//time/@datetime") == ["2026-11-20T09:30:00+00:00"]
    assert page.xpath("//div[@class='prose']/p/text()") == ["It happened."]
    assert page.xpath("//a[@rel='tag']/@href") == ["/tags/local-news"]


def test_an_article_tells_programs_what_it_is(client: TestClient, write_article: WriteArticle):
    page = page_at(client, f"/articles/{write_article()}")
    assert page.xpath("//title/text()") == ["The news · The Test Gazette"]
    assert meta(page, "description") == meta(page, "og:description") == "What happened."
    assert meta(page, "og:type") == "article"
    assert meta(page, "og:url") == "http://gazette.example/articles/the-news"
    assert page.xpath("//link[@rel='canonical']/@href") == ["http://gazette.example/articles/the-news"]
    assert meta(page, "article:published_time") == "2026-11-20T09:30:00+00:00"
    assert meta(page, "article:tag") == "Local news"


@pytest.mark.parametrize("path", ["/", "/articles/the-news"])
def test_the_main_rss_feed_is_found_first_and_every_feed_has_a_title_of_its_own(
    client: TestClient, write_article: WriteArticle, path: str
):
    write_article()
    links = page_at(client, path).xpath("//link[@rel='alternate']")
    assert [link.get("href") for link in links] == ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json"]
    assert [link.get("type") for link in links] == [
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
    ]
    assert len({link.get("title") for link in links}) == len(links)


def test_on_the_page_of_a_tag_its_own_feed_is_found_first(client: TestClient, write_article: WriteArticle):
    write_article()
    links = page_at(client, "/tags/local-news").xpath("//link[@rel='alternate']/@href")
    assert links[0] == "/feeds/tags/local-news.rss"
    assert "/feeds/all.rss" in links


def test_nothing_an_author_writes_becomes_markup(client: TestClient, write_article: WriteArticle):
    write_article(
        title=SCRIPT,
        summary=SCRIPT,
        author=SCRIPT,
        tags=(Tag(f'"{SCRIPT}'),),
        body=(Paragraph((Run(SCRIPT), Run("go", href="javascript:alert(1)"))),),
    )
    for path in ("/", "/articles/the-news", "/tags/script-alert-1-script"):
        page = page_at(client, path)
        assert page.xpath("//script") == []
        assert page.xpath("//a[starts-with(@href, 'javascript')]") == []
    assert page_at(client, "/articles/the-news").xpath("//h1/text()") == [SCRIPT]


def test_pictures_of_an_article_are_loaded_from_this_site(client: TestClient, write_article: WriteArticle):
    write_article(body=(Image("/media/a.png", "A boat"),), image=None)
    page = page_at(client, "/articles/the-news")
    assert page.xpath("//img/@src") == ["http://gazette.example/media/a.png"]
    assert meta(page, "og:image") == "http://gazette.example/media/a.png"
    assert meta(page, "og:image:alt") == "A boat"


def test_the_image_of_an_article_opens_it_unless_it_is_in_it(client: TestClient, write_article: WriteArticle):
    boat = Image("https://pictures.example/boat.png", "A boat")
    write_article("with", body=(Paragraph((Run("Text"),)),), image=boat)
    write_article("within", body=(Paragraph((Run("Text"),)), boat), image=boat)
    assert page_at(client, "/articles/with").xpath("//div[@class='prose']//img/@alt") == ["A boat"]
    assert page_at(client, "/articles/within").xpath("//div[@class='prose']//img/@alt") == ["A boat"]


def test_the_image_of_an_article_stands_above_its_title_once(client: TestClient, write_article: WriteArticle):
    boat = Image("https://pictures.example/boat.png", "A boat")
    write_article("with", body=(Paragraph((Run("Text"),)),), image=boat)
    write_article("beginning", body=(replace(boat, caption=(Run("At sea"),)), Paragraph((Run("Text"),))), image=boat)
    for slug in ("with", "beginning"):
        (image,) = page_at(client, f"/articles/{slug}").xpath("//article//img")
        assert image.xpath("following::h1") != []
    assert page_at(client, "/articles/beginning").xpath("//figcaption/text()") == ["At sea"]


def test_a_badge_is_not_what_a_shared_link_shows(client: TestClient, write_article: WriteArticle):
    badge = Image("https://pictures.example/badge.gif", "Award", width=88, height=31)
    write_article(body=(Paragraph((Run("Won: "), Run("Award", image=badge))),))
    page = page_at(client, "/articles/the-news")
    assert page.xpath("//p/img/@class") == ["inline"]
    assert meta(page, "og:image") is None


def test_wide_tables_and_code_scroll_with_the_keyboard(client: TestClient, write_article: WriteArticle):
    cell = (Run("<table>"),)
    write_article(body=(Table((cell,), ((cell,),), (Alignment.RIGHT,)), Code("<pre>")))
    page = page_at(client, "/articles/the-news")
    assert page.xpath("//div[@tabindex='0' and @role='region']/table//td/text()") == ["<table>"]
    assert page.xpath("//pre[@tabindex='0']/code/text()") == ["<pre>"]
    assert page.xpath("//td/@style") == ["text-align:right"]


def test_an_article_reads_in_the_direction_of_its_language(client: TestClient, write_article: WriteArticle):
    write_article(language="he")
    article = page_at(client, "/articles/the-news").xpath("//article")[0]
    assert (article.get("lang"), article.get("dir")) == ("he", "rtl")


def test_a_slug_may_hold_any_letters(client: TestClient, write_article: WriteArticle):
    write_article("новини", tags=(Tag("Київ"),))
    assert client.get(f"/articles/{quote('новини')}").status_code == 200
    page = page_at(client, f"/tags/{quote('київ')}")
    assert page.xpath("//ol//a/@href") == [f"/articles/{quote('новини')}"]
    canonical = page_at(client, f"/articles/{quote('новини')}").xpath("//link[@rel='canonical']/@href")
    assert canonical == [f"http://gazette.example/articles/{quote('новини')}"]


def test_the_front_page_lists_the_newest_first(client: TestClient, write_article: WriteArticle):
    write_article("older", title="Older", published_at=PUBLISHED - timedelta(days=1))
    write_article("newer", title="Newer")
    assert page_at(client, "/").xpath("//ol//h2/a/text()") == ["Newer", "Older"]


def test_news_of_tomorrow_cannot_be_read_today(client: TestClient, write_article: WriteArticle, app: AppContext):
    write_article("today", tags=(Tag("Boats"),))
    write_article("tomorrow", published_at=app.clock() + timedelta(days=1), tags=(Tag("Boats"), Tag("Secret merger")))
    assert page_at(client, "/").xpath("//ol//h2/a/@href") == ["/articles/today"]
    assert page_at(client, "/tags/boats").xpath("//ol//h2/a/@href") == ["/articles/today"]
    assert client.get("/articles/tomorrow").status_code == 404
    assert client.get("/tags/secret-merger").status_code == 404, "the name of a tag says something too"


def test_articles_of_the_future_do_not_push_those_of_today_off_the_front_page(
    client: TestClient, write_article: WriteArticle, app: AppContext
):
    write_article("today")
    for number in range(60):
        write_article(f"future-{number}", published_at=app.clock() + timedelta(days=1))
    assert page_at(client, "/").xpath("//ol//h2/a/@href") == ["/articles/today"]
    assert page_at(client, "/tags/local-news").xpath("//ol//h2/a/@href") == ["/articles/today"]


def test_an_article_can_be_read_once_its_embargo_is_over(write_article: WriteArticle, app: AppContext):
    embargo = app.clock() + timedelta(days=1)
    write_article(published_at=embargo)
    with TestClient(create_app(replace(app, clock=lambda: embargo))) as client:
        assert client.get("/articles/the-news").status_code == 200
        assert page_at(client, "/").xpath("//ol//h2/a/@href") == ["/articles/the-news"]


@pytest.mark.parametrize("state", [ArticleState.DRAFT, ArticleState.READY])
def test_what_is_not_published_cannot_be_read(client: TestClient, write_article: WriteArticle, state: ArticleState):
    write_article(status=ArticleStatus(state=state))
    assert page_at(client, "/").xpath("//ol//h2") == []
    assert client.get("/tags/local-news").status_code == 404
    assert client.get("/articles/the-news").status_code == 404


def test_a_withdrawn_article_is_gone_and_its_page_says_so(
    client: TestClient, write_article: WriteArticle, app: AppContext
):
    write_article(status=ArticleStatus().published(app.clock(), dated=PUBLISHED).withdrawn(app.clock()))
    response = client.get("/articles/the-news")
    assert response.status_code == 410
    assert "withdrawn" in html.document_fromstring(response.content).xpath("string(//h1)")
    assert "It happened" not in response.text
    assert page_at(client, "/").xpath("//ol//h2") == []
    assert client.get("/tags/local-news").status_code == 404


def test_an_article_withdrawn_during_its_embargo_looks_as_if_it_had_never_been(
    client: TestClient, write_article: WriteArticle, app: AppContext
):
    embargoed = ArticleStatus().published(app.clock(), at=app.clock() + timedelta(days=1))
    write_article(status=embargoed.withdrawn(app.clock()))
    assert client.get("/articles/the-news").status_code == 404


def test_a_front_page_without_articles_says_so(client: TestClient):
    assert "Nothing has been published yet" in client.get("/").text


def test_feeds_are_offered_once_there_are_any(
    client: TestClient, write_article: WriteArticle, publish_feed: PublishFeed
):
    write_article()
    assert page_at(client, "/").xpath("//*[@id='follow']//a/@href") == []
    publish_feed("feeds/all.rss")
    assert page_at(client, "/").xpath("//*[@id='follow']//a/@href")[0] == "/feeds/all.rss"


def test_the_page_of_a_tag_lists_its_articles_only(client: TestClient, write_article: WriteArticle):
    write_article("one", title="One", tags=(Tag("Boats"),))
    write_article("two", title="Two", tags=(Tag("Trains"),))
    page = page_at(client, "/tags/boats")
    assert page.xpath("//h1/text()") == ["Boats"]
    assert page.xpath("//ol//h2/a/text()") == ["One"]


@pytest.mark.parametrize("path", ["/articles/none", "/tags/none", "/articles/a%00b", "/articles/%ff", "/articles/"])
def test_what_is_not_there_is_a_404_in_words(client: TestClient, path: str):
    response = client.get(path)
    assert response.status_code == 404
    assert "not found" in response.text.lower()


def test_a_page_that_has_not_changed_is_not_sent_again(client: TestClient, write_article: WriteArticle):
    path = f"/articles/{write_article()}"
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_below_a_path_of_its_host_all_links_stay_on_the_site(app: AppContext, write_article: WriteArticle):
    write_article()
    site = replace(app.site, public_url="https://example.org/gazette")
    with TestClient(create_app(replace(app, configured_site=site))) as client:
        page = page_at(client, "/articles/the-news")
    links = page.xpath("//a[not(starts-with(@href, '#'))]/@href | //link[not(@rel='icon')]/@href")
    assert [link for link in links if not link.startswith(("/gazette/", "https://example.org/gazette/"))] == []


def test_the_page_of_a_tag_that_was_renamed_or_merged_leads_to_the_new_one(
    app: AppContext, client: TestClient, write_article: WriteArticle
):
    write_article("one", tags=(Tag("JS"), Tag("ECMAScript")))
    write_article("two", tags=(Tag("JavaScript"),))
    with app.database.begin() as connection:
        tags.rename(connection, "js", "Java Script", now=app.clock())
        tags.merge(connection, "java-script", "javascript", now=app.clock())
        tags.change(connection, "ecmascript", parent="javascript", now=app.clock())
    for old in ("js", "java-script"):
        response = client.get(f"/tags/{old}", headers={"If-None-Match": "*"})
        assert (response.status_code, response.headers["location"]) == (301, "/tags/javascript")
        assert response.headers["cache-control"] == "public, max-age=60"
    page = page_at(client, "/tags/javascript")
    assert sorted(page.xpath("//h2/a/@href")) == ["/articles/one", "/articles/two"]
    assert page_at(client, "/articles/one").xpath("//a[@rel='tag']/@href") == ["/tags/javascript", "/tags/ecmascript"]


def test_the_page_of_a_tag_that_is_named_by_signs_has_an_address(client: TestClient, write_article: WriteArticle):
    write_article(tags=(Tag("C++"), Tag("🍕")))
    links = page_at(client, "/articles/the-news").xpath("//a[@rel='tag']/@href")
    assert links == ["/tags/c-plus-plus", "/tags/slice-of-pizza"]
    assert page_at(client, "/tags/slice-of-pizza").xpath("//h1//text()")[-1].strip().endswith("🍕")
