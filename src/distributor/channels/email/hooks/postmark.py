"""Calls of Postmark (postmarkapp.com/developer/webhooks). They are not signed: a password in the address is all."""

from __future__ import annotations

import base64
import binascii
import hmac

from distributor.channels.api import Call, Heard
from distributor.channels.email.hooks.words import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Meaning
from distributor.mail.bounces import Reason, Recipient

# The types of its bounce API that are failures; others are answers, delays and troubles between it and us.
_BOUNCES = {
    "HardBounce": Reason.USERUNKNOWN,
    "BadEmailAddress": Reason.USERUNKNOWN,
    "SoftBounce": Reason.UNDEFINED,
    "Unknown": Reason.UNDEFINED,
    "DnsError": Reason.NETWORKERROR,
    "Blocked": Reason.BLOCKED,
    "SpamNotification": Reason.SPAMDETECTED,
    "VirusNotification": Reason.VIRUSDETECTED,
    "DMARCPolicy": Reason.AUTHFAILURE,
}


def read_postmark(call: Call, secret: str) -> Heard:
    """`secret` is the ``user:password`` that stands in the address it calls (HTTP basic authentication)."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    try:
        said = base64.b64decode(given.strip(), validate=True)
    except (ValueError, binascii.Error):
        said = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(said, secret.encode()):
        raise SignatureError("the call does not name the user and password of this channel")
    told = as_object(read_json(call.body))
    meaning = _meaning(told)
    if meaning is Meaning.NOTHING:
        return Heard()
    kind, record = text_of(told, "Type"), text_of(told, "RecordType")
    address = text_of(told, "Email") or text_of(told, "Recipient")
    verdict = (
        verdict_of(address, words=text_of(told, "Details"), otherwise=_BOUNCES[kind])
        if meaning is Meaning.BOUNCE
        else Recipient(address=address)
    )
    feedback = feedback_of(
        meaning,
        told,
        verdict,
        key=f"postmark-{record}-{text_of(told, 'MessageID')}-{text_of(told, 'ID')}",
        at=text_of(told, "BouncedAt") or text_of(told, "DeliveredAt") or text_of(told, "ChangedAt"),
        tokens=call.tokens,
    )
    return Heard(feedback=[feedback])


def _meaning(told: dict[str, object] | object) -> Meaning:
    said = as_object(told)
    record, kind = text_of(said, "RecordType"), text_of(said, "Type")
    if record == "SpamComplaint" or kind == "SpamComplaint":
        return Meaning.COMPLAINT
    if record == "Bounce":
        return Meaning.BOUNCE if kind in _BOUNCES else Meaning.NOTHING
    if record == "SubscriptionChange" and said.get("SuppressSending") is True and said.get("Origin") == "Recipient":
        is_wish = said.get("SuppressionReason") == "ManualSuppression"
        return Meaning.UNSUBSCRIBE if is_wish else Meaning.NOTHING
    return Meaning.DELIVERED if record == "Delivery" else Meaning.NOTHING
