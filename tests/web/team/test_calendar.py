"""The calendar: every dispatch on its day in the team's zone, moved by a form, and read by other calendars."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import DispatchState
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.team import accounts
from distributor.storage import campaigns, dispatches
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

from .conftest import OPERATOR, Browser, MakeTeam, Team

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
BERLIN = "Europe/Berlin"


@pytest.fixture
def team(make_team: MakeTeam, app: Any) -> Team:
    """A team in Berlin, on a Monday morning before the clocks change in spring."""
    made = make_team(configured_site=replace(app.configured_site, time_zone=BERLIN))
    made.clock.now = datetime(2027, 3, 22, 8, tzinfo=UTC)
    return made


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(team.app, tmp_path)
    configure_sandbox_channels(team.app, SandboxPorts(http=1, smtp=1))
    return made


@pytest.fixture
def marketer(team: Team, harness: CampaignHarness) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


def at(written: str) -> datetime:
    return datetime.fromisoformat(f"{written}Z").astimezone(UTC)


def plan(harness: CampaignHarness, when: str, *channels: str, **changes: Any) -> int:
    """A scheduled campaign that starts at this time of UTC."""
    campaign_id = draft(harness, when, *channels, **changes)
    life_cycle.schedule(harness.app, campaign_id, actor="a test")
    return campaign_id


def draft(harness: CampaignHarness, when: str, *channels: str, name: str = "Weekly letter", **changes: Any) -> int:
    after = at(when) - harness.app.clock() if when else None
    campaign_id = harness.draft(*(channels or ("email",)), after=after, **changes)
    with harness.app.database.begin() as connection:
        planned = replace(campaigns.plan_of(connection, campaign_id), name=name)
        campaigns.change(connection, campaign_id, planned, campaigns.find(connection, campaign_id).article_ids)
    return campaign_id


def starts(team: Team, campaign_id: int) -> dict[str, datetime | None]:
    with team.app.database.begin() as connection:
        return {one.channel_name: one.scheduled_at for one in dispatches.of_campaign(connection, campaign_id)}


def states(team: Team, campaign_id: int) -> set[DispatchState]:
    with team.app.database.begin() as connection:
        return {one.state for one in dispatches.of_campaign(connection, campaign_id)}


def dispatch_on(team: Team, campaign_id: int, channel: str = "email") -> int:
    with team.app.database.begin() as connection:
        return next(one.id for one in dispatches.of_campaign(connection, campaign_id) if one.channel_name == channel)


def version(team: Team, campaign_id: int) -> str:
    with team.app.database.begin() as connection:
        return str(campaigns.find(connection, campaign_id).version)


def move(browser: Browser, team: Team, campaign_id: int, channel: str = "email", **fields: str) -> Any:
    form = {"version": version(team, campaign_id), "scope": "one", **fields}
    return browser.post(f"/app/calendar/{dispatch_on(team, campaign_id, channel)}/move", form)


def by_day(page: Any) -> dict[str, list[str]]:
    """The names and times on each day of a page, in any view."""
    found: dict[str, list[str]] = {}
    for day in page.xpath("//td[.//a[@class='date']] | //ol[@class='week']/li | //tbody[@data-list-day]"):
        tiles = day.xpath(".//li[contains(@class, 'tile')] | ./tr[td/time]")
        if tiles:
            found[_date_of(day)] = [
                f"{tile.xpath('string(.//time)')} {tile.xpath('string(.//strong | .//td[2]/a)')}" for tile in tiles
            ]
    return found


def _date_of(day: Any) -> str:
    listed = day.get("data-list-day") or day.get("data-day")
    if listed:
        return str(listed)
    (link,) = day.xpath(".//a[@class='date']/@href")
    return str(parse_qs(urlsplit(link).query)["from"][0])


def test_month_week_day_and_list_show_the_same_on_the_same_days(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    # 00:05 and 23:55 in Berlin, on both sides of a month's end, of which one is in the same week.
    for when, name in (
        ("2027-03-31T21:55", "last"),
        ("2027-03-31T22:05", "first"),
        ("2027-04-30T21:55", "last of April"),
    ):
        plan(harness, when, name=name)
    expected = {
        "2027-03-31": ["23:55 last"],
        "2027-04-01": ["00:05 first"],
        "2027-04-30": ["23:55 last of April"],
    }
    assert by_day(marketer.page("/app/calendar?view=month&from=2027-04-15")) == expected
    march = by_day(marketer.page("/app/calendar?view=month&from=2027-03-15"))
    week = by_day(marketer.page("/app/calendar?view=week&from=2027-03-30"))
    assert march == week == {day: expected[day] for day in ("2027-03-31", "2027-04-01")}
    days = (by_day(marketer.page(f"/app/calendar?view=day&from={day}")) for day in expected)
    assert list(days) == [{day: starts} for day, starts in expected.items()]
    assert by_day(marketer.page("/app/calendar?view=list&from=2027-03-15")) == {"2027-03-31": ["23:55 last"]}
    assert by_day(marketer.page("/app/calendar?view=list&from=2027-04-15")) == {
        day: expected[day] for day in ("2027-04-01", "2027-04-30")
    }


def test_what_is_moved_over_the_change_of_clocks_keeps_its_time_of_day(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = plan(harness, "2027-03-26T08:00")
    assert by_day(marketer.page("/app/calendar")) == {"2027-03-26": ["09:00 Weekly letter"]}
    answer = move(marketer, team, campaign_id, day="2027-03-29")
    assert answer.status_code == 303
    assert starts(team, campaign_id) == {"email": at("2027-03-29T07:00")}
    assert states(team, campaign_id) == {DispatchState.SCHEDULED}
    page = marketer.page(answer.headers["location"])
    assert by_day(page) == {"2027-03-29": ["09:00 Weekly letter"]}
    (notice,) = page.xpath("//*[@role='status']/p")
    assert "now starts on 29 Mar 2027, 09:00 CEST" in " ".join(notice.text_content().split())
    # And back, by the button that the notice offers.
    form = page.xpath("//*[@role='status']/form")[0]
    fields = {one.get("name"): one.get("value") for one in form.xpath(".//input")}
    assert marketer.post(form.get("action"), fields).status_code == 303
    assert starts(team, campaign_id) == {"email": at("2027-03-26T08:00")}


def test_what_is_moved_over_the_change_of_clocks_starts_at_its_time_of_day(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = plan(harness, "2027-03-26T08:00")
    move(marketer, team, campaign_id, day="2027-03-29")
    team.clock.now = at("2027-03-29T06:59")
    harness.run()
    assert states(team, campaign_id) == {DispatchState.SCHEDULED}
    team.clock.now = at("2027-03-29T07:00")
    harness.run()
    assert DispatchState.SCHEDULED not in states(team, campaign_id)


def test_moving_is_harmless_twice(team: Team, harness: CampaignHarness, marketer: Browser):
    campaign_id = plan(harness, "2027-03-26T08:00")
    form = {"version": version(team, campaign_id), "day": "2027-03-30", "time": "10:30", "scope": "one"}
    path = f"/app/calendar/{dispatch_on(team, campaign_id)}/move"
    assert [marketer.post(path, form).status_code for _ in range(2)] == [303, 303]
    assert starts(team, campaign_id) == {"email": at("2027-03-30T08:30")}
    with team.app.database.begin() as connection:
        moves = [one for one in campaigns.history(connection, campaign_id) if one.action.value == "rescheduled"]
    assert len(moves) == 1
    assert moves[0].actor == "user:marketer@example.org"


def test_one_channel_moves_alone_or_all_keep_their_distance(team: Team, harness: CampaignHarness, marketer: Browser):
    campaign_id = plan(harness, "2027-03-26T08:00", "email", "x", times={"x": at("2027-03-28T09:00")})
    assert move(marketer, team, campaign_id, day="2027-03-27", scope="one").status_code == 303
    assert starts(team, campaign_id) == {"email": at("2027-03-27T08:00"), "x": at("2027-03-28T09:00")}
    assert move(marketer, team, campaign_id, day="2027-03-29", scope="all").status_code == 303
    # 11:00 of the second day after, by the clocks.
    assert starts(team, campaign_id) == {"email": at("2027-03-29T07:00"), "x": at("2027-03-30T09:00")}
    assert states(team, campaign_id) == {DispatchState.SCHEDULED}


def test_moving_changes_nothing_but_the_time(team: Team, harness: CampaignHarness, marketer: Browser):
    campaign_id = plan(harness, "2027-03-26T08:00")
    with team.app.database.begin() as connection:
        before = campaigns.plan_of(connection, campaign_id)
    move(marketer, team, campaign_id, day="2027-04-06")
    with team.app.database.begin() as connection:
        after = campaigns.plan_of(connection, campaign_id)
    assert replace(after, times={}) == replace(before, times={})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"day": "2027-03-21"}, 422, "in the past"),
        ({"day": "2027-03-28", "time": "02:30"}, 422, "There is no 02:30 on 2027-03-28"),
        ({"day": "soon"}, 422, "Choose a day"),
        ({"day": "2027-03-30", "time": "nine"}, 422, "Choose a time of day"),
        ({"day": "2027-03-30", "version": "77"}, 409, "changed meanwhile"),
        ({"day": "2027-03-30", "version": ""}, 422, "out of date"),
    ],
)
def test_what_is_refused_is_said_in_words_and_nothing_moves(
    team: Team, harness: CampaignHarness, marketer: Browser, fields: dict[str, str], status: int, words: str
):
    campaign_id = plan(harness, "2027-03-26T08:00")
    answer = move(marketer, team, campaign_id, **fields)
    assert answer.status_code == status
    assert words in answer.text
    assert f'value="{fields["day"]}"' in answer.text
    assert starts(team, campaign_id) == {"email": at("2027-03-26T08:00")}
    assert states(team, campaign_id) == {DispatchState.SCHEDULED}
    partial = marketer.post(
        f"/app/calendar/{dispatch_on(team, campaign_id)}/move",
        {"version": version(team, campaign_id), "scope": "one", **fields},
        headers={"Sec-Fetch-Site": "same-origin", "HX-Request": "true"},
    )
    assert partial.status_code == status
    assert partial.headers["content-type"].startswith("text/plain")
    assert words in partial.text


def test_what_is_out_stays_where_it_is(team: Team, harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.plan("email")
    harness.run()
    page = marketer.page("/app/calendar")
    assert by_day(page) == {"2027-03-22": ["09:00 Hello"]}
    assert page.xpath("//a[@class='move'] | //*[@data-dispatch]") == []
    answer = move(marketer, team, campaign_id, day="2027-03-30")
    assert answer.status_code == 409
    assert "has gone out on email since 22 Mar 2027, 09:00 CET" in answer.text
    number = dispatch_on(team, campaign_id)
    assert marketer.get(f"/app/calendar/{number}/move").status_code == 409
    assert marketer.get("/app/calendar/999/move").status_code == 404


def test_a_campaign_whose_review_finds_something_is_moved_and_a_draft_and_says_so(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = plan(harness, "2027-03-26T08:00")
    with team.app.database.begin() as connection:
        changed = campaigns.plan_of(connection, campaign_id)
        options = replace(changed.message_options, subject="Hello {{ nobody.knows }}")
        ids = campaigns.find(connection, campaign_id).article_ids
        campaigns.change(connection, campaign_id, replace(changed, message_options=options), ids)
    answer = move(marketer, team, campaign_id, day="2027-03-30")
    assert answer.status_code == 303
    page = marketer.page(answer.headers["location"])
    assert "the review found what must be mended" in page.text_content()
    assert page.xpath(f"//a[@href='/app/campaigns/{campaign_id}/review']")
    assert states(team, campaign_id) == {DispatchState.DRAFT}
    assert starts(team, campaign_id) == {"email": at("2027-03-30T07:00")}


def test_a_campaign_that_needs_an_approval_waits_for_one_again(team: Team, harness: CampaignHarness, marketer: Browser):
    campaign_id = draft(harness, "2027-03-26T08:00", needs_approval=True)
    life_cycle.approve(team.app, campaign_id, actor="a test")
    life_cycle.schedule(team.app, campaign_id, actor="a test")
    page = marketer.page(move(marketer, team, campaign_id, day="2027-03-30").headers["location"])
    assert "needs an approval again" in page.text_content()
    assert states(team, campaign_id) == {DispatchState.DRAFT}


def test_drafts_without_a_time_wait_in_the_tray_until_they_get_one(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = draft(harness, "", "email", "x", name="Someday")
    page = marketer.page("/app/calendar")
    tray = page.xpath("//section[@aria-labelledby='tray']")[0]
    assert [one.text_content() for one in tray.xpath(".//strong")] == ["Someday", "Someday"]
    form = marketer.page(tray.xpath(".//a[@class='move']/@href")[0] + "&day=2027-04-02")
    assert form.xpath("string(//input[@name='day']/@value)") == "2027-04-02"
    assert move(marketer, team, campaign_id, day="2027-04-02").status_code == 422
    answer = move(marketer, team, campaign_id, day="2027-04-02", time="09:00", scope="all")
    assert answer.status_code == 303
    assert starts(team, campaign_id) == {"email": at("2027-04-02T07:00"), "x": at("2027-04-02T07:00")}
    assert states(team, campaign_id) == {DispatchState.DRAFT}
    assert "it goes out only when it is scheduled" in marketer.page(answer.headers["location"]).text_content()


def test_clashes_are_shown_on_both(team: Team, harness: CampaignHarness, marketer: Browser):
    plan(harness, "2027-03-26T08:00", name="One")
    plan(harness, "2027-03-26T08:20", name="Near it")
    plan(harness, "2027-03-26T20:00", name="The same readers in the evening")
    plan(harness, "2027-03-28T20:00", "x", name="Elsewhere")
    cancelled = plan(harness, "2027-03-28T20:05", "x", name="Not to come")
    campaign_control.cancel(team.app, cancelled, actor="a test")
    tiles = marketer.page("/app/calendar").xpath("//li[contains(@class, 'tile')]")
    found = {
        tile.xpath("string(.//strong)"): [
            " ".join(one.text_content().split()) for one in tile.xpath(".//*[@class='clash']")
        ]
        for tile in tiles
    }
    near, same = "Within 30 minutes of another", "Same readers within a day"
    assert found == {
        "One": [near, same],
        "Near it": [near, same],
        "The same readers in the evening": [same],
        "Elsewhere": [],
        "Not to come": [],
    }


def test_filters_leave_what_they_name(team: Team, harness: CampaignHarness, marketer: Browser):
    harness.article("tagged")
    plan(harness, "2027-03-26T08:00", "email", "x", name="Both")
    draft(harness, "2027-03-27T08:00", name="100 % a draft")
    for query, names in {
        "channel=x": {"Both"},
        "state=draft": {"100 % a draft"},
        "q=both": {"Both"},
        "q=%25": {"100 % a draft"},
        "q=_": set(),
        "state=nonsense": {"Both", "100 % a draft"},
    }.items():
        page = marketer.page(f"/app/calendar?{query}")
        assert {one.text_content() for one in page.xpath("//li[contains(@class, 'tile')]//strong")} == names, query
    assert "Nothing here matches the filter" in marketer.page("/app/calendar?q=_").text_content()


@pytest.mark.parametrize(("view", "shown"), [("month", 3), ("week", 20), ("list", 12)])
def test_a_day_with_too_much_says_how_much_more_and_leads_there(
    team: Team, harness: CampaignHarness, marketer: Browser, view: str, shown: int
):
    for number in range(24):
        draft(harness, f"2027-03-26T{number // 2 + 8:02}:{number % 2}0", name=f"Number {number}")
    page = marketer.page(f"/app/calendar?view={view}&from=2027-03-26&state=draft")
    assert len(by_day(page)["2027-03-26"]) == shown
    (rest,) = page.xpath("//a[@class='rest-of-day']")
    assert rest.text_content() == f"{24 - shown} more, Friday, 26 March"
    day = marketer.page(rest.get("href"))
    assert by_day(day) == {"2027-03-26": [f"{n // 2 + 9:02}:{n % 2}0 Number {n}" for n in range(24)]}
    assert "Friday, 26 March 2027" in day.xpath("string(//*[@class='calendar-bar']/h2)")
    assert day.xpath("//select[@id='state']/option[@selected]/@value") == ["draft"]


def test_a_new_campaign_is_for_the_day_of_the_team_and_not_of_the_browser(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    # 23:30 of the 22nd in UTC is the 23rd in Berlin.
    team.clock.now = datetime(2027, 3, 22, 23, 30, tzinfo=UTC)
    page = marketer.page("/app/calendar")
    days = [parse_qs(urlsplit(one).query)["day"][0] for one in page.xpath("//a[@class='add']/@href")]
    assert days[0] == "2027-03-23"
    assert page.xpath("//td[contains(@class, 'today')]//a[@class='date']")[0].text_content() == "Tuesday 23 March"


def test_who_may_only_read_sees_everything_and_moves_nothing(team: Team, harness: CampaignHarness):
    campaign_id = plan(harness, "2027-03-26T08:00")
    viewer = team.signed_in(team.user(Role.VIEWER))
    for view in ("month", "week", "day", "list"):
        page = viewer.page(f"/app/calendar?view={view}&from=2027-03-26")
        assert "Weekly letter" in page.text_content()
        assert (
            page.xpath("//a[@class='move'] | //a[@class='add'] | //*[@data-dispatch] | //dialog[@id='move-scope']")
            == []
        )
    assert move(viewer, team, campaign_id, day="2027-03-30").status_code == 403
    assert viewer.get(f"/app/calendar/{dispatch_on(team, campaign_id)}/move").status_code == 403
    assert starts(team, campaign_id) == {"email": at("2027-03-26T08:00")}


@pytest.mark.parametrize("view", ["month", "week", "day", "list"])
def test_what_people_wrote_is_only_text(team: Team, harness: CampaignHarness, marketer: Browser, view: str):
    campaign_id = draft(harness, "2027-03-26T08:00", name=HOSTILE)
    draft(harness, "", name=HOSTILE)
    page = marketer.page(f"/app/calendar?view={view}&from=2027-03-26")
    assert page.text_content().count(HOSTILE) >= 2
    assert page.xpath("//script[not(@src)] | //img | //@onerror") == []
    asked = marketer.get("/app/calendar", params={"q": HOSTILE, "channel": HOSTILE, "state": HOSTILE, "from": HOSTILE})
    assert "<script>alert" not in asked.text
    form = marketer.page(f"/app/calendar/{dispatch_on(team, campaign_id)}/move?day=2027-03-30")
    assert form.xpath("//h1")[0].text_content() == HOSTILE


@pytest.mark.parametrize(
    "query", ["from=0001-01-01", "from=9999-12-31", "from=x", "view=year", "done=moved&of=1&was=x", "done=moved&of=²"]
)
def test_no_address_is_too_strange(marketer: Browser, query: str):
    assert marketer.get(f"/app/calendar?{query}").status_code == 200


@pytest.mark.parametrize("view", ["month", "week", "day", "list"])
def test_an_empty_calendar_says_so_in_one_sentence(marketer: Browser, view: str):
    page = marketer.page(f"/app/calendar?view={view}")
    assert page.text_content().count("Nothing is planned in this time") == 1
    assert len(page.xpath("//a[@href='/app/campaigns/new']")) == 1


# --- The feed ---


def feed_of(browser: Browser) -> str:
    response = browser.post("/app/account/calendar-feed")
    assert response.status_code == 200
    (url,) = re.findall(r"https?://[^<]+/calendar/[\w-]+\.ics", response.text)
    return str(urlsplit(url).path)


def unfolded(body: str) -> list[str]:
    assert "\n" not in body.replace("\r\n", "")
    assert max(len(line.encode()) for line in body.split("\r\n")) <= 75
    return body.replace("\r\n ", "").split("\r\n")


def test_a_feed_holds_what_is_planned_and_follows_it(team: Team, harness: CampaignHarness, marketer: Browser):
    name = "Größer, schöner; \\ weiter: " + "ein langer Name " * 6
    campaign_id = plan(harness, "2027-03-26T08:00", name=name)
    path = feed_of(marketer)
    stranger = team.browser()
    response = stranger.get(path)
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "private" in response.headers["cache-control"]
    lines = unfolded(response.text)
    assert lines[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Distributor//Calendar//EN"]
    assert "DTSTART:20270326T080000Z" in lines
    assert "STATUS:CONFIRMED" in lines
    (summary,) = [line for line in lines if line.startswith("SUMMARY:")]
    assert summary.startswith("SUMMARY:Größer\\, schöner\\; \\\\ weiter: ein")
    move(marketer, team, campaign_id, day="2027-04-01")
    later = unfolded(stranger.get(path).text)
    assert "DTSTART:20270401T070000Z" in later

    def value(lines: list[str], name: str) -> str:
        return next(line.split(":", 1)[1] for line in lines if line.startswith(f"{name}:"))

    assert value(lines, "UID") == value(later, "UID")
    assert int(value(later, "SEQUENCE")) > int(value(lines, "SEQUENCE"))
    campaign_control.cancel(team.app, campaign_id, actor="a test")
    assert "STATUS:CANCELLED" in unfolded(stranger.get(path).text)
    # Nobody's address, and nothing of the session, is in it.
    assert "@example.org" not in response.text


def test_a_feed_ends_with_a_new_address_a_removal_or_its_user(team: Team, harness: CampaignHarness, marketer: Browser):
    stranger = team.browser()
    first = feed_of(marketer)
    second = feed_of(marketer)
    assert (stranger.get(first).status_code, stranger.get(second).status_code) == (404, 200)
    assert "was last read on" in marketer.page("/app/account").text_content()
    assert marketer.post("/app/account/calendar-feed/remove").status_code == 303
    assert stranger.get(second).status_code == 404
    third = feed_of(marketer)
    accounts.disable(team.app, 1, actor=OPERATOR)
    assert stranger.get(third).status_code == 404
    assert [action for _, action, _ in team.log() if "calendar" in action] == [
        "calendar feed made",
        "calendar feed made",
        "calendar feed removed",
        "calendar feed made",
    ]


def test_the_address_of_a_feed_is_stored_only_as_a_hash(team: Team, harness: CampaignHarness, marketer: Browser):
    token = feed_of(marketer).split("/")[-1].removesuffix(".ics")
    assert len(token) >= 40
    with team.app.database.begin() as connection:
        stored = connection.execute(text("SELECT hash FROM calendar_feeds")).scalar_one()
    assert token.encode() not in bytes(stored)
    assert len(bytes(stored)) == 32
    for wrong in ("x", "%00", token[:-1], "../account"):
        assert team.browser().get(f"/calendar/{wrong}.ics").status_code == 404


def test_the_days_of_a_page_belong_to_the_team(team: Team, harness: CampaignHarness, marketer: Browser):
    page = marketer.page("/app/calendar?view=week&from=2027-03-22")
    assert "Times in Europe/Berlin" in page.text_content()
    assert page.xpath("//nav[@aria-label='View']//a[@aria-current]")[0].text_content() == "Week"
    earlier, later = (page.xpath(f"//a[@rel='{rel}']/@href")[0] for rel in ("prev", "next"))
    assert "from=2027-03-15" in earlier
    assert "from=2027-03-29" in later
    assert date(2027, 3, 22) + timedelta(weeks=1) == date(2027, 3, 29)
