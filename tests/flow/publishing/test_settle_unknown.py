"""Deliveries of unknown outcome are settled by a person: once, with a reason, and the sum stays the audience."""

from __future__ import annotations

import pytest

from distributor.domain.campaign import CampaignAction
from distributor.domain.delivery import DeliveryState, HandSettlement
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.user import Actor
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.settle_unknown import settle_delivery, settle_unknown
from distributor.storage import audit_log, campaigns, delivery_history, delivery_queries
from tests.flow.campaign_harness import CampaignHarness

ADA = Actor(name="user:ada@example.org")
WHY = "their postmaster has it in the log"


@pytest.fixture
def doubtful(harness: CampaignHarness) -> int:
    """A campaign of three of which the outcomes for ada and bo are unknown."""
    harness.channel("mail", "scripted", answers={"ada@example.org": "begun", "bo@example.org": "begun"})
    campaign_id = harness.plan_and_run("mail")
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 1, "unknown": 2}
    return campaign_id


def delivery_to(harness: CampaignHarness, campaign_id: int, name: str) -> delivery_queries.DeliveryRecord:
    with harness.app.database.begin() as connection:
        (found,) = delivery_queries.of_campaign(connection, campaign_id, recipient=f"{name}@example.org", limit=2)
    return found


@pytest.mark.parametrize("settlement", HandSettlement)
def test_one_is_settled_once_however_often_the_form_is_sent(
    harness: CampaignHarness, doubtful: int, settlement: HandSettlement
) -> None:
    ada = delivery_to(harness, doubtful, "ada")
    results = [
        settle_delivery(harness.app, ada.id, settlement, epoch=ada.epoch, reason=f" {WHY}\n", actor=ADA)
        for _ in range(3)
    ]
    assert results == [True, False, False]
    settled = delivery_to(harness, doubtful, "ada")
    assert settled.state is settlement.state
    assert harness.counts(doubtful)["audience"] == 3
    with harness.app.database.begin() as connection:
        *_, last = delivery_history.of_delivery(connection, ada.id)
        history = campaigns.history(connection, doubtful)
        (entry,) = audit_log.latest(connection, limit=10)
    assert (last.state, last.actor, last.reason) == (settlement.state, ADA.name, WHY)
    assert [one.action for one in history].count(CampaignAction.SETTLED) == 1
    assert entry.actor == ADA.name
    assert WHY in entry.detail


def test_what_is_sent_again_goes_out_once_more_and_no_further(harness: CampaignHarness, doubtful: int) -> None:
    harness.channel("mail", "scripted")
    before = len(harness.seen)
    assert settle_unknown(harness.app, doubtful, HandSettlement.SEND_AGAIN, reason=WHY, actor=ADA, expected=2) == 2
    harness.run()
    assert sorted(harness.seen[before:]) == ["ada@example.org", "bo@example.org"]
    assert harness.counts(doubtful) == {"audience": 3, "sent": 3}


def test_what_is_settled_as_not_sent_can_be_retried_like_any_failure(harness: CampaignHarness, doubtful: int) -> None:
    harness.channel("mail", "scripted")
    settle_unknown(harness.app, doubtful, HandSettlement.NOT_SENT, reason=WHY, actor=ADA)
    assert campaign_control.retry_failed(harness.app, doubtful, actor=ADA.name).retried == 2
    harness.run()
    ada = delivery_to(harness, doubtful, "ada")
    assert ada.state is DeliveryState.SENT
    with harness.app.database.begin() as connection:
        steps = [(one.state.value, one.actor) for one in delivery_history.of_delivery(connection, ada.id)]
    assert steps[-2:] == [("failed", ADA.name), ("pending", ADA.name)]


def test_nothing_changes_if_the_number_is_another_by_now(harness: CampaignHarness, doubtful: int) -> None:
    with pytest.raises(StateError, match=r"were 5 .* now there are 2"):
        settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=WHY, actor=ADA, expected=5)
    settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=WHY, actor=ADA, expected=2)
    with pytest.raises(StateError, match="no deliveries of unknown outcome"):
        settle_unknown(harness.app, doubtful, HandSettlement.SEND_AGAIN, reason=WHY, actor=ADA, expected=2)
    assert settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=WHY, actor=ADA, expected=2) == 0
    assert harness.counts(doubtful) == {"audience": 3, "sent": 3}


def test_an_act_on_an_older_look_at_a_delivery_is_refused(harness: CampaignHarness, doubtful: int) -> None:
    ada = delivery_to(harness, doubtful, "ada")
    with pytest.raises(StateError, match="attempted again"):
        settle_delivery(harness.app, ada.id, HandSettlement.SENT, epoch=ada.epoch - 1, reason=WHY, actor=ADA)
    cy = delivery_to(harness, doubtful, "cy")
    with pytest.raises(StateError, match="is known"):
        settle_delivery(harness.app, cy.id, HandSettlement.NOT_SENT, epoch=cy.epoch, reason=WHY, actor=ADA)
    assert harness.counts(doubtful)["unknown"] == 2


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 301])
def test_a_reason_is_asked_for(harness: CampaignHarness, doubtful: int, reason: str) -> None:
    with pytest.raises(InputError):
        settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=reason, actor=ADA)
    assert harness.counts(doubtful)["unknown"] == 2


def test_nothing_is_sent_again_of_a_cancelled_campaign(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"ada@example.org": "begun", "bo@example.org": "deferred"})
    campaign_id = harness.plan_and_run("mail")
    campaign_control.cancel(harness.app, campaign_id)
    with pytest.raises(StateError, match="was cancelled there"):
        settle_unknown(harness.app, campaign_id, HandSettlement.SEND_AGAIN, reason=WHY, actor=ADA)
    assert settle_unknown(harness.app, campaign_id, HandSettlement.SENT, reason=WHY, actor=ADA) == 1


def test_a_channel_that_is_none_of_the_campaign_is_named(harness: CampaignHarness, doubtful: int) -> None:
    with pytest.raises(NotFoundError, match="it has mail"):
        settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=WHY, actor=ADA, channel_names=["other"])
    assert settle_unknown(harness.app, doubtful, HandSettlement.SENT, reason=WHY, actor=ADA, channel_names=["mail"])
