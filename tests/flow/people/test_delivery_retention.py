"""The retention of deliveries: years of sending keep their size, and whoever looks finds totals and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignAction
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import RemovedError, StateError
from distributor.domain.event import Event, EventKind
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.event_counting import count_events
from distributor.flow.failpoints import Failpoint
from distributor.flow.feedback.apply_feedback import AppliedFeedback, apply_feedback
from distributor.flow.operations.audit import audit
from distributor.flow.operations.audit_runs import last_audit, request_audit
from distributor.flow.operations.recounting import verify_totals
from distributor.flow.people.privacy import erase, export_person
from distributor.flow.people.retention import PurgeCount, purge_expired
from distributor.flow.publishing.audience import count_audience
from distributor.flow.publishing.campaign_deliveries import DeliveryQuery, list_deliveries
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.results import result_rows, results_of
from distributor.storage import (
    campaigns,
    delivery_queries,
    delivery_totals,
    dispatches,
    events,
    lists,
    memberships,
    past_deliveries,
    subscriber_merge,
    subscribers,
    suppressions,
)
from distributor.web.app import create_app
from tests.flow.campaign_harness import CampaignHarness

KEPT_FOR = timedelta(days=90)
LINK = "https://example.org/a"
FILE = Attachment(name="Programme.txt", media_type="text/plain", content=b"1\n2\n" * 1000)
DETAILS = ("deliveries", "events", "delivery_history", "delivery_posts", "campaign_attachments")


@dataclass
class Years:
    """A harness whose clock is moved, with the retention of deliveries on."""

    harness: CampaignHarness
    now: datetime

    @property
    def app(self) -> AppContext:
        return self.harness.app

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)

    def send(self, slug: str = "hello", *names: str, **changes: Any) -> int:
        """A campaign with an attachment that has gone out; Ada opened and clicked, and Bo opened."""
        options = MessageOptions(attachments=(FILE,))
        asked = self.harness.asked(*(names or ("mail",)), slugs=(slug,), message_options=options, **changes)
        campaign_id = plan(self.app, asked)
        self.harness.run()
        for record in self.deliveries(campaign_id):
            if record.recipient.startswith(("ada@", "bo@")):
                self.note(record.id, EventKind.OPEN)
            if record.recipient.startswith("ada@"):
                self.note(record.id, EventKind.CLICK, url=LINK)
        return campaign_id

    def note(self, delivery_id: int, kind: EventKind, **detail: str) -> int:
        event = Event(delivery_id=delivery_id, kind=kind, at=self.now, key=f"{kind}-{delivery_id}", detail=detail)
        with self.app.database.begin() as connection:
            return events.record(connection, [event])

    def deliveries(self, campaign_id: int) -> list[delivery_queries.DeliveryRecord]:
        with self.app.database.begin() as connection:
            return delivery_queries.of_campaign(connection, campaign_id, limit=1000)

    def delivery_of(self, campaign_id: int, name: str) -> int:
        return next(one.id for one in self.deliveries(campaign_id) if one.recipient.startswith(f"{name}@"))

    def purge(self) -> PurgeCount:
        return purge_expired(self.app)

    def rows(self, *tables: str) -> dict[str, int]:
        with self.app.database.begin() as connection:
            return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}

    def person(self, name: str) -> int:
        with self.app.database.begin() as connection:
            return subscribers.find(connection, f"{name}@example.org").id

    def membership(self, name: str) -> Membership | None:
        with self.app.database.begin() as connection:
            readers = lists.find(connection, "readers")
            return memberships.state_of(connection, self.person(name), readers.id)

    def reasons(self, name: str) -> list[SuppressionReason]:
        with self.app.database.begin() as connection:
            return [one.reason for one in suppressions.of_key(connection, f"{name}@example.org")]


@pytest.fixture
def years(harness: CampaignHarness) -> Years:
    made = Years(harness, harness.app.clock())
    harness.app = replace(harness.app, clock=lambda: made.now, delivery_retention=KEPT_FOR)
    harness.channel("mail", "scripted")
    return made


def test_a_year_of_sending_keeps_the_same_size_and_all_of_its_totals(years: Years) -> None:
    reports, sizes = {}, []
    for number in range(26):
        slug = f"article-{number}"
        years.harness.article(slug, title=f"Number {number}")
        campaign_id = years.send(slug)
        count_events(years.app)
        reports[campaign_id] = (
            years.harness.report(campaign_id).totals,
            list(result_rows(results_of(years.app, campaign_id))),
        )
        years.pass_days(14)
        years.purge()
        sizes.append(years.rows(*DETAILS) | _kept_renditions(years))
    # The campaigns of the last 84 days.
    assert sizes[-1] == sizes[10] == sizes[18]
    assert sizes[-1]["deliveries"] == 6 * 3
    assert years.rows("past_deliveries") == {"past_deliveries": 20 * 3}
    for campaign_id, (totals, rows) in reports.items():
        assert years.harness.report(campaign_id).totals == totals
        assert list(result_rows(results_of(years.app, campaign_id))) == rows
        assert not audit(years.app, campaign_id, ()).counts
    assert verify_totals(years.app) == []


def _kept_renditions(years: Years) -> dict[str, int]:
    with years.app.database.begin() as connection:
        number = connection.execute(text("SELECT count(payload) FROM renditions")).scalar_one()
    return {"renditions": number}


def test_nothing_is_removed_before_its_time_and_without_the_setting_nothing_at_all(years: Years) -> None:
    campaign_id = years.send()
    years.pass_days(89)
    years.purge()
    assert len(years.deliveries(campaign_id)) == 3
    years.pass_days(1000)
    assert purge_expired(replace(years.app, delivery_retention=None)).deliveries == 0
    assert years.rows("deliveries", "campaign_attachments") == {"deliveries": 3, "campaign_attachments": 1}
    done = years.purge()
    assert (done.deliveries, done.attachments, done.renditions) == (3, 1, 1)
    assert years.rows(*DETAILS) == dict.fromkeys(DETAILS, 0)
    assert years.purge() == replace(done, deliveries=0, attachments=0, renditions=0)


def test_a_campaign_that_was_cancelled_is_past_as_well_and_one_that_rests_is_not(years: Years) -> None:
    ended, open_ = years.send(), years.send()
    with years.app.database.begin() as connection:
        for campaign_id, state in ((ended, "cancelled"), (open_, "paused")):
            connection.execute(
                text("UPDATE dispatches SET state = :state, finished_at = NULL WHERE campaign_id = :id"),
                {"state": state, "id": campaign_id},
            )
    years.pass_days(200)
    years.purge()
    assert (len(years.deliveries(ended)), len(years.deliveries(open_))) == (0, 3)


def test_what_is_kept_of_a_delivery_names_nobody_and_nothing_said(years: Years) -> None:
    campaign_id = years.send()
    years.pass_days(91)
    years.purge()
    with years.app.database.begin() as connection:
        (row, *_) = connection.execute(text("SELECT * FROM past_deliveries ORDER BY id")).mappings()
    assert set(row) == {"id", "dispatch_id", "subscriber_id", "list_id", "state"}
    with years.app.database.begin() as connection:
        history = campaigns.history(connection, campaign_id)
        assert campaigns.message_options_of(connection, campaign_id).attachments == ()
    assert [(one.action, one.actor) for one in history][-1] == (CampaignAction.DETAILS_REMOVED, "retention")
    assert FILE.name in history[-1].detail


def test_whoever_looks_for_details_is_told_when_they_were_removed_and_why(years: Years) -> None:
    campaign_id = years.send()
    number = years.delivery_of(campaign_id, "ada")
    years.pass_days(91)
    years.purge()
    day = f"{years.now:%Y-%m-%d}"
    with years.app.database.begin() as connection:
        with pytest.raises(RemovedError, match=f"{day}.*DISTRIBUTOR_DELIVERY_RETENTION_DAYS.*totals are kept"):
            delivery_queries.find(connection, number)
        (dispatch,) = dispatches.of_campaign(connection, campaign_id)
        with pytest.raises(RemovedError, match=day):
            dispatches.rendition_of(connection, dispatch.id)
    assert dispatch.deliveries_removed_at == years.now
    found = list_deliveries(years.app, DeliveryQuery(campaign_id=campaign_id), limit=10)
    assert (list(found.deliveries), found.totals.audience) == ([], 3)


def test_the_audits_of_a_past_campaign_find_every_delivery_accounted_for(years: Years) -> None:
    campaign_id = years.send()
    years.pass_days(91)
    years.purge()
    result = audit(years.app, campaign_id, ())
    assert (dict(result.states), result.past, result.removed_at) == ({DeliveryState.SENT: 3}, 3, years.now)
    assert not result.counts
    request_audit(years.app, campaign_id, actor="a test")
    years.harness.run()
    found = last_audit(years.app, campaign_id)
    assert found is not None
    assert not found.counts
    with years.app.database.begin() as connection:
        connection.execute(text("DELETE FROM past_deliveries WHERE id = (SELECT min(id) FROM past_deliveries)"))
    assert set(audit(years.app, campaign_id, ()).counts) == {"unbalanced"}
    assert [(one.stored, one.counted) for one in verify_totals(years.app)] == [(3, 2)]


def test_of_old_audits_the_last_of_each_campaign_is_kept(years: Years) -> None:
    campaign_id = years.send()
    for _ in range(3):
        request_audit(years.app, campaign_id, actor="a test")
        years.harness.run()
        years.pass_days(1)
    years.pass_days(91)
    assert years.purge().audits == 2
    assert last_audit(years.app, campaign_id) is not None


def test_links_in_old_mails_go_on_working_for_their_own_person(years: Years) -> None:
    campaign_id = years.send()
    number = years.delivery_of(campaign_id, "ada")
    years.pass_days(400)
    years.purge()

    def path(kind: str, purpose: Purpose) -> str:
        return f"/{kind}/{years.app.tokens.mint(purpose, number)}"

    with TestClient(create_app(years.app), follow_redirects=False) as client:
        clicked = client.get(path("c", Purpose.CLICK))
        assert (clicked.status_code, clicked.headers["location"]) == (302, LINK)
        assert client.get(path("o", Purpose.OPEN) + ".gif").status_code == 200
        read = client.get(path("view", Purpose.VIEW))
        assert (read.status_code, "no longer kept" in read.text) == (410, True)
        assert client.get(path("preferences", Purpose.PREFERENCES)).status_code == 200
        left = client.post(path("unsubscribe", Purpose.UNSUBSCRIBE), data={"List-Unsubscribe": "One-Click"})
        assert left.status_code == 200
    assert [years.membership(name) for name in ("ada", "bo")] == [Membership.UNSUBSCRIBED, Membership.SUBSCRIBED]


def test_nobody_gets_an_article_again_because_it_was_long_ago(years: Years) -> None:
    years.send()
    years.pass_days(400)
    years.purge()
    years.harness.people("dee")
    campaign_id = years.send(repeats=False)
    assert [one.recipient for one in years.deliveries(campaign_id)] == ["dee@example.org"]


def test_a_campaign_to_those_that_a_past_one_did_not_reach_finds_them(years: Years) -> None:
    years.harness.channel("mail", "scripted", answers={"bo@example.org": "failed"})
    first = years.send()
    years.pass_days(400)
    years.purge()
    years.harness.channel("mail", "scripted")
    missed = AudiencePlan(lists=("readers",), failed_of=(first,))
    counted = count_audience(years.app, missed, ["hello"])
    assert counted is not None
    assert counted.recipients == 1


def test_accounts_and_feeds_keep_their_deliveries_and_get_no_article_twice(years: Years) -> None:
    years.harness.channel("posts", "scripted_broadcast")
    campaign_id = years.send("hello", "mail", "posts")
    years.pass_days(400)
    years.purge()
    (kept,) = years.deliveries(campaign_id)
    assert kept.subscriber_id is None
    with years.app.database.begin() as connection:
        assert dispatches.rendition_of(connection, kept.dispatch_id).payload
    assert not audit(years.app, campaign_id, ()).counts


@pytest.mark.parametrize(
    ("kind", "names", "expected", "is_left"),
    [
        (FeedbackKind.COMPLAINT, (), [SuppressionReason.COMPLAINT], True),
        (FeedbackKind.UNSUBSCRIBE, (), [], True),
        (FeedbackKind.BOUNCE, ("ada@example.org",), [SuppressionReason.HARD_BOUNCE], False),
        # The address that it went to is not kept: it may have been another.
        (FeedbackKind.BOUNCE, (), [], False),
        (FeedbackKind.BOUNCE, ("old@example.org",), [], False),
    ],
)
def test_late_feedback_counts_against_the_right_person_once(
    years: Years, kind: FeedbackKind, names: tuple[str, ...], expected: list[SuppressionReason], is_left: bool
) -> None:
    campaign_id = years.send()
    number = years.delivery_of(campaign_id, "ada")
    years.pass_days(91)
    years.purge()

    def report() -> AppliedFeedback:
        feedback = Feedback(
            kind=kind,
            key="late",
            match=MatchedBy.MESSAGE_ID,
            delivery_id=number,
            reported_as=names,
            is_hard=kind is FeedbackKind.BOUNCE,
        )
        return apply_feedback(years.app, feedback, source="test")

    assert report().is_new
    assert (years.reasons("ada"), years.reasons("bo")) == (expected, [])
    assert (years.membership("ada") is Membership.UNSUBSCRIBED) is is_left
    before = years.harness.report(campaign_id).totals
    assert not report().is_new
    assert years.harness.report(campaign_id).totals == before
    assert before.audience == 3
    assert not audit(years.app, campaign_id, ()).counts
    assert verify_totals(years.app) == []


def test_a_person_sees_old_mails_in_the_export_and_erasure_and_merge_reach_them(years: Years) -> None:
    campaign_id = years.send()
    years.pass_days(91)
    years.purge()
    exported = export_person(years.app, years.person("ada"))
    assert [(one["channel"], one["state"]) for one in exported["past_deliveries"]] == [("mail", "sent")]
    ada, bo = years.person("ada"), years.person("bo")
    with years.app.database.begin() as connection:
        subscriber_merge.merge(connection, kept=ada, merged=bo, now=years.now)
    assert len(export_person(years.app, ada)["past_deliveries"]) == 2
    assert erase(years.app, ada, requested_by="person").is_complete
    with years.app.database.begin() as connection:
        assert past_deliveries.of_person(connection, ada) == []
    assert not audit(years.app, campaign_id, ()).counts


def test_a_list_that_old_mail_was_sent_for_is_not_deleted(years: Years) -> None:
    years.send()
    years.pass_days(91)
    years.purge()
    for name in ("ada", "bo", "cy"):
        erase(years.app, years.person(name), requested_by="person")
    with years.app.database.begin() as connection, pytest.raises(StateError, match="mail was sent on its behalf"):
        lists.remove(connection, "readers")


def test_a_bounce_that_still_counts_against_an_address_keeps_its_delivery(years: Years) -> None:
    campaign_id = years.send()
    number = years.delivery_of(campaign_id, "cy")
    years.pass_days(80)
    late = Feedback(kind=FeedbackKind.BOUNCE, key="soft", match=MatchedBy.MESSAGE_ID, delivery_id=number, counts=True)
    assert apply_feedback(years.app, late, source="test").is_new
    years.pass_days(11)
    years.purge()
    assert [one.id for one in years.deliveries(campaign_id)] == [number]
    years.pass_days(60)
    years.purge()
    assert years.deliveries(campaign_id) == []


def test_the_same_mail_sent_again_later_has_its_content_back(years: Years) -> None:
    years.send()
    years.pass_days(91)
    years.purge()
    assert _kept_renditions(years) == {"renditions": 0}
    campaign_id = years.send()
    assert _kept_renditions(years) == {"renditions": 1}
    assert years.harness.counts(campaign_id) == {"audience": 3, "sent": 3}


@pytest.mark.parametrize("point", [Failpoint.BEFORE_REMOVAL, Failpoint.AFTER_REMOVAL])
def test_a_purge_that_is_killed_anywhere_is_finished_by_the_next(
    years: Years, point: Failpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.flow.people.delivery_retention._DELIVERIES_AT_ONCE", 1)
    campaign_id = years.send()
    totals = years.harness.report(campaign_id).totals
    years.pass_days(91)
    killed_at = 0

    def die_at(hit: int) -> Callable[[Failpoint], None]:
        hits = iter(range(1, 1000))

        def failpoint(reached: Failpoint) -> None:
            if reached is point and next(hits) == hit:
                raise KeyboardInterrupt

        return failpoint

    while True:
        killed_at += 1
        try:
            purge_expired(replace(years.app, failpoint=die_at(killed_at)))
        except KeyboardInterrupt:
            _all_are_there_once(years, campaign_id)
            assert years.harness.report(campaign_id).totals == totals
            assert not audit(years.app, campaign_id, ()).counts
            assert verify_totals(years.app) == []
        else:
            break
    assert killed_at > 3
    assert years.rows(*DETAILS) == dict.fromkeys(DETAILS, 0)


def test_two_purges_at_once_while_people_click_and_a_report_is_read_lose_and_double_nothing(
    years: Years, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.flow.people.delivery_retention._DELIVERIES_AT_ONCE", 7)
    years.harness.people(*(f"reader{number}" for number in range(200)))
    campaign_id = years.send()
    totals = years.harness.report(campaign_id).totals
    numbers = [one.id for one in years.deliveries(campaign_id)]
    years.pass_days(91)
    faults: list[BaseException] = []

    def click() -> None:
        for number in numbers:
            years.note(number, EventKind.UNSUBSCRIBE)

    def read() -> None:
        for _ in range(20):
            assert years.harness.report(campaign_id).totals == totals
            assert not audit(years.app, campaign_id, ()).counts

    def guarded(act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                act()
            except BaseException as fault:
                faults.append(fault)

        return run

    threads = [Thread(target=guarded(act)) for act in (years.purge, years.purge, click, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    years.purge()
    _all_are_there_once(years, campaign_id)
    assert years.rows(*DETAILS) == dict.fromkeys(DETAILS, 0)
    assert years.harness.report(campaign_id).totals == totals


def _all_are_there_once(years: Years, campaign_id: int) -> None:
    with years.app.database.begin() as connection:
        (dispatch,) = dispatches.of_campaign(connection, campaign_id)
        ids = connection.execute(text("SELECT id FROM deliveries UNION ALL SELECT id FROM past_deliveries")).scalars()
        found = sorted(ids)
        delivery_totals.add_up(connection)
    assert len(found) == len(set(found)) == dispatch.audience_size
