"""The page of a campaign: every state of it, what can be done in it, and who may."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignPlan, CampaignState
from distributor.domain.user import Role
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.progress import progress_of
from distributor.flow.publishing.release import release
from distributor.storage import campaigns
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds
from tests.flow.restoring import back_up, restore

from .conftest import Browser, Team

__all__ = ["scripted_kinds"]

HOSTILE = '550 <script>alert(1)</script> "><img src=x onerror=alert(2)> ada@example.org refused'


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    """A harness in the time of the team."""
    made = make_campaign_harness(team.app, tmp_path)
    made.channel("mail", "scripted")
    made.channel("posts", "scripted_broadcast", accounts=["@one"])
    return made


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


def released(harness: CampaignHarness) -> int:
    """A campaign to three people and one account, of which nothing was sent."""
    campaign_id = harness.plan("mail", "posts")
    for dispatch_id in (1, 2):
        prepare(harness.app, dispatch_id)
    for dispatch_id in (1, 2):
        assert release(harness.app, dispatch_id)
    return campaign_id


def settle(harness: CampaignHarness, number: int, state: str, *, reply: str = "", reason: str = "") -> None:
    with harness.app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET state = :state, updated_at = :now, reply = :reply,
                       next_at = CASE :state WHEN 'deferred' THEN CAST(:now AS timestamptz) + interval '1 hour' END,
                       detail = CASE WHEN :reason = '' THEN '{}' ELSE jsonb_build_object('reason', :reason) END
                WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY id LIMIT :number)
            """),
            {"state": state, "now": harness.app.clock(), "reply": reply, "reason": reason, "number": number},
        )


def planned(harness: CampaignHarness, campaign_id: int) -> CampaignPlan:
    with harness.app.database.begin() as connection:
        return campaigns.plan_of(connection, campaign_id)


def words(page: Any) -> str:
    """The text of an element or a page, with single spaces."""
    return re.sub(r"\s+", " ", page.text_content())


def of_class(element: Any, name: str) -> list[Any]:
    found = element.xpath(f"descendant::*[contains(concat(' ', @class, ' '), ' {name} ')]")
    assert isinstance(found, list)
    return found


def state_of(harness: CampaignHarness, campaign_id: int) -> CampaignState:
    return progress_of(harness.app, campaign_id).state


def acts(page: Any) -> list[str]:
    (found,) = page.xpath("//*[@data-live-target='acts']")
    return [words(one).strip() for one in found.xpath(".//a | .//button")]


