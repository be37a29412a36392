"""A watch over the beat: it records and tells what needs a person, so if it is gone the web server does so.

Otherwise a dead beat would be told by nobody: whoever looks sees it, and who relies on being told does not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from distributor.domain.errors import DistributorError
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.tell_notices import tell
from distributor.flow.operations.notices import record_notices
from distributor.storage import heartbeats

_LOOK_SECONDS = 15.0
# A restart of the whole service takes less, and is no matter.
PATIENCE = timedelta(seconds=90)
_LATE = timedelta(seconds=60)

_log = structlog.get_logger(__name__)


class BeatWatch:
    """Looks whether the beat is alive, and does for it what must not wait."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._late_since: datetime | None = None

    def look(self) -> bool:
        """Record and tell what needs a person if the beat has been silent for all of PATIENCE; whether that was done.

        Several web servers do no harm: what is told is leased. Raises ServiceError.
        """
        now = self._app.clock()
        with self._app.database.begin() as connection:
            last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
        if last is None or now - last <= _LATE:
            # One that has never run is not missed yet.
            self._late_since = None
            return False
        self._late_since = self._late_since or now
        if now - self._late_since < PATIENCE:
            return False
        for job in record_notices(self._app):
            tell(self._app, job.subject_id)
        return True


@contextmanager
def watching_beat(app: AppContext) -> Iterator[None]:
    """Watch the beat in a thread while the context lasts. A database that is away does not matter."""
    watch, stop = BeatWatch(app), threading.Event()

    def run() -> None:
        while not stop.wait(_LOOK_SECONDS):
            try:
                watch.look()
            except DistributorError as error:
                _log.info("beat_watch.skipped", reason=str(error))
            except Exception:
                _log.exception("beat_watch.failed")

    threading.Thread(target=run, name="beat-watch", daemon=True).start()
    try:
        yield
    finally:
        stop.set()
