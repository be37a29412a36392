"""Results: the same numbers on the page, in the file, from the command line and from the API; none above 100 %."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import lxml.html
import pytest
from sqlalchemy import text

from distributor.cli.campaign.report import report_as_json
from distributor.domain.event import Event, EventKind
from distributor.domain.proportion import Proportion
from distributor.domain.tokens import Purpose
from distributor.domain.user import Role
from distributor.flow.feedback import tracking
from distributor.flow.publishing.report import report
from distributor.flow.publishing.results import results_of
from distributor.storage import delivery_queries, events
from distributor.storage.delivery_queries import DeliveryRecord
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Browser, Team

PERSON, ROBOT = "Mozilla/5.0 (X11; Linux) Firefox/145.0", "Mozilla/5.0 (compatible; somebot/1.0)"
LINKS = ("https://example.org/a", "https://example.org/b?x=1&y=ü#top")
HOSTILE = '=HYPERLINK("http://evil")<script>alert(1)</script>'


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(team.app, tmp_path)
    made.channel("mail", "scripted")
    made.channel("wall", "scripted_posts")
    return made


@pytest.fixture
def viewer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.VIEWER))


class Audience:
    """A campaign that was sent to ada, bo and cy, and what they do with it."""

    def __init__(self, team: Team, harness: CampaignHarness) -> None:
        self.team, self.app = team, team.app
        self.id = harness.plan_and_run("mail", "wall")
        self._number = 0
        with self.app.database.begin() as connection:
            found = delivery_queries.of_campaign(connection, self.id, channel_name="mail", limit=9)
        self.deliveries: dict[str, DeliveryRecord] = {one.recipient.split("@")[0]: one for one in found}

    def happens(
        self, name: str, kind: EventKind, *, agent: str = PERSON, hours: float = 1, times: int = 1, url: str = ""
    ) -> None:
        detail = {"user_agent": agent, **({"url": url or "https://example.org/a"} if kind is EventKind.CLICK else {})}
        at = self.app.clock() + timedelta(hours=hours)
        with self.app.database.begin() as connection:
            for _ in range(times):
                self._number += 1
                key, delivery_id = f"{self.id} {self._number}", self.deliveries[name].id
                events.record(connection, [Event(delivery_id=delivery_id, kind=kind, at=at, key=key, detail=detail)])


@pytest.fixture
def audience(team: Team, harness: CampaignHarness) -> Audience:
    return Audience(team, harness)


def table_of(browser: Browser, path: str) -> dict[str, list[str]]:
    """The cells of each row of the table of the channel, by its measure."""
    page = browser.page(path)
    rows = page.xpath("//section[h2='mail']//tbody/tr")
    return {
        row.xpath("string(th)").strip(): [" ".join(one.text_content().split()) for one in row.xpath("td")]
        for row in rows
    }


def file_of(browser: Browser, campaign_id: int) -> list[dict[str, str]]:
    response = browser.get(f"/app/campaigns/{campaign_id}/results.csv")
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.text)))


def test_one_opens_nine_times_and_one_clicks_without_opening(viewer: Browser, audience: Audience):
    """The page, the file, the report and the API say the same; nothing is above 100 %."""
    audience.happens("ada", EventKind.OPEN, times=9)
    audience.happens("bo", EventKind.CLICK)
    path = f"/app/campaigns/{audience.id}/results"
    shown = table_of(viewer, path)
    assert shown["Opened (an indication)"][0] == "1"
    assert shown["Opened (an indication)"][-1] == "9"
    assert shown["Clicked a link"][0] == "1"
    assert shown["Clicked a link"][1] == "33.3 % 6.1–79.2 %"
    words = viewer.page(path).xpath("string(//main)")
    assert "In 1 mail a link was followed though no open was seen" in " ".join(words.split())
    rows = {(row["channel"], row["link"], row["measure"]): row for row in file_of(viewer, audience.id)}
    opened, clicked = rows["mail", "", "open"], rows["mail", "", "click"]
    assert (opened["count_people"], opened["count_all"], opened["events"], opened["of"]) == ("1", "1", "9", "3")
    assert float(clicked["rate_people"]) == pytest.approx(1 / 3, abs=1e-6)
    assert rows["mail", "", "clicked without an open"]["count_all"] == "1"
    assert rows["mail", "https://example.org/a", "click"]["count_people"] == "1"
    counted = report(audience.app, audience.id).events
    assert counted == {EventKind.OPEN: (9, 1), EventKind.CLICK: (1, 1)}
    rates = [
        float(row[name]) for row in rows.values() for name in row if name[:3] in ("rat", "low", "hig") and row[name]
    ]
    assert rates
    assert all(0 <= rate <= 1 for rate in rates)


def test_the_file_has_every_number_of_the_page_and_no_formula(viewer: Browser, audience: Audience):
    audience.happens("ada", EventKind.CLICK, url=f"https://x.example/{HOSTILE}")
    audience.happens("ada", EventKind.CLICK, agent=ROBOT, times=4)
    audience.happens("cy", EventKind.UNSUBSCRIBE)
    with audience.app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET name = '=cmd|x' WHERE name = 'mail'"))
        connection.execute(text("UPDATE campaigns SET name = :name"), {"name": HOSTILE})
    response = viewer.get(f"/app/campaigns/{audience.id}/results")
    assert "<script>alert" not in response.text
    page = lxml.html.fromstring(response.text)
    numbers = [
        one.text_content().strip()
        for one in page.xpath("//section[h2='=cmd|x']//td[@class='num']")
        if one.text_content().strip()
    ]
    rows = [
        row
        for row in file_of(viewer, audience.id)
        if row["measure"] in ("click", "open", "unsubscribe", "complaint") and not row["link"]
    ]
    assert numbers == [row[name] for row in rows for name in ("count_people", "count_all", "events")]
    raw = viewer.get(f"/app/campaigns/{audience.id}/results.csv")
    cells = [cell for row in csv.reader(io.StringIO(raw.text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert "'=cmd|x" in cells
    name = raw.headers["content-disposition"]
    assert name.startswith(f'attachment; filename="results-{audience.id}-')
    assert "<" not in name


def test_machines_stand_beside_people_and_a_late_open_is_counted_at_once(viewer: Browser, audience: Audience):
    path = f"/app/campaigns/{audience.id}/results"
    audience.happens("ada", EventKind.CLICK, agent=ROBOT)
    audience.happens("bo", EventKind.OPEN, agent="Mozilla/5.0")
    assert table_of(viewer, path)["Clicked a link"][0] == "0"
    assert table_of(viewer, path)["Clicked a link"][2] == "1"
    assert table_of(viewer, path)["Opened (an indication)"][0::2][:2] == ["0", "1"]
    audience.happens("cy", EventKind.OPEN, hours=75 * 24)
    assert table_of(viewer, path)["Opened (an indication)"][0::2][:2] == ["1", "2"]


def test_opens_and_clicks_by_links_of_the_mail_reach_the_page(team: Team, viewer: Browser, audience: Audience):
    token = team.app.tokens.mint(Purpose.CLICK, audience.deliveries["ada"].id, 0)
    assert tracking.follow_click(team.app, token, {"user_agent": PERSON}) == "https://example.org/a"
    tracking.write_events(team.app)
    path = f"/app/campaigns/{audience.id}/results"
    assert table_of(viewer, path)["Clicked a link"][2] == "1"


def test_each_number_leads_to_the_people_behind_it(team: Team, audience: Audience):
    marketer = team.signed_in(team.user(Role.MARKETER))
    audience.happens("bo", EventKind.CLICK)
    audience.happens("ada", EventKind.CLICK, agent=ROBOT)
    audience.happens("cy", EventKind.COMPLAINT)
    page = marketer.page(f"/app/campaigns/{audience.id}/results")
    found = {}
    for link in page.xpath("//section[h2='mail']//td[@class='num']/a/@href"):
        people = marketer.page(link).xpath("//table[contains(@class, 'deliveries')]//td[@class='recipient']")
        found[link.split("event=")[1]] = [one.text_content().strip() for one in people]
    assert found == {
        "click&by=people": ["bo@example.org"],
        "click": ["ada@example.org", "bo@example.org"],
        "complaint&by=people": ["cy@example.org"],
        "complaint": ["cy@example.org"],
    }


def test_each_number_of_a_link_leads_to_those_who_followed_it(team: Team, audience: Audience):
    marketer = team.signed_in(team.user(Role.MARKETER))
    audience.happens("bo", EventKind.CLICK, url=LINKS[0])
    audience.happens("cy", EventKind.CLICK, url=LINKS[1])
    audience.happens("ada", EventKind.CLICK, url=LINKS[1], agent=ROBOT)
    page = marketer.page(f"/app/campaigns/{audience.id}/results")
    found = {}
    for link in page.xpath("//section[h2='Links']//td[@class='num']/a/@href"):
        people = marketer.page(link).xpath("//table[contains(@class, 'deliveries')]//td[@class='recipient']")
        asked = dict(parse_qsl(urlsplit(link).query))
        found[asked["link"], asked.get("by", "")] = [one.text_content().strip() for one in people]
    assert found == {
        (LINKS[0], "people"): ["bo@example.org"],
        (LINKS[0], ""): ["bo@example.org"],
        (LINKS[1], "people"): ["cy@example.org"],
        (LINKS[1], ""): ["ada@example.org", "cy@example.org"],
    }


def test_the_chart_says_the_same_as_its_table(viewer: Browser, team: Team, audience: Audience):
    audience.happens("ada", EventKind.CLICK, hours=0.5)
    audience.happens("ada", EventKind.CLICK, hours=30)
    audience.happens("bo", EventKind.CLICK, hours=5.5, agent=ROBOT)
    team.clock.advance(hours=200)
    viewer = team.signed_in(team.user(Role.EDITOR))
    page = viewer.page(f"/app/campaigns/{audience.id}/results")
    rows = page.xpath("//section[h2='Clicks in the first three days']//tbody/tr")
    told = {row.xpath("string(th)").strip(): [one.text_content() for one in row.xpath("td")] for row in rows}
    assert told["1 hour"] == ["1", "1"]
    assert told["6 hours"] == ["1", "2"]
    assert told["72 hours"] == ["1", "2"]
    (people,) = page.xpath("//polyline[contains(@class, 'people')]/@points")
    assert len(people.split()) == 73
    points = results_of(team.app, audience.id).clicks_over_time
    assert [one.people for one in points] == sorted(one.people for one in points)
    assert (points[0].all, points[-1].all) == (0, 2)


def test_a_click_of_a_mail_that_is_in_doubt_gives_no_rate_above_all(
    harness: CampaignHarness, team: Team, viewer: Browser
):
    harness.channel(
        "mail", "scripted", answers=dict.fromkeys([f"{n}@example.org" for n in ("ada", "bo", "cy")], "begun")
    )
    audience = Audience(team, harness)
    for name in ("ada", "bo"):
        audience.happens(name, EventKind.CLICK)
    clicks = results_of(team.app, audience.id).responses.count(EventKind.CLICK)
    assert clicks.people == Proportion(2, 2)
    assert "100.0 %" in table_of(viewer, f"/app/campaigns/{audience.id}/results")["Clicked a link"][1]


def test_the_overview_compares_and_leaves_out_small_tags(team: Team, harness: CampaignHarness, viewer: Browser):
    assert "There are no results yet" in viewer.get("/app/results").text
    found = [Audience(team, harness) for _ in range(3)]
    for one in found:
        one.happens("ada", EventKind.CLICK)
    page = viewer.page("/app/results")
    links = page.xpath("//table[contains(@class, 'results')]//th//a/@href")
    assert links == [f"/app/campaigns/{one.id}/results" for one in reversed(found)]
    assert "clicked by more than 33.3 %" in " ".join(page.xpath("string(//main)").split())
    assert "about the same" in page.xpath("string(//main)")
    assert not page.xpath("//h2[.='By tag']")
    assert viewer.get("/app/results?before=x").status_code == 404
    raw = viewer.get("/app/results.csv")
    assert raw.headers["content-disposition"] == 'attachment; filename="results.csv"'
    rows = list(csv.DictReader(io.StringIO(raw.text)))
    shown = [
        [one.text_content().strip() for one in row.xpath("td[@class='num']")]
        for row in page.xpath("//table[contains(@class, 'results')]//tbody/tr")
    ]
    names = ("delivered", "clicked_people", "unsubscribed", "complained")
    assert [[row[name] for name in names] for row in rows] == shown


def test_a_campaign_that_has_not_gone_out_has_no_results(harness: CampaignHarness, viewer: Browser):
    draft = harness.draft("mail")
    assert "There are no results before" in viewer.get(f"/app/campaigns/{draft}/results").text
    assert viewer.get("/app/campaigns/999/results").status_code == 404
    assert viewer.get("/app/campaigns/999/results.csv").status_code == 404


def test_the_command_line_says_the_same(audience: Audience):
    audience.happens("ada", EventKind.OPEN, times=9)
    audience.happens("bo", EventKind.CLICK, agent=ROBOT)
    assert json.loads(json.dumps(report_as_json(report(audience.app, audience.id)), default=str))["events"] == {
        "open": {"total": 9, "deliveries": 1},
        "click": {"total": 1, "deliveries": 1},
    }
