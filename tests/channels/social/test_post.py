"""Posts in a rendition: their fields, their cards, and the problems that apply to any network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.channels.api import MeasuringChannel, Personalization, RenderContext
from distributor.channels.registry import make_channel
from distributor.channels.social.channel import PostLimits, problems_of
from distributor.channels.social.post import Post, card_of, posts_of, spans_of
from distributor.domain.blocks import Image
from distributor.domain.errors import InputError
from distributor.domain.message_options import MessageOptions
from distributor.flow.publishing.campaign_content import read_markdown

from .samples import SITE, article, paragraph, render_context


def codes(*posts: Post, limit: int = 50) -> list[str]:
    return [problem.code for problem in problems_of(posts, PostLimits(length=limit))]


def test_the_spans_of_a_text_are_all_of_it() -> None:
    text = "See https://example.org/#top, #Bread & www.example.org!"
    pieces = spans_of(text)
    assert "".join(piece.text for piece in pieces) == text
    assert [(piece.kind.value, piece.text) for piece in pieces if piece.kind.value != "plain"] == [
        ("link", "https://example.org/#top"),
        ("hashtag", "#Bread"),
        ("link", "www.example.org"),
    ]


def test_a_post_comes_back_from_json_as_it_was() -> None:
    post = Post(text="Hi", language="en", link="https://x.org", hashtags=("One",), card=card_of(article(), SITE))
    assert Post.from_json(post.as_json()) == post
    assert Post.from_json(Post(text="Hi", language="en").as_json()) == Post(text="Hi", language="en")


@pytest.mark.parametrize(
    ("src", "image"),
    [("https://example.org/a.png", "https://example.org/a.png"), ("a.png", ""), ("data:image/png,x", "")],
)
def test_a_card_has_only_an_image_with_an_absolute_address(src: str, image: str) -> None:
    assert card_of(article(image=Image(src)), SITE).image == image


def test_a_card_without_a_summary_tells_how_the_article_begins() -> None:
    assert card_of(article(body=(paragraph("It begins."),)), SITE).description == "It begins."
    assert card_of(article(summary="In short."), SITE).description == "In short."


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://www.gazette.org/x", []),
        ("https://93.184.216.34/x", []),
        ("http://127.0.0.1:8000/x", ["link-is-local"]),
        ("http://192.168.1.4/x", ["link-is-local"]),
        ("http://[::1]:8000/x", ["link-is-local"]),
        ("http://localhost/x", ["link-is-local"]),
        ("http://printer/x", ["link-is-local"]),
        ("http://gazette.local/x", ["link-is-local"]),
    ],
)
def test_a_link_that_readers_cannot_open_is_warned_about(link: str, found: list[str]) -> None:
    assert codes(Post(text="Hi", language="en", link=link)) == found


def test_empty_and_long_posts_are_found_with_their_place() -> None:
    posts = [Post(text="", language="en"), Post(text="a" * 51, language="en")]
    assert codes(*posts) == ["empty", "too-long"]
    problems = list(problems_of(posts, PostLimits(length=50)))
    assert problems[1].where == "post 2 of 2"
    assert "51 characters, 50 are allowed" in problems[1].message


def test_a_shortened_title_is_warned_about() -> None:
    card = card_of(article(title="A title that is long"), SITE)
    assert codes(Post(text="A title…", language="en", card=card)) == ["title-cut"]
    assert codes(replace(Post(text="A title that is long", language="en"), card=card)) == []


def test_a_campaign_may_word_the_post_itself() -> None:
    options = MessageOptions(text="Sourdough, explained in two minutes.")
    context = replace(render_context(), personalization=Personalization(parse_markdown=read_markdown, options=options))
    for kind in ("x", "mastodon", "bluesky", "telegram"):
        (post,) = posts_of(make_channel(kind, {}).render([article()], context).payload)
        assert post.text.startswith("Sourdough, explained in two minutes."), kind
        assert article().title not in post.text
        assert post.card is None or post.card.title == article().title
    with pytest.raises(InputError, match="one text cannot be about 2 articles"):
        make_channel("mastodon", {}).render([article(), article()], context)


@pytest.mark.parametrize("kind", ["x", "mastodon", "bluesky", "telegram"])
def test_a_text_fits_exactly_as_long_as_it_is_measured_to_fit(kind: str) -> None:
    channel = make_channel(kind, {})
    assert isinstance(channel, MeasuringChannel)

    def context(text: str) -> RenderContext:
        personalization = Personalization(parse_markdown=read_markdown, options=MessageOptions(text=text))
        return replace(render_context(), personalization=personalization)

    used = channel.measure_text(article(), context("a"))
    longest = "a" * (used.limit - used.used + 1)
    fits = channel.measure_text(article(), context(longest))
    assert fits.used == fits.limit
    (post,) = posts_of(channel.render([article()], context(longest)).payload)
    assert longest in post.text
    longer = channel.measure_text(article(), context(f"{longest}a"))
    assert longer.used == longer.limit + 1
    (post,) = posts_of(channel.render([article()], context(f"{longest}a")).payload)
    assert longest not in post.text
