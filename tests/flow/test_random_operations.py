"""Random operations on campaigns in any order: every delivery is in the right state, and no one gets too much.

The rules stand here once more in plain Python, knowing nothing of SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.domain.delivery import DeliveryState, HandSettlement
from distributor.domain.errors import StateError
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.domain.user import Actor
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.recovery import resolve_unknown
from distributor.flow.operations.audit import audit
from distributor.flow.operations.recounting import verify_totals
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.publishing.settle_unknown import settle_unknown
from distributor.storage import deliveries, delivery_queries, suppressions
from tests.conftest import IS_THOROUGH
from tests.flow.campaign_harness import CampaignHarness

NAMES = ("ada", "bo", "cy")
# Few, so that things happen to the same one.
CHOSEN = ("ada", "bo")
NOT_GOT = {"failed", "suppressed"}
OPEN = {"scheduled", "running", "paused"}
# What the channel answers, and what becomes of the delivery then.
ANSWERS = {"sent": "sent", "failed": "failed", "begun": "unknown", "deferred": "deferred"}


@dataclass
class Sent:
    """A campaign as the rules see it: where its dispatch is, and the state of each delivery."""

    number: int
    dispatch_id: int
    plan: AudiencePlan
    state: str = "scheduled"
    is_released: bool = False
    people: dict[str, str] = field(default_factory=dict)


@dataclass
class History:
    """What was done so far, and what ought to have come of it."""

    harness: CampaignHarness
    sent: list[Sent] = field(default_factory=list)
    suppressed: set[str] = field(default_factory=set)
    got: Counter[str] = field(default_factory=Counter)

    def has_got(self, name: str, campaign: Sent | None, asked: AudiencePlan) -> bool:
        return any(
            one is not campaign
            and one.people.get(name, "failed") not in NOT_GOT
            and not (one.people[name] == "unknown" and one.number in asked.unknown_of)
            for one in self.sent
        )

    def audience(self, campaign: Sent | None, asked: AudiencePlan) -> set[str]:
        wanted = {(number, "failed") for number in asked.failed_of} | {(n, "unknown") for n in asked.unknown_of}
        return {
            name
            for name in NAMES
            if name not in self.suppressed
            and (not wanted or any((one.number, one.people.get(name)) in wanted for one in self.sent))
            and (asked.repeats or not self.has_got(name, campaign, asked))
        }


# The campaign that is meant is one of those there are, counted round; so is the person.
Act = Callable[[History, int, str], None]


def planning(*, failed: bool = False, unknown: bool = False, again: bool = False) -> Act:
    def create(history: History, which: int, name: str) -> None:
        earlier = (history.sent[which % len(history.sent)].number,) if history.sent else ()
        if (failed or unknown) and not earlier:
            return
        asked = AudiencePlan(
            lists=() if failed or unknown else ("readers",),
            failed_of=earlier if failed else (),
            unknown_of=earlier if unknown else (),
            repeats=again,
        )
        number = plan(history.harness.app, _campaign(history.harness, asked))
        dispatch_id = history.harness.report(number).dispatches[0].dispatch.id
        history.sent.append(Sent(number=number, dispatch_id=dispatch_id, plan=asked))

    return create


def running(answer: str, others: str = "sent") -> Act:
    """Everything goes on as far as it can; one person's mail is answered so, those of the others as they say."""

    def run(history: History, which: int, name: str) -> None:
        harness = history.harness
        answers = dict.fromkeys(NAMES, others) | {name: answer}
        harness.channel("mail", "scripted", answers={f"{one}@example.org": said for one, said in answers.items()})
        for campaign in history.sent:
            _release(history, campaign)
            before = len(harness.seen)
            deliver(harness.app, campaign.dispatch_id, until=harness.app.clock() + timedelta(minutes=1))
            if campaign.is_released:
                resolve_unknown(harness.app, campaign.dispatch_id)
            mailed = [recipient.split("@")[0] for recipient in harness.seen[before:]]
            assert sorted(mailed) == sorted(_send(history, campaign, answers))
            _insist_on_restraint(history, campaign, mailed, answers)
        run_scheduler(harness.app)
        for campaign in history.sent:
            if campaign.state == "running" and not {"pending", "deferred"} & set(campaign.people.values()):
                campaign.state = "finished"

    return run


def pausing(history: History, which: int, name: str) -> None:
    _steer(history, which, campaign_control.pause, {"scheduled", "running"}, "paused")


