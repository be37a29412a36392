"""What WordPress renders becomes an article, and a password goes to the site only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from distributor.domain.blocks import Code, Image, images_of, plain_text
from distributor.domain.errors import SourceError
from distributor.guarded_http import FetchedResponse
from distributor.sources.html import read_html
from distributor.sources.items import ReadItem, SourceItem, UnreadableItem
from distributor.sources.kinds.api import Reading
from distributor.sources.kinds.wordpress import WordPressSettings, WordPressSource
from distributor.sources.kinds.wordpress_html import plain_html

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECRET = "abcd efgh ijkl mnop"


def text_of(html: str) -> str:
    return plain_text(read_html(plain_html(html), is_page=False)).strip()


def images_in(html: str) -> list[Image]:
    return list(images_of(read_html(plain_html(html), is_page=False)))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<p>Hello <img src="https://s.w.org/1f642.png" alt="🙂" class="wp-smiley" /> you</p>', "Hello 🙂 you"),
        ('<p>One</p><p><a href="/p/#more-5" class="more-link">Continue reading</a></p>', "One"),
        ('<p>One</p><div class="sharedaddy sd-sharing-enabled"><h3>Share this:</h3><ul><li>X</li></ul></div>', "One"),
        ("<p>One</p><form><label>Mail</label><input><button>Subscribe</button></form>", "One"),
        ("<p>[vc_row full_width=&#8221;stretch&#8221;][vc_column]One[/vc_column][/vc_row]</p>", "One"),
        ("<p>Before</p><p>[contact-form-7 id=&#8221;12&#8243; title=&#8221;Mail us&#8221;]</p>", "Before"),
        ('<p>[gallery ids="1,2"]</p><p>[tabs]One[/tabs] Two</p>', "One Two"),
        ("<p>They said it [sic] in [1] and [see below], [update] at noon […] [/sarcasm]</p>",) * 2,
        ("<p>Write <code>[gallery]</code> there[gallery]</p>", "Write [gallery] there"),
        (
            '<figure class="wp-block-embed"><div><blockquote class="wp-embedded-content"><a href="https://b.example/">B'
            '</a></blockquote><iframe class="wp-embedded-content" title="“B” — Site" src="https://b.example/embed/">'
            "</iframe></div></figure>",
            "B",
        ),
        (
            '<div class="wp-block-file"><a href="https://site.example/a.pdf">The report</a>'
            '<a href="https://site.example/a.pdf" class="wp-block-file__button" download>Download</a></div>',
            "The report",
        ),
        (
            '<p>See:</p><iframe data-src="https://www.youtube.com/embed/a" src="about:blank" title="A talk"></iframe>',
            "See:\n▶ A talk",
        ),
    ],
)
def test_what_the_page_shows_is_read(html: str, text: str) -> None:
    expected = text.replace("<p>", "").replace("</p>", "")
    assert text_of(html) == expected


def test_a_shortcode_in_code_stays() -> None:
    (block,) = read_html(plain_html('<pre><code>[gallery ids="1"]</code></pre>'), is_page=False)
    assert block == Code('[gallery ids="1"]')


@pytest.mark.parametrize(
    "html",
    [
        '<img src="data:image/gif;base64,R0" data-src="https://site.example/a.jpg" class="lazyload" alt="A">'
        '<noscript><img src="https://site.example/a.jpg" alt="A"></noscript>',
        '<img src="https://site.example/blank.gif" data-lazy-src="https://site.example/a.jpg" alt="A">',
        '<img data-srcset="https://site.example/s.jpg 300w, https://site.example/a.jpg 1024w" alt="A">',
        '<img src="data:,x" srcset="https://site.example/a.jpg 2x, https://site.example/s.jpg" alt="A">',
        '<noscript><img src="https://site.example/a.jpg" alt="A"></noscript>',
        '<a href="https://site.example/a.jpg"><img src="https://site.example/a.jpg" srcset="x 1w" alt="A"></a>',
    ],
)
def test_an_image_that_a_script_would_load_is_there_once(html: str) -> None:
    (image,) = images_in(f"<p>Text</p><figure>{html}</figure>")
    assert (image.src, image.alt) == ("https://site.example/a.jpg", "A")


@pytest.mark.parametrize(
    "html",
    [
        '<figure class="wp-block-gallery"><figure class="wp-block-image"><img src="/a.jpg"><figcaption>One</figcaption>'
        '</figure><figure class="wp-block-image"><img src="/b.jpg"><figcaption>Two</figcaption></figure></figure>',
        '<ul class="wp-block-gallery"><li class="blocks-gallery-item"><figure><img src="/a.jpg"><figcaption>One'
        '</figcaption></figure></li><li class="blocks-gallery-item"><figure><img src="/b.jpg"><figcaption>Two'
        "</figcaption></figure></li></ul>",
        '<div class="gallery"><dl class="gallery-item"><dt class="gallery-icon"><img src="/a.jpg"></dt><dd class='
        '"wp-caption-text gallery-caption">One</dd></dl><dl class="gallery-item"><dt class="gallery-icon"><img src='
        '"/b.jpg"></dt><dd class="wp-caption-text gallery-caption">Two</dd></dl><br></div>',
        '<div class="wp-caption"><img src="/a.jpg"><p class="wp-caption-text">One</p></div>'
        '<div class="wp-caption"><img src="/b.jpg"><p class="wp-caption-text">Two</p></div>',
    ],
)
def test_images_of_galleries_have_their_own_captions(html: str) -> None:
    captions = [(image.src, "".join(run.text for run in image.caption)) for image in images_in(html)]
    assert captions == [("/a.jpg", "One"), ("/b.jpg", "Two")]


def test_many_brackets_take_no_longer_than_a_long_text() -> None:
    # With a pattern that tries each way, one of these would take for ever.
    for hostile in ("[a " * 300_000, "[a" + " b=c" * 200_000, '[a "' * 200_000, "[a_" * 300_000):
        assert plain_html(f"<p>{hostile}</p>").startswith("<div><p>[a")


def test_what_cannot_be_parsed_stays_as_it_is() -> None:
    deep = "<div>" * 600
    assert plain_html(deep).count("<div>") >= 1
    assert plain_html(" ") == " "


Answer = Callable[[str, Mapping[str, str]], FetchedResponse]


def answering(body: Any, *, url: str = "", status: int = 200, **headers: str) -> FetchedResponse:
    coded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return FetchedResponse(url=url, status=status, headers={"x-wp-total": "1", **headers}, body=coded)


def reading_with(answer: Answer) -> Reading:
    def article_of(address: str) -> Any:
        raise AssertionError(address)

    return Reading(fetch=lambda address, headers, _: answer(address, headers), article_of=article_of, now=NOW)


def source(**settings: Any) -> WordPressSource:
    return WordPressSource(WordPressSettings.model_validate({"site": "https://site.example", **settings}))


def read_post(post: Mapping[str, Any], **settings: Any) -> ReadItem:
    """What a source gives that has this post only."""
    whole = {"id": 1, "title": {"rendered": "T"}, "content": {"rendered": "<p>Some text, as it is.</p>"}, **post}
    page = answering(b"", link='<https://site.example/wp-json/>; rel="https://api.w.org/"')
    reading = reading_with(lambda address, _: answering([whole]) if "wp/v2" in address else page)
    return next(iter(source(**settings).read(reading)))


def manuscript_of(post: Mapping[str, Any], **settings: Any) -> Any:
    item = read_post(post, **settings)
    assert isinstance(item, SourceItem)
    return item.manuscript


@pytest.mark.parametrize(
    ("excerpt", "summary"),
    [
        ("<p>What it is about.</p>", "What it is about."),
        ("<p>It is about many things [&hellip;]</p>", "Some text, as it is."),
        ("<p>It is about many things&#8230; <a class='more-link' href='/'>Go on</a></p>", "Some text, as it is."),
        ("<p>Some  text,</p>", "Some text, as it is."),
        ("", "Some text, as it is."),
    ],
)
def test_only_an_excerpt_that_a_person_wrote_is_a_summary(excerpt: str, summary: str) -> None:
    assert manuscript_of({"excerpt": {"rendered": excerpt}}).summary == summary


def featured(url: str) -> Mapping[str, Any]:
    media = {
        "media_type": "image",
        "source_url": url,
        "alt_text": "A boat",
        "caption": {"rendered": "<p>Out at sea</p>"},
    }
    return {"_embedded": {"wp:featuredmedia": [media]}}


def test_the_featured_image_stands_beside_a_text_with_other_images_and_not_beside_itself() -> None:
    content = {"content": {"rendered": '<p>Text</p><img src="https://site.example/boat-1024x683.jpg">'}}
    other = manuscript_of({**featured("https://site.example/sea.jpg"), **content}).image
    assert (other.src, other.alt, other.caption[0].text) == ("https://site.example/sea.jpg", "A boat", "Out at sea")
    assert manuscript_of({**featured("https://site.example/boat-scaled.jpg"), **content}).image is None
    assert (
        manuscript_of({"jetpack_featured_media_url": "https://i0.wp.com/a.jpg"}).image.src == "https://i0.wp.com/a.jpg"
    )
    assert manuscript_of({"_embedded": {"wp:featuredmedia": [{"code": "rest_forbidden"}]}}).image is None


def test_categories_are_tags_if_that_is_set_and_the_one_of_posts_without_one_never() -> None:
    terms = [
        [{"taxonomy": "category", "name": "News", "slug": "news"}],
        [{"taxonomy": "category", "name": "Allgemein", "slug": "allgemein-2"}, None],
        [{"taxonomy": "post_tag", "name": "Sea", "slug": "sea"}, {"taxonomy": "mood", "name": "Calm"}],
    ]
    post = {"_embedded": {"wp:term": [*terms, {"code": "rest_x"}]}}
    assert [tag.label for tag in manuscript_of(post).tags] == ["Sea", "News"]
    assert [tag.label for tag in manuscript_of(post, categories_as_tags=False).tags] == ["Sea"]


def test_what_changes_with_each_answer_makes_no_other_revision() -> None:
    def hash_of(html: str) -> str:
        page = answering(b"", link='<https://site.example/wp-json/>; rel="https://api.w.org/"')
        post = {"id": 1, "title": {"rendered": "T"}, "content": {"rendered": html}}
        reading = reading_with(lambda address, _: answering([post]) if "wp/v2" in address else page)
        item = next(iter(source().read(reading)))
        assert isinstance(item, SourceItem)
        return item.content_hash

    html = '<p>Text</p><form><input name="nonce" value="{0}"></form><img src="/a.jpg" data-id="{0}" decoding="async">'
    assert hash_of(html.format("a1")) == hash_of(html.format("b2"))
    assert hash_of("<p>Text</p>") != hash_of("<p>Text.</p>")


def test_a_password_is_sent_to_the_site_and_to_no_other_host() -> None:
    sent: dict[str, str] = {}

    def answer(address: str, headers: Mapping[str, str]) -> FetchedResponse:
        sent[address.partition("?")[0]] = headers.get("Authorization", "")
        if "wp/v2" in address:
            return answering({"code": "rest_forbidden", "message": "No."}, status=401)
        return answering(b"", link=f'<{root}>; rel="https://api.w.org/"')

    root = "https://site.example/wp-json/"
    with_password = source(username="ada", application_password=SECRET)
    with pytest.raises(SourceError, match="refuses the user name or the application password") as error:
        list(with_password.read(reading_with(answer)))
    coded = base64.b64encode(f"ada:{SECRET}".encode()).decode()
    assert sent == {"https://site.example": "", "https://site.example/wp-json/wp/v2/posts": f"Basic {coded}"}
    assert SECRET not in str(error.value)

    for other in ("https://other.example/wp-json/", "http://site.example/wp-json/", "https://site.example:444/"):
        root = other
        sent.clear()
        with pytest.raises(SourceError, match="to which no password is sent"):
            list(with_password.read(reading_with(answer)))
        assert set(sent.values()) == {""}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"site": "http://site.example", "username": "a", "application_password": "b"}, "over https only"),
        ({"site": "https://site.example", "username": "a"}, "given together"),
        ({"site": "https://a:b@site.example"}, "match"),
        ({"site": "ftp://site.example"}, "match"),
        ({"site": "https://site.example", "post_type": "../users"}, "match"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Mapping[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        WordPressSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://site.example/wp-json/wp/v2/posts?per_page=5", "https://site.example"),
        ("https://site.example/blog/wp-json", "https://site.example/blog"),
        ("https://site.example/index.php?rest_route=/wp/v2/posts", "https://site.example"),
        ("https://public-api.wordpress.com/wp/v2/sites/a.example/posts", "https://a.example"),
        ("https://ada.wordpress.com/", "https://ada.wordpress.com"),
        ("https://ada.wordpress.com/feed/", None),
        ("https://site.example/", None),
        ("https://site.example/about-wp-json.html", None),
        ("/srv/wp-json", None),
    ],
)
def test_an_address_that_says_so_is_recognized(address: str, site: str | None) -> None:
    assert WordPressSource.recognize(address) == ({"site": site} if site else None)


@pytest.mark.parametrize(
    ("body", "headers", "site"),
    [
        (
            b"",
            {"link": '<https://site.example/wp-json/>; rel="https://api.w.org/", </x>; rel=next'},
            "https://site.example",
        ),
        (b'<link rel="https://api.w.org/" href="/blog/wp-json/" />', {}, "https://site.example/blog"),
        (b'<link rel="https://api.w.org/" href="https://b.example/?rest_route=/">', {}, "https://b.example"),
        (b'<meta name="generator" content="WordPress.com" />', {}, "https://site.example"),
        (b"<p>See https://api.w.org/ for WordPress.com</p>", {}, None),
        (b"\xff\x00", {"link": '</feed>; rel="alternate"'}, None),
    ],
)
def test_a_page_tells_whether_its_site_is_in_wordpress(
    body: bytes, headers: Mapping[str, str], site: str | None
) -> None:
    page = FetchedResponse(url="https://site.example/a-post/", status=200, headers=headers, body=body)
    assert WordPressSource.found_at(page) == ({"site": site} if site else None)


def test_sites_on_wordpress_com_are_asked_at_its_own_api() -> None:
    asked: list[str] = []

    def answer(address: str, _: Mapping[str, str]) -> FetchedResponse:
        asked.append(address)
        return answering([])

    assert list(source(site="https://ada.wordpress.com").read(reading_with(answer))) == []
    assert all(one.startswith("https://public-api.wordpress.com/wp/v2/sites/ada.wordpress.com/posts?") for one in asked)


def test_text_that_is_nested_too_deeply_is_refused_and_never_cut_off() -> None:
    def post_of(depth: int) -> Mapping[str, Any]:
        html = f"{'<div>' * depth}<p>Inside</p>{'</div>' * depth}<p>After</p>"
        return {"content": {"rendered": html}, "link": "https://site.example/post/"}

    assert plain_text(manuscript_of(post_of(100)).body).strip() == "Inside\nAfter"
    for depth in (300, 600):
        item = read_post(post_of(depth))
        assert isinstance(item, UnreadableItem)
        assert "nested too deeply" in str(item.error)
