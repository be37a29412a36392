"""The preview of a campaign: what each channel's readers see, as whom, and frames in which nothing runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.blocks import Heading, Image, Paragraph, Run
from distributor.domain.message_options import MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role
from distributor.flow.articles.ingest import add_file
from distributor.storage import campaigns, dispatches, subscribers
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.publishing.test_preview_media import write_article

from .conftest import Browser, Team

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    """The app of the team with an article, a list of three people, and a channel of each kind."""
    made = make_campaign_harness(team.app, tmp_path)
    configure_sandbox_channels(team.app, SandboxPorts(http=1, smtp=1))
    return made


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


def channel_id(team: Team, campaign_id: int, name: str) -> int:
    with team.app.database.begin() as connection:
        return next(
            one.channel_id for one in dispatches.of_campaign(connection, campaign_id) if one.channel_name == name
        )


def path(team: Team, campaign_id: int, name: str) -> str:
    return f"/app/campaigns/{campaign_id}/preview/{channel_id(team, campaign_id, name)}"


def frames(page: object) -> list[str]:
    return [str(one) for one in page.xpath("//iframe/@src")]  # type: ignore[attr-defined]


def test_each_channel_has_a_tab_and_each_view_of_a_mail_has_one(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email", "feed", "x", "mastodon", "bluesky")
    first = marketer.get(f"/app/campaigns/{draft}/preview")
    page = marketer.page(first.headers["location"])
    tabs = page.xpath("//nav[@aria-label='Channels']//a")
    assert [one.text_content().strip() for one in tabs] == ["bluesky", "email", "feed", "mastodon", "x"]
    mail = marketer.page(path(team, draft, "email"))
    views = [one.text_content() for one in mail.xpath("//nav[@aria-label='Views']//a")]
    assert views == ["Desktop and phone", "Dark", "Images off", "Plain text", "Headers"]
    for tab in tabs:
        shown = marketer.page(tab.get("href"))
        assert len(frames(shown)) >= 1
        for source in frames(shown):
            assert "Hello" in marketer.get(source).text


def test_the_views_of_a_mail_are_its_real_parts(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft(
        "email", message_options=MessageOptions(subject="Fish & chips", greeting="Dear {{ subscriber.name }}")
    )
    base = path(team, draft, "email")
    page = marketer.page(base)
    assert "Fish & chips" in page.xpath("string(//section[@class='preview-inbox'])")
    light, dark = (marketer.get(f"{base}/{view}/desktop").text for view in ("mail", "dark"))
    assert "color-scheme: light !important" in light
    assert "color-scheme: dark !important" in dark
    assert "prefers-color-scheme" not in light + dark
    text = marketer.page(f"{base}?view=text").xpath("string(//pre)")
    assert "A first paragraph." in text
    assert "Dear Alex Reader" in text
    headers = marketer.page(f"{base}?view=headers").xpath("string(//pre)")
    assert "Subject: Fish & chips" in headers
    assert "List-Unsubscribe:" in headers


def test_it_is_seen_as_a_chosen_subscriber(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email", message_options=MessageOptions(greeting="Dear {{ subscriber.name }}"))
    base = path(team, draft, "email")
    found = marketer.page(f"{base}?find=ada")
    (link,) = found.xpath("//ul[@class='preview-found']//a/@href")
    seen = marketer.page(link)
    assert "ada@example.org" in seen.xpath("string(//section[@class='preview-reader'])")
    (desktop, _) = frames(seen)
    assert "Dear ada" in marketer.get(desktop).text
    assert "Nobody" in marketer.get(f"{base}?find=zoe").text
    missing = marketer.get(f"{base}?reader=999999")
    assert missing.status_code == 422
    assert "no such subscriber" in missing.text


def test_a_subscriber_who_lacks_a_field_is_named_as_the_reason(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email", message_options=MessageOptions(greeting="In {{ subscriber.language }}"))
    with team.app.database.begin() as connection:
        ada = subscribers.find(connection, "ada@example.org")
    answer = marketer.get(f"{path(team, draft, 'email')}?reader={ada.id}")
    assert answer.status_code == 422
    assert "This subscriber cannot get the mail" in answer.text


def test_whoever_does_not_see_subscribers_looks_as_none_of_them(team: Team, harness: CampaignHarness):
    draft = harness.draft("email")
    with team.app.database.begin() as connection:
        ada = subscribers.find(connection, "ada@example.org")
    viewer = team.signed_in(team.user(Role.VIEWER))
    base = path(team, draft, "email")
    assert viewer.page(base).xpath("//input[@name='find']") == []
    assert "ada@example.org" not in viewer.get(f"{base}?find=ada").text
    for address in (f"{base}?reader={ada.id}", f"{base}/mail/desktop?reader={ada.id}"):
        refused = viewer.get(address)
        assert refused.status_code == 403
        assert "does not see subscribers" in refused.text


def test_a_frame_runs_nothing_and_only_our_pages_show_it(team: Team, harness: CampaignHarness, marketer: Browser):
    body = (Paragraph((Run(HOSTILE),)),)
    harness.article("hostile", title=HOSTILE, body=body)
    draft = harness.draft("email", "feed", "x", slugs=("hostile",), message_options=MessageOptions(subject=HOSTILE))
    for name in ("email", "feed", "x"):
        page = marketer.get(path(team, draft, name))
        assert HOSTILE not in page.text
        assert "frame-src 'self'" in page.headers["content-security-policy"]
        for source in frames(marketer.page(path(team, draft, name))):
            framed = marketer.get(source)
            policy = framed.headers["content-security-policy"]
            assert policy.startswith("sandbox; default-src 'none'; ")
            assert "frame-ancestors 'self'" in policy
            assert "script-src" not in policy
            assert "<script>alert" not in framed.text


def test_no_image_loads_where_images_are_off(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email")
    framed = marketer.get(f"{path(team, draft, 'email')}/images-off/phone")
    assert "img-src 'none'" in framed.headers["content-security-policy"]


def test_a_campaign_without_channels_says_what_to_do(team: Team, harness: CampaignHarness, marketer: Browser):
    with team.app.database.begin() as connection:
        draft = campaigns.add(connection, harness.asked(after=None), [], now=team.app.clock())
    page = marketer.get(f"/app/campaigns/{draft}/preview")
    assert page.status_code == 200
    assert "Choose channels" in page.text


def test_there_is_no_preview_of_what_is_no_campaign_of_people(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email")
    other = harness.draft("feed")
    for address in (
        f"/app/campaigns/{draft}/preview/{channel_id(team, other, 'feed')}",
        f"{path(team, draft, 'email')}/mail/nothing",
        "/app/campaigns/999/preview",
        "/app/campaigns/x/preview",
    ):
        assert marketer.get(address).status_code == 404


def test_a_title_is_shown_as_it_was_written(team: Team, harness: CampaignHarness, marketer: Browser):
    harness.article("bold", title="<b>Bold</b> & more")
    draft = harness.draft("email", slugs=("bold",))
    assert "<b>Bold</b> & more" in marketer.page(path(team, draft, "email")).xpath(
        "string(//section[@class='preview-inbox'])"
    )


def test_images_that_are_not_public_yet_are_part_of_the_pages(
    team: Team, harness: CampaignHarness, marketer: Browser, tmp_path: Path
):
    slug = add_file(team.app, write_article(tmp_path)).slug
    draft = harness.draft("email", slugs=(slug,))
    framed = marketer.get(f"{path(team, draft, 'email')}/mail/desktop").text
    assert 'src="data:image/png;base64,' in framed
    assert "/media/" not in framed


def test_the_parts_of_a_thread_are_numbered(team: Team, harness: CampaignHarness, marketer: Browser):
    harness.channel("threads", "x", mode="thread")
    words = Paragraph((Run("Many words follow here. " * 8),))
    body = tuple(part for number in range(3) for part in (Heading(2, (Run(f"Section {number}"),)), words))
    harness.article("long", title="A long story", body=body)
    draft = harness.draft("threads", slugs=("long",))
    shown = marketer.get(f"{path(team, draft, 'threads')}/post/post").text
    parts = re.findall(r"Part (\d+) of (\d+)", shown)
    assert len(parts) > 2
    assert [int(one) for one, _ in parts] == list(range(1, len(parts) + 1))
    assert {int(whole) for _, whole in parts} == {len(parts)}


def test_a_post_shows_its_link_card_with_the_picture(team: Team, harness: CampaignHarness, marketer: Browser):
    picture = Image("https://img.example/lead.png", alt="A boat")
    harness.article("boat", title="A boat", image=picture)
    draft = harness.draft("bluesky", slugs=("boat",))
    shown = marketer.get(f"{path(team, draft, 'bluesky')}/post/post")
    assert '<img class="picture" src="https://img.example/lead.png"' in shown.text
