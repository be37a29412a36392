"""Calls of Resend (resend.com/docs/webhooks), signed as Svix does (docs.svix.com, "Verifying manually")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta

from distributor.channels.api import Call, Heard
from distributor.channels.email.hooks.words import as_object, feedback_of, moment_of, read_json, text_of, verdict_of
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Meaning
from distributor.mail.bounces import Reason, Recipient

# Every attempt is signed anew.
OLDEST = timedelta(minutes=5)
_MEANINGS = {
    "email.delivered": Meaning.DELIVERED,
    "email.bounced": Meaning.BOUNCE,
    "email.complained": Meaning.COMPLAINT,
}


def read_resend(call: Call, secret: str) -> Heard:
    """`secret` is the signing secret, ``whsec_`` and base64."""
    identity, stamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise SignatureError("events_secret of this channel is no signing secret of Resend's") from error
    expected = base64.b64encode(hmac.digest(key, f"{identity}.{stamp}.".encode() + call.body, hashlib.sha256))
    given = [one.partition(",") for one in call.headers.get("svix-signature", "").split()]
    if not any(version == "v1" and hmac.compare_digest(expected, value.encode()) for version, _, value in given):
        raise SignatureError("the call is not signed by Resend under this channel's secret")
    moment = moment_of(stamp)
    if moment is None or abs(call.now - moment) > OLDEST:
        raise SignatureError("the signature of the call is too old, or of the future")
    told = as_object(read_json(call.body))
    meaning = _MEANINGS.get(text_of(told, "type"))
    if meaning is None:
        return Heard()
    data = as_object(told.get("data"))
    bounce = as_object(data.get("bounce"))
    to = data.get("to")
    address = str(to[0]) if isinstance(to, list) and to else str(to or "")
    otherwise = Reason.USERUNKNOWN if text_of(bounce, "type") == "Permanent" else Reason.UNDEFINED
    verdict = verdict_of(address, words=text_of(bounce, "message"), otherwise=otherwise)
    feedback = feedback_of(
        meaning,
        data,
        verdict if meaning is Meaning.BOUNCE else Recipient(address=address),
        key=f"resend-{identity}",
        at=text_of(told, "created_at"),
        tokens=call.tokens,
    )
    return Heard(feedback=[feedback])
