"""The states of an article: what may follow what, what is public, and which dates never change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.article import ARTICLE_TRANSITIONS, ArticleState, ArticleStatus
from distributor.domain.errors import StateError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PUBLISHED = ArticleStatus().published(NOW)
EMBARGOED = ArticleStatus().published(NOW, at=NOW + DAY)

# One change, given the status, the time, and a time that the change names.
Change = Callable[[ArticleStatus, datetime, datetime], ArticleStatus]
CHANGES: tuple[Change, ...] = (
    lambda status, now, at: status.published(now),
    lambda status, now, at: status.published(now, at=at),
    lambda status, now, at: status.published(now, dated=at),
    lambda status, now, at: status.withdrawn(now),
    lambda status, now, at: status.ready(),
    lambda status, now, at: status.unpublished(now),
    lambda status, now, at: status.redated(status.publish_at, at, now),
    lambda status, now, at: status.redated(at, None, now),
)
DAYS = st.integers(-5, 5)
STEPS = st.lists(st.tuples(st.integers(0, len(CHANGES) - 1), st.integers(0, 3), DAYS), max_size=30)


@given(steps=STEPS)
def test_whatever_is_done_only_the_allowed_changes_take_place_and_the_first_publication_stays(
    steps: list[tuple[int, int, int]],
) -> None:
    status, now = ArticleStatus(), NOW
    for change, days_later, days in steps:
        now += days_later * DAY
        before = status
        try:
            status = CHANGES[change](before, now, now + days * DAY)
        except StateError:
            continue
        assert status.state is before.state or status.state in ARTICLE_TRANSITIONS[before.state]
        assert (status.publish_at is not None) or status.state is not ArticleState.PUBLISHED
        if before.has_been_public(now):
            assert status.published_at == before.published_at
            assert status.state in {ArticleState.PUBLISHED, ArticleState.WITHDRAWN}
        if status.is_public(now):
            assert status.has_been_public(now)
        assert (status.withdrawn_at is not None) is (status.state is ArticleState.WITHDRAWN)


def test_an_embargoed_article_becomes_public_at_its_time_and_is_dated_then() -> None:
    assert not EMBARGOED.is_public(NOW + DAY - timedelta(seconds=1))
    assert EMBARGOED.is_public(NOW + DAY)
    assert EMBARGOED.published_at == NOW + DAY


def test_an_embargo_can_be_moved_and_lifted() -> None:
    assert EMBARGOED.published(NOW) == EMBARGOED, "publishing alone does not lift it"
    assert EMBARGOED.published(NOW, at=NOW + 2 * DAY).published_at == NOW + 2 * DAY
    assert EMBARGOED.published(NOW, at=NOW) == PUBLISHED


def test_an_article_from_elsewhere_keeps_the_date_it_had() -> None:
    status = ArticleStatus().published(NOW, dated=NOW - 300 * DAY)
    assert (status.published_at, status.publish_at) == (NOW - 300 * DAY, NOW)


def test_an_article_published_again_keeps_the_date_of_its_first_publication() -> None:
    again = PUBLISHED.withdrawn(NOW + DAY).published(NOW + 2 * DAY, at=NOW + 3 * DAY)
    assert again.published_at == NOW
    assert not again.is_public(NOW + 2 * DAY)
    assert again.is_public(NOW + 3 * DAY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: PUBLISHED.unpublished(NOW), "withdraw it"),
        (lambda: PUBLISHED.ready(), "it is published"),
        (lambda: PUBLISHED.published(NOW, at=NOW + DAY), "public already"),
        (lambda: ArticleStatus().withdrawn(NOW), "it is draft"),
        (lambda: PUBLISHED.withdrawn(NOW).ready(), "it is withdrawn"),
    ],
)
def test_a_change_that_is_not_allowed_says_why(change: Callable[[], object], reason: str) -> None:
    with pytest.raises(StateError, match=reason):
        change()


def test_a_date_that_is_edited_moves_an_embargo_that_it_made_and_no_other() -> None:
    assert EMBARGOED.redated(NOW + DAY, NOW + 2 * DAY, NOW).publish_at == NOW + 2 * DAY
    assert EMBARGOED.redated(NOW + DAY, NOW - DAY, NOW).is_public(NOW)
    assert EMBARGOED.redated(NOW + DAY, None, NOW) == EMBARGOED
    assert EMBARGOED.redated(NOW - DAY, NOW - 2 * DAY, NOW) == EMBARGOED, "it was set by a person"
    assert PUBLISHED.redated(None, NOW - DAY, NOW) == PUBLISHED
    assert PUBLISHED.redated(None, NOW + DAY, NOW) == PUBLISHED
