"""Calls of Mailgun (documentation.mailgun.com, "Webhooks" and "Securing webhooks")."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from distributor.channels.api import Call, Heard
from distributor.channels.email.hooks.words import as_object, feedback_of, moment_of, read_json, text_of, verdict_of
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Meaning
from distributor.mail.bounces import Reason, Recipient

# It tries again for eight hours with the signature of the first time.
OLDEST = timedelta(hours=12)
_MEANINGS = {
    "delivered": Meaning.DELIVERED,
    "complained": Meaning.COMPLAINT,
    "unsubscribed": Meaning.UNSUBSCRIBE,
}
_SUPPRESSED = {"suppress-complaint": Meaning.COMPLAINT, "suppress-unsubscribe": Meaning.UNSUBSCRIBE}


def read_mailgun(call: Call, secret: str) -> Heard:
    """`secret` is the HTTP webhook signing key. The signature says nothing of the body, so it is good only once."""
    told = as_object(read_json(call.body))
    signature = as_object(told.get("signature"))
    stamp, token = text_of(signature, "timestamp"), text_of(signature, "token")
    expected = hmac.new(secret.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not token or not hmac.compare_digest(expected.encode(), text_of(signature, "signature").lower().encode()):
        raise SignatureError("the call is not signed by Mailgun under this channel's key")
    moment = moment_of(stamp)
    if moment is None or abs(call.now - moment) > OLDEST:
        raise SignatureError("the signature of the call is too old, or of the future")
    event = as_object(told.get("event-data"))
    meaning = _meaning(text_of(event, "event"), text_of(event, "severity"), text_of(event, "reason"))
    if meaning is Meaning.NOTHING:
        return Heard(once=token)
    status = as_object(event.get("delivery-status"))
    words = f"{text_of(status, 'code')} {text_of(status, 'message') or text_of(status, 'description')}".strip()
    address = text_of(event, "recipient")
    is_known_bad = text_of(event, "reason") == "suppress-bounce"
    verdict = verdict_of(address, words=words, otherwise=Reason.USERUNKNOWN if is_known_bad else Reason.UNDEFINED)
    feedback = feedback_of(
        meaning,
        event,
        verdict if meaning is Meaning.BOUNCE else Recipient(address=address),
        key=f"mailgun-{text_of(event, 'id')}",
        at=text_of(event, "timestamp"),
        tokens=call.tokens,
    )
    return Heard(feedback=[feedback], once=token)


def _meaning(event: str, severity: str, reason: str) -> Meaning:
    if event == "failed":
        # A temporary failure is tried again, and ends in a permanent one if it must.
        bounced = Meaning.BOUNCE if severity == "permanent" else Meaning.NOTHING
        return _SUPPRESSED.get(reason, bounced)
    return _MEANINGS.get(event, Meaning.NOTHING)