def test_a_campaign_from_before_there_was_a_history_has_its_page(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("mail")
    with team.app.database.begin() as connection:
        connection.execute(text("DELETE FROM campaign_history"))
    assert marketer.page(f"/app/campaigns/{draft}").xpath("//h1")


def test_a_draft_says_that_nobody_gets_anything_and_leads_to_review(harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.draft("mail")
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert "It is a draft. Nobody gets anything until it is reviewed and scheduled." in words(page)
    assert acts(page) == ["Edit", "Review"]
    assert page.xpath("//*[@data-live]") == []
    life_cycle.review(harness.app, campaign_id, actor="user:ada@example.org")
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert acts(page) == ["Edit", "Review and schedule"]
    assert "Sends “Hello” over mail to 3 subscribers of readers (no time is set)" in words(page)
    assert "ada@example.org" in words(of_class(page, "campaign-history")[0])


def test_a_scheduled_campaign_says_when_it_begins_with_the_zone(harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.plan("mail", "posts", after=timedelta(hours=2))
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert re.search(r"It begins on \d+ \w+ \d+, \d\d:\d\d UTC", words(page))
    assert acts(page) == ["Change the time", "Take it back"]
    assert "3 recipients, as last reviewed" in words(page)
    (live,) = page.xpath("//*[@data-live]")
    assert live.get("data-live") == f"/app/campaigns/{campaign_id}/live"


def test_the_numbers_of_a_running_campaign_add_up_to_the_audience(harness: CampaignHarness, marketer: Browser):
    campaign_id = released(harness)
    settle(harness, 1, "sent")
    settle(harness, 1, "deferred", reason="mailboxfull", reply="4.2.2 full")
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert "1 of 4 have it." in words(page)
    for channel, whole in zip(of_class(page, "channel-progress"), (3, 1), strict=True):
        (bar,) = of_class(channel, "ledger-sum")
        numbers = [int(words(one)) for one in bar.xpath("li[starts-with(@class, 'delivery-')]//*[@class='number']")]
        assert sum(numbers) == whole
        assert f"{whole} in all =" in words(channel)
    mail = words(of_class(page, "channel-progress")[0])
    assert "1 Mailbox is full" in mail
    assert re.search(r"next attempt \d+ \w+ \d+, \d\d:\d\d UTC", mail)
    assert "4.2.2 full" in mail


def test_once_it_is_out_the_page_does_not_repeat_what_was_wrong_and_a_decision_counts_once(
    harness: CampaignHarness, marketer: Browser
):
    campaign_id = harness.plan("mail", "posts", after=timedelta(hours=1))
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    assert "; no problems" in page or "warning" in page
    (history,) = of_class(marketer.page(f"/app/campaigns/{campaign_id}"), "campaign-history")
    told = [words(one).strip() for one in history.xpath(".//strong")]
    assert told == ["Scheduled", "Created"]
    assert re.search(r"mail and posts \d+ \w+ \d+, \d\d:\d\d UTC", words(history))
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE dispatches SET scheduled_at = :now"), {"now": harness.app.clock()})
    harness.run()
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    (reviewed,) = of_class(marketer.page(f"/app/campaigns/{campaign_id}"), "campaign-reviewed")
    assert words(reviewed).startswith("As last reviewed: "), words(reviewed)
    assert "; no problems" not in page
    assert "warning" not in page


def test_pausing_is_one_press_also_twice_and_resuming_goes_on(harness: CampaignHarness, marketer: Browser):
    campaign_id = released(harness)
    settle(harness, 1, "sent")
    for _ in range(2):
        response = marketer.post(f"/app/campaigns/{campaign_id}/pause")
        assert response.headers["location"] == f"/app/campaigns/{campaign_id}?done=paused"
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert "It is paused: 1 have it, 3 do not get it until it is resumed." in words(page)
    assert acts(page) == ["Resume"]
    (form,) = [one for one in page.forms if one.get("action") == f"/app/campaigns/{campaign_id}/resume"]
    for _ in range(2):
        response = marketer.post(form.get("action"), dict(form.fields))
        assert response.headers["location"] == f"/app/campaigns/{campaign_id}?done=resumed"
    assert state_of(harness, campaign_id) is CampaignState.RUNNING
    with harness.app.database.begin() as connection:
        history = [(one.action.value, one.actor) for one in campaigns.history(connection, campaign_id)]
    assert history[-2:] == [("paused", "user:marketer@example.org"), ("resumed", "user:marketer@example.org")]


def test_nothing_begins_any_more_once_the_page_has_paused_it(harness: CampaignHarness, marketer: Browser):
    campaign_id = released(harness)
    marketer.post(f"/app/campaigns/{campaign_id}/pause")
    harness.run()
    assert harness.seen == []
    marketer.post(f"/app/campaigns/{campaign_id}/resume")
    harness.run()
    assert len(harness.seen) == 4


def test_cancelling_says_before_and_afterwards_how_many_have_it_and_how_many_will_not(
    harness: CampaignHarness, marketer: Browser
):
    campaign_id = released(harness)
    settle(harness, 1, "sent")
    settle(harness, 1, "in_flight")
    page = marketer.page(f"/app/campaigns/{campaign_id}/cancel")
    assert "1 have it already: nothing takes that back. 2 will not get it." in words(page)
    assert "1 may have it, or get it in these seconds." in words(page)
    (form,) = [one for one in page.forms if one.get("action", "").endswith("/cancel")]
    for _ in range(2):
        response = marketer.post(form.get("action"), dict(form.fields))
        assert response.headers["location"] == f"/app/campaigns/{campaign_id}?done=cancelled"
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert "It is cancelled: 1 have it, 2 do not get it. 1 may have it." in words(page)
    assert acts(page) == ["Send the rest a corrected version"]


def test_what_was_edited_meanwhile_is_not_cancelled(harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.plan("mail", after=timedelta(hours=2))
    response = marketer.post(f"/app/campaigns/{campaign_id}/cancel", {"version": "7"})
    assert response.status_code == 409
    assert "was changed meanwhile" in response.text
    assert state_of(harness, campaign_id) is CampaignState.SCHEDULED
    assert marketer.post(f"/app/campaigns/{campaign_id}/cancel", {"version": "x"}).status_code == 422


def test_the_rest_gets_a_corrected_version_and_two_presses_make_one_draft(harness: CampaignHarness, marketer: Browser):
    campaign_id = released(harness)
    settle(harness, 2, "sent")
    marketer.post(f"/app/campaigns/{campaign_id}/pause")
    page = marketer.page(f"/app/campaigns/{campaign_id}/correct")
    assert "This campaign ends for good: 2 have it, 2 do not get it from here." in words(page)
    (form,) = [one for one in page.forms if one.get("action", "").endswith("/correct")]
    for _ in range(2):
        response = marketer.post(form.get("action"), dict(form.fields))
        assert response.headers["location"] == "/app/campaigns/2/edit"
    assert harness.report_ids() == [2, 1]
    assert state_of(harness, campaign_id) is CampaignState.CANCELLED
    found = life_cycle.review(harness.app, 2, actor="a test")
    assert [(one.channel_name, one.recipients) for one in found.dispatches] == [("mail", 1), ("posts", 1)]


def test_a_duplicate_is_a_draft_of_its_own_and_two_presses_make_one(harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.plan("mail", after=timedelta(hours=2))
    page = marketer.page(f"/app/campaigns/{campaign_id}/duplicate")
    (form,) = [one for one in page.forms if one.get("action", "").endswith("/duplicate")]
    places = {marketer.post(form.get("action"), dict(form.fields)).headers["location"] for _ in range(2)}
    assert places == {"/app/campaigns/2/edit"}
    assert state_of(harness, 2) is CampaignState.DRAFT
    assert state_of(harness, campaign_id) is CampaignState.SCHEDULED


def test_times_are_changed_in_the_zone_of_each_channel_and_bad_ones_come_back(
    harness: CampaignHarness, marketer: Browser
):
    campaign_id = harness.plan("mail", "posts", after=timedelta(hours=2))
    page = marketer.page(f"/app/campaigns/{campaign_id}/reschedule")
    (form,) = [one for one in page.forms if one.get("action", "").endswith("/reschedule")]
    assert set(form.fields) == {"version", "at-1", "at-2"}
    assert "Clock of UTC" in words(page)
    fields = {**dict(form.fields), "at-1": "2001-01-01T09:00", "at-2": "2999-01-01T09:30"}
    response = marketer.post(form.get("action"), fields)
    assert response.status_code == 422
    assert "is in the past" in response.text
    assert 'value="2999-01-01T09:30"' in response.text
    response = marketer.post(form.get("action"), {**fields, "at-1": ""})
    assert "Choose a time for mail." in response.text
    before = planned(harness, campaign_id)
    response = marketer.post(form.get("action"), {**fields, "at-1": "2998-01-01T09:00"})
    assert response.headers["location"] == f"/app/campaigns/{campaign_id}?done=rescheduled"
    assert replace(planned(harness, campaign_id), times=before.times) == before, "nothing but the times has changed"
    starts = [one.dispatch.scheduled_at for one in progress_of(harness.app, campaign_id).dispatches]
    assert [f"{one:%Y-%m-%d %H:%M}" for one in starts if one] == ["2998-01-01 09:00", "2999-01-01 09:30"]


def test_what_waits_before_its_release_is_reviewed_on_resuming_and_channels_can_be_left_out(
    harness: CampaignHarness, marketer: Browser
):
    campaign_id = harness.plan("mail", "posts", after=timedelta(hours=2))
    marketer.post(f"/app/campaigns/{campaign_id}/pause")
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert acts(page) == ["Resume…"]
    page = marketer.page(f"/app/campaigns/{campaign_id}/resume")
    assert [one.get("value") for one in page.xpath("//*[@name='without']")] == ["mail", "posts"]
    response = marketer.post(f"/app/campaigns/{campaign_id}/resume", {"without": "posts"})
    assert response.status_code == 303
    found = [
        (one.dispatch.channel_name, one.dispatch.state.value)
        for one in progress_of(harness.app, campaign_id).dispatches
    ]
    assert found == [("mail", "scheduled"), ("posts", "cancelled")]


def test_what_could_not_be_sent_says_so_and_why_and_nothing_says_sent(harness: CampaignHarness, marketer: Browser):
    campaign_id = harness.plan("mail", after=timedelta(seconds=1))
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET state = 'unsubscribed', consent_id = NULL"))
        connection.execute(text("UPDATE dispatches SET scheduled_at = :now"), {"now": harness.app.clock()})
    prepare(harness.app, 1)
    release(harness.app, 1)
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    assert "It was not sent. Nobody has it." in page
    assert "To send it, make a copy of it and change there what kept it." in page
    assert "The audience was empty at release." in page
    assert "Nobody got anything" in page


def test_what_was_sent_in_part_is_never_said_to_be_with_nobody(harness: CampaignHarness, marketer: Browser):
    campaign_id = released(harness)
    settle(harness, 3, "sent")
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'suppressed' WHERE dispatch_id = 2"))
        connection.execute(text("UPDATE dispatches SET state = CASE id WHEN 1 THEN 'finished' ELSE 'failed' END"))
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    assert "A part of it was not sent: 3 of 4 have it." in page
    assert "Nobody has it" not in page


def test_what_could_not_start_at_its_time_says_that_it_was_not_sent(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = harness.plan("mail", after=timedelta(seconds=1))
    team.clock.advance(hours=7)
    harness.run()
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    assert "It was not sent at its time and is paused. Nobody has it yet." in page
    assert "Resume this campaign to send it now, or cancel it" in page


def test_a_campaign_without_progress_says_that_it_has_stalled_and_one_that_goes_on_does_not(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = released(harness)
    assert "has stalled" not in words(marketer.page(f"/app/campaigns/{campaign_id}"))
    team.clock.advance(minutes=5)
    assert "mail has stalled: nothing has come of it for 5 minutes." in words(
        marketer.page(f"/app/campaigns/{campaign_id}")
    )
    harness.run()
    page = words(marketer.page(f"/app/campaigns/{campaign_id}"))
    assert "has stalled" not in page
    assert "It is finished: 4 of 4 have it." in page


def test_words_of_servers_are_shown_inert_and_without_addresses_to_those_who_may_not_see_any(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = released(harness)
    settle(harness, 1, "failed", reason="<b>odd</b>", reply=HOSTILE)
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE dispatches SET reason = :hostile"), {"hostile": HOSTILE})
        connection.execute(text("UPDATE campaigns SET name = :hostile"), {"hostile": HOSTILE})
        connection.execute(
            text("UPDATE campaign_history SET detail = :hostile, actor = :hostile"), {"hostile": HOSTILE}
        )
    campaign_control.pause(harness.app, campaign_id, reason=HOSTILE, actor=HOSTILE)
    for path in ("", "/live", "/cancel", "/resume", "/correct", "/duplicate"):
        response = marketer.get(f"/app/campaigns/{campaign_id}{path}", headers={"HX-Request": "true"})
        assert response.status_code == 200
        assert "<script>alert" not in response.text
        assert "<img src=x" not in response.text
        assert "<b>odd" not in response.text
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert HOSTILE in words(of_class(page, "channel-replies")[0])
    viewer = team.signed_in(team.user(Role.VIEWER))
    parts = words(of_class(viewer.page(f"/app/campaigns/{campaign_id}"), "channel-replies")[0])
    assert "example.org" not in parts
    assert "(address) refused" in parts


def test_a_viewer_sees_everything_and_can_do_nothing(team: Team, harness: CampaignHarness):
    campaign_id = released(harness)
    viewer = team.signed_in(team.user(Role.VIEWER))
    page = viewer.page(f"/app/campaigns/{campaign_id}")
    assert acts(page) == []
    assert of_class(page, "campaign-choices") == []
    assert len(of_class(page, "channel-progress")) == 2
    for act in ("pause", "resume", "cancel", "reschedule", "duplicate", "correct"):
        assert viewer.post(f"/app/campaigns/{campaign_id}/{act}").status_code == 403
        assert act == "pause" or viewer.get(f"/app/campaigns/{campaign_id}/{act}").status_code == 403
    assert state_of(harness, campaign_id) is CampaignState.RUNNING


def test_campaigns_that_are_not_there_are_not_found(marketer: Browser):
    for path in ("7", "7/live", "7/cancel", "99999999999999999999999", "x"):
        assert marketer.get(f"/app/campaigns/{path}").status_code == 404
    assert marketer.post("/app/campaigns/7/pause").status_code == 404


def test_a_test_shows_how_far_it_is_and_offers_nothing_that_is_for_campaigns(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    campaign_id = released(harness)
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE campaigns SET purpose = 'test', test_of = id"))
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert acts(page) == []
    assert "A test of another campaign" in words(page)


def test_what_waits_since_a_restore_goes_on_only_when_somebody_says_that_they_have_looked(
    harness: CampaignHarness, marketer: Browser, tmp_path: Path
) -> None:
    campaign_id = released(harness)
    restore(harness.app, back_up(harness.app, tmp_path / "all.backup"))
    assert marketer.get(f"/app/campaigns/{campaign_id}").status_code == 303, "every browser is signed out"
    marketer.sign_in("marketer@example.org")
    page = marketer.page(f"/app/campaigns/{campaign_id}")
    assert "The database was restored from a backup: what was sent after" in words(page)
    (link,) = [one for one in page.xpath("//a") if words(one).strip() == "Resume…"]
    page = marketer.page(str(link.get("href")))
    assert "I have looked at what may have gone out since the backup" in words(page)
    refused = marketer.post(f"/app/campaigns/{campaign_id}/resume")
    assert refused.status_code == 409
    assert "distributor" not in words(lxml.html.fromstring(refused.text).body)
    assert state_of(harness, campaign_id) is CampaignState.PAUSED
    done = marketer.post(f"/app/campaigns/{campaign_id}/resume", {"after-restore": "on"})
    assert done.headers["location"] == f"/app/campaigns/{campaign_id}?done=resumed"
    assert state_of(harness, campaign_id) is CampaignState.RUNNING
