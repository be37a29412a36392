"""What a subscriber chooses on the preference page is what the campaigns do, from the next mail on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from distributor.domain.tags import Tag
from distributor.domain.tokens import Purpose
from distributor.flow.jobs import Job, JobKind
from distributor.flow.subscriptions import preferences, unsubscribe
from distributor.flow.subscriptions.preferences import ListChoice, MailPause, PreferenceChoices
from distributor.storage import delivery_queries, lists, memberships, subscribers
from tests.flow.campaign_harness import CampaignHarness

ADA, OTHERS = "ada@example.org", ["bo@example.org", "cy@example.org"]


@pytest.fixture
def setup(harness: CampaignHarness) -> CampaignHarness:
    """A harness in which three readers got a mail."""
    harness.channel("board", "scripted")
    harness.plan_and_run("board")
    assert sorted(harness.seen) == [ADA, *OTHERS]
    return harness


def token(harness: CampaignHarness, purpose: Purpose) -> str:
    """A link in Ada's first mail."""
    with harness.app.database.begin() as connection:
        sent = delivery_queries.of_campaign(connection, harness.report_ids()[-1], limit=9)
    return harness.app.tokens.mint(purpose, next(one.id for one in sent if one.recipient == ADA))


def save(harness: CampaignHarness, pause: MailPause = MailPause.KEEP, *, is_on: bool = True) -> None:
    choices = PreferenceChoices(lists={"readers": ListChoice(is_on=is_on)}, name="", language="", pause=pause)
    assert preferences.save(harness.app, token(harness, Purpose.PREFERENCES), choices, "") is not None


def without_deliveries(jobs: Sequence[Job]) -> Iterable[Job]:
    return [job for job in jobs if job.kind is not JobKind.DELIVER]


def of_the_next(harness: CampaignHarness, slug: str = "hello") -> list[str]:
    """Who gets another campaign with this article."""
    before = len(harness.seen)
    harness.plan("board", slugs=(slug,))
    harness.run()
    return sorted(harness.seen[before:])


def test_a_pause_holds_until_its_day_and_not_longer(setup: CampaignHarness):
    save(setup, MailPause.WEEK)
    assert of_the_next(setup) == OTHERS
    setup.app = setup.later(days=6.9)
    assert of_the_next(setup) == OTHERS
    setup.app = setup.later(days=0.2)
    assert of_the_next(setup) == [ADA, *OTHERS]


def test_a_pause_that_is_ended_is_ended_for_the_next_mail(setup: CampaignHarness):
    save(setup, MailPause.QUARTER)
    save(setup, MailPause.RESUME)
    assert of_the_next(setup) == [ADA, *OTHERS]


@pytest.mark.parametrize("choice", ["pause", "untick", "unsubscribe", "unsubscribe from everything"])
def test_a_choice_holds_for_a_campaign_that_was_released_before_it_and_is_not_sent_yet(
    setup: CampaignHarness, choice: str
):
    campaign_id = setup.plan("board")
    setup.run(arranged=without_deliveries)
    assert setup.counts(campaign_id) == {"audience": 3, "pending": 3}
    before = len(setup.seen)
    match choice:
        case "pause":
            save(setup, MailPause.MONTH)
        case "untick":
            save(setup, is_on=False)
        case "unsubscribe":
            unsubscribe.unsubscribe(setup.app, token(setup, Purpose.UNSUBSCRIBE), {})
        case _:
            preferences.unsubscribe_from_all(setup.app, token(setup, Purpose.PREFERENCES), "")
    setup.run()
    assert sorted(setup.seen[before:]) == OTHERS
    assert setup.counts(campaign_id) == {"audience": 3, "sent": 2, "suppressed": 1}


def test_a_topic_that_is_chosen_decides_which_articles_come(setup: CampaignHarness):
    with setup.app.database.begin() as connection:
        chosen = lists.find(connection, "readers")
        person = subscribers.find(connection, ADA)
        memberships.set_topics(connection, person.id, chosen.id, ["boats"])
    setup.article("afloat", tags=(Tag("Boats"),))
    assert of_the_next(setup) == OTHERS
    assert of_the_next(setup, "afloat") == [ADA, *OTHERS]
