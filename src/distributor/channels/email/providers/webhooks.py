"""A call of a web hook, read as the provider of the channel writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.mailgun import read_mailgun
from distributor.channels.email.providers.postmark import read_postmark
from distributor.channels.email.providers.resend import read_resend
from distributor.channels.email.providers.sendgrid import read_sendgrid
from distributor.channels.email.providers.ses import read_ses
from distributor.domain.errors import SignatureError

_READERS: Mapping[str, Callable[[WebhookRequest, str], WebhookEvents]] = {
    "ses": read_ses,
    "postmark": read_postmark,
    "mailgun": read_mailgun,
    "sendgrid": read_sendgrid,
    "resend": read_resend,
}
PROVIDERS = tuple(_READERS)


def read_call(call: WebhookRequest, *, provider: str, secret: str) -> WebhookEvents:
    """What a call says. Raises SignatureError, InputError or ServiceError."""
    if not provider or not secret:
        raise SignatureError("this channel has no provider that may call; set events_from and events_secret")
    return _READERS[provider](call, secret)
