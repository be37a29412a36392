"""No two operations wait for each other: whichever one is interrupted, and wherever, both end.

One runs until it has executed one of its statements that take locks, and stops there with its locks. The other one runs
until it ends or waits for a lock. Then the first one goes on. PostgreSQL aborts one of two that wait for each other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from distributor.domain.delivery import HandSettlement, Outcome, Verdict
from distributor.domain.errors import DistributorError, ServiceError
from distributor.domain.user import Actor
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.recovery import recover_journals, resolve_unknown
from distributor.flow.feedback.inbound_mail import receive_mail
from distributor.flow.journal import open_journal
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import article_control, campaign_control, life_cycle
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.publishing.settle_unknown import settle_unknown
from distributor.storage import deliveries
from distributor.storage.database import Database
from tests.conftest import thorough
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name
from tests.flow.feedback import feedback_mails

pytestmark = pytest.mark.chaos

_TAKES_LOCKS = re.compile(r"\b(UPDATE|INSERT|DELETE|advisory)", re.IGNORECASE)
# Above this a step has not ended, but hangs.
_DEADLINE = 60

# Two dispatches of one campaign, one paused until a time that has passed, and one that runs; a third is due. Deliveries
# that failed, whose outcome is unknown, and that a dead worker held.
_STATE = """
    UPDATE dispatches SET prepared_at = now(),
        state = CASE WHEN id = 1 THEN 'paused' WHEN id = 2 THEN 'running' ELSE 'scheduled' END,
        resume_at = CASE WHEN id = 1 THEN now() - interval '1 minute' END, reason = '', finished_at = NULL,
        released_at = CASE WHEN id < 3 THEN now() END, audience_size = CASE WHEN id < 3 THEN 3 END;
    DELETE FROM events; DELETE FROM suppressions; DELETE FROM quarantine; DELETE FROM deliveries WHERE dispatch_id > 2;
    UPDATE deliveries SET next_at = NULL, detail = '{}', reply = '', epoch = 1, attempt = 1,
        worker = CASE WHEN recipient <> 'ada@example.org' THEN :worker END,
        lease_until = CASE WHEN recipient <> 'ada@example.org' THEN now() - interval '1 minute' END,
        state = CASE recipient WHEN 'ada@example.org' THEN 'failed' WHEN 'bo@example.org' THEN 'in_flight'
                ELSE 'claimed' END;
    UPDATE deliveries SET state = 'unknown', next_at = now() - interval '1 minute', lease_until = NULL
        WHERE dispatch_id = 2 AND recipient = 'bo@example.org';
    UPDATE articles SET state = 'published', publish_at = now() - interval '1 day', withdrawn_at = NULL;
