from __future__ import annotations

import asyncio
import re
from email import message_from_bytes, policy

import pytest

from distributor.channels.api import Audience
from distributor.channels.email import CHANNEL
from distributor.channels.email.channel import EmailChannel
from distributor.channels.registry import make_channel
from distributor.domain.errors import InputError
from tests.channels.email.mailing import a_context, deliveries
from tests.channels.email.rendering.rendition_samples import article, changed, context, rendered
from tests.mail.smtp.smtp_servers import Server


def channel() -> EmailChannel:
    return EmailChannel(EmailChannel.settings_model())


def test_the_channel_is_in_the_registry() -> None:
    assert CHANNEL.kind == "email"
    assert isinstance(make_channel("email", {}), EmailChannel)


def test_its_audience_are_subscribers_and_not_the_channel_itself() -> None:
    assert channel().capabilities.audience is Audience.SUBSCRIBERS
    assert channel().recipients(rendered()) == ()


def test_a_channel_renders_and_checks_with_its_own_settings() -> None:
    own = make_channel("email", {"sender": "Ed <ed@tideline.example>"})
    rendition = own.render([article()], context())
    assert rendition.payload["from"] == "Ed <ed@tideline.example>"
    assert own.check(rendition) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("smtp_url", "http://relay"),
        ("smtp_url", "smtp://user:pa#ss@relay:25"),
        ("sender", "no address"),
        ("reply_to", "a@b@c"),
        ("bounce_domain", "not a domain"),
        ("list_name", "two\nlines"),
        ("connections", 0),
        ("conections", 4),
    ],
)
def test_a_wrong_setting_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(InputError, match=f"kind email: {key}:") as caught:
        make_channel("email", {key: value})
    assert "pa#ss" not in str(caught.value)


def test_the_preview_is_the_mail_with_links_that_change_nothing() -> None:
    preview = channel().preview(rendered())
    assert "@@" not in preview
    assert 'href="https://example.org/tides?year=2026&amp;lang=en"' in preview
    assert 'href="https://tideline.example/unsubscribe/sample"' in preview
    assert 'src="data:image/gif;base64,' in preview
    assert "/c/" not in preview


def test_the_preview_fills_in_a_sample_reader() -> None:
    assert "Dear Alex Reader" in channel().preview(changed(rendered(), {"html": "<p>Dear @@name@@</p>"}))


def test_the_files_are_both_parts_and_a_mail_that_carries_them() -> None:
    files = channel().files(rendered())
    message = message_from_bytes(files["email.eml"], policy=policy.default)
    page, text = message.get_body(("html",)), message.get_body(("plain",))
    assert set(files) == {"email.html", "email.txt", "email.eml"}
    assert page is not None
    assert text is not None
    assert _unsigned(page.get_content()) == _unsigned(files["email.html"].decode())
    assert _unsigned(text.get_content()) == _unsigned(files["email.txt"].decode())


def _unsigned(content: str) -> str:
    """The content without what differs from one reader to another, and without the pixel."""
    signed = re.sub(r"/(unsubscribe|preferences|view)/[\w-]+", r"/\1/…", content)
    return (
        re.sub(r'src="(data:image/gif|https://tideline\.example/o/)[^"]*"', "", signed).replace("\r\n", "\n").rstrip()
    )


def test_a_channel_hands_its_mails_to_the_relay_of_its_settings() -> None:
    async def sent() -> list[str]:
        async with Server() as relay:
            own = make_channel("email", {"smtp_url": relay.url})
            rendition = own.render([article()], context())
            return [outcome.verdict async for outcome in own.send(rendition, deliveries(3), a_context())]

    assert asyncio.run(sent()) == ["sent"] * 3
