"""An article from a web address: what it says, and nothing that stands around it; what may not be fetched is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from distributor.domain.article import ArticleState
from distributor.domain.blocks import Code, Heading, Image, List, Quote, Table, links_of, plain_text
from distributor.domain.errors import SourceError
from distributor.domain.ip_networks import parse_networks
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Change
from distributor.flow.articles.web_article import add_web_article, is_web_address
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.testing.scripted_server import RecordedRequest, Reply, ScriptedServer, Step, scripted_server

LONG = "Das Meer steigt und sinkt zweimal am Tag, und wer an der Küste wohnt, der richtet sich danach. "
HEAD = """<html lang="de-AT"><head><meta charset="{charset}"><title>Gezeiten | Das Blatt</title>
<meta name="author" content="Ida Crane"><meta name="description" content="Kurz gesagt."><base href="/deep/">
<meta property="article:published_time" content="2026-05-04T10:00:00+02:00">
<meta name="keywords" content="Meer, Mond"><meta property="og:image" content="/og.png">
<link rel="canonical" href="{canonical}"></head>"""
BODY = f"""<body><nav><a href="/">Start</a> <a href="/shop">Laden</a></nav><main><article><h1>Gezeiten</h1>
<p>{LONG}Siehe <a href="map">die Karte</a>. {LONG}</p><h2>Mond</h2>
<ul><li>eins<ul><li>innen</li></ul></li><li>zwei</li></ul><p><img src="../coast.png" alt="Küste"></p>
<table><tr><th>Ort</th><th>Hub</th></tr><tr><td>Büsum</td><td>3,5 m</td></tr></table>
<blockquote><p>Wer wartet, sieht mehr.</p></blockquote><pre><code>a = 1
b = 2</code></pre><p>{LONG}</p></article></main><!-- never shown -->
<footer>Impressum Cookies Datenschutz</footer><script>alert(1)</script></body></html>"""


def answer(request: RecordedRequest) -> Step:
    html = {"Content-Type": "text/html"}
    canonical = "https://blatt.example/gezeiten"
    page = HEAD.format(charset="utf-8", canonical=canonical) + BODY
    match request.path:
        case "/robots.txt":
            return Reply(200, b"User-agent: *\nDisallow: /private/\n", {"Content-Type": "text/plain"})
        case "/moved":
            return Reply(302, b"", {"Location": "/private/page"})
        case "/latin":
            old = (HEAD.format(charset="utf-8", canonical=canonical) + BODY).encode("latin-1")
            return Reply(200, old, {"Content-Type": "text/html; charset=ISO-8859-1"})
        case "/meta":
            return Reply(200, (HEAD.format(charset="windows-1252", canonical=canonical) + BODY).encode("cp1252"), html)
        case "/pdf":
            return Reply(200, b"%PDF", {"Content-Type": "application/pdf"})
        case "/gone":
            return Reply(404, b"", html)
        case "/empty":
            return Reply(200, b"<html><body></body></html>", html)
        case "/large":
            return Reply(200, b"<p>" + b"x" * (5 * 2**20 + 1), html)
        case "/deep":
            return Reply(200, ("<div>" * 5_000 + "x" + "</div>" * 5_000).encode(), html)
        case _:
            return Reply(200, page.encode(), html)


@pytest.fixture
def app(app: AppContext) -> AppContext:
    """An app that may fetch from servers on this machine."""
    return replace(app, fetch_networks=parse_networks("127.0.0.1"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(route=answer) as running:
        yield running


def found(app: AppContext, slug: str) -> StoredArticle:
    with app.database.begin() as connection:
        return articles.find_by_slug(connection, slug)


def test_the_article_of_a_page_is_a_draft_with_what_the_page_says_about_it(app: AppContext, server: ScriptedServer):
    added = add_web_article(app, f"{server.url}/page?a=1#top")
    one = found(app, added.slug)
    article = one.article

    assert (article.title, article.author, article.language) == ("Gezeiten", "Ida Crane", "de-AT")
    assert (article.summary, article.canonical_url) == ("Kurz gesagt.", "https://blatt.example/gezeiten")
    assert [tag.label for tag in article.tags] == ["Meer", "Mond"]
    assert one.status.state is ArticleState.DRAFT
    assert one.manuscript.published_at == datetime(2026, 5, 4, tzinfo=UTC)
    assert {Heading, List, Image, Table, Quote, Code} <= {type(block) for block in article.body}
    assert next(block.text for block in article.body if isinstance(block, Code)) == "a = 1\nb = 2"
    assert links_of(article.body) == [f"{server.url}/deep/map"]
    assert [(image.src, image.alt) for image in article.images] == [(f"{server.url}/coast.png", "Küste")]
    text = plain_text(article.body)
    assert "innen" in text
    assert not any(word in text for word in ("Impressum", "Laden", "alert", "never shown"))


def test_the_same_address_is_the_same_article(app: AppContext, server: ScriptedServer):
    first = add_web_article(app, f"{server.url}/page")
    again = add_web_article(app, f"{server.url}/page")

    assert (first.change, again.change) == (Change.ADDED, Change.UNCHANGED)
    assert again.slug == first.slug


@pytest.mark.parametrize("path", ["/latin", "/meta"])
def test_the_header_and_then_the_page_say_its_encoding(app: AppContext, server: ScriptedServer, path: str):
    assert "Büsum" in plain_text(found(app, add_web_article(app, server.url + path).slug).article.body)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/private/page", "robots.txt of the site forbids"),
        ("/moved", "robots.txt of the site forbids"),
        ("/pdf", "no page but application/pdf: download it"),
        ("/gone", "404 Not Found"),
        ("/empty", "no article is found"),
        ("/large", "larger than 5 MB"),
        ("/deep", "nested too deeply|no article is found"),
    ],
)
def test_what_is_no_article_or_may_not_be_fetched_is_refused(
    app: AppContext, server: ScriptedServer, path: str, message: str
):
    with pytest.raises(SourceError, match=message):
        add_web_article(app, server.url + path)


def test_an_address_inside_the_network_is_not_fetched(app: AppContext, server: ScriptedServer):
    with pytest.raises(SourceError, match="not a public address"):
        add_web_article(replace(app, fetch_networks=()), f"{server.url}/page")
    assert server.requests_to("GET", "/page") == []


def test_only_addresses_of_the_web_are_ones():
    assert is_web_address("HTTPS://example.org/a.md")
    assert not is_web_address("file:///etc/passwd")
    assert not is_web_address("a.md")
