"""Posts in a rendition: their fields, their cards, and the problems that apply to any network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from distributor.channels.api import MeasuringChannel, Personalization, PostLengths, RenderContext
from distributor.channels.registry import make_channel
from distributor.channels.social.channel import PostLimits, problems_of
from distributor.channels.social.post import Post, card_of, posts_of, spans_of
from distributor.domain.blocks import Image
from distributor.domain.errors import InputError
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Severity
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


KINDS = ("x", "mastodon", "bluesky", "telegram")
THREADED = ("x", "mastodon", "bluesky")


def worded(**options: Any) -> RenderContext:
    return render_context(words=MessageOptions(**options))


def measured(kind: str, **options: Any) -> PostLengths:
    channel = make_channel(kind, {})
    assert isinstance(channel, MeasuringChannel)
    return channel.measure_posts(article(), worded(**options))


def rendered(kind: str, **options: Any) -> list[Post]:
    return posts_of(make_channel(kind, {}).render([article()], worded(**options)).payload)


def blocks(kind: str, **options: Any) -> list[str]:
    channel = make_channel(kind, {})
    problems = channel.check(channel.render([article()], worded(**options)))
    return [one.code for one in problems if one.severity is Severity.BLOCK]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_goes_out_whole_and_is_blocked_from_the_length_on_that_is_measured_as_too_long(kind: str) -> None:
    (used,) = measured(kind, text="a", hashtags=()).posts
    longest = "a" * (used.limit - used.used + 1)
    (fits,) = measured(kind, text=longest, hashtags=()).posts
    assert fits.used == fits.limit
    assert blocks(kind, text=longest, hashtags=()) == []
    (longer,) = measured(kind, text=f"{longest}a", hashtags=()).posts
    assert longer.used == longer.limit + 1
    (post,) = rendered(kind, text=f"{longest}a", hashtags=())
    assert f"{longest}a" in post.text
    assert blocks(kind, text=f"{longest}a", hashtags=()) == ["too-long"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_of_a_text_stay_lines(kind: str) -> None:
    (post,) = rendered(kind, text="First line\nSecond line\n\nA paragraph")
    assert post.text.startswith("First line\nSecond line\n\nA paragraph")


@pytest.mark.parametrize("kind", KINDS)
def test_hashtags_that_were_chosen_stand_under_the_post_in_their_order(kind: str) -> None:
    for text in ("", "Read this"):
        (post,) = rendered(kind, text=text, hashtags=("Rye", "Bread"))
        assert post.text.endswith("#Rye #Bread")
        assert post.hashtags == ("Rye", "Bread")
        assert measured(kind, text=text, hashtags=("Rye", "Bread")).hashtags == ("Rye", "Bread")
        (bare,) = rendered(kind, text=text, hashtags=())
        assert "#" not in bare.text


@pytest.mark.parametrize("kind", KINDS)
def test_chosen_hashtags_are_counted_and_never_left_out(kind: str) -> None:
    (used,) = measured(kind, text="a", hashtags=()).posts
    full = "a" * (used.limit - used.used + 1)
    assert measured(kind, text=full).hashtags == ()
    assert measured(kind, text=full, hashtags=("Rye",)).posts[0].used > used.limit
    (post,) = rendered(kind, text=full, hashtags=("Rye",))
    assert post.text.endswith("#Rye")
    (automatic,) = rendered(kind, hashtags=("Rye", "Bread"))
    assert automatic.text.endswith("#Rye #Bread")
    assert blocks(kind, hashtags=("Rye", "Bread")) == []


@pytest.mark.parametrize("kind", THREADED)
def test_a_thread_has_the_parts_that_were_written_in_their_order(kind: str) -> None:
    posts = rendered(kind, text="One", thread=("Two\n\nlines", "Three"))
    assert posts[0].text.startswith("One")
    assert [post.text for post in posts[1:]] == ["Two\n\nlines", "Three"]
    assert [post.continues for post in posts] == [False, True, True]
    assert [post.link != "" for post in posts] == [True, False, False]
    lengths = measured(kind, text="One", thread=("Two", "Three!"))
    assert [one.used for one in lengths.posts[1:]] == [3, 6]
    channel = make_channel(kind, {})
    page = channel.preview(channel.render([article()], worded(text="One", thread=("Two", "Three"))))
    assert "Part 3 of 3" in page


@pytest.mark.parametrize("kind", THREADED)
def test_a_thread_may_continue_the_post_that_is_made_of_the_article(kind: str) -> None:
    first, second = rendered(kind, thread=("More of it",))
    assert first.text.startswith(article().title)
    assert second.text == "More of it"


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_too_long_and_a_part_too_many_are_blocked(kind: str) -> None:
    channel = make_channel(kind, {})
    assert isinstance(channel, MeasuringChannel)
    most = channel.max_thread()
    assert (most > 1) == (kind in THREADED)
    assert blocks(kind, text="One", thread=("More",) * (most - 1)) == []
    assert blocks(kind, text="One", thread=("More",) * most) == ["thread-too-long"]
    assert "too-long" in blocks(kind, text="One", thread=("a" * 5000,))


def test_in_the_form_of_a_thread_x_posts_what_was_written_and_nothing_else() -> None:
    rendition = make_channel("x", {"mode": "thread"}).render([article()], worded(text="word " * 100, hashtags=()))
    (post,) = posts_of(rendition.payload)
    assert post.text.count("word") == 100
