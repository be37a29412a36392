"""Header fields by which providers give a delivery's mark back in their calls, and those that they replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Purpose, TokenSigner

_FIELDS: Mapping[str, Callable[[str], str]] = {
    # docs.aws.amazon.com/ses, "Send email using Amazon SES event publishing".
    "ses": lambda mark: f"X-SES-MESSAGE-TAGS: delivery={mark}\r\n",
    # postmarkapp.com/developer, "Custom metadata".
    "postmark": lambda mark: f"X-PM-Metadata-delivery: {mark}\r\n",
    # documentation.mailgun.com, "Attaching data to messages".
    "mailgun": lambda mark: f'X-Mailgun-Variables: {{"delivery": "{mark}"}}\r\n',
    # twilio.com/docs/sendgrid, "Unique arguments".
    "sendgrid": lambda mark: f'X-SMTPAPI: {{"unique_args": {{"delivery": "{mark}"}}}}\r\n',
}

_REPLACED: Mapping[str, frozenset[bytes]] = {
    # docs.aws.amazon.com/ses, "Email headers": its own stand in their place.
    "ses": frozenset({b"message-id", b"date"}),
}


def replaced_by(provider: str) -> frozenset[bytes]:
    """The fields of a mail, in lower case, that this provider replaces when it takes the mail over SMTP."""
    return _REPLACED.get(provider, frozenset())


def mark_of(delivery: Delivery, provider: str, tokens: TokenSigner) -> bytes:
    """The field to put before a mail for this provider; nothing where none is needed."""
    field = _FIELDS.get(provider)
    return field(tokens.mint(Purpose.MESSAGE, delivery.id)).encode("ascii") if field else b""
