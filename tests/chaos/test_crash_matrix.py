"""A worker is killed at every step of sending, with every kind of relay: what the relay took agrees with the ledger.

Each cell sends a campaign to some people, kills its first workers at the step, and lets others finish it. Nobody is
lost and nobody gets two mails; what cannot be known is at most one mail for each connection of each killed worker,
and one for each answer that the relay lost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import BATCH
from distributor.flow.failpoints import Failpoint
from distributor.flow.operations.audit import DifferenceKind, audit
from distributor.flow.operations.recounting import verify_totals
from distributor.mail.records.sources import parse_record_sources
from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.smtp_server import SMTP
from tests.conftest import thorough

from .crash_campaign import CONNECTIONS, CrashCampaign, CrashOnWire
from .crash_worker import CrashAt
from .fault_proxy import WirePoint
from .mail_relay import Relay, running_relay

# More people: DISTRIBUTOR_MATRIX_PEOPLE=2000 make test ARGS=tests/chaos
PEOPLE = int(os.environ.get("DISTRIBUTOR_MATRIX_PEOPLE", "120"))
BUSY = PEOPLE // 20
GONE = max(1, PEOPLE // 100)
LOST = 5
SECRET = b"a key that is only good for tests"

pytestmark = pytest.mark.chaos


def _each(point: Failpoint, *hits: int) -> tuple[CrashAt, ...]:
    return tuple(CrashAt(point=point, hit=hit) for hit in hits)


CRASHES: dict[str, tuple[CrashAt | CrashOnWire, ...]] = {
    "before claim": _each(Failpoint.BEFORE_CLAIM, 1, 2),
    "after claim": _each(Failpoint.AFTER_CLAIM, 1, 2),
    "in flight": _each(Failpoint.AFTER_INTENT, 1, 1),
    "after journal": _each(Failpoint.AFTER_JOURNAL, 1, 13),
    "before the dot": tuple(CrashOnWire(point=WirePoint.BEFORE_DOT, number=number) for number in (1, 13)),
    "after the dot": tuple(CrashOnWire(point=WirePoint.AFTER_DOT, number=number) for number in (1, 13)),
    "after 250": _each(Failpoint.AFTER_OUTCOME, 1, 13),
    # Once only: what the first of the dead had sent and not committed may be all there was.
    "before commit": _each(Failpoint.BEFORE_COMMIT, 2),
    "after commit": _each(Failpoint.AFTER_COMMIT, 1),
    "settling the dead": (*_each(Failpoint.AFTER_OUTCOME, 13), *_each(Failpoint.AFTER_RECOVERY, 1, 1)),
}


# Several small dispatches are one batch.
CRASHES_OF_ONE_BATCH = CRASHES | {
    "before claim": _each(Failpoint.BEFORE_CLAIM, 1, 1),
    "after claim": _each(Failpoint.AFTER_CLAIM, 1, 1),
    "before commit": _each(Failpoint.BEFORE_COMMIT, 1),
}


@dataclass(frozen=True, kw_only=True)
class RelayBehaviour:
    """What the relay does. `lost` is how many mails it takes at most without its answer arriving."""

    faults: tuple[InjectedFault, ...] = ()
    prepare: Callable[[Relay], None] = lambda _: None
    recover: Callable[[Relay], None] = lambda _: None
    lost: int = 0
    refused: int = 0


BEHAVIOURS = {
    "normal": RelayBehaviour(),
    "250 lost": RelayBehaviour(
        faults=(
            InjectedFault(kind=FaultKind.LOSE_RESPONSE, on=FaultStage.DOT, after=8, times=2),
            InjectedFault(kind=FaultKind.LOSE_RESPONSE, on=FaultStage.DOT, probability=0.05, times=LOST - 2),
        ),
        lost=LOST,
    ),
    "421 in the middle": RelayBehaviour(
        faults=tuple(
            InjectedFault(kind=FaultKind.REFUSE, code=421, on=stage, after=after, times=2)
            for stage, after in ((FaultStage.MAIL, 20), (FaultStage.DATA, 30), (FaultStage.DOT, 40))
        )
    ),
    "451 for 5 %": RelayBehaviour(
        faults=(InjectedFault(kind=FaultKind.REFUSE, code=451, on=FaultStage.DOT, only_for="busy*", times=BUSY),)
    ),
    "550 for 1 %": RelayBehaviour(
        faults=(InjectedFault(kind=FaultKind.REFUSE, code=550, on=FaultStage.DOT, only_for="gone*"),), refused=GONE
    ),
    "connections refused": RelayBehaviour(prepare=Relay.refuse, recover=Relay.serve),
    "very slow": RelayBehaviour(
        faults=(InjectedFault(kind=FaultKind.SLOW, on=FaultStage.DOT, seconds=0.05),),
        prepare=lambda relay: relay.delay(0.005),
    ),
}


def _cells() -> Iterator[Any]:
    """Every crash with every behaviour. Two lines cross the matrix always; what is beside them rarely says more."""
    for (step, crashes), (name, behaviour) in product(CRASHES.items(), BEHAVIOURS.items()):
        is_on_a_line = name == "normal" or step == "after 250"
        yield pytest.param(crashes, behaviour, id=f"{step}-{name}", marks=() if is_on_a_line else thorough)


@pytest.mark.parametrize(("crashes", "behaviour"), _cells())
def test_what_the_relay_took_agrees_with_the_ledger(
    app: AppContext, tmp_path: Path, crashes: tuple[CrashAt | CrashOnWire, ...], behaviour: RelayBehaviour
) -> None:
    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(app, relay, SECRET, people=_people(), crashes=crashes)
        relay.switches.set(SMTP, *behaviour.faults)
        behaviour.prepare(relay)
        campaign.run(on_clock_advance=lambda: behaviour.recover(relay))
        ledger, states, mails = campaign.ledger(), campaign.states(), relay.mails()
        result = audit(campaign.app, campaign.campaign_id, parse_record_sources([f"inbox:{relay.folder}"]))
        differences = verify_totals(campaign.app)

    assert differences == []
    assert not campaign.crashes, "not every worker died as it was told"
    assert states.total() == PEOPLE
    assert set(states) <= {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
    assert states[DeliveryState.UNKNOWN] <= len(crashes) * CONNECTIONS + behaviour.lost
    assert [mail for mail, count in mails.items() if count > 1] == []
    reached = {recipient for recipient, _ in mails}
    assert len(reached) == len(mails)
    for recipient, record in ledger.items():
        if record.state is DeliveryState.SENT:
            assert (recipient, record.remote_id) in mails
        if record.state is DeliveryState.FAILED:
            assert recipient.startswith("gone")
            assert recipient not in reached
    # The product's own auditor comes to the same result.
    in_doubt = [name for name, record in ledger.items() if record.state is DeliveryState.UNKNOWN]
    assert {(one.kind, one.recipient) for one in result.differences} == {
        (DifferenceKind.FOUND, name) for name in in_doubt if name in reached
    }
    failed_or_doubtful = [name for name in ledger if name.startswith("gone") and behaviour.refused]
    assert all(ledger[name].state in (DeliveryState.FAILED, DeliveryState.UNKNOWN) for name in failed_or_doubtful)


@pytest.mark.parametrize("crashes", CRASHES_OF_ONE_BATCH.values(), ids=CRASHES_OF_ONE_BATCH)
def test_small_dispatches_in_one_run_are_told_apart_when_it_is_killed(
    app: AppContext, tmp_path: Path, crashes: tuple[CrashAt | CrashOnWire, ...]
) -> None:
    people = _people()[:8]
    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(app, relay, SECRET, people=people, crashes=crashes, more=4)
        campaign.run()
        records, mails = campaign.deliveries(), relay.mails()
        audits = [
            audit(campaign.app, one, parse_record_sources([f"inbox:{relay.folder}"])) for one in campaign.campaign_ids
        ]

    assert not campaign.crashes, "not every worker died as it was told"
    assert len(records) == 5 * len(people)
    assert {record.state for record in records} <= {DeliveryState.SENT, DeliveryState.UNKNOWN}
    in_doubt = [record for record in records if record.state is DeliveryState.UNKNOWN]
    assert len(in_doubt) <= len(crashes) * CONNECTIONS
    assert [mail for mail, count in mails.items() if count > 1] == []
    assert {(one.recipient, one.remote_id) for one in records if one.state is DeliveryState.SENT} <= set(mails)
    assert len(mails) >= len(records) - len(in_doubt)
    assert {one.kind for result in audits for one in result.differences} <= {DifferenceKind.FOUND}


def test_a_machine_that_is_lost_with_its_disk_leaves_no_more_than_its_batch_in_doubt(
    app: AppContext, tmp_path: Path
) -> None:
    people = [f"reader{number}@example.org" for number in range(BATCH * 5 // 2)]

    def delete_journals() -> None:
        shutil.rmtree(app.journal_dir)

    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(
            app,
            relay,
            SECRET,
            people=people,
            crashes=_each(Failpoint.AFTER_OUTCOME, BATCH * 3 // 2),
            on_crash=delete_journals,
        )
        campaign.run()
        states, mails = campaign.states(), relay.mails()

    assert not campaign.crashes
    assert [mail for mail, count in mails.items() if count > 1] == []
    assert set(states) == {DeliveryState.SENT, DeliveryState.UNKNOWN}
    assert states.total() == len(people)
    assert states[DeliveryState.UNKNOWN] <= BATCH


def _people() -> list[str]:
    plain = [f"reader{number}@example.org" for number in range(PEOPLE - BUSY - GONE)]
    # In the middle of the others, so that every worker meets some.
    step = max(1, len(plain) // (BUSY + GONE + 1))
    odd = [f"busy{number}@example.org" for number in range(BUSY)] + [f"gone{n}@example.org" for n in range(GONE)]
    for place, address in enumerate(odd, start=1):
        plain.insert(place * step + place - 1, address)
    return plain