"""


@dataclass(frozen=True)
class Scene:
    """What the operations act on, and the journal of the worker that died."""

    harness: CampaignHarness
    journal: Path
    records: bytes
    worker: str
    mail: bytes

    def set(self) -> None:
        """Everything is as at first."""
        with self.harness.app.database.begin() as connection:
            for statement in _STATE.split(";")[:-1]:
                values = {"worker": self.worker} if ":worker" in statement else {}
                connection.execute(text(statement), values)
        self.journal.write_bytes(self.records)


OPERATIONS: Mapping[str, Callable[[AppContext, Scene], object]] = {
    "release": lambda app, _: release(app, 3),
    "pause": lambda app, _: campaign_control.pause(app, 1),
    "resume": lambda app, _: campaign_control.resume(app, 1),
    "cancel": lambda app, _: campaign_control.cancel(app, 1),
    "retry": lambda app, _: campaign_control.retry_failed(app, 1),
    "settle": lambda app, _: settle_unknown(app, 1, HandSettlement.NOT_SENT, reason="asked", actor=Actor(name="test")),
    "undo": lambda app, _: life_cycle.undo(app, 2, actor="test"),
    "withdraw": lambda app, _: article_control.withdraw(app, "hello", actor="test"),
    "schedule": lambda app, _: run_scheduler(app),
    "recover": lambda app, _: recover_journals(app),
    "resolve": lambda app, _: resolve_unknown(app, 2),
    "bounce": lambda app, scene: receive_mail(app, scene.mail, source="test"),
}


@pytest.fixture
def scene(app: AppContext, tmp_path: Path) -> Scene:
    harness = make_campaign_harness(app, tmp_path)
    for name in ("mail", "more"):
        harness.channel(name, "scripted")
    harness.plan("mail", "more")
    harness.run()
    harness.plan("mail")
    prepare(app, 3)
    with app.database.begin() as connection:
        ids = connection.execute(text("SELECT id FROM deliveries ORDER BY recipient, id")).scalars().all()
        found = {one.id: one for one in deliveries.find_for_sending(connection, ids)}
    _, _, *bo, held, _ = (replace(found[number], epoch=1) for number in ids)
    with pytest.raises(KeyboardInterrupt), open_journal(app.journal_dir) as journal:
        for delivery in (*bo, held):
            journal.begin(delivery)
        # An address that the server refused: the outcome concerns the subscriber too.
        journal.settle(
            Outcome.of(bo[0], Verdict.FAILED, reply_code=550, is_hard_bounce=True, detail={"reason": "userunknown"})
        )
        raise KeyboardInterrupt
    (path,) = app.journal_dir.glob("*.journal")
    mail = feedback_mails.bounce(bo[1], to=feedback_mails.verp(bo[1], app.tokens))
    return Scene(harness, path, path.read_bytes(), journal.worker, mail)


@pytest.mark.parametrize(
    "first", [pytest.param(name, marks=() if at % 3 == 0 else thorough) for at, name in enumerate(OPERATIONS)]
)
def test_any_other_operation_ends_wherever_this_one_is_interrupted(scene: Scene, first: str) -> None:
    scene.set()
    assert OPERATIONS[first](scene.harness.app, scene) is not False, "it has something to do"
    with own_connections(scene.harness.app) as apps:
        for second in OPERATIONS:
            for number in count(1):
                scene.set()
                try:
                    if not interleaved(scene, apps, OPERATIONS[first], OPERATIONS[second], stop_after=number):
                        break
                except ServiceError as error:
                    error.add_note(f"{first} was stopped after {number} statements that take locks, and {second} began")
                    raise
            assert number > 1, "it takes locks"


def interleaved(
    scene: Scene,
    apps: Sequence[AppContext],
    first: Callable[[AppContext, Scene], object],
    second: Callable[[AppContext, Scene], object],
    *,
    stop_after: int,
) -> bool:
    """Run both; False if the first one takes locks less often than it was to stop after."""
    is_stopped, goes_on = threading.Event(), threading.Event()

    def stop() -> None:
        is_stopped.set()
        assert goes_on.wait(_DEADLINE)

    one, other = apps
    with ThreadPoolExecutor(2) as pool, stopping_after(one.database, stop_after, stop):
        running = pool.submit(attempt, first, one, scene)
        while not is_stopped.wait(0.005):
            if running.done():
                running.result()
                return False
        follower = pool.submit(attempt, second, other, scene)
        wait_until_it_waits(scene.harness.app, follower)
        goes_on.set()
        running.result(_DEADLINE)
        follower.result(_DEADLINE)
    return True


def attempt(act: Callable[[AppContext, Scene], object], app: AppContext, scene: Scene) -> None:
    """Errors of an operation that is not possible any more are fine; those of PostgreSQL are not."""
    try:
        with suppress(FileNotFoundError):
            act(app, scene)
    except ServiceError:
        raise
    except DistributorError:
        pass


@contextmanager
def own_connections(app: AppContext) -> Iterator[list[AppContext]]:
    """The app twice, each with a database connection of its own."""
    url = app.database.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(2)]
    try:
        yield [replace(app, database=database) for database in databases]
    finally:
        for database in databases:
            database.close()


@contextmanager
def stopping_after(database: Database, number: int, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` after the statement with this number of those that take locks, counted from 1."""
    numbers = count(1)

    def after(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if _TAKES_LOCKS.search(statement) and next(numbers) == number:
            stop()

    engine = database._engine
    event.listen(engine, "after_cursor_execute", after)
    yield
    event.remove(engine, "after_cursor_execute", after)


def wait_until_it_waits(app: AppContext, running: Future[None]) -> None:
    """Wait until it has ended or waits for a lock."""
    for _ in range(_DEADLINE * 100):
        with app.database.begin() as connection:
            waiting = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
        if waiting or running.done():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it neither ends nor waits")
