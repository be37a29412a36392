"""Release: at its time, freeze a dispatch's audience and let it run."""

from __future__ import annotations

from collections.abc import Iterable

from distributor.channels.api import Audience, PersonalizedChannel
from distributor.domain.campaign import DispatchState
from distributor.domain.errors import StateError
from distributor.domain.merge_fields import FieldGroup, MergeFields, field_label
from distributor.domain.rendition import Rendition
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import audience_query_of, count_missing_fields
from distributor.storage import audiences, campaigns, channels, deliveries, dispatches, merge_fields


class _SpeechlessError(StateError):
    """Something would have to be said to people of whom it is not known."""


def release(app: AppContext, dispatch_id: int) -> bool:
    """Freeze the audience of a scheduled dispatch whose time has come; False if there is nothing to send.

    One transaction: either everybody has a delivery and the dispatch runs, or nothing has happened. If somebody lacks
    a field that the mail says without a default, nobody gets it: the dispatch pauses and says why.
    """
    try:
        return _release(app, dispatch_id)
    except _SpeechlessError as error:
        with app.database.begin() as connection:
            dispatches.change_state(
                connection,
                dispatch_id,
                before={DispatchState.SCHEDULED},
                after=DispatchState.PAUSED,
                reason=str(error),
            )
        return False


def _release(app: AppContext, dispatch_id: int) -> bool:
    now = app.clock()
    with app.database.begin() as connection:
        if not dispatches.lock_due(connection, dispatch_id, now=now):
            return False
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        channel = app.open_channel(channels.find_by_id(connection, dispatch.channel_id))
        rendition = dispatches.rendition_of(connection, dispatch_id)
        if channel.capabilities.audience is Audience.BROADCAST:
            recipients = channel.recipients(rendition)
            audience = deliveries.freeze_recipients(connection, dispatch_id, recipients, now=now)
        else:
            mailing = audience_query_of(connection, campaign)
            needs = channel.merge_fields_of(rendition) if isinstance(channel, PersonalizedChannel) else MergeFields()
            audience = audiences.freeze(connection, dispatch_id, mailing, now=now, fields=needs.fields)
            if isinstance(channel, PersonalizedChannel) and needs.fields:
                kin = merge_fields.groups_of_dispatch(connection, dispatch_id, needs)
                _insist_on_fields(channel, rendition, kin, audience=audience)
        dispatches.mark_released(connection, dispatch_id, audience_size=audience, now=now)
        if audience == 0:
            dispatches.change_state(
                connection,
                dispatch_id,
                before={DispatchState.RUNNING},
                after=DispatchState.FAILED,
                reason="there was nobody to send it to when its time came",
            )
    return audience > 0


def _insist_on_fields(
    channel: PersonalizedChannel, rendition: Rendition, kin: Iterable[FieldGroup], *, audience: int
) -> None:
    lacking = count_missing_fields(channel, rendition, kin)
    if not lacking:
        return
    told = ", ".join(f"{count} of {audience} people have no {field_label(key)}" for key, count in lacking.most_common())
    example = field_label(next(iter(lacking)))
    raise _SpeechlessError(
        f"{told}, and the mail says it without a default; nothing was sent. Let a new campaign say "
        f"{{{{ {example} | default('…') }}}}, or give it to these people, or leave them out by a segment, "
        "and resume this one"
    )
