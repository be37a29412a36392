"""Calls of SendGrid (twilio.com/docs/sendgrid, "Event Webhook Reference" and "Security Features")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from distributor.channels.api import Call, Heard
from distributor.channels.email.hooks.words import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.domain.errors import InputError, SignatureError
from distributor.domain.feedback import Feedback, Meaning
from distributor.mail.bounces import Reason, Recipient

_MEANINGS = {
    "delivered": Meaning.DELIVERED,
    "bounce": Meaning.BOUNCE,
    "spamreport": Meaning.COMPLAINT,
    "unsubscribe": Meaning.UNSUBSCRIBE,
    "group_unsubscribe": Meaning.UNSUBSCRIBE,
}
# Why it did not even try, and what that means of the person.
_DROPPED = {
    "Bounced Address": Meaning.BOUNCE,
    "Invalid": Meaning.BOUNCE,
    "Spam Reporting Address": Meaning.COMPLAINT,
    "Unsubscribed Address": Meaning.UNSUBSCRIBE,
}


def read_sendgrid(call: Call, secret: str) -> Heard:
    """`secret` is the verification key, base64 of DER: ECDSA over P-256 signs the timestamp and the body."""
    stamp = call.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
        signature = base64.b64decode(call.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        if not isinstance(key, EllipticCurvePublicKey):
            raise SignatureError("events_secret of this channel is no key of SendGrid's")
        key.verify(signature, stamp.encode() + call.body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise SignatureError("the call is not signed by SendGrid under this channel's key") from error
    told = read_json(call.body)
    if not isinstance(told, list):
        raise InputError("the body is no list of events")
    events = [_feedback(as_object(one), call) for one in told]
    return Heard(feedback=[one for one in events if one is not None])


def _feedback(event: Mapping[str, Any], call: Call) -> Feedback | None:
    kind, reason = text_of(event, "event"), text_of(event, "reason")
    meaning = _DROPPED.get(reason) if kind == "dropped" else _MEANINGS.get(kind)
    if meaning is None:
        return None
    address = text_of(event, "email")
    # Of type `bounce` its own rules hold the address for bad, of type `blocked` they do not.
    otherwise = Reason.BLOCKED if text_of(event, "type") == "blocked" else Reason.USERUNKNOWN
    words = "" if kind == "dropped" else reason
    verdict = verdict_of(address, words=words, status=text_of(event, "status"), otherwise=otherwise)
    return feedback_of(
        meaning,
        event,
        verdict if meaning is Meaning.BOUNCE else Recipient(address=address),
        key=f"sendgrid-{text_of(event, 'sg_event_id')}",
        at=text_of(event, "timestamp"),
        tokens=call.tokens,
    )