def resuming(history: History, which: int, name: str) -> None:
    campaign = _steer(history, which, campaign_control.resume, {"paused"}, "running")
    if campaign is not None and not campaign.is_released:
        campaign.state = "scheduled"


def cancelling(history: History, which: int, name: str) -> None:
    campaign = _steer(history, which, campaign_control.cancel, OPEN, "cancelled")
    if campaign is not None:
        for person, state in campaign.people.items():
            if state in {"pending", "deferred"}:
                campaign.people[person] = "suppressed"


def retrying(history: History, which: int, name: str) -> None:
    if not history.sent:
        return
    campaign = history.sent[which % len(history.sent)]
    again = {
        person
        for person, state in campaign.people.items()
        if state == "failed"
        and campaign.state != "cancelled"
        and person not in history.suppressed
        and (campaign.plan.repeats or not history.has_got(person, campaign, campaign.plan))
    }
    try:
        count = campaign_control.retry_failed(history.harness.app, campaign.number)
    except StateError:
        assert not again
        return
    assert count.retried == len(again)
    assert count.failed == sum(state == "failed" for state in campaign.people.values())
    campaign.people |= dict.fromkeys(again, "pending")
    if campaign.state == "finished":
        campaign.state = "running"


def settling(settlement: HandSettlement) -> Act:
    """A person says what became of the deliveries of unknown outcome of one campaign."""

    def settle(history: History, which: int, name: str) -> None:
        if not history.sent:
            return
        campaign = history.sent[which % len(history.sent)]
        doubtful = {person for person, state in campaign.people.items() if state == "unknown"}
        is_again = settlement is HandSettlement.SEND_AGAIN
        try:
            count = settle_unknown(
                history.harness.app, campaign.number, settlement, reason="I asked them", actor=Actor(name="a test")
            )
        except StateError:
            assert not doubtful or (is_again and campaign.state == "cancelled")
            return
        assert count == len(doubtful)
        campaign.people |= dict.fromkeys(doubtful, settlement.state.value)
        if settlement is not HandSettlement.SENT:
            # The person answers for it that they did not get it.
            history.got.subtract(doubtful)
        # The same act right after itself settles nothing more.
        if doubtful and is_again and campaign.state == "finished":
            campaign.state = "running"

    return settle


def bouncing(history: History, which: int, name: str) -> None:
    """A message of one campaign bounces, and the address is suppressed for it."""
    if not history.sent:
        return
    campaign = history.sent[which % len(history.sent)]
    if campaign.people.get(name) not in {"sent", "unknown"}:
        return
    campaign.people[name] = "bounced"
    now = history.harness.app.clock()
    with history.harness.app.database.begin() as connection:
        (found,) = delivery_queries.of_campaign(connection, campaign.number, recipient=f"{name}@example.org", limit=2)
        assert deliveries.mark_reported(connection, [found.id], DeliveryState.BOUNCED, now=now) == 1
        suppressions.add(connection, [parse_target(found.recipient)], SuppressionReason.HARD_BOUNCE, now=now)
    history.suppressed.add(name)


def suppressing(history: History, which: int, name: str) -> None:
    now = history.harness.app.clock()
    with history.harness.app.database.begin() as connection:
        suppressions.add(connection, [parse_target(f"{name}@example.org")], SuppressionReason.MANUAL, now=now)
    history.suppressed.add(name)


def lifting(history: History, which: int, name: str) -> None:
    with history.harness.app.database.begin() as connection:
        suppressions.lift(connection, parse_target(f"{name}@example.org"))
    history.suppressed.discard(name)


def one_after_another(*acts: Act) -> Act:
    def do(history: History, which: int, name: str) -> None:
        for act in acts:
            act(history, which, name)

    return do


TO_THE_FAILED = one_after_another(planning(failed=True), running("sent"))
TO_THE_DOUBTFUL = one_after_another(planning(unknown=True), running("sent"))
SENDING_AGAIN = one_after_another(running("begun"), settling(HandSettlement.SEND_AGAIN))
FIRST = {
    "taken": running("sent"),
    "failed": running("failed"),
    "in doubt": running("begun"),
    "failed and deferred": running("failed", "deferred"),
}
# What leads somewhere comes often.
ACTS: tuple[Act, ...] = (
    *([TO_THE_FAILED, retrying] * 3),
    TO_THE_DOUBTFUL,
    one_after_another(planning(failed=True), running("failed")),
    one_after_another(retrying, running("sent")),
    one_after_another(running("begun"), settling(HandSettlement.SEND_AGAIN), running("sent")),
    *(one_after_another(running("begun"), settling(one)) for one in HandSettlement),
    planning(),
    planning(again=True),
    planning(failed=True, unknown=True),
    *(running(answer) for answer in ANSWERS),
    pausing,
    resuming,
    cancelling,
    bouncing,
    suppressing,
    lifting,
)


