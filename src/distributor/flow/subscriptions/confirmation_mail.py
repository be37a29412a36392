"""Confirmation mails: a sign-up is confirmed by a mail, which is a delivery of a campaign like any other mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import structlog

from distributor.channels.api import ConfirmationChannel, RenderContext
from distributor.channels.registry import kinds
from distributor.domain.campaign import Dispatch, DispatchState
from distributor.domain.consent import may_confirmation_be_sent
from distributor.domain.errors import ConfigurationError, InputError, StateError
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList, Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import channels, confirmations
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

log = structlog.get_logger(__name__)


def queue_confirmation(
    app: AppContext, connection: Connection, subscriber: Subscriber, list_: MailingList, *, now: datetime
) -> None:
    """Queue a confirmation mail for a list in the caller's transaction, unless the limits for the address forbid it.

    A mail that was sent earlier confirms this list too. The scheduler finds the delivery within a second. The caller
    holds the lock of the subscriber. Call it last and for one list at a time: until the transaction ends, other
    sign-ups for the list wait. Raises ConfigurationError if no channel can send confirmation mails or the mail cannot
    be rendered, and StateError if the confirmations of the day were cancelled; nothing is written then.
    """
    if not may_confirmation_be_sent(
        confirmations.queued_since(connection, subscriber.id, now - timedelta(days=1)), now=now
    ):
        return
    language = _language_of(subscriber, app)
    # A dispatch goes to an address once, so a mail that is sent again belongs to the next one of the day.
    for nth in count(1):
        dispatch = _dispatch_of_the_day(app, connection, list_, language, nth, now=now)
        if dispatch.state is DispatchState.CANCELLED:
            raise StateError(
                f"today's confirmation mails for list {list_.slug!r} were cancelled with campaign "
                f"{dispatch.campaign_id}; from tomorrow on they are sent again"
            )
        if confirmations.join(connection, dispatch.id, subscriber, list_, now=now):
            log.info("confirmation.queued", dispatch_id=dispatch.id, list=list_.slug)
            return


def _language_of(subscriber: Subscriber, app: AppContext) -> str:
    """The language without region and script: anyone can choose it, and each language makes a campaign of its own."""
    return (subscriber.language or app.site.language).split("-")[0].lower()


def _dispatch_of_the_day(
    app: AppContext, connection: Connection, list_: MailingList, language: str, nth: int, *, now: datetime
) -> Dispatch:
    """The dispatch of the first confirmation mails of the day (UTC) to an address, of the second ones, and so on."""
    day = now.astimezone(UTC).date()
    record = _confirmation_channel(connection)
    # With the channel: another one may take over from one that is removed during the day.
    key = f"confirmation:{list_.slug}:{language}:{day}:{record.id}"
    name = f"Confirmations: {list_.name} ({language}), {day}"
    if nth > 1:
        key, name = f"{key}:{nth}", f"{name}, sent again ({nth})"
    found = confirmations.find_dispatch(connection, key)
    if found is None:
        _begin(app, connection, key, name, record, list_, language, now=now)
        found = confirmations.find_dispatch(connection, key)
    assert found is not None, "begun just now, by this or another transaction"  # noqa: S101
    return found


def _begin(
    app: AppContext,
    connection: Connection,
    key: str,
    name: str,
    record: ChannelRecord,
    list_: MailingList,
    language: str,
    *,
    now: datetime,
) -> None:
    try:
        rendition, problems = _render(app, record, list_, language)
    except InputError as error:
        raise ConfigurationError(f"confirmation mails for list {list_.slug!r} cannot be sent: {error}") from error
    confirmations.start(
        connection,
        key,
        rendition,
        name=name,
        list_slug=list_.slug,
        channel_id=record.id,
        problems=problems,
        now=now,
    )


def _render(
    app: AppContext, record: ChannelRecord, list_: MailingList, language: str
) -> tuple[Rendition, list[Problem]]:
    """The rendition and the problems that do not block it. Raises InputError if it cannot be sent."""
    channel = app.open_channel(record)
    assert isinstance(channel, ConfirmationChannel), "chosen because it is"  # noqa: S101
    context = RenderContext(site=app.site, templates=app.templates, discovered_limits=record.discovered_limits)
    rendition = channel.render_confirmation(list_, context, language=language)
    problems = channel.check(rendition)
    blocking = [problem.message for problem in problems if problem.severity is Severity.BLOCK]
    if blocking:
        raise InputError("; ".join(blocking))
    return rendition, problems


def _confirmation_channel(connection: Connection) -> ChannelRecord:
    """The channel that was configured first of those that can send confirmation mails."""
    capable = {name for name, kind in kinds().items() if issubclass(kind, ConfirmationChannel)}
    able = [record for record in channels.all_channels(connection) if record.kind in capable]
    if not able:
        raise ConfigurationError(
            "confirmation mails cannot be sent: there is no email channel; configure one with `distributor channel set`"
        )
    return min(able, key=lambda record: record.id)
