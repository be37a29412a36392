"""The journal of a killed worker is damaged: nobody gets the mail twice, every delivery is accounted for, and the
journal is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distributor.cli.process_group import ChildProcess
from distributor.domain.delivery import DeliveryState
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.deliver import BATCH
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import boot_id
from distributor.flow.operations.channel_settings import configure
from distributor.storage import quarantine
from tests.conftest import thorough

from .crash_campaign import CrashCampaign
from .crash_worker import CrashAt
from .mail_relay import running_relay
from .service import BEATS, EMAIL_WORKER, OTHER_WORKER, running_service

PEOPLE = [f"reader{number}@example.org" for number in range(BATCH + 20)]
SECRET = b"a key that is only good for tests"

pytestmark = pytest.mark.chaos

Damage = Callable[[list[bytes]], list[bytes]]

DAMAGES: dict[str, Damage] = {
    "a torn line after a full disk": lambda lines: [*lines[:8], b'settle {"delibegin 7 1\n', *lines[8:]],
    "two lines that ran into each other": lambda lines: [*lines[:8], lines[8][:15] + lines[9], *lines[10:]],
    "a record of another version": lambda lines: [*lines[:8], b"2" + lines[8][1:], *lines[9:]],
    "a changed record": lambda lines: [*lines[:8], lines[8].replace(b"1 8", b"1 8 "), *lines[9:]],
    "a missing record": lambda lines: [*lines[:8], *lines[9:]],
    "a lost beginning": lambda lines: lines[8:],
    "zeros": lambda lines: [b"\0" * 4096 + b"\n", *lines[10:]],
    "nothing that can be read": lambda lines: [b"\xff\n" for _ in lines],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_journal_loses_nothing_and_doubles_nothing(app: AppContext, tmp_path: Path, damage: Damage) -> None:
    damaged: list[bytes] = []

    def damage_journals() -> None:
        for path in app.journal_dir.glob("*.journal"):
            damaged.append(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
            path.write_bytes(damaged[-1])

    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(
            app,
            relay,
            SECRET,
            people=PEOPLE,
            crashes=[CrashAt(point=Failpoint.AFTER_OUTCOME, hit=30)],
            on_crash=damage_journals,
        )
        campaign.run()
        ledger, states, mails = campaign.ledger(), campaign.states(), relay.mails()

    assert not campaign.crashes
    assert [mail for mail, count in mails.items() if count > 1] == []
    assert set(states) == {DeliveryState.SENT, DeliveryState.UNKNOWN}
    assert states.total() == len(PEOPLE)
    # Who was in the batch of the dead worker, and has no outcome that can be read.
    assert states[DeliveryState.UNKNOWN] <= BATCH
    reached = {recipient for recipient, _ in mails}
    assert {name for name, record in ledger.items() if record.state is DeliveryState.SENT} <= reached
    (item,) = journals_in_quarantine(app)
    assert [item.content] == damaged
    assert item.reason.startswith("line ")
    assert list(app.journal_dir.glob("*.journal")) == []


LOST: dict[str, Damage] = {
    "nothing": lambda lines: lines,
    "the last records": lambda lines: lines[:8],
    "every record": lambda lines: [],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_journal_of_an_earlier_boot_is_not_believed_for_what_it_does_not_mention(
    app: AppContext, tmp_path: Path, lost: Damage
) -> None:
    outcomes: list[bytes] = []

    def lose_power() -> None:
        for path in app.journal_dir.glob("*.journal"):
            left = lost(path.read_bytes().splitlines(keepends=True))
            outcomes.extend(line for line in left if b" settle " in line)
            path.write_bytes(b"".join(left))
            path.rename(path.with_name(path.name.replace(boot_id(), "5f0d1c3a-0000-4000-8000-000000000000")))

    with running_relay(tmp_path / "inbox") as relay:
        campaign = CrashCampaign(
            app,
            relay,
            SECRET,
            people=PEOPLE,
            crashes=[CrashAt(point=Failpoint.AFTER_OUTCOME, hit=30)],
            on_crash=lose_power,
        )
        campaign.run()
        states, mails = campaign.states(), relay.mails()

    assert not campaign.crashes
    assert [mail for mail, count in mails.items() if count > 1] == []
    assert set(states) == {DeliveryState.SENT, DeliveryState.UNKNOWN}
    assert states.total() == len(PEOPLE)
    # The batch of the dead worker, but for the outcomes that reached the disk and those that were committed.
    assert 0 < states[DeliveryState.UNKNOWN] <= BATCH - len(outcomes)
    assert journals_in_quarantine(app) == []
    assert list(app.journal_dir.glob("*.journal")) == []


def journals_in_quarantine(app: AppContext) -> list[QuarantinedItem]:
    with app.database.begin() as connection:
        known = quarantine.listed(connection, loop=QuarantineLoop.JOURNAL, limit=10)
        return [quarantine.find(connection, one.id) for one in known]


@pytest.mark.parametrize("first", [EMAIL_WORKER, BEATS[0]], ids=["the worker first", "the beat first"])
@thorough
def test_a_worker_and_a_beat_start_on_a_damaged_journal_and_the_rest_goes_on(
    tmp_path: Path, first: ChildProcess
) -> None:
    beat, people = BEATS[0], 40
    with (
        running_relay(tmp_path / "inbox") as relay,
        running_service(tmp_path, people=people, parts=(EMAIL_WORKER, OTHER_WORKER, beat)) as service,
    ):
        app = service.app
        configure(app, "email", "email", {"smtp_url": relay.url, "connections": 4})
        relay.allow(0)
        hit = service.plan("email")
        relay.allow(7)
        service.wait_for(lambda: relay.passed >= 7, "the first mails")
        service.crew.kill(beat)
        service.crew.kill(EMAIL_WORKER)
        (journal,) = app.journal_dir.glob("*.journal")
        damaged = b"\xff\n" * len(journal.read_bytes().splitlines())
        journal.write_bytes(damaged)
        relay.allow(None)

        service.crew.start(first)
        wait_until(lambda: bool(journals_in_quarantine(app)))
        service.crew.start(beat if first is EMAIL_WORKER else EMAIL_WORKER)
        other = service.plan("feed", "email")
        wait_until(lambda: service.is_finished(hit) and service.is_finished(other))
        service.crew.raise_if_dead()
        counts, others = service.counts(hit, "email"), service.totals(other)
        mails = relay.mails()
        (item,) = journals_in_quarantine(app)

    assert (item.content, item.key) == (damaged, journal.name)
    assert not journal.exists()
    assert counts["audience"] == counts["sent"] + counts["unknown"] == people
    # Nothing is known about them, and they are not sent again.
    assert counts["unknown"] > 0
    assert max(mails.values()) == 1
    assert counts["sent"] <= len(mails) - people <= people
    assert {name: one["sent"] for name, one in others.items()} == {"feed": 1, "email": people}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait without restarting processes that have ended, such as one that cannot start."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
