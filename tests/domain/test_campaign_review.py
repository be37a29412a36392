"""The sentence of a review: who gets what, when and on which channel, and what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from distributor.domain.campaign_review import CampaignReview, Cost, DispatchReview, Reach, some_of
from distributor.domain.errors import InputError
from distributor.domain.problems import Problem, Severity

NINE = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)
WARNING = Problem(Severity.WARN, "w", "look at this", "")
BLOCKER = Problem(Severity.BLOCK, "b", "this cannot go", "")


def on(name: str, reach: Reach, *problems: Problem, **changes: object) -> DispatchReview:
    made = DispatchReview(
        dispatch_id=1,
        channel_name=name,
        kind="kind",
        reach=reach,
        scheduled_at=NINE,
        zone="Europe/Berlin",
        rendition=None,
        problems=problems,
        recipients=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def review(*dispatches: DispatchReview, **changes: object) -> CampaignReview:
    made = CampaignReview(
        campaign_id=1, made_at=NINE, titles=("Spring",), revisions={"spring": 1}, dispatches=dispatches
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_one_time_is_said_once_for_all_channels() -> None:
    found = review(
        on("x", Reach.POSTED),
        on("news", Reach.SENT, recipients=1204),
        on("feed", Reach.PUBLISHED),
        on("sky", Reach.POSTED),
    )
    assert found.sentence == (
        "Sends “Spring” over news to 1,204 subscribers, publishes it in feed and posts it on x and sky "
        "on Mon 1 Mar 2027 09:00 Europe/Berlin; no problems"
    )


def test_a_channel_with_its_own_time_follows_with_its_date_and_zone_only_where_they_differ() -> None:
    later = on("x", Reach.POSTED, scheduled_at=NINE + timedelta(hours=2))
    abroad = on("sky", Reach.POSTED, scheduled_at=NINE + timedelta(days=1), zone="UTC+10:00")
    assert review(later, abroad, on("news", Reach.SENT)).sentence == (
        "Sends “Spring” over news to 1 subscriber on Mon 1 Mar 2027 09:00 Europe/Berlin, then posts it on x at 11:00, "
        "then posts it on sky on Tue 2 Mar 2027 18:00 UTC+10:00; no problems"
    )


def test_a_draft_without_a_time_says_so() -> None:
    assert review(on("x", Reach.POSTED, scheduled_at=None)).sentence == (
        "Posts “Spring” on x (no time is set); no problems"
    )


def test_problems_are_counted_in_the_plural_that_is_right() -> None:
    found = review(on("x", Reach.POSTED, BLOCKER, WARNING), problems=(WARNING,))
    # The warning of the campaign and that of the channel are the same one.
    assert found.sentence.endswith("; 1 blocker and 1 warning")
    assert [str(one) for one in found.blockers] == ["x: this cannot go"]
    assert [str(one) for one in found.warnings] == ["look at this", "x: look at this"]


def test_those_who_already_got_it_what_is_published_and_the_cost_are_said() -> None:
    found = review(
        on("news", Reach.SENT, recipients=12, cost=Cost(amount=Decimal("0.012"), currency="USD")),
        on("x", Reach.POSTED, cost=Cost(amount=Decimal("0.2"), currency="USD")),
        audience="of weekly",
        received=2312,
        to_publish=("spring", "summer"),
        titles=("Spring", "Summer"),
    )
    assert found.sentence == (
        "Sends “Spring” and “Summer” over news to 12 subscribers of weekly (2,312 more already got them) and posts "
        "them on x on Mon 1 Mar 2027 09:00 Europe/Berlin; this makes them public; it costs about "
        "USD 0.212; no problems"
    )


def test_of_several_articles_those_that_become_public_are_named() -> None:
    found = review(
        on("x", Reach.POSTED),
        revisions={"spring": 1, "summer": 2},
        to_publish=("summer",),
        titles=("Spring", "Summer in the city"),
    )
    assert "; this makes “Summer in the city” public; " in found.sentence


def test_an_empty_campaign_has_a_sentence_too() -> None:
    assert review(titles=()).sentence == "Sends no article on no channel; no problems"
    three = review(on("news", Reach.SENT, recipients=0), titles=("A", "B", "C"))
    assert three.sentence.startswith("Sends “A” and 2 more articles over news to no subscribers on")
    all_got_it = review(on("news", Reach.SENT, recipients=0), received=1)
    assert "over news to no subscribers (1 already got it) on" in all_got_it.sentence


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0.2", "USD 0.20"),
        ("0.015", "USD 0.015"),
        ("0.12041", "USD 0.12"),
        ("0.0003", "less than USD 0.001"),
        ("0", "USD 0.00"),
        ("1234.5", "USD 1,234.50"),
        ("30", "USD 30.00"),
    ],
)
def test_a_cost_shows_cents_and_what_is_smaller(amount: str, shown: str) -> None:
    assert str(Cost(amount=Decimal(amount), currency="USD")) == shown


def test_an_amount_of_money_is_read_as_it_is_written() -> None:
    assert Cost.parse("EUR 0.80") == Cost(amount=Decimal("0.80"), currency="EUR")


@pytest.mark.parametrize(
    "text", ["0.80", "EUR", "eur 1", "EUR 1,5", "EUR -1", "EUR 1.2345678", "EUR ٣", "EUR 1e9", "USD NaN"]
)
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="write it as in USD"):
        Cost.parse(text)


@pytest.mark.parametrize(
    ("names", "shown"),
    [("a", "a"), ("abc", "a, b and c"), ("abcd", "a, b, c and d"), ("abcdefgh", "a, b, c and 5 others")],
)
def test_of_many_names_the_first_are_named(names: str, shown: str) -> None:
    assert some_of(names) == shown
