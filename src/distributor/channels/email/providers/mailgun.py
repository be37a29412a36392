"""Mailgun (documentation.mailgun.com, "Send an email in MIME format" and "API Response Codes")."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api import (
    ApiAnswer,
    ApiProvider,
    ApiUrl,
    Request,
    failure,
    object_in,
    refusal,
)
from distributor.channels.email.providers.events import (
    as_object,
    feedback_of,
    moment_of,
    read_json,
    text_of,
    verdict_of,
)
from distributor.channels.email.providers.message import Mail
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import FeedbackKind
from distributor.mail.bounces import Reason, RecipientReport


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    """The mail goes as it is, signed: Mailgun keeps its fields and adds its own signature."""
    path = f"/v3/{url.path}/messages.mime"
    # Links and opens are counted by us, as far as the campaign counts them at all.
    fields = {"to": mail.recipient, "o:tracking": "no", "v:delivery": mail.mark}
    form = httpx.Request(
        "POST", url.root + path, data=fields, files={"message": ("mail.eml", mail.content, "message/rfc822")}
    )
    login = b64encode(f"api:{url.key}".encode()).decode("ascii")
    headers = {"Content-Type": form.headers["content-type"], "Authorization": f"Basic {login}"}
    return Request(path=path, headers=headers, body=form.read())


def _tell(body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
    told = object_in(body)
    # Some refusals come as bare text.
    words = text_of(told, "message") or ("" if told else body[:500].decode("utf-8", "replace"))
    return ApiAnswer(words=words, remote_id=text_of(told, "id") or None)


MAILGUN = ApiProvider(
    scheme="mailgun",
    example="mailgun://KEY@api.eu.mailgun.net/example.org",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    needs_path=True,
    rules=(
        failure(Reason.USERUNKNOWN, r"'?to'? parameter is not a valid address"),
        refusal(Reason.REJECTED, r"'?from'? parameter|sender address|authorized recipients"),
        refusal(Reason.SPEEDING, r"(recipient|sending|message|daily|hourly|plan) limit", r"^4(02|20)\b"),
        refusal(
            Reason.SUSPEND,
            r"not allowed to send|(account|domain)\b.*\b(disabled|suspended|inactive)|probation|business verification",
        ),
        refusal(Reason.MESGTOOBIG, r"too (large|big)|size limit"),
    ),
)


# It tries again for eight hours with the signature of the first time.
OLDEST = timedelta(hours=12)
_MEANINGS = {
    "delivered": FeedbackKind.DELIVERED,
    "complained": FeedbackKind.COMPLAINT,
    "unsubscribed": FeedbackKind.UNSUBSCRIBE,
}
_SUPPRESSED = {"suppress-complaint": FeedbackKind.COMPLAINT, "suppress-unsubscribe": FeedbackKind.UNSUBSCRIBE}


def read_mailgun(call: WebhookRequest, secret: str) -> WebhookEvents:
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
    if meaning is FeedbackKind.NOTHING:
        return WebhookEvents(once=token)
    status = as_object(event.get("delivery-status"))
    words = f"{text_of(status, 'code')} {text_of(status, 'message') or text_of(status, 'description')}".strip()
    address = text_of(event, "recipient")
    is_known_bad = text_of(event, "reason") == "suppress-bounce"
    verdict = verdict_of(address, words=words, otherwise=Reason.USERUNKNOWN if is_known_bad else Reason.UNDEFINED)
    feedback = feedback_of(
        meaning,
        event,
        verdict if meaning is FeedbackKind.BOUNCE else RecipientReport(address=address),
        key=f"mailgun-{text_of(event, 'id')}",
        at=text_of(event, "timestamp"),
        tokens=call.tokens,
    )
    return WebhookEvents(feedback=[feedback], once=token)


def _meaning(event: str, severity: str, reason: str) -> FeedbackKind:
    if event == "failed":
        # A temporary failure is tried again, and ends in a permanent one if it must.
        bounced = FeedbackKind.BOUNCE if severity == "permanent" else FeedbackKind.NOTHING
        return _SUPPRESSED.get(reason, bounced)
    return _MEANINGS.get(event, FeedbackKind.NOTHING)
