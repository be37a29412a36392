"""Whatever people do with a campaign and its article, no one gets what was not shown in a review or is not allowed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.campaign import ChangePolicy
from distributor.domain.errors import DistributorError
from distributor.domain.schedule import StartTimes
from distributor.flow.publishing import article_control, campaign_control, life_cycle
from distributor.flow.publishing.plan import edit_campaign
from distributor.storage import articles
from tests.flow.campaign_harness import CampaignHarness

ME = "a test"


@dataclass
class Desk:
    """Two campaigns with one article, the time, and the dispatches that are known to be out."""

    harness: CampaignHarness
    now: datetime
    revisions: int = 0
    out: set[int] = field(default_factory=set)

    def start(self, minutes: int, wall: int) -> StartTimes:
        return StartTimes(
            starts_at=self.now + timedelta(minutes=minutes),
            times={"wall": self.now + timedelta(minutes=minutes + wall)},
            notes=(),
        )


Act = Callable[[Desk, int, int], object]


def revise(desk: Desk, campaign_id: int, minutes: int) -> None:
    desk.revisions += 1
    with desk.harness.app.database.begin() as connection:
        found = articles.find_by_slug(connection, "hello")
        changed = replace(found.manuscript, title=f"Revision {desk.revisions}")
        articles.revise(connection, found.id, changed, content_hash=changed.title, now=desk.now)


def withdraw(desk: Desk, campaign_id: int, minutes: int) -> None:
    article_control.withdraw(desk.harness.app, "hello", actor=ME)


def publish(desk: Desk, campaign_id: int, minutes: int) -> None:
    article_control.publish(desk.harness.app, "hello", actor=ME)


def schedule(desk: Desk, campaign_id: int, minutes: int) -> None:
    life_cycle.schedule(desk.harness.app, campaign_id, actor=ME, start=desk.start(minutes, minutes % 3))


def reschedule(desk: Desk, campaign_id: int, minutes: int) -> None:
    life_cycle.reschedule(desk.harness.app, campaign_id, desk.start(minutes, 1), actor=ME)


def edit(desk: Desk, campaign_id: int, minutes: int) -> None:
    edit_campaign(desk.harness.app, campaign_id, lambda plan: replace(plan, name=f"Edited for {minutes}"), actor=ME)


def approve(desk: Desk, campaign_id: int, minutes: int) -> None:
    life_cycle.approve(desk.harness.app, campaign_id, actor="an editor")


def undo(desk: Desk, campaign_id: int, minutes: int) -> None:
    life_cycle.undo(desk.harness.app, campaign_id, actor=ME)


def pause(desk: Desk, campaign_id: int, minutes: int) -> None:
    campaign_control.pause(desk.harness.app, campaign_id, actor=ME)


def resume(desk: Desk, campaign_id: int, minutes: int) -> None:
    campaign_control.resume(desk.harness.app, campaign_id, actor=ME)


def block(desk: Desk, campaign_id: int, minutes: int) -> None:
    desk.harness.channel("wall", "scripted_broadcast", problem="too long" if minutes % 2 else "")


def wait(desk: Desk, campaign_id: int, minutes: int) -> None:
    desk.now += timedelta(minutes=minutes)
    desk.harness.run(30)
    check(desk)


ACTS: tuple[Act, ...] = (
    *([revise, schedule, wait, wait, resume] * 2),
    withdraw,
    publish,
    reschedule,
    edit,
    approve,
    undo,
    pause,
    block,
)


def check(desk: Desk) -> None:
    with desk.harness.app.database.begin() as connection:
        overdue = connection.execute(
            text("SELECT count(*) FROM dispatches WHERE state = 'scheduled' AND scheduled_at <= :now"),
            {"now": desk.now},
        ).scalar_one()
        released = connection.execute(
            text("""
                SELECT d.id, c.on_change, c.needs_approval, CAST(r.payload AS jsonb) ->> 'text' AS words,
                       EXISTS (SELECT FROM campaign_reviews AS v JOIN reviewed_dispatches AS s ON s.review_id = v.id
                               WHERE v.campaign_id = c.id AND s.channel_id = d.channel_id
                                     AND s.rendition_id = d.rendition_id AND v.blockers = 0) AS was_shown,
                       EXISTS (SELECT FROM campaign_reviews AS v JOIN reviewed_dispatches AS s ON s.review_id = v.id
                               WHERE v.campaign_id = c.id AND s.channel_id = d.channel_id AND v.version = c.version
                                     AND s.rendition_id = d.rendition_id AND v.approved_at IS NOT NULL) AS was_approved
                FROM dispatches AS d JOIN campaigns AS c ON c.id = d.campaign_id
                                     JOIN renditions AS r ON r.id = d.rendition_id
                WHERE d.released_at IS NOT NULL""")
        ).all()
        current = articles.find_by_slug(connection, "hello")
        sent, is_draft_sent = connection.execute(
            text("""
                SELECT count(*) FILTER (WHERE v.state = 'sent'), count(*) FILTER (WHERE d.state = 'draft')
                FROM deliveries AS v JOIN dispatches AS d ON d.id = v.dispatch_id""")
        ).one()
    assert overdue == 0, "what is due is out, or waits for a person"
    assert (len(desk.harness.seen), is_draft_sent) == (sent, 0), "everything is sent once"
    for one in released:
        if one.id in desk.out:
            continue
        assert current.status.is_public(desk.now), "a withdrawn article is not sent"
        if one.on_change == ChangePolicy.REFRESH:
            assert one.words == current.article.title
        else:
            assert one.was_shown
            assert one.was_approved or not one.needs_approval
        desk.out.add(one.id)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from([(policy, needs) for policy in ChangePolicy for needs in (False, True)]),
    st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1), st.integers(0, 5)), min_size=4, max_size=14),
)
@example((ChangePolicy.REFRESH, False), [(wait, 0, 2), (revise, 0, 0), (wait, 0, 5)])
@example((ChangePolicy.WAIT, False), [(revise, 0, 0), (wait, 0, 5), (resume, 0, 0), (revise, 0, 0), (wait, 0, 5)])
@example((ChangePolicy.WAIT, True), [(revise, 0, 0), (wait, 0, 5), (resume, 0, 0), (approve, 1, 0), (resume, 1, 0)])
@example((ChangePolicy.KEEP, True), [(revise, 0, 0), (edit, 0, 0), (approve, 0, 0), (schedule, 0, 2), (wait, 0, 5)])
@example((ChangePolicy.REFRESH, False), [(withdraw, 0, 0), (wait, 0, 5), (publish, 0, 0), (resume, 0, 0)])
def test_what_goes_out_was_shown_or_is_allowed_to_differ(
    harness: CampaignHarness, policy: tuple[ChangePolicy, bool], acts: list[tuple[Act, int, int]]
) -> None:
    with harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM campaigns"))
        connection.execute(text("UPDATE articles SET state = 'draft', publish_at = NULL, published_at = NULL"))
    (harness.folder / "seen").unlink(missing_ok=True)
    desk = Desk(harness, harness.app.clock())
    desk.harness = replace(harness, app=replace(harness.app, clock=lambda: desk.now))
    harness.channel("mail", "scripted")
    harness.channel("wall", "scripted_broadcast")
    publish(desk, 0, 0)
    on_change, needs_approval = policy
    both = [desk.harness.draft("mail", "wall", on_change=on_change, needs_approval=needs_approval) for _ in range(2)]
    for campaign_id in both:
        approve(desk, campaign_id, 0)
        schedule(desk, campaign_id, 3)
    for act, which, minutes in acts:
        with suppress(DistributorError):
            act(desk, both[which], minutes)
    wait(desk, 0, 30)
