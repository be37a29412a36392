"""A post whose response is lost after the network accepted it is not posted again, and ends as sent with its own id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.delivery import DeliveryState
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.service import Sandbox, running_sandbox
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

NETWORKS = ("x", "mastodon", "bluesky")


@dataclass
class Clock:
    """The real time, and as much later as a test wants it to be."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, time: timedelta) -> None:
        self.ahead += time


@dataclass(frozen=True, kw_only=True)
class World:
    """A harness whose channels send to a sandbox, and its clock."""

    harness: CampaignHarness
    sandbox: Sandbox
    clock: Clock

    def posts(self, network: str) -> int:
        """How many posts the network shows."""
        return len(self.sandbox.state.emulators[network].posts())

    def settle(self) -> None:
        """Let time pass until whatever was lost has been looked up, and sent again if it was not there."""
        for _ in range(6):
            self.clock.pass_by(timedelta(minutes=2))
            self.harness.run()


@pytest.fixture
def world(app: AppContext, tmp_path: Path) -> Iterator[World]:
    """The sandbox, and every channel into it. Only our side's clock is moved: OAuth signs the real time."""
    clock = Clock()
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        harness = make_campaign_harness(replace(app, clock=clock), tmp_path)
        ports = SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port)
        configure_sandbox_channels(harness.app, ports)
        yield World(harness=harness, sandbox=sandbox, clock=clock)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", [FaultKind.LOSE_RESPONSE, FaultKind.DENY_AFTER_COMMIT])
def test_a_post_that_was_taken_is_found_and_not_made_again(world: World, network: str, kind: FaultKind) -> None:
    world.sandbox.state.switches.set(network, InjectedFault(kind=kind, times=1))
    campaign_id = world.harness.plan(network)
    world.harness.run()
    assert world.posts(network) == 1
    world.clock.pass_by(timedelta(minutes=2))
    world.harness.run()
    assert world.harness.counts(campaign_id) == {"audience": 1, "sent": 1}
    assert world.posts(network) == 1
    sent = world.harness.only_delivery(campaign_id)
    assert sent.state is DeliveryState.SENT
    assert sent.remote_id
    assert sent.permalink


@pytest.mark.parametrize("network", ("mastodon", "bluesky"))
@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.LOSE_RESPONSE])
def test_a_lost_second_post_of_the_same_text_is_not_settled_with_the_id_of_the_first(
    world: World, network: str, kind: FaultKind
) -> None:
    first = world.harness.plan_and_run(network)
    world.sandbox.state.switches.set(network, InjectedFault(kind=kind, times=1))
    second = world.harness.plan_and_run(network)
    world.settle()
    assert world.harness.counts(second) == {"audience": 1, "sent": 1}
    assert world.posts(network) == 2
    assert len({world.harness.only_delivery(campaign_id).remote_id for campaign_id in (first, second)}) == 2


@pytest.mark.parametrize("network", ("mastodon", "bluesky"))
def test_two_posts_of_the_same_text_whose_responses_are_both_lost_are_told_apart(world: World, network: str) -> None:
    world.sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.LOSE_RESPONSE, times=2))
    both = [world.harness.plan(network), world.harness.plan(network)]
    world.harness.run()
    world.settle()
    assert world.posts(network) == 2
    assert len({world.harness.only_delivery(campaign_id).remote_id for campaign_id in both} - {None}) == 2


def test_a_duplicate_that_x_refuses_is_not_taken_for_the_post_that_it_duplicates(world: World) -> None:
    world.harness.plan_and_run("x")
    world.sandbox.state.switches.set("x", InjectedFault(kind=FaultKind.DROP, times=1))
    second = world.harness.plan_and_run("x")
    world.settle()
    assert world.harness.counts(second) == {"audience": 1, "failed": 1}
    assert world.posts("x") == 1
    refused = world.harness.only_delivery(second)
    assert refused.remote_id is None
    assert "duplicate" in refused.reply


@pytest.mark.parametrize("network", NETWORKS)
def test_a_post_that_was_not_taken_is_made_once(world: World, network: str) -> None:
    world.sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.DROP, times=1))
    campaign_id = world.harness.plan(network)
    world.harness.run()
    world.settle()
    assert world.harness.counts(campaign_id) == {"audience": 1, "sent": 1}
    assert world.posts(network) == 1


@pytest.mark.parametrize("network", NETWORKS)
def test_a_refused_account_pauses_its_dispatch_and_leaves_the_others_alone(world: World, network: str) -> None:
    world.sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.REFUSE, code=401))
    campaign_id = world.harness.plan(network, "feed")
    world.harness.run()
    states = {
        one.dispatch.channel_name: one.dispatch.state.value for one in world.harness.report(campaign_id).dispatches
    }
    assert states == {network: "paused", "feed": "finished"}
    assert world.posts(network) == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_a_full_rate_limit_defers_the_post_until_it_is_lifted(world: World, network: str) -> None:
    world.sandbox.state.switches.set(network, InjectedFault(kind=FaultKind.REFUSE, code=429, times=1))
    campaign_id = world.harness.plan(network)
    world.harness.run()
    assert world.harness.counts(campaign_id) == {"audience": 1, "deferred": 1}
    world.clock.pass_by(timedelta(minutes=30))
    world.harness.run()
    assert world.harness.counts(campaign_id) == {"audience": 1, "sent": 1}
    assert world.posts(network) == 1
