"""The review: every channel of a campaign rendered and checked before anything is public."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from distributor.domain.campaign_review import CampaignReview, Reach
from distributor.domain.errors import StateError
from distributor.domain.message_options import MessageOptions
from distributor.flow.publishing import article_control
from distributor.flow.publishing import review as review_module
from distributor.flow.publishing.campaign_content import RenderedDispatch, render_dispatch
from distributor.flow.publishing.review import review_campaign
from distributor.storage import articles, channels, paused_routes
from tests.flow.campaign_harness import CampaignHarness

X_KEYS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
SOON = timedelta(hours=3)


def review(harness: CampaignHarness, campaign_id: int) -> CampaignReview:
    return review_campaign(harness.app, campaign_id)


def codes(found: CampaignReview) -> list[str]:
    return [f"{one.channel_name or 'all'}: {one.problem.code}" for one in (*found.blockers, *found.warnings)]


def test_every_channel_is_shown_with_its_rendition_recipients_and_time(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    harness.channel("wall", "scripted_broadcast", accounts=["@one", "@two"])
    found = review(harness, harness.draft("news", "wall", after=SOON))
    assert [(one.channel_name, one.reach, one.recipients) for one in found.dispatches] == [
        ("news", Reach.SENT, 3),
        ("wall", Reach.POSTED, 2),
    ]
    assert all(one.rendition is not None for one in found.dispatches)
    assert found.revisions == {"hello": 1}
    assert found.to_publish == ("hello",)
    assert found.audience == "of readers"
    assert codes(found) == []
    assert found.sentence.startswith("Sends “Hello” over news to 3 subscribers of readers and posts it on wall on ")


def test_a_channel_that_cannot_be_rendered_blocks_and_the_others_are_still_reviewed(harness: CampaignHarness) -> None:
    for name in ("broken", "news", "wall"):
        harness.channel(name, "scripted")
    campaign_id = harness.plan("broken", "news", "wall", after=SOON)
    harness.channel("broken", "scripted", fault="a bug in render")
    harness.channel("wall", "scripted", problem="too long for a wall")
    found = review(harness, campaign_id)
    assert [str(one) for one in found.blockers] == [
        "broken: it cannot be rendered, because of a fault in the channel: RuntimeError: a bug in render",
        "wall: too long for a wall",
    ]
    assert [one.rendition is None for one in found.dispatches] == [True, False, False]
    assert [one.recipients for one in found.dispatches] == [3, 3, 3]


def test_a_review_changes_nothing(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    before = harness.report(campaign_id)
    review(harness, campaign_id)
    assert harness.report(campaign_id) == before


def test_a_campaign_that_is_out_has_nothing_to_review(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan_and_run("news")
    with pytest.raises(StateError, match="nothing to review"):
        review(harness, campaign_id)


def test_a_channel_that_is_out_already_is_not_reviewed_again(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    harness.channel("wall", "scripted_broadcast")
    campaign_id = harness.plan("news", "wall")
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE dispatches SET scheduled_at = scheduled_at + interval '3 hours' WHERE channel_id = "
            "(SELECT id FROM channels WHERE name = 'wall')"
        )
    harness.run()
    assert [one.channel_name for one in review(harness, campaign_id).dispatches] == ["wall"]


def test_a_campaign_without_articles_or_without_channels_has_a_blocker_that_says_so(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM campaign_articles")
    found = review(harness, campaign_id)
    assert codes(found) == ["all: no-article"]
    assert found.dispatches[0].rendition is None
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM dispatches")
    found = review(harness, campaign_id)
    assert codes(found) == ["all: no-channel", "all: no-article"]
    assert found.sentence == "Sends no article on no channel; 2 blockers"


def test_a_text_that_no_channel_uses_is_a_warning(harness: CampaignHarness) -> None:
    harness.channel("posts", "x", handle="@gazette", **dict.fromkeys(X_KEYS, "k"))
    harness.channel("letters", "email", postal_address="1 Main Street")
    options = MessageOptions(text="Read this", cut_after=3)
    found = review(harness, harness.draft("posts", after=SOON, message_options=options))
    assert [one.problem.where for one in found.warnings if one.problem.code == "text-unused"] == ["cut_after"]
    found = review(harness, harness.draft("posts", "letters", after=SOON, message_options=options))
    assert "all: text-unused" not in codes(found)


def test_an_audience_that_names_nothing_blocks_and_is_not_everyone(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE campaigns SET audience = '{}'")
    found = review(harness, campaign_id)
    assert codes(found) == ["all: no-audience"]
    assert found.dispatches[0].recipients == 0


def test_an_article_that_was_withdrawn_or_is_under_embargo_then_blocks_the_whole_campaign(
    harness: CampaignHarness,
) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    day = harness.app.clock() + timedelta(days=1)
    article_control.publish(harness.app, "hello", actor="a test", at=day)
    assert codes(review(harness, campaign_id)) == ["all: article-embargoed"]
    article_control.publish(harness.app, "hello", actor="a test", at=harness.app.clock() + timedelta(hours=1))
    assert codes(review(harness, campaign_id)) == []
    article_control.withdraw(harness.app, "hello", actor="a test")
    assert codes(review(harness, campaign_id)) == ["all: article-withdrawn"]


def test_an_audience_that_is_empty_today_is_a_warning_that_says_why(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE memberships SET state = 'unsubscribed'")
    found = review(harness, campaign_id)
    assert codes(found) == ["all: audience-empty"]
    assert "no subscriber in it has consented" in str(found.warnings[0])


def test_those_who_already_got_the_article_are_left_out_and_counted(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    harness.plan_and_run("news")
    harness.people("dora")
    campaign_id = harness.plan("news", after=SOON, repeats=False)
    found = review(harness, campaign_id)
    assert (found.dispatches[0].recipients, found.received) == (1, 3)
    assert "to 1 subscriber of readers (3 more already got it) on" in found.sentence


def test_a_list_that_is_gone_blocks(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    with harness.app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE lists SET slug = 'others'")
    assert codes(review(harness, campaign_id))[0] == "all: audience-unknown"


def test_a_time_in_the_past_blocks_and_one_that_is_close_does_not(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=timedelta(seconds=90))
    assert codes(review(harness, campaign_id)) == []
    later = replace(harness, app=harness.later(days=1))
    found = review(later, campaign_id)
    assert codes(found) == ["news: time-past"]
    assert "23 hours ago" in str(found.blockers[0])


def test_a_route_in_backoff_is_a_warning_with_its_reason(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan("news", after=SOON)
    with harness.app.database.begin() as connection:
        news = channels.find(connection, "news")
        paused_routes.pause(
            connection, news.id, "main", "gmail.com", reason="421 too many complaints", now=harness.app.clock()
        )
    found = review(harness, campaign_id)
    assert codes(found) == ["news: route-in-backoff"]
    assert "route main/gmail.com is in backoff" in str(found.warnings[0])
    assert "421 too many complaints" in str(found.warnings[0])


def test_a_warm_up_plan_that_takes_days_is_a_warning_with_the_last_day(harness: CampaignHarness) -> None:
    noon = harness.app.clock().replace(hour=12)
    harness.channel("news", "email", warm_up=f"{noon.date()}: 1 1 5")
    at_noon = replace(harness, app=replace(harness.app, clock=lambda: noon))
    found = review(at_noon, at_noon.plan("news"))
    (warning,) = [one.problem for one in found.warnings if one.problem.code == "warm-up-slow"]
    last = noon.date() + timedelta(days=2)
    assert f"allows 1 mail on {noon.date()}: the last of 3 mails is sent on {last}" in warning.message


def test_costs_are_estimated_by_the_channels_that_know_them(harness: CampaignHarness) -> None:
    harness.channel("news", "email", price_per_thousand="EUR 4.00")
    harness.channel("wall", "scripted_broadcast")
    harness.channel("x", "x", **dict.fromkeys(X_KEYS, "key"))
    found = review(harness, harness.plan("news", "wall", "x", after=SOON))
    assert [str(one.cost) for one in found.dispatches] == ["EUR 0.012", "None", "USD 0.20"]
    assert "; it costs about EUR 0.012 and USD 0.20; " in found.sentence


def test_the_subject_of_the_last_campaign_about_something_else_is_a_warning(harness: CampaignHarness) -> None:
    harness.channel("news", "email", subject="News of the week")
    harness.channel("other", "email", subject="News of the week")
    again = harness.plan("news", after=SOON)
    first = harness.plan_and_run("news")
    assert "news: subject-repeated" not in codes(review(harness, again))
    harness.article("second")
    found = review(harness, harness.plan("news", "other", slugs=("second",), after=SOON))
    (warning,) = [str(one) for one in found.warnings if one.problem.code == "subject-repeated"]
    assert warning == (
        f"news: the subject is that of the last campaign here, “Hello” (campaign {first}), about something else: "
        "News of the week"
    )


def test_an_audience_of_an_unusual_size_is_a_warning(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    first = harness.plan_and_run("news")
    harness.people(*(f"reader{number}" for number in range(60)))
    found = review(harness, harness.plan("news", after=SOON))
    assert [str(one) for one in found.warnings] == [
        "news: 63 subscribers get it, while 3 subscribers got the last campaign here, "
        f"“Hello” (campaign {first}): is the audience right?"
    ]
    harness.plan_and_run("news")
    assert codes(review(harness, harness.plan("news", after=SOON))) == []


def test_an_article_that_looks_unfinished_is_a_warning(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    harness.article("second", title="Untitled")
    assert codes(review(harness, harness.plan("news", slugs=("second",), after=SOON))) == ["all: title-placeholder"]


def test_a_channel_on_which_another_campaign_is_stuck_is_a_warning_with_its_reason(harness: CampaignHarness) -> None:
    harness.channel("wall", "scripted_broadcast", answers={"@one": "sender_rejected"})
    stuck = harness.plan_and_run("wall")
    found = review(harness, harness.plan("wall", after=SOON))
    assert codes(found) == ["wall: channel-paused"]
    assert f"wall: “Hello” (campaign {stuck}) is paused on this channel after its release: " in str(found.warnings[0])
    assert "scripted sender_rejected" in str(found.warnings[0])


def _revise(harness: CampaignHarness) -> None:
    with harness.app.database.begin() as connection:
        found = articles.find_by_slug(connection, "hello")
        revised = replace(found.manuscript, title=f"{found.article.title}!")
        articles.revise(connection, found.id, revised, content_hash=revised.title, now=harness.app.clock())


def test_an_article_that_is_revised_during_a_review_is_shown_as_it_is_on_every_channel(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.channel("news", "scripted")
    harness.channel("wall", "scripted_broadcast")
    campaign_id = harness.plan("news", "wall", after=SOON)
    edits = [1]

    def revising(*given: Any) -> RenderedDispatch:
        rendered = render_dispatch(*given)
        if edits:
            edits.pop()
            _revise(harness)
        return rendered

    monkeypatch.setattr(review_module, "render_dispatch", revising)
    found = review(harness, campaign_id)
    assert found.revisions == {"hello": 2}
    assert found.titles == ("Hello!",)
    assert [one.rendition.payload["text"] for one in found.dispatches if one.rendition] == ["Hello!", "Hello!"]
    edits.extend([1] * 9)
    with pytest.raises(StateError, match="being edited"):
        review(harness, campaign_id)


def test_an_account_without_credentials_blocks(harness: CampaignHarness) -> None:
    harness.channel("x", "x", access_token="token", consumer_key="key")
    found = review(harness, harness.draft("x", after=SOON))
    assert codes(found)[0] == "x: credentials-missing"
    assert "consumer_secret, access_token_secret are empty" in str(found.blockers[0])


def test_a_mail_without_a_postal_address_blocks_while_the_other_channels_are_fine(harness: CampaignHarness) -> None:
    harness.channel("news", "email")
    harness.channel("wall", "scripted_broadcast")
    campaign_id = harness.plan("news", "wall", after=SOON)
    nowhere = replace(harness, app=replace(harness.app, configured_site=replace(harness.app.site, postal_address="")))
    found = review(nowhere, campaign_id)
    assert [f"{one.channel_name}: {one.problem.code}" for one in found.blockers] == ["news: postal-address-missing"]
