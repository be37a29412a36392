"""The composer: a campaign is written in one form, counted, edited by two people, and nothing typed is lost."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, CampaignState, ChangePolicy, UnknownPolicy
from distributor.domain.message_options import Attachment, MailLayout, MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.schedule import FollowUp
from distributor.domain.segments.parser import parse
from distributor.domain.user import ROLE_PERMISSIONS, Permission, Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.audience import take_turn
from distributor.flow.publishing.plan import create_campaign
from distributor.flow.publishing.report import report
from distributor.storage import campaigns, lists, segments, site_settings, subscribers
from distributor.web.team.composer_form import WRITTEN_OPTIONS, differences, form_of, plan_of, with_theirs
from tests.storage.list_fixtures import an_article, number_of, on_list

from .conftest import Browser, MakeTeam, Team

HOSTILE = "<img src=x onerror=alert(1)>"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHANNELS = ("mail", "letters", "mastodon")


@pytest.fixture
def desk(team: Team) -> Team:
    """A team with two lists, two articles and three channels."""
    with team.app.database.begin() as connection:
        on_list(connection, "weekly", "ada", "bo", "cy")
        on_list(connection, "press", "cy", "dee")
        an_article(connection, "bees", "Bees")
        an_article(connection, "wasps", "Wasps")
    for name in ("mail", "letters"):
        configure(team.app, name, "email", {"smtp_url": "smtp://127.0.0.1:25"})
    configure(team.app, "masto", "mastodon", {"instance_url": "https://social.example", "access_token": "x"})
    return team


def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


def form_on(page: Any) -> dict[str, list[str]]:
    """The fields of the composer as a browser would send them."""
    (form,) = page.xpath("//form[@id='composer']")
    sent: dict[str, list[str]] = {}
    for name, value in form.form_values():
        # A browser leaves out the line end after the tag of a text area.
        sent.setdefault(name, []).append(value.removeprefix("\n"))
    return sent


def filled(page: Any, **changes: Any) -> dict[str, Any]:
    return {**form_on(page), "act": "save", **{name.replace("__", "-"): value for name, value in changes.items()}}


def parsed(response: Any) -> Any:
    return lxml.html.fromstring(response.text)


def number_in(response: Any) -> int:
    found = re.search(r"/campaigns/(\d+)/", response.headers["location"])
    assert found is not None
    return int(found[1])


def plan_in(team: Team, campaign_id: int) -> CampaignPlan:
    with team.app.database.begin() as connection:
        return campaigns.plan_of(connection, campaign_id)


def count_campaigns(team: Team) -> int:
    with team.app.database.begin() as connection:
        return len(campaigns.latest(connection, limit=50))


def a_draft(team: Team, **changes: Any) -> int:
    asked = CampaignPlan(
        name="Bees",
        article_slugs=("bees",),
        channel_names=("mail",),
        audience=AudiencePlan(lists=("weekly",)),
    )
    return create_campaign(team.app, replace(asked, **changes), actor="cli:test")


def test_a_campaign_is_written_in_one_form_and_is_a_draft_then(desk: Team):
    browser = marketer(desk)
    page = browser.page("/app/campaigns/new")
    sent = filled(page, article=["bees", "wasps"], channel=["mail"], list=["weekly"], subject="Of bees & wasps")
    response = browser.post("/app/campaigns/new", sent)
    assert response.status_code == 303, response.text
    plan = plan_in(desk, number_in(response))
    assert plan.article_slugs == ("bees", "wasps")
    assert (plan.channel_names, plan.audience.lists) == (("mail",), ("weekly",))
    assert plan.message_options.subject == "Of bees & wasps"
    assert report(desk.app, number_in(response)).state is CampaignState.DRAFT
    assert "Saved." in browser.get(response.headers["location"]).text


def test_save_and_review_arrives_at_a_finished_review(desk: Team):
    browser = marketer(desk)
    sent = filled(browser.page("/app/campaigns/new"), article=["bees"], channel=["mail"], list=["weekly"])
    response = browser.post("/app/campaigns/new", sent | {"act": "review"})
    campaign_id = number_in(response)
    assert response.headers["location"] == f"/app/campaigns/{campaign_id}/review"
    with desk.app.database.begin() as connection:
        assert [one.action for one in campaigns.history(connection, campaign_id)] == ["created", "reviewed"]


def test_the_same_form_sent_twice_makes_one_draft(desk: Team):
    browser = marketer(desk)
    sent = filled(browser.page("/app/campaigns/new"), article=["bees"], channel=["mail"], list=["weekly"])
    first, second = (browser.post("/app/campaigns/new", sent) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert count_campaigns(desk) == 1


def test_after_the_back_button_the_draft_is_edited_and_no_second_one_made(desk: Team):
    browser = marketer(desk)
    sent = filled(browser.page("/app/campaigns/new"), article=["bees"], channel=["mail"], list=["weekly"])
    campaign_id = number_in(browser.post("/app/campaigns/new", sent))
    again = browser.post("/app/campaigns/new", sent | {"subject": "Another subject"})
    assert again.status_code == 409
    page = parsed(again)
    assert page.xpath("//form[@id='composer']/@action") == [f"/app/campaigns/{campaign_id}/edit"]
    assert page.xpath("string(//input[@id='subject']/@value)") == "Another subject"
    saved = browser.post(f"/app/campaigns/{campaign_id}/edit", filled(page))
    assert saved.status_code == 303
    assert plan_in(desk, campaign_id).message_options.subject == "Another subject"
    assert count_campaigns(desk) == 1


@pytest.mark.parametrize(
    ("missing", "field", "words"),
    [
        ({"article": []}, "article", "Choose at least one article."),
        ({"channel": []}, "channel", "Choose at least one channel."),
        ({"list": []}, "list", "choose a list, a topic or a segment"),
        ({"when": "at", "at": "2020-01-01T09:00"}, "at", "is in the past"),
        ({"when": "at", "at": ""}, "at", "Choose a date and a time."),
        ({"when": "at", "at": "2027-03-28T02:30", "zone": "Europe/Berlin"}, "at", "clocks are set forward"),
        ({"zone": "Europe/Berln"}, "zone", "did you mean Europe/Berlin"),
        ({"cut_after": "0"}, "cut_after", "whole number"),
        ({"subject": "Dear {{ subscriber.name"}, "subject", "subject:"),
        ({"greeting": "Dear {% if %}"}, "greeting", "greeting"),
        ({"subject": "x" * 201}, "subject", "more than 200 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_everything_typed_is_kept(
    desk: Team, missing: dict[str, Any], field: str, words: str
):
    browser = marketer(desk)
    good = {"article": ["bees"], "channel": ["mail"], "list": ["weekly"], "closing": "Yours & ours\n\n<b>", "name": "N"}
    sent = filled(browser.page("/app/campaigns/new"), **good) | missing
    response = browser.post("/app/campaigns/new", sent)
    assert response.status_code == 422
    page = parsed(response)
    said = page.xpath(f"//*[@id='{field}-wrong']")
    assert len(said) == 1
    assert words.casefold() in said[0].text_content().casefold()
    assert page.xpath("//*[@role='alert']")
    kept = form_on(page)
    for name, value in sent.items():
        expected = value if isinstance(value, list) else [value]
        if name not in ("act", "zone") and expected not in ([], [""]):
            assert [one.replace("\r\n", "\n") for one in kept[name]] == expected, name
    assert count_campaigns(desk) == 0


def test_articles_are_added_ordered_and_removed_without_script_and_without_saving(desk: Team):
    browser = marketer(desk)
    page = browser.page("/app/campaigns/new?article=bees")
    for act, expected in (
        ("add:wasps", ["bees", "wasps"]),
        ("up:wasps", ["wasps", "bees"]),
        ("down:wasps", ["bees", "wasps"]),
        ("down:wasps", ["bees", "wasps"]),
        ("remove:bees", ["wasps"]),
    ):
        response = browser.post("/app/campaigns/new", filled(page, subject="kept", greeting="and this") | {"act": act})
        assert response.status_code == 200
        page = parsed(response)
        sent = form_on(page)
        assert sent["article"] == expected, act
        assert (sent["subject"], sent["greeting"]) == (["kept"], ["and this"])
    assert count_campaigns(desk) == 0


def test_articles_are_found_by_words_of_their_title(desk: Team):
    browser = marketer(desk)
    page = browser.page("/app/campaigns/new")
    found = parsed(browser.post("/app/campaigns/new", filled(page, q="WASP", act="enter")))
    assert found.xpath("//ul[contains(@class,'found')]//button/@value") == ["add:wasps"]
    none = browser.post("/app/campaigns/new", filled(page, q="100%_", act="find"))
    assert "No article has these words in its title." in none.text


def test_a_draft_article_says_that_it_is_published_with_the_campaign(desk: Team):
    text = marketer(desk).get("/app/campaigns/new?article=bees").text
    assert "Draft: it is published when this goes out." in text


def test_of_two_people_the_second_one_is_told_and_loses_nothing(desk: Team):
    campaign_id = a_draft(desk)
    ada = desk.signed_in(desk.user(Role.MARKETER, "ada.m@example.org"))
    bo = desk.signed_in(desk.user(Role.OWNER, "bo.o@example.org"))
    path = f"/app/campaigns/{campaign_id}/edit"
    adas, bos = ada.page(path), bo.page(path)
    assert ada.post(path, filled(adas, subject="Of Ada", greeting="Hello of Ada")).status_code == 303
    refused = bo.post(path, filled(bos, subject="Of Bo", closing="Bye of Bo"))
    assert refused.status_code == 409
    page = parsed(refused)
    rows = [
        [cell.text_content().strip() for cell in row]
        for row in page.xpath("//section[contains(@class,'conflict')]//tbody/tr")
    ]
    assert ["Subject", "Of Ada", "Of Bo"] in [row[:3] for row in rows]
    assert ["Greeting", "Hello of Ada", "nothing"] in [row[:3] for row in rows]
    assert ["Closing", "nothing", "Bye of Bo"] in [row[:3] for row in rows]
    assert "ada.m@example.org" in refused.text
    assert plan_in(desk, campaign_id).message_options.subject == "Of Ada"
    saved = bo.post(path, filled(page) | {"take": ["greeting"]})
    assert saved.status_code == 303
    options = plan_in(desk, campaign_id).message_options
    assert (options.subject, options.greeting, options.closing) == ("Of Bo", "Hello of Ada", "Bye of Bo")


def test_a_form_that_is_sent_again_after_it_was_saved_changes_nothing(desk: Team):
    campaign_id = a_draft(desk)
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    sent = filled(browser.page(path), subject="Once")
    assert browser.post(path, sent).status_code == 303
    again = browser.post(path, sent)
    assert again.status_code in (303, 409)
    with desk.app.database.begin() as connection:
        assert campaigns.find(connection, campaign_id).version == 2


def test_a_campaign_by_mail_only_that_is_rescheduled_keeps_its_channels_audience_and_words(desk: Team):
    words = MessageOptions(subject="S", greeting="G", closing="C", cut_after=2)
    campaign_id = a_draft(
        desk,
        message_options=words,
        audience=AudiencePlan(lists=("weekly",), except_lists=("press",)),
        starts_at=desk.clock() + timedelta(days=2),
        zone="Europe/Berlin",
        needs_approval=True,
        track_opens=False,
        unknown_policy=UnknownPolicy.RESEND,
    )
    before = plan_in(desk, campaign_id)
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    later = desk.clock() + timedelta(days=5)
    sent = filled(browser.page(path), when="at", at=f"{later:%Y-%m-%dT09:00}")
    assert browser.post(path, sent).status_code == 303
    after = plan_in(desk, campaign_id)
    assert after.times != before.times
    assert replace(after, times={}) == replace(before, times={})


def test_each_channel_may_start_at_another_time_and_the_page_shows_it_again(desk: Team):
    browser = marketer(desk)
    day = desk.clock() + timedelta(days=3)
    page = browser.page("/app/campaigns/new")
    sent = filled(
        page,
        article=["bees"],
        channel=["mail", "letters", "masto"],
        list=["weekly"],
        when="at",
        at=f"{day:%Y-%m-%d}T09:00",
        zone="Europe/Berlin",
    )
    sent |= {
        "when-letters": "later",
        "hours-letters": "2",
        "when-masto": "own",
        "at-masto": f"{day:%Y-%m-%d}T17:45",
    }
    campaign_id = number_in(browser.post("/app/campaigns/new", sent))
    plan = plan_in(desk, campaign_id)
    mail, letters, masto = (plan.times[name] for name in ("mail", "letters", "masto"))
    assert (letters - mail, masto - mail) == (timedelta(hours=2), timedelta(hours=8, minutes=45))
    kept = form_on(browser.page(f"/app/campaigns/{campaign_id}/edit"))
    assert (kept["when-letters"], kept["hours-letters"]) == (["later"], ["2"])
    assert (kept["when-masto"], kept["at-masto"]) == (["own"], [f"{day:%Y-%m-%d}T17:45"])
    assert kept["zone"] == ["Europe/Berlin"]


def test_a_channel_follows_another_one_and_the_page_says_so(desk: Team):
    browser = marketer(desk)
    day = desk.clock() + timedelta(days=3)
    sent = filled(
        browser.page("/app/campaigns/new"),
        article=["bees"],
        channel=["mail", "masto"],
        list=["weekly"],
        when="at",
        zone="UTC",
        **{"at": f"{day:%Y-%m-%d}T09:00", "when-masto": "later", "hours-masto": "2", "after-masto": "mail"},
    )
    campaign_id = number_in(browser.post("/app/campaigns/new", sent))
    assert plan_in(desk, campaign_id).follow_ups == {"masto": FollowUp(channel_name="mail", after=timedelta(hours=2))}
    path = f"/app/campaigns/{campaign_id}"
    kept = form_on(browser.page(f"{path}/edit"))
    assert [kept[f"{name}-masto"] for name in ("when", "hours", "after")] == [["later"], ["2"], ["mail"]]
    assert browser.post(f"{path}/edit", filled(browser.page(f"{path}/edit"), name="Renamed")).status_code == 303
    assert plan_in(desk, campaign_id).follow_ups
    assert "2 hours after mail." in browser.get(path).text
    browser.post(f"{path}/edit", filled(browser.page(f"{path}/edit"), act="review"))
    assert "2 hours after mail." in browser.get(f"{path}/review").text
    (mail,) = [one.dispatch for one in report(desk.app, campaign_id).dispatches if one.dispatch.channel_name == "mail"]
    page = browser.get(f"/app/calendar/{mail.id}/move").text
    assert "2 hours after mail." in page
    assert "It moves along in any case." in page


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"when-mail": "later", "hours-mail": "1", "after-mail": "masto"}, "after-masto", "needs a time of its own"),
        ({"after-masto": "masto"}, "after-masto", "Choose which channel"),
        ({"hours-masto": "soon"}, "hours-masto", "how many hours"),
    ],
)
def test_channels_that_wait_for_one_another_are_refused(desk: Team, typed: dict[str, str], field: str, words: str):
    campaign_id = a_draft(desk, channel_names=("mail", "masto"))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    follows = {"when-masto": "later", "hours-masto": "2", "after-masto": "mail"}
    response = browser.post(path, filled(browser.page(path), **follows | typed))
    assert response.status_code == 422
    assert words in parsed(response).xpath(f"string(//*[@id='{field}-wrong'])")
    assert plan_in(desk, campaign_id).follow_ups == {}


def test_a_day_of_the_calendar_is_that_day_in_the_zone_of_the_site(make_team: MakeTeam, app: AppContext):
    team = make_team(configured_site=replace(app.configured_site, time_zone="Pacific/Auckland"))
    # 23:30 of the 1st in the browser of somebody in Europe: 11:30 of the 2nd at the site.
    team.clock.now = datetime(2027, 6, 1, 23, 30, tzinfo=UTC)
    browser = marketer(team)
    for day, expected in (
        ("2027-06-03", "2027-06-03T09:00"),
        ("2027-06-02", "2027-06-02T12:00"),
        ("2027-06-01", ""),
        ("2027-02-30", ""),
        ("x", ""),
    ):
        sent = form_on(browser.page(f"/app/campaigns/new?day={day}"))
        assert sent["at"] == [expected], day
        assert sent["when"] == ["at" if expected else "open"]
        assert sent["zone"] == ["Pacific/Auckland"]
    links = browser.page("/app/calendar").xpath("//a[contains(@href, '/campaigns/new?day=')]/@href")
    for link in (links[0], links[-1]):
        assert form_on(browser.page(link))["at"][0].startswith(link.partition("day=")[2])


def test_a_time_can_be_taken_away_from_a_draft(desk: Team):
    campaign_id = a_draft(desk, starts_at=desk.clock() + timedelta(days=1))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    assert browser.post(path, filled(browser.page(path), when="open")).status_code == 303
    assert plan_in(desk, campaign_id).times == {}


def test_a_time_that_the_clocks_show_twice_is_said_to_be_the_first(desk: Team):
    campaign_id = a_draft(desk, starts_at=datetime(2027, 10, 31, 0, 30, tzinfo=UTC), zone="Europe/Berlin")
    text = marketer(desk).get(f"/app/campaigns/{campaign_id}/edit").text
    assert "There are two times 2027-10-31 02:30 in Europe/Berlin" in text


def test_the_audience_is_counted_with_the_reason_of_everyone_who_is_left_out(desk: Team):
    with desk.app.database.begin() as connection:
        subscribers.change(
            connection, number_of(connection, "bo"), {"paused_until": desk.clock() + timedelta(days=9)}, now=NOW
        )
    browser = marketer(desk)
    part = browser.page("/app/campaigns/audience?list=weekly&except_list=press&article=bees")
    text = " ".join(" ".join(part.itertext()).split())
    assert "1 person gets it" in text
    assert "− 1 pause their mails" in text
    assert "− 1 are left out by your choice" in text
    assert "3 on these lists in all" in text
    page = browser.page("/app/campaigns/new")
    whole = browser.post("/app/campaigns/new", filled(page, list=["weekly"], act="count"))
    assert "2</strong> people get it" in whole.text
    nobody = browser.get("/app/campaigns/audience").text
    assert "Choose a list, a topic or a segment" in nobody
    unknown = browser.get("/app/campaigns/audience?list=nowhere")
    assert "There is no list" in unknown.text


def test_a_count_that_a_newer_one_has_replaced_gives_nothing(desk: Team, monkeypatch: pytest.MonkeyPatch):
    browser = marketer(desk)
    draft = "0" * 32

    def overtaken(redis: Any, place: str) -> Any:
        wanted = take_turn(redis, place)
        take_turn(redis, place)
        return wanted

    monkeypatch.setattr("distributor.web.team.composer.take_turn", overtaken)
    response = browser.get(f"/app/campaigns/audience?list=weekly&draft={draft}")
    assert (response.status_code, response.text) == (204, "")


def test_lists_of_like_names_are_told_apart_and_show_their_numbers(desk: Team):
    with desk.app.database.begin() as connection:
        lists.change(connection, "press", {"name": "Weekly"})
    browser = marketer(desk)
    page = browser.page("/app/campaigns/new")
    labels = [" ".join(one.text_content().split()) for one in page.xpath("//fieldset[contains(@class,'lists')]/label")]
    assert labels == ["Weekly press", "Weekly weekly"]
    sizes = lxml.html.fragments_fromstring(browser.get("/app/campaigns/list-sizes").text)
    known = {one.get("id"): one.text_content() for one in sizes if not isinstance(one, str)}
    with desk.app.database.begin() as connection:
        weekly, press = (lists.find(connection, slug).id for slug in ("weekly", "press"))
    assert known == {f"size-{weekly}": "3 people", f"size-{press}": "2 people"}
    assert set(known) == set(page.xpath("//fieldset[contains(@class,'lists')]//span/@id"))
    left_out = page.xpath("//label[.//input[@name='except_list']]")
    assert [" ".join(one.text_content().split()) for one in left_out] == ["Weekly (press)", "Weekly (weekly)"]


def test_a_text_is_measured_as_its_network_does(desk: Team):
    browser = marketer(desk)
    fits = browser.get("/app/campaigns/text-length?on=masto&article=bees&own-text-masto=Read+this")
    assert re.search(r"\d+ of 500", fits.text)
    long = browser.get("/app/campaigns/text-length", params={"on": "masto", "article": "bees", "text": "x" * 600})
    assert "too many" in long.text
    assert browser.get("/app/campaigns/text-length?on=mail&article=bees&text=x").text.strip() == ""


def test_a_post_is_split_into_a_thread_with_a_counter_for_each_part_and_saved_so(desk: Team):
    campaign_id = a_draft(desk, channel_names=("masto", "mail"))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    added = browser.post(path, filled(browser.page(path), **{"own-text-masto": "One", "act": "part:masto"}))
    assert plan_in(desk, campaign_id).channel_options == {}
    page = parsed(added)
    assert page.xpath("string(//textarea[@id='own-text-masto'])").strip() == "One"
    assert page.xpath("//textarea[@id='own-thread-masto-2']/@autofocus")
    assert form_on(page)["own-thread-masto"] == [""]
    more = browser.post(path, filled(page, **{"own-thread-masto": "Two\r\n\r\nlines", "act": "part:masto"}))
    sent = filled(
        parsed(more), **{"own-thread-masto": ["Two\r\n\r\nlines", "Three"], "own-hashtags-masto": "#Rye, Bees"}
    )
    assert browser.post(path, sent).status_code == 303
    own = plan_in(desk, campaign_id).channel_options["masto"]
    assert own == MessageOptions(text="One", thread=("Two\n\nlines", "Three"), hashtags=("Rye", "Bees"))
    page = browser.page(path)
    counters = [one.text_content().strip() for one in page.xpath("//p[starts-with(@id, 'length-1-')]")]
    assert len(counters) == 3
    assert counters[2] == "5 of 500 characters."
    asked = {"on": "masto", "article": "bees", "own-text-masto": "One", "own-thread-masto": ["", "  ", "Four!"]}
    assert "5 of 500" in browser.get("/app/campaigns/text-length", params=asked | {"part": "4"}).text
    assert browser.get("/app/campaigns/text-length", params=asked | {"part": "2"}).text.strip() == ""
    emptied = filled(
        page, **{"own-thread-masto": ["", "Three"], "own-hashtags-masto": "", "own-no_hashtags-masto": "on"}
    )
    assert browser.post(path, emptied).status_code == 303
    own = plan_in(desk, campaign_id).channel_options["masto"]
    assert own == MessageOptions(text="One", thread=("Three",), hashtags=())


def test_the_hashtags_of_a_post_are_those_of_the_article_until_they_are_written(desk: Team):
    with desk.app.database.begin() as connection:
        an_article(connection, "rye", "wild yeast", "rye")
    campaign_id = a_draft(desk, article_slugs=("rye",), channel_names=("masto",))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    page = browser.page(path)
    assert "#Rye" in page.xpath("string(//fieldset[@id='post-1'])")
    assert not page.xpath("//button[@value='part:mail']")


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"own-text-masto": "x" * 600}, "own-text-masto", "500 are allowed"),
        ({"own-text-masto": "One", "own-thread-masto": ["Two", "y" * 501]}, "own-thread-masto-3", "shorten it by 1"),
        ({"own-hashtags-masto": "stem-cell"}, "own-hashtags-masto", "write #StemCell"),
        ({"own-hashtags-masto": "#2026"}, "own-hashtags-masto", "is no hashtag"),
        ({"own-hashtags-masto": "#Rye", "own-no_hashtags-masto": "on"}, "own-hashtags-masto", "or tick"),
        ({"own-thread-masto": ["more"] * 25}, "own-thread-masto-26", "25 posts at most"),
        ({"text": "x" * 600}, "text", "On masto: the post has"),
    ],
)
def test_words_that_a_network_does_not_take_are_refused_at_their_field_and_kept(
    desk: Team, typed: dict[str, Any], field: str, words: str
):
    campaign_id = a_draft(desk, channel_names=("masto",))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    response = browser.post(path, filled(browser.page(path), **typed))
    assert response.status_code == 422
    page = parsed(response)
    assert words in page.xpath(f"string(//*[@id='{field}-wrong'])")
    kept = form_on(page)
    for name, value in typed.items():
        assert kept[name] == (value if isinstance(value, list) else [value])
    assert plan_in(desk, campaign_id).channel_options == {}


def test_the_saved_draft_is_shown_beside_the_form_on_the_channel_that_was_chosen(desk: Team):
    campaign_id = a_draft(desk, channel_names=("mail", "masto"))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    page = browser.page(path)
    buttons = page.xpath("//div[@class='shown-on']/button")
    assert [one.text_content() for one in buttons] == ["mail", "masto"]
    saved = browser.post(path, filled(page, subject="Shown") | {"act": buttons[1].get("value")})
    assert saved.status_code == 303
    page = browser.page(saved.headers["location"])
    assert plan_in(desk, campaign_id).message_options.subject == "Shown"
    (frame,) = page.xpath("//iframe")
    assert frame.get("sandbox") == ""
    assert f"/shown/{buttons[1].get('value').partition(':')[2]}" in frame.get("src")
    document = browser.get(browser.get(frame.get("src")).headers["location"])
    assert document.status_code == 200
    assert "sandbox" in document.headers["content-security-policy"]
    assert browser.get(f"{path}/shown/999").status_code == 404


def test_a_channel_says_what_it_does_as_whom_and_whether_anybody_gets_it(desk: Team):
    with desk.app.database.begin() as connection:
        site_settings.remember_sandbox(connection, SandboxPorts(http=8099, smtp=2599), now=NOW)
    configure(desk.app, "trial", "email", {"smtp_url": "smtp://127.0.0.1:2599", "sender": "Trial <t@gazette.example>"})
    page = marketer(desk).page("/app/campaigns/new")
    rows = page.xpath("//fieldset[contains(@class,'channels')]/label")
    said = {one.xpath("string(.//strong)"): " ".join(one.text_content().split()) for one in rows}
    assert said["mail"].endswith("from The Test Gazette <news@gazette.example>")
    assert "A post on Mastodon" in said["masto"]
    assert "from Trial <t@gazette.example>" in said["trial"]
    assert {name for name, words in said.items() if "nobody gets it" in words} == {"trial"}


def test_what_cannot_be_shown_yet_says_why_in_the_frame(desk: Team):
    with desk.app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET secrets = NULL WHERE name = 'mail'"))
        connection.execute(text("UPDATE channels SET settings = '{\"connections\": 0}' WHERE name = 'mail'"))
        channel_id = connection.execute(text("SELECT id FROM channels WHERE name = 'masto'")).scalar_one()
        broken = connection.execute(text("SELECT id FROM channels WHERE name = 'mail'")).scalar_one()
    campaign_id = a_draft(desk, channel_names=("masto", "mail"))
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    assert browser.get(f"{path}/shown/{channel_id}").status_code == 303
    shown = browser.get(f"{path}/shown/{broken}")
    assert "This cannot be shown yet:" in shown.text
    assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    page = browser.page(path)
    assert "connections" in page.xpath("string(//fieldset[contains(@class,'channels')])")


def test_what_is_hostile_is_shown_as_text_everywhere(desk: Team):
    with desk.app.database.begin() as connection:
        an_article(connection, "hostile", HOSTILE)
        lists.change(connection, "weekly", {"name": HOSTILE})
        segments.save(connection, slug="bad", name=HOSTILE, condition=parse("tag = x"), now=NOW)
    campaign_id = a_draft(
        desk,
        name=HOSTILE,
        article_slugs=("hostile",),
        message_options=MessageOptions(subject=HOSTILE, greeting=HOSTILE, closing=HOSTILE),
    )
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    stale = filled(browser.page(path), subject=f"{HOSTILE} mine") | {"version": "0", "q": HOSTILE}
    for shown in (
        browser.get(path).text,
        browser.post(path, stale).text,
        browser.post(path, stale | {"act": "find"}).text,
        browser.get("/app/campaigns/new", params={"article": HOSTILE, "list": HOSTILE}).text,
        browser.get("/app/campaigns/audience", params={"list": HOSTILE}).text,
    ):
        assert "<img src=x" not in shown


def test_only_who_may_approve_takes_the_approval_away(desk: Team):
    campaign_id = a_draft(desk, needs_approval=True)
    path = f"/app/campaigns/{campaign_id}/edit"
    browser = marketer(desk)
    page = browser.page(path)
    assert form_on(page)["needs_approval"] == ["on"]
    refused = browser.post(path, {name: value for name, value in filled(page).items() if name != "needs_approval"})
    assert refused.status_code == 422
    assert "Only someone who may approve campaigns" in refused.text
    owner = desk.signed_in(desk.user(Role.OWNER))
    sent = {name: value for name, value in filled(owner.page(path)).items() if name != "needs_approval"}
    assert owner.post(path, sent).status_code == 303
    assert plan_in(desk, campaign_id).needs_approval is False


def test_whoever_writes_campaigns_may_see_how_many_people_a_condition_selects():
    writers = [role for role in Role if Permission.CAMPAIGNS_WRITE in ROLE_PERMISSIONS[role]]
    assert writers
    assert all(Permission.SUBSCRIBERS_READ in ROLE_PERMISSIONS[role] for role in writers)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.APPROVER])
def test_other_roles_neither_see_nor_send_the_form(desk: Team, role: Role):
    campaign_id = a_draft(desk)
    desk.user(Role.OWNER)
    browser = desk.signed_in(desk.user(role))
    for path in ("/app/campaigns/new", f"/app/campaigns/{campaign_id}/edit"):
        assert browser.get(path).status_code == 403
        assert browser.post(path, {"subject": "mine", "act": "save"}).status_code == 403
    assert browser.get("/app/campaigns/audience?list=weekly").status_code == 403
    assert plan_in(desk, campaign_id).message_options.subject == ""


def test_a_campaign_that_is_not_there_or_has_been_sent_is_not_edited(desk: Team):
    browser = marketer(desk)
    assert browser.get("/app/campaigns/999/edit").status_code == 404
    assert browser.get("/app/campaigns/x/edit").status_code == 404


# --- The form and the plan ---

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd"), max_size=30)
LINES = TEXTS.map(lambda text: " ".join(text.split()))
PARAGRAPHS = st.lists(LINES, max_size=3).map(lambda lines: "\n\n".join(lines).strip())
OPTIONS = st.builds(
    MessageOptions,
    subject=LINES,
    greeting=PARAGRAPHS,
    closing=PARAGRAPHS,
    cut_after=st.none() | st.integers(1, 500),
    text=PARAGRAPHS,
    preheader=LINES,
    layout=st.none() | st.sampled_from(MailLayout),
    thread=st.lists(PARAGRAPHS.filter(bool), max_size=3).map(tuple),
    hashtags=st.none() | st.sampled_from([(), ("Rye",), ("Rye", "WildYeast")]),
)
A_FILE = Attachment(name="a", media_type="b/c", content=b"")
SLUGS = st.lists(st.sampled_from(["a", "b", "c-d", "e"]), unique=True, max_size=3).map(tuple)
MOMENTS = st.datetimes(datetime(2027, 1, 1), datetime(2029, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001


@st.composite
def plans(draw: st.DrawFn) -> CampaignPlan:
    names = tuple(draw(st.lists(st.sampled_from(CHANNELS), unique=True, min_size=1)))
    has_times = draw(st.booleans())
    times = {name: draw(MOMENTS) for name in names}
    # Each may follow one before it, so that none follows itself.
    follow_ups = {
        name: FollowUp(
            channel_name=draw(st.sampled_from(names[:place])), after=timedelta(minutes=draw(st.integers(0, 900)))
        )
        for place, name in enumerate(names)
        if place and draw(st.booleans())
    }
    for name, one in follow_ups.items():
        times[name] = times[one.channel_name] + one.after
    own = {name: options for name in names if (options := draw(st.none() | OPTIONS)) and options != MessageOptions()}
    return CampaignPlan(
        name=draw(LINES),
        article_slugs=draw(SLUGS),
        channel_names=names,
        audience=draw(
            st.builds(
                AudiencePlan,
                lists=SLUGS,
                topics=SLUGS,
                segments=SLUGS,
                except_lists=SLUGS,
                except_topics=SLUGS,
                except_segments=SLUGS,
                repeats=st.booleans(),
                failed_of=st.lists(st.integers(1, 99), unique=True, max_size=2).map(tuple),
                unknown_of=st.lists(st.integers(1, 99), unique=True, max_size=2).map(tuple),
            )
        ),
        times={name: times[name] for name in names} if has_times else {},
        follow_ups=follow_ups,
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])),
        track_opens=draw(st.booleans()),
        track_clicks=draw(st.booleans()),
        unknown_policy=draw(st.sampled_from(UnknownPolicy)),
        message_options=replace(
            draw(OPTIONS),
            attachments=draw(st.sampled_from([(), (Attachment(name="a", media_type="b/c", content=b""),)])),
        ),
        channel_options=own,
        needs_approval=draw(st.booleans()),
        on_change=draw(st.sampled_from(ChangePolicy)),
    )


@settings(deadline=None, max_examples=30)
@given(plan=plans())
def test_every_plan_comes_back_from_its_form_unchanged(plan: CampaignPlan):
    form = form_of(plan)
    read = plan_of(form, channel_names=CHANNELS, before=plan, now=NOW)
    times = {name: time for name in read.channel_names if (time := read.time_of(name)) is not None}
    assert replace(read, starts_at=None, times=times) == plan
    assert differences(form, form_of(read)) == []


@settings(deadline=None, max_examples=30)
@given(mine=plans(), theirs=plans())
def test_a_merge_of_two_forms_takes_exactly_what_was_asked_for(mine: CampaignPlan, theirs: CampaignPlan):
    ours, others = form_of(mine), form_of(theirs)
    found = [one.name for one in differences(ours, others)]
    merged = with_theirs(ours, others, found[::2])
    assert {one.name for one in differences(merged, others)} == set(found[1::2])
    assert {one.name for one in differences(merged, ours)} == set(found[::2])


def test_every_message_option_is_in_the_form():
    assert {*WRITTEN_OPTIONS, "attachments"} == {one.name for one in fields(MessageOptions)}


def test_the_words_and_attachments_of_each_kind_round_trip_through_the_pages(desk: Team):
    options = MessageOptions(
        subject="S {{ subscriber.name | default('you') }}",
        greeting="G\n\n> *q*",
        closing="C & D",
        cut_after=3,
        text="A text for posts",
        thread=("And more",),
        hashtags=(),
        preheader="P",
        layout=MailLayout.TEASER,
        attachments=(Attachment(name="a.txt", media_type="text/plain", content=b"a"),),
    )
    campaign_id = a_draft(
        desk,
        channel_names=("mail", "letters", "masto"),
        message_options=options,
        channel_options={
            "letters": MessageOptions(subject="Other", cut_after=1, layout=MailLayout.DIGEST),
            "masto": MessageOptions(text="Own", thread=("Two\n\nlines", "Three"), hashtags=("Rye", "WildYeast")),
        },
    )
    before = plan_in(desk, campaign_id)
    browser = marketer(desk)
    path = f"/app/campaigns/{campaign_id}/edit"
    assert browser.post(path, filled(browser.page(path), name="Renamed")).status_code == 303
    assert plan_in(desk, campaign_id) == replace(before, name="Renamed")
