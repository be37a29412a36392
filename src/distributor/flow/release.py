"""Release: at its time, freeze a dispatch's audience and let it run."""

from __future__ import annotations

from distributor.channels.contract import Audience
from distributor.domain.campaign import DispatchState
from distributor.flow.installation import Installation
from distributor.storage import articles, audiences, campaigns, channels, deliveries
from distributor.storage.audiences import Mailing


def release(installation: Installation, dispatch_id: int) -> bool:
    """Freeze the audience of a scheduled dispatch whose time has come; False if there is nothing to send.

    One transaction: either everybody has a delivery and the dispatch runs, or nothing has happened.
    """
    now = installation.clock()
    with installation.database.begin() as connection:
        if not campaigns.lock_due(connection, dispatch_id, now=now):
            return False
        dispatch = campaigns.find_dispatch(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        channel = installation.open_channel(channels.find_by_id(connection, dispatch.channel_id))
        if channel.capabilities.audience is Audience.BROADCAST:
            recipients = channel.recipients(campaigns.rendition_of(connection, dispatch_id))
            audience = deliveries.freeze_recipients(connection, dispatch_id, recipients, now=now)
        else:
            mailing = Mailing(
                plan=campaign.audience,
                article_ids=campaign.article_ids,
                tag_slugs=articles.tag_slugs(connection, campaign.article_ids),
                campaign_id=campaign.id,
            )
            audience = audiences.freeze(connection, dispatch_id, mailing, now=now)
        campaigns.mark_released(connection, dispatch_id, audience=audience, now=now)
        if audience == 0:
            campaigns.change_state(
                connection,
                dispatch_id,
                before={DispatchState.RUNNING},
                after=DispatchState.FAILED,
                reason="there was nobody to send it to when its time came",
            )
    return audience > 0