@settings(
    max_examples=25 if IS_THOROUGH else 5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from(sorted(FIRST)),
    st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from([0, 0, 1]), st.sampled_from(CHOSEN)), max_size=6),
)
@example("failed", [(TO_THE_FAILED, 0, "bo"), (retrying, 0, "ada")])
@example("failed", [(retrying, 0, "ada"), (TO_THE_FAILED, 0, "ada")])
@example("failed", [(suppressing, 0, "ada"), (retrying, 0, "ada"), (TO_THE_FAILED, 0, "ada")])
@example("failed and deferred", [(cancelling, 0, "ada"), (retrying, 0, "ada"), (TO_THE_FAILED, 0, "bo")])
@example("in doubt", [(TO_THE_DOUBTFUL, 0, "bo"), (TO_THE_DOUBTFUL, 0, "bo")])
@example("in doubt", [(SENDING_AGAIN, 0, "ada"), (TO_THE_FAILED, 0, "ada"), (SENDING_AGAIN, 0, "ada")])
def test_every_delivery_is_where_the_rules_say(
    harness: CampaignHarness, first: str, acts: list[tuple[Act, int, str]]
) -> None:
    _begin_anew(harness)
    history = History(harness)
    for act, which, name in [(one_after_another(planning(), FIRST[first]), 0, "ada"), *acts]:
        act(history, which, name)
        for campaign in history.sent:
            (dispatch_report,) = harness.report(campaign.number).dispatches
            assert dispatch_report.totals.by_state == Counter(campaign.people.values())
            assert dispatch_report.totals.audience == (dispatch_report.dispatch.audience_size or 0)
            assert dispatch_report.dispatch.state == campaign.state
    for campaign in history.sent:
        assert not audit(harness.app, campaign.number, []).counts
    assert verify_totals(harness.app) == []


def _begin_anew(harness: CampaignHarness) -> None:
    with harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM campaigns"))
        connection.execute(text("DELETE FROM suppressions"))
    harness.channel("mail", "scripted")
    (harness.folder / "seen").unlink(missing_ok=True)


def _campaign(harness: CampaignHarness, asked: AudiencePlan) -> CampaignPlan:
    return CampaignPlan(
        name="", article_slugs=("hello",), channel_names=("mail",), audience=asked, starts_at=harness.app.clock()
    )


def _release(history: History, campaign: Sent) -> None:
    prepare(history.harness.app, campaign.dispatch_id)
    release(history.harness.app, campaign.dispatch_id)
    if campaign.state == "scheduled":
        campaign.people = dict.fromkeys(history.audience(campaign, campaign.plan), "pending")
        campaign.is_released = True
        campaign.state = "running" if campaign.people else "failed"


def _send(history: History, campaign: Sent, answers: Mapping[str, str]) -> list[str]:
    """Who is mailed by the rules."""
    if campaign.state != "running":
        return []
    waiting = [name for name, state in campaign.people.items() if state == "pending"]
    for name in waiting:
        campaign.people[name] = "suppressed" if name in history.suppressed else ANSWERS[answers[name]]
    return [name for name in waiting if name not in history.suppressed]


def _insist_on_restraint(history: History, campaign: Sent, mailed: list[str], answers: Mapping[str, str]) -> None:
    """No suppressed address gets mail, and no one gets the article twice unless it was chosen."""
    assert not history.suppressed & set(mailed)
    for name in mailed:
        if answers[name] in {"sent", "begun"}:
            assert campaign.plan.repeats or campaign.plan.unknown_of or not history.got[name]
            history.got[name] += 1


def _steer(history: History, which: int, act: Callable[..., object], before: set[str], after: str) -> Sent | None:
    """Do it, and give the campaign it was done to; None if that was not possible, as it ought to be."""
    if not history.sent:
        return None
    campaign = history.sent[which % len(history.sent)]
    if campaign.state not in before:
        with pytest.raises(StateError):
            act(history.harness.app, campaign.number)
        return None
    act(history.harness.app, campaign.number)
    campaign.state = after
    return campaign
