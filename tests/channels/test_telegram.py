"""The Telegram channel against servers that respond as the Bot API does, and against the emulator."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.api import Article, InMemoryMedia, Media, RenderContext, Verdict
from distributor.channels.registry import make_channel
from distributor.channels.telegram import TelegramChannel
from distributor.domain.blocks import Image
from distributor.rendering.measuring import utf16_length
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.sandbox.telegram import TelegramEmulator
from distributor.testing.conformance import HttpScenario, sending_violations
from distributor.testing.fakes import RELEASED_AT, ChannelHarness
from distributor.testing.scripted_server import LoseResponse, Reply, ScriptedServer, scripted_server

from .social.samples import SITE, TEMPLATES, article, make_harness

SETTINGS = {"bot_token": "42:token", "handle": "@gazette"}
LINK = "https://www.gazette.org/articles/why-sourdough-bread-keeps-so-long"
PNG = Media(name="ab.png", media_type="image/png", body=b"\x89PNG\r\n\x1a\n of bread")
ILLUSTRATED = article(image=Image(PNG.src, "A loaf"))
CREATED = Reply(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": -1001, "username": "gazette"}}})


def error(status: int, description: str, **parameters: int) -> Reply:
    return Reply(
        status, {"ok": False, "error_code": status, "description": description, "parameters": parameters or {}}
    )


def harness(server: ScriptedServer | str, *articles: Article, **more: Any) -> ChannelHarness:
    url = server if isinstance(server, str) else server.url
    context = RenderContext(site=SITE, templates=TEMPLATES, media=InMemoryMedia([PNG]))
    return make_harness(make_channel("telegram", {**SETTINGS, "api_url": url, **more}), *articles, context=context)


def test_the_message_has_the_title_the_link_and_hashtags() -> None:
    (text,) = harness("http://unused").texts
    assert text.startswith("Why Sourdough Bread Keeps So Long\n\nA loaf of sourdough bread stays fresh for days")
    assert text.endswith(f"{LINK}\n\n#SourdoughBread #LacticAcidBacteria #WildYeast")


@pytest.mark.parametrize(("image", "limit"), [(None, 4096), (Image(PNG.src, ""), 1024)])
def test_a_caption_may_be_shorter_than_a_message(image: Image | None, limit: int) -> None:
    long = article(title="🥖 bread " * 900, image=image)
    (text,) = harness("http://unused", long).texts
    assert limit - 20 < utf16_length(text) <= limit
    assert LINK in text


def test_an_image_that_is_not_stored_is_left_out() -> None:
    (post,) = harness("http://unused", article(image=Image("lost.png", ""))).rendition.payload["posts"]
    assert "image" not in post


def test_the_preview_shows_the_image_without_fetching_it() -> None:
    shown = harness("http://unused", ILLUSTRATED)
    page = shown.channel.preview(shown.rendition, InMemoryMedia([PNG]))
    assert 'src="data:image/png;base64,' in page
    assert "of 1024" in page


def test_telegram_conforms_when_it_sends() -> None:
    scenario = HttpScenario(
        settings=lambda url: {**SETTINGS, "api_url": url},
        is_post=lambda request: request.path.endswith("/sendMessage"),
        created=CREATED,
        rate_limited=lambda at: error(429, "Too Many Requests", retry_after=(at - RELEASED_AT).seconds - 10),
        statuses=[
            (error(400, "Bad Request: message is too long"), Verdict.FAILED),
            (error(400, "Bad Request: chat not found"), Verdict.SENDER_REJECTED),
            (error(400, "Bad Request: not enough rights to send text messages to the chat"), Verdict.SENDER_REJECTED),
            (error(401, "Unauthorized"), Verdict.SENDER_REJECTED),
            (error(403, "Forbidden: bot was kicked from the channel chat"), Verdict.SENDER_REJECTED),
            (error(404, "Not Found"), Verdict.SENDER_REJECTED),
            (error(409, "Conflict: terminated by other getUpdates request"), Verdict.SENDER_REJECTED),
            (error(413, "Request Entity Too Large"), Verdict.FAILED),
        ],
    )
    assert sending_violations(TelegramChannel, scenario) == []


def test_a_message_is_plain_text_with_a_bold_title_and_the_preview_of_its_link() -> None:
    with scripted_server(CREATED) as server:
        sent = harness(server, article(title="🥖 Bread"), silent=True)
        outcome = sent.send()
    (request,) = server.requests
    assert request.path == "/bot42:token/sendMessage"
    assert request.body == {
        "chat_id": "@gazette",
        "disable_notification": True,
        "text": sent.texts[0],
        "entities": [{"type": "bold", "offset": 0, "length": 8}],
        "link_preview_options": {"url": LINK},
    }
    assert (outcome.verdict, outcome.remote_id, outcome.permalink) == (Verdict.SENT, "7", "https://t.me/gazette/7")


def test_a_private_chat_is_named_by_its_number_and_its_messages_have_no_address() -> None:
    private = Reply(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": -1001}}})
    with scripted_server(private) as server:
        outcome = harness(server, handle="-1001").send()
    assert server.requests[0].body["chat_id"] == "-1001"
    assert (outcome.verdict, outcome.permalink) == (Verdict.SENT, None)


def test_an_image_on_the_web_is_sent_by_its_url() -> None:
    with scripted_server(CREATED) as server:
        harness(server, article(image=Image("https://example.org/a.png", ""))).send()
    assert server.requests[0].path.endswith("/sendPhoto")
    assert server.requests[0].body["photo"] == "https://example.org/a.png"


def test_without_a_token_or_a_chat_nothing_is_sent() -> None:
    outcome = harness("http://unused", bot_token="", handle="").send()
    assert outcome.verdict is Verdict.SENDER_REJECTED
    assert "handle and bot_token is empty" in outcome.reply


def test_the_token_is_in_no_reply() -> None:
    with scripted_server(LoseResponse()) as server:
        outcome = harness(server).send()
    assert "42:token" not in outcome.reply


@pytest.fixture
def sandbox(tmp_path: Path) -> Any:
    with running_sandbox(tmp_path / "sandbox") as running:
        yield running


def emulated(sandbox: Sandbox, *articles: Article, **more: Any) -> ChannelHarness:
    url = sandbox.url("telegram")
    return harness(url, *articles, **{**TelegramEmulator.channel_settings(url), **more})


def test_the_emulator_takes_texts_and_photos_and_shows_them(sandbox: Sandbox) -> None:
    text, photo = emulated(sandbox), emulated(sandbox, ILLUSTRATED)
    assert [text.send().permalink, photo.send().permalink] == [
        "https://t.me/distributor_news/1",
        "https://t.me/distributor_news/2",
    ]
    first, second = sandbox.state.emulator("telegram").posts()
    assert (first.text, first.limit, first.images) == (text.texts[0], 4096, [])
    assert (second.text, second.limit) == (photo.texts[0], 1024)
    (image,) = second.images
    assert sandbox.state.emulator("telegram").uploads.content(image.path.rpartition("/")[2]) == PNG.body


def test_the_emulator_refuses_as_the_bot_api_does(sandbox: Sandbox) -> None:
    assert emulated(sandbox, bot_token="1:wrong").send().reply_code == 401
    assert "chat not found" in emulated(sandbox, handle="@elsewhere").send().reply
    sandbox.state.emulator("telegram").limits.change(max_text=10)
    assert emulated(sandbox).send().reply == "Bad Request: message is too long"


def test_the_emulator_limits_a_flood_and_says_for_how_long(sandbox: Sandbox) -> None:
    sandbox.state.emulator("telegram").limits.change(messages_per_minute=1)
    assert emulated(sandbox).send().verdict is Verdict.SENT
    limited = emulated(sandbox)
    outcome = limited.send()
    assert (outcome.verdict, outcome.reply_code) == (Verdict.DEFERRED, 429)
    assert outcome.retry_at is not None
    assert timedelta() < outcome.retry_at - limited.clock() <= timedelta(minutes=1)
