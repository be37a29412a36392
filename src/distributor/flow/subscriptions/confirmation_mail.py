"""Confirm: ask somebody who has signed up, by a mail that goes through the ledger as every other delivery does.

No step of its own, but what every step has at hand that takes somebody's wish for a list.
"""

from __future__ import annotations

from datetime import UTC, datetime

from distributor.channels.api import ConfirmationChannel, RenderContext
from distributor.channels.registry import kinds
from distributor.domain.campaign import Dispatch, DispatchState
from distributor.domain.errors import ConfigurationError, InputError, StateError
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList, Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import channels, confirmations
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection


def queue_confirmation(
    app: AppContext, connection: Connection, subscriber: Subscriber, list_: MailingList, *, now: datetime
) -> None:
    """Ask somebody to confirm that they want a list, within the caller's transaction; once a day at most for each list.

    The beat finds the delivery within a second. To be called last, and for one list at a time: until the transaction
    ends, everybody else who signs up for the list waits. Raises ConfigurationError if there is no channel that can ask
    or its mail cannot go out, and StateError if somebody has cancelled the confirmations of the day; nothing has been
    written then.
    """
    language = _language_of(subscriber, app)
    dispatch = _dispatch_of_the_day(app, connection, list_, language, now=now)
    if dispatch.state is DispatchState.CANCELLED:
        raise StateError(
            f"the confirmations of today for list {list_.slug!r} were cancelled with campaign {dispatch.campaign_id}; "
            "those of tomorrow are sent again"
        )
    confirmations.join(connection, dispatch.id, subscriber, list_, now=now)


def _language_of(subscriber: Subscriber, app: AppContext) -> str:
    """The language without region and script: strangers choose it, and each one makes a campaign of its own."""
    return (subscriber.language or app.site.language).split("-")[0].lower()


def _dispatch_of_the_day(
    app: AppContext, connection: Connection, list_: MailingList, language: str, *, now: datetime
) -> Dispatch:
    day = now.astimezone(UTC).date()
    key = f"confirmation:{list_.slug}:{language}:{day}"
    found = confirmations.find_dispatch(connection, key)
    if found is None:
        _begin(app, connection, key, list_, language, now=now)
        found = confirmations.find_dispatch(connection, key)
    assert found is not None, "it was begun just now, by us or by somebody else"  # noqa: S101
    return found


def _begin(
    app: AppContext, connection: Connection, key: str, list_: MailingList, language: str, *, now: datetime
) -> None:
    record = _channel_that_asks(connection)
    try:
        rendition, problems = _question(app, record, list_, language)
    except InputError as error:
        raise ConfigurationError(f"nobody can be asked to confirm list {list_.slug!r}: {error}") from error
    confirmations.start(
        connection,
        key,
        rendition,
        name=f"Confirmations: {list_.name} ({language}), {now.astimezone(UTC):%Y-%m-%d}",
        list_slug=list_.slug,
        channel_id=record.id,
        problems=problems,
        now=now,
    )


def _question(
    app: AppContext, record: ChannelRecord, list_: MailingList, language: str
) -> tuple[Rendition, list[Problem]]:
    """What the channel says, and what else its check found. Raises InputError if it cannot go out."""
    channel = app.open_channel(record)
    assert isinstance(channel, ConfirmationChannel), "chosen because it is"  # noqa: S101
    context = RenderContext(site=app.site, templates=app.templates, discovered_limits=record.discovered_limits)
    rendition = channel.render_confirmation(list_, context, language=language)
    problems = channel.check(rendition)
    blocking = [problem.message for problem in problems if problem.severity is Severity.BLOCK]
    if blocking:
        raise InputError("; ".join(blocking))
    return rendition, problems


def _channel_that_asks(connection: Connection) -> ChannelRecord:
    """The first channel that was configured of a kind that can ask."""
    asking = {name for name, kind in kinds().items() if issubclass(kind, ConfirmationChannel)}
    able = [record for record in channels.all_channels(connection) if record.kind in asking]
    if not able:
        raise ConfigurationError(
            "nobody can be asked to confirm: there is no channel that sends mail; "
            "configure one of kind email with `distributor channel set`"
        )
    return min(able, key=lambda record: record.id)
