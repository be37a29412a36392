"""A job has one message at a time, however often it is found to be due; no note about it outlives a minute."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from distributor.flow.app_context import AppContext
from distributor.flow.job_notes import (
    MOST_WAITING,
    RUNS_SECONDS,
    WAITS_SECONDS,
    RunningJobs,
    forget_messages,
    without_message,
)
from distributor.flow.jobs import Job, JobKind, consumed_queues, urgency

JOB = Job(JobKind.RELEASE, 7)


def test_a_job_that_is_due_again_every_second_gets_one_message(app: AppContext) -> None:
    assert without_message(app, [JOB]) == [JOB]
    assert [without_message(app, [JOB]) for _ in range(5)] == [[]] * 5


def test_several_schedulers_at_once_send_one_message(app: AppContext) -> None:
    with ThreadPoolExecutor(8) as threads:
        chosen = list(threads.map(lambda _: without_message(app, [JOB]), range(40)))
    assert [jobs for jobs in chosen if jobs] == [[JOB]]


def test_a_job_that_is_being_done_gets_no_message_and_another_message_for_it_does_nothing(app: AppContext) -> None:
    with RunningJobs().hold(app, JOB, "first") as is_first, RunningJobs().hold(app, JOB, "second") as is_second:
        assert (is_first, is_second) == (True, False)
        assert without_message(app, [JOB]) == []


def test_a_job_that_has_ended_or_failed_may_have_a_message_again_at_once(app: AppContext) -> None:
    assert without_message(app, [JOB]) == [JOB]
    with pytest.raises(ValueError, match="no luck"), RunningJobs().hold(app, JOB, "first"):
        raise ValueError("no luck")
    assert without_message(app, [JOB]) == [JOB]


def test_jobs_of_another_kind_subject_or_part_are_other_jobs(app: AppContext) -> None:
    others = [Job(JobKind.PREPARE, 7), Job(JobKind.RELEASE, 8), Job(JobKind.RELEASE, 7, 1), Job(JobKind.RUN_SOURCE, 3)]
    assert without_message(app, [JOB]) == [JOB]
    assert without_message(app, [JOB, *others]) == others


def test_every_note_expires(app: AppContext) -> None:
    without_message(app, [JOB])
    assert [0 < seconds <= WAITS_SECONDS for seconds in lifetimes(app)] == [True]
    with RunningJobs().hold(app, JOB, "first"):
        assert [0 < seconds <= RUNS_SECONDS for seconds in lifetimes(app)] == [True]
    assert list(lifetimes(app)) == []


def test_a_job_whose_message_was_lost_with_redis_or_could_not_be_sent_gets_another(app: AppContext) -> None:
    without_message(app, [JOB])
    app.redis.flushall()
    assert without_message(app, [JOB]) == [JOB]
    forget_messages(app, [JOB])
    assert without_message(app, [JOB]) == [JOB]


def test_a_queue_that_nobody_consumes_has_an_end_and_fills_no_other(app: AppContext) -> None:
    app.redis.lpush(JOB.queue, *range(MOST_WAITING - 1))
    many = [Job(JobKind.RELEASE, number) for number in range(1, 4)]
    other = Job(JobKind.PREPARE, 1)
    assert without_message(app, [*many, other]) == [many[0], other]
    app.redis.ltrim(JOB.queue, 0, 10)
    assert without_message(app, [*many, other]) == many[1:]


def test_a_job_is_done_while_redis_is_away(app: AppContext, gone_redis: Redis) -> None:
    away = replace(app, connect_redis=lambda: gone_redis)
    with RunningJobs().hold(away, JOB, "first") as is_to_be_done:
        assert is_to_be_done


def test_a_worker_takes_what_is_due_before_anything_else() -> None:
    queues = consumed_queues(["background", "urgent", "social"])
    assert {queue for queue in queues if urgency(queue) == 0} == {
        "release",
        "release_due",
        "social",
        "write_events",
    }
    assert sorted(queues, key=urgency)[4] == "prepare"
    assert {urgency(queue) for queue in consumed_queues(["background"])} == {2}


def test_some_worker_consumes_every_kind_of_job() -> None:
    by_channel = {JobKind.DELIVER, JobKind.DELIVER_SMALL, JobKind.BUILD_DOCUMENTS}
    assert set(consumed_queues(["urgent", "background"])) == {kind.value for kind in set(JobKind) - by_channel}
    assert set(consumed_queues(["default"])) == set(consumed_queues(["urgent", "background"]))


def lifetimes(app: AppContext) -> Iterator[int]:
    """Of all notes, in seconds."""
    for key in app.redis.scan_iter("distributor:job:*"):
        yield int(app.redis.ttl(key))
