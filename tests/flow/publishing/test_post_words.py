"""The words of posts: threads and hashtags that a campaign writes itself go out as written, or are refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from distributor.domain.errors import PostWordsError
from distributor.domain.message_options import MessageOptions
from distributor.domain.tags import Tag
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.plan import create_campaign, duplicate_campaign, edit_campaign, plan
from distributor.flow.publishing.post_words import measure_posts
from distributor.sandbox.registry import emulators
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import campaigns
from tests.flow.campaign_harness import CampaignHarness

THREADED = ("x", "mastodon", "bluesky")
FIRST, SECOND, THIRD = "What a loaf is made of.\nNothing else.", "First: flour.\n\nAll of it.", "Second: #water & time."


@pytest.fixture
def networks(harness: CampaignHarness, tmp_path: Path) -> Iterator[Sandbox]:
    """The emulated networks, each with a channel called as its kind, and an article about bread."""
    harness.article("bread", title="Bread", tags=(Tag("rye"), Tag("wild yeast")))
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        for kind in (*THREADED, "telegram"):
            configure(harness.app, kind, kind, emulators()[kind].channel_settings(sandbox.url(kind)))
        yield sandbox


def posted(sandbox: Sandbox, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{sandbox.http_url}/export/{kind}.json", trust_env=False).json()
    return found


def test_a_thread_goes_out_as_it_was_written_on_every_network_that_has_threads(
    harness: CampaignHarness, networks: Sandbox
) -> None:
    options = MessageOptions(text=FIRST, thread=(SECOND, THIRD), hashtags=())
    own = {"bluesky": MessageOptions(text="Only here", thread=("Two",), hashtags=("Yeast", "Bread"))}
    plan(harness.app, harness.asked(*THREADED, slugs=("bread",), message_options=options, channel_options=own))
    harness.run()
    for kind in ("x", "mastodon"):
        first, *others = posted(networks, kind)
        assert first["text"].startswith(FIRST), kind
        assert "#" not in first["text"]
        assert [one["text"] for one in others] == [SECOND, THIRD]
        assert [one["part"] for one in (first, *others)] == [1, 2, 3]
    first, second = posted(networks, "bluesky")
    assert first["text"] == "Only here\n\n#Yeast #Bread"
    assert (second["text"], second["thread"]) == ("Two", first["id"])


def test_a_network_without_threads_is_refused_one_and_offers_one_post(
    harness: CampaignHarness, networks: Sandbox
) -> None:
    with pytest.raises(PostWordsError, match="on telegram: these are 2 posts, and there are no threads there") as found:
        harness.draft("telegram", message_options=MessageOptions(text="One", thread=("Two",)))
    assert (found.value.channel, found.value.option, found.value.number) == ("telegram", "thread", 2)
    lengths = measure_posts(harness.app, "telegram", ["bread"], MessageOptions())
    assert lengths is not None
    assert lengths.most == 1


@pytest.mark.parametrize(
    ("options", "option", "number", "words"),
    [
        (MessageOptions(text="a" * 400), "text", 1, "280 are allowed: shorten the text by"),
        (MessageOptions(text="a", thread=("b", "c" * 290)), "thread", 3, "has 290 .*, and 280 are allowed: .* by 10"),
        (MessageOptions(text="a" * 240, hashtags=("Rye", "Bread" * 4)), "hashtags", 1, "leave hashtags out"),
        (MessageOptions(hashtags=("Bread" * 18, "Rye" * 30, "Flour" * 18)), "hashtags", 1, "leave hashtags out"),
        (MessageOptions(text="a", thread=("b",) * 5), "thread", 6, "these are 6 posts, and a thread has 5 posts"),
    ],
)
def test_what_is_too_long_is_refused_with_its_place(
    harness: CampaignHarness, networks: Sandbox, options: MessageOptions, option: str, number: int, words: str
) -> None:
    with pytest.raises(PostWordsError, match=words) as found:
        harness.draft("x", slugs=("bread",), channel_options={"x": options})
    assert (found.value.option, found.value.number) == (option, number)


def test_hashtags_are_those_of_the_article_until_somebody_chooses_or_clears_them(
    harness: CampaignHarness, networks: Sandbox
) -> None:
    def hashtags(options: MessageOptions) -> tuple[str, ...]:
        lengths = measure_posts(harness.app, "mastodon", ["bread"], options)
        assert lengths is not None
        return lengths.hashtags

    assert hashtags(MessageOptions()) == ("Rye", "WildYeast")
    assert hashtags(MessageOptions(hashtags=("WildYeast", "Rye"))) == ("WildYeast", "Rye")
    assert hashtags(MessageOptions(hashtags=())) == ()


def test_threads_and_hashtags_are_kept_edited_and_copied_with_the_campaign(
    harness: CampaignHarness, networks: Sandbox
) -> None:
    options = MessageOptions(text=FIRST, thread=(SECOND,), hashtags=())
    own = {
        "x": MessageOptions(text="On X", thread=("More",), hashtags=("Rye",)),
        "mastodon": MessageOptions(hashtags=()),
    }
    number = create_campaign(
        harness.app, harness.asked("x", "mastodon", message_options=options, channel_options=own), actor="a test"
    )
    for copy in (number, duplicate_campaign(harness.app, number, actor="a test")):
        with harness.app.database.begin() as connection:
            kept = campaigns.plan_of(connection, copy)
        assert (kept.message_options, dict(kept.channel_options)) == (options, own)
    edit_campaign(
        harness.app,
        number,
        lambda before: replace(before, message_options=MessageOptions(), channel_options={}),
        actor="a test",
    )
    with harness.app.database.begin() as connection:
        assert campaigns.plan_of(connection, number).message_options == MessageOptions()


def test_a_text_of_a_channel_replaces_the_thread_of_the_campaign_as_well() -> None:
    shared = MessageOptions(text="One", thread=("Two",), hashtags=("Rye",))
    assert shared.overridden_by(MessageOptions(text="Own")) == MessageOptions(text="Own", hashtags=("Rye",))
    assert shared.overridden_by(MessageOptions(hashtags=())) == replace(shared, hashtags=())
