"""A channel that starts some time after another one moves along with it, whoever moves that one and however."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from distributor.domain.campaign import Dispatch
from distributor.domain.errors import InputError, ScheduleError
from distributor.domain.schedule import FollowUp, StartTimes, parse_start_times, spell_delay
from distributor.flow.publishing import calendar, life_cycle
from distributor.flow.publishing.campaign_control import cancel
from distributor.flow.publishing.plan import duplicate_campaign, edit_campaign
from distributor.storage import campaigns, dispatch_calendar, dispatches
from tests.flow.campaign_harness import CampaignHarness

HOUR = timedelta(hours=1)
BOARD_LATER = {"board": FollowUp(channel_name="mail", after=2 * HOUR)}


@pytest.fixture
def three(harness: CampaignHarness) -> CampaignHarness:
    harness.channel("mail", "scripted")
    for name in ("board", "wall"):
        harness.channel(name, "scripted_broadcast")
    return harness


def planned(harness: CampaignHarness, campaign_id: int) -> dict[str, Dispatch]:
    with harness.app.database.begin() as connection:
        return {one.channel_name: one for one in dispatches.of_campaign(connection, campaign_id)}


def offsets(harness: CampaignHarness, campaign_id: int) -> dict[str, timedelta]:
    """How long after now each channel starts, in whole minutes."""
    now = harness.app.clock()
    found = {}
    for name, one in planned(harness, campaign_id).items():
        assert one.scheduled_at is not None
        found[name] = timedelta(minutes=round((one.scheduled_at - now).total_seconds() / 60))
    return found


def at(harness: CampaignHarness, after: timedelta, **times: timedelta) -> StartTimes:
    now = harness.app.clock()
    return StartTimes(starts_at=now + after, times={name: now + one for name, one in times.items()}, notes=())


def a_campaign(harness: CampaignHarness, follow_ups: Mapping[str, FollowUp] = BOARD_LATER) -> int:
    return harness.draft("mail", "board", "wall", after=HOUR, follow_ups=follow_ups)


def test_a_follow_up_starts_after_the_other_and_moves_with_it_on_every_reschedule(three: CampaignHarness) -> None:
    number = a_campaign(three)
    assert offsets(three, number) == {"mail": HOUR, "board": 3 * HOUR, "wall": HOUR}
    life_cycle.schedule(three.app, number, actor="a test")
    life_cycle.reschedule(three.app, number, at(three, 5 * HOUR), actor="a test", channel_names=("mail",))
    assert offsets(three, number) == {"mail": 5 * HOUR, "board": 7 * HOUR, "wall": HOUR}
    life_cycle.reschedule(three.app, number, at(three, 6 * HOUR), actor="a test")
    assert offsets(three, number) == {"mail": 6 * HOUR, "board": 8 * HOUR, "wall": 6 * HOUR}


def test_a_follow_up_that_gets_a_time_of_its_own_follows_no_more(three: CampaignHarness) -> None:
    number = a_campaign(three)
    life_cycle.arrange(three.app, number, actor="a test", start=at(three, 4 * HOUR, board=5 * HOUR))
    assert planned(three, number)["board"].follow_up is None
    life_cycle.arrange(three.app, number, actor="a test", start=at(three, 9 * HOUR, board=5 * HOUR))
    assert offsets(three, number) == {"mail": 9 * HOUR, "board": 5 * HOUR, "wall": 9 * HOUR}


def test_follow_ups_of_follow_ups_move_along(three: CampaignHarness) -> None:
    chain = BOARD_LATER | {"wall": FollowUp(channel_name="board", after=HOUR)}
    number = a_campaign(three, chain)
    assert offsets(three, number) == {"mail": HOUR, "board": 3 * HOUR, "wall": 4 * HOUR}
    life_cycle.reschedule(three.app, number, at(three, 2 * HOUR), actor="a test", channel_names=("mail",))
    assert offsets(three, number) == {"mail": 2 * HOUR, "board": 4 * HOUR, "wall": 5 * HOUR}


def test_sent_now_a_follow_up_still_waits_for_its_time(three: CampaignHarness) -> None:
    number = a_campaign(three)
    now = StartTimes.at_once(three.app.clock(), undo_window=timedelta())
    life_cycle.schedule(three.app, number, actor="a test", start=now)
    assert offsets(three, number) == {"mail": timedelta(), "board": 2 * HOUR, "wall": timedelta()}


@pytest.mark.parametrize("with_others", [False, True])
def test_a_move_on_the_calendar_takes_the_follow_ups_along(three: CampaignHarness, with_others: bool) -> None:
    number = a_campaign(three)
    mail = planned(three, number)["mail"]
    assert mail.scheduled_at is not None
    moved = calendar.move(
        three.app, mail.id, mail.scheduled_at + 24 * HOUR, with_others=with_others, actor="a test", version=None
    )
    assert {one.channel_name for one in moved.entries} == ({"mail", "board"} | ({"wall"} if with_others else set()))
    assert offsets(three, number) == {"mail": 25 * HOUR, "board": 27 * HOUR, "wall": 25 * HOUR if with_others else HOUR}
    assert planned(three, number)["board"].follow_up == BOARD_LATER["board"]


def test_a_follow_up_that_is_moved_on_the_calendar_by_itself_follows_no_more(three: CampaignHarness) -> None:
    number = a_campaign(three)
    board = planned(three, number)["board"]
    assert board.scheduled_at is not None
    with three.app.database.begin() as connection:
        entry = dispatch_calendar.find_entry(connection, board.id)
    assert entry is not None
    assert calendar.find_followers(three.app, entry) == {}
    calendar.move(three.app, board.id, board.scheduled_at + HOUR, actor="a test", version=None)
    assert offsets(three, number) == {"mail": HOUR, "board": 4 * HOUR, "wall": HOUR}
    assert planned(three, number)["board"].follow_up is None


def test_a_follow_up_keeps_its_time_when_what_it_follows_is_taken_out_or_cancelled(three: CampaignHarness) -> None:
    number = a_campaign(three)
    before = planned(three, number)["board"].scheduled_at
    life_cycle.arrange(three.app, number, actor="a test", without=("mail",))
    board = planned(three, number)["board"]
    assert (board.follow_up, board.scheduled_at) == (None, before)
    other = a_campaign(three)
    before = planned(three, other)["board"].scheduled_at
    edit_campaign(three.app, other, lambda plan: replace(plan, channel_names=("board", "wall")), actor="a test")
    board = planned(three, other)["board"]
    assert (board.follow_up, board.scheduled_at) == (None, before)
    third = a_campaign(three)
    life_cycle.schedule(three.app, third, actor="a test")
    before = planned(three, third)["board"].scheduled_at
    cancel(three.app, third, actor="a test")
    assert planned(three, third)["board"].scheduled_at == before


def test_once_the_other_is_out_a_follow_up_can_be_moved(three: CampaignHarness) -> None:
    number = three.draft("mail", "board", after=timedelta(), follow_ups=BOARD_LATER)
    life_cycle.schedule(three.app, number, actor="a test")
    three.run()
    life_cycle.reschedule(three.app, number, at(three, 9 * HOUR), actor="a test")
    assert offsets(three, number)["board"] == 9 * HOUR


@pytest.mark.parametrize(
    ("follow_ups", "words"),
    [
        ({"board": FollowUp(channel_name="board", after=HOUR)}, "board after board: one of them needs"),
        (BOARD_LATER | {"mail": FollowUp(channel_name="board", after=HOUR)}, "needs a time of its own"),
        ({"board": FollowUp(channel_name="letter", after=HOUR)}, "board starts after letter, and the campaign has"),
    ],
)
def test_circles_and_unknown_channels_are_refused(
    three: CampaignHarness, follow_ups: Mapping[str, FollowUp], words: str
) -> None:
    with pytest.raises(ScheduleError, match=words):
        a_campaign(three, follow_ups)
    number = a_campaign(three)
    start = replace(at(three, HOUR), follow_ups=follow_ups)
    with pytest.raises(InputError, match=words):
        life_cycle.arrange(three.app, number, actor="a test", start=start)
    assert planned(three, number)["board"].follow_up == BOARD_LATER["board"]


def test_a_draft_without_times_keeps_what_follows_what_and_so_does_its_copy(three: CampaignHarness) -> None:
    number = three.draft("mail", "board", follow_ups=BOARD_LATER)
    copy = duplicate_campaign(three.app, number, actor="a test")
    with three.app.database.begin() as connection:
        plan = campaigns.plan_of(connection, copy)
    assert (plan.follow_ups, plan.times) == (BOARD_LATER, {})
    life_cycle.arrange(three.app, copy, actor="a test", start=at(three, 3 * HOUR))
    assert offsets(three, copy) == {"mail": 3 * HOUR, "board": 5 * HOUR}


def test_a_time_says_after_which_channel_it_is() -> None:
    now = datetime(2027, 3, 1, 9, tzinfo=UTC)
    read = parse_start_times("now", {"x": "+1h30m after mail", "y": "+2h"}, zone="UTC", now=now)
    assert read.follow_ups == {"x": FollowUp(channel_name="mail", after=1.5 * HOUR)}
    assert read.times == {"y": now + 2 * HOUR}
    assert [spell_delay(one * HOUR) for one in (0, 0.5, 1, 2, 25.5)] == [
        *("0 minutes", "30 minutes", "1 hour", "2 hours"),
        "1 day 1 hour 30 minutes",
    ]
