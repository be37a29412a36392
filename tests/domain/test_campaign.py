from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import (
    OPEN_STATES,
    CampaignPlan,
    CampaignState,
    ChangePolicy,
    DispatchState,
    Totals,
    campaign_state,
)
from distributor.domain.delivery import DeliveryState

MONDAY, FRIDAY = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_a_channel_goes_out_at_its_own_time_or_with_the_campaign() -> None:
    plan = CampaignPlan(
        name="Autumn",
        article_slugs=("soil",),
        channel_names=("mail", "x"),
        audience=AudiencePlan(lists=("all",)),
        starts_at=MONDAY,
        times={"x": FRIDAY},
    )

    assert (plan.time_of("mail"), plan.time_of("x")) == (MONDAY, FRIDAY)


def test_the_totals_of_dispatches_add_up_to_their_audience() -> None:
    one = Totals({DeliveryState.SENT: 3, DeliveryState.FAILED: 1})
    other = Totals({DeliveryState.SENT: 2, DeliveryState.PENDING: 5})

    together = Totals.sum_of([one, other])

    assert together.audience == one.audience + other.audience == 11
    assert (together[DeliveryState.SENT], together[DeliveryState.UNKNOWN]) == (5, 0)


@pytest.mark.parametrize("state", DispatchState)
def test_a_campaign_with_one_dispatch_is_called_what_that_is(state: DispatchState) -> None:
    assert campaign_state([state]).value == state.value


def test_a_draft_that_is_reviewed_or_approved_as_it_is_is_called_so() -> None:
    drafts = [DispatchState.DRAFT, DispatchState.DRAFT]
    assert campaign_state(drafts, is_reviewed=True) is CampaignState.REVIEWED
    assert campaign_state(drafts, is_reviewed=True, is_approved=True) is CampaignState.APPROVED
    assert campaign_state([DispatchState.SCHEDULED], is_reviewed=True, is_approved=True) is CampaignState.SCHEDULED


@pytest.mark.parametrize(
    ("asked", "policy"),
    [
        ({}, ChangePolicy.REFRESH),
        ({"needs_approval": True}, ChangePolicy.WAIT),
        ({"needs_approval": True, "on_change": ChangePolicy.KEEP}, ChangePolicy.KEEP),
    ],
)
def test_a_campaign_that_needs_approval_waits_for_a_person_after_a_change(
    asked: dict[str, object], policy: ChangePolicy
) -> None:
    plan = CampaignPlan(
        name="Autumn",
        article_slugs=("soil",),
        channel_names=("mail",),
        audience=AudiencePlan(lists=("all",)),
        **asked,  # type: ignore[arg-type]
    )
    assert plan.change_policy is policy
    assert plan.time_of("mail") is None


def test_a_campaign_with_anything_running_is_running() -> None:
    assert campaign_state(DispatchState) is CampaignState.RUNNING


def test_a_campaign_is_open_as_long_as_one_dispatch_is() -> None:
    closed = [state for state in DispatchState if state not in OPEN_STATES]

    assert campaign_state(closed).value not in OPEN_STATES
    assert all(campaign_state([*closed, state]).value == state.value for state in OPEN_STATES)
