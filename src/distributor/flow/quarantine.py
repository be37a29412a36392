"""The guards of loops: an item that raises goes to the quarantine, and the loop goes on with the others.

Errors of a service or of this machine are not errors of an item. They are raised: every other item would fail as well.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog
from redis import RedisError

from distributor.domain.errors import DistributorError, ServiceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Json
from distributor.domain.stored_text import stored_key
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import JobKind
from distributor.storage import quarantine

# The disk is full, no file can be opened, there is no memory.
_MACHINE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})

log = structlog.get_logger(__name__)


class ItemGuard:
    """The guard of one pass of a loop that reads its items again, such as files or due dispatches.

    An item that fails is tried again by later passes, more and more seldom, and leaves the quarantine when it works.
    """

    def __init__(self, app: AppContext, loop: QuarantineLoop, *, outages: tuple[type[Exception], ...] = ()) -> None:
        """`outages` are further errors that are not about an item, and are raised."""
        self._app = app
        self._loop = loop
        self._outages = outages
        with app.database.begin() as connection:
            self.known: Mapping[str, QuarantinedItem] = quarantine.of_loop(connection, loop)
        # The reasons of the items that failed in this pass.
        self.held: dict[str, str] = {}

    def rests(self, key: str) -> bool:
        """Whether the item failed before and is not due yet."""
        item = self.known.get(stored_key(key))
        return item is not None and item.retry_at is not None and item.retry_at > self._app.clock()

    @contextmanager
    def item(
        self, key: str, *, detail: Mapping[str, Json] | None = None, dispatch_id: int | None = None
    ) -> Iterator[None]:
        """Hold the item in quarantine if the block raises, else let it leave. Raises errors of a service."""
        try:
            yield
        except self._outages:
            raise
        except Exception as error:
            self.hold(key, error, detail=detail, dispatch_id=dispatch_id)
        else:
            self.note_success([key])

    def hold(
        self,
        key: str,
        error: Exception,
        *,
        detail: Mapping[str, Json] | None = None,
        dispatch_id: int | None = None,
    ) -> None:
        """Hold an item in quarantine because of this error. Raises the error itself if it is one of a service."""
        self.held[key] = _hold(self._app, self._loop, key, error, detail=detail, dispatch_id=dispatch_id)

    def note_success(self, keys: Iterable[str]) -> None:
        """These items work: those that are in quarantine leave it."""
        self.leave([key for key in keys if stored_key(key) in self.known])

    def leave(self, keys: Collection[str]) -> None:
        """Let items leave the quarantine: they work again, or are gone."""
        if keys:
            _leave(self._app, self._loop, keys)


@contextmanager
def kept_on_error(
    app: AppContext, loop: QuarantineLoop, key: str, content: bytes, *, detail: Mapping[str, Json] | None = None
) -> Iterator[None]:
    """Keep an item that is seen only once, with its content, if the block raises. Raises errors of a service."""
    try:
        yield
    except Exception as error:
        _hold(app, loop, key, error, content=content, detail=detail)


@contextmanager
def guarded_job(app: AppContext, kind: JobKind, dispatch_id: int) -> Iterator[None]:
    """The guard of a job of a dispatch: if it fails, the scheduler enqueues it again, more and more seldom."""
    with ItemGuard(app, QuarantineLoop.JOB).item(key_of_job(kind, dispatch_id), dispatch_id=dispatch_id):
        yield


def key_of_job(kind: JobKind, dispatch_id: int | str) -> str:
    """The key of a job of a dispatch in the quarantine."""
    return f"{kind} {dispatch_id}"


def retry(app: AppContext, item: QuarantinedItem, act: Callable[[AppContext, QuarantinedItem], None]) -> bool:
    """Process a kept item by `act`; True if it works now and has left the quarantine. Raises errors of a service."""
    try:
        act(app, item)
    except Exception as error:
        _hold(app, item.loop, item.key, error, content=item.content, detail=item.detail)
        return False
    _leave(app, item.loop, [item.key])
    return True


def _hold(
    app: AppContext,
    loop: QuarantineLoop,
    key: str,
    error: Exception,
    *,
    content: bytes | None = None,
    detail: Mapping[str, Json] | None = None,
    dispatch_id: int | None = None,
) -> str:
    """Store the item and return the reason. Raises `error` itself if it is not about the item."""
    if isinstance(error, ServiceError | RedisError | MemoryError):
        raise error
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
        raise error
    reason, place = str(error), ""
    if not isinstance(error, DistributorError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        reason = f"{type(error).__name__} in {place}: {error}"
    with app.database.begin() as connection:
        failures = quarantine.hold(
            connection,
            loop,
            key,
            reason=reason,
            now=app.clock(),
            content=content,
            detail=detail,
            dispatch_id=dispatch_id,
        )
    # The reason may quote the item. The first failure is worth a warning, the next ones are the same.
    write = log.warning if failures == 1 else log.debug
    write("quarantine.held", loop=loop.value, key=key, reason=type(error).__name__, place=place, failures=failures)
    return reason


def _leave(app: AppContext, loop: QuarantineLoop, keys: Collection[str]) -> None:
    with app.database.begin() as connection:
        left = quarantine.leave(connection, loop, keys)
    if left:
        log.info("quarantine.left", loop=loop.value, items=left)
