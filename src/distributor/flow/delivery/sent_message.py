"""The message of a delivery as it went out, rebuilt from its rendition: whoever looks at it can do nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.channels.api import Audience, SentMessage, SentMessageChannel
from distributor.channels.registry import kind_of
from distributor.domain.errors import InputError, NotFoundError, RemovedError
from distributor.domain.tokens import InertTokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import StoredMedia
from distributor.storage import channels, deliveries, dispatches


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMessage:
    """What a recipient got: a `message` of its own, or what everybody sees as an HTML document.

    Of neither there is `missing`, which says why.
    """

    message: SentMessage | None = None
    html: str = ""
    missing: str = ""


def is_personal(kind: str) -> bool:
    """Whether the recipients of a kind of channel are people. False for a kind that is not installed."""
    try:
        return kind_of(kind).capabilities.audience is Audience.SUBSCRIBERS
    except NotFoundError:
        return False


def sent_message(app: AppContext, delivery_id: int) -> ShownMessage:
    """The message of a delivery. Raises NotFoundError.

    Links in it have tokens of the same length that open nothing: nobody is unsubscribed or counted by looking at it.
    """
    with app.database.begin() as connection:
        found = deliveries.find_for_sending(connection, [delivery_id])
        if not found:
            raise NotFoundError("delivery", delivery_id)
        (delivery,) = found
        dispatch = dispatches.find(connection, delivery.dispatch_id)
        if dispatch.rendition_id is None:
            return ShownMessage(missing="it is not rendered yet")
        try:
            rendition = dispatches.rendition_of(connection, dispatch.id)
        except RemovedError as error:
            return ShownMessage(missing=str(error))
        record = channels.find_by_id(connection, dispatch.channel_id)
    if delivery.recipient.startswith("erased:"):
        return ShownMessage(missing="the person it went to was erased")
    try:
        channel = app.open_channel(record)
        if isinstance(channel, SentMessageChannel):
            return ShownMessage(message=channel.sent_message(rendition, delivery, InertTokenSigner(app.tokens)))
        return ShownMessage(html=channel.preview(rendition, StoredMedia(app)))
    except (InputError, NotFoundError) as error:
        # A field that the message needs was erased, or the channel is of a kind that is not installed any more.
        return ShownMessage(missing=str(error))
    except KeyError as error:
        return ShownMessage(missing=f"it was rendered by another version, without {error}")
