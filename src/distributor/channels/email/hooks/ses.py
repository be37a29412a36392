"""Calls of Amazon SES by way of SNS (docs.aws.amazon.com, "Contents of Amazon SNS notifications" and "Verifying
the signatures of Amazon SNS messages").
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate

from distributor.channels.api import Call, Heard
from distributor.channels.email.hooks.amazon import fetch_from_sns
from distributor.channels.email.hooks.words import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Feedback, Meaning
from distributor.mail.bounces import Reason, Recipient

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# Version 1 is what a topic has unless it is changed; SHA-1 is weak against who makes both texts, which is Amazon here.
_HASHES: Mapping[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}
_SUB_TYPES = {
    "mailboxfull": Reason.MAILBOXFULL,
    "messagetoolarge": Reason.MESGTOOBIG,
    "contentrejected": Reason.CONTENTERROR,
    "attachmentrejected": Reason.POLICYVIOLATION,
}
_RECIPIENTS = {"bounce": "bouncedRecipients", "complaint": "complainedRecipients", "delivery": "recipients"}
_MEANINGS = {"bounce": Meaning.BOUNCE, "complaint": Meaning.COMPLAINT, "delivery": Meaning.DELIVERED}

Fetch = Callable[[str], bytes]


def read_ses(call: Call, secret: str, *, fetch: Fetch = fetch_from_sns) -> Heard:
    """`secret` is the ARN of the topic: anybody can have Amazon sign messages, but only of a topic of their own.

    A call that asks whether the topic may call us is answered by visiting the address that it names.
    """
    told = as_object(read_json(call.body))
    _verify(told, secret, fetch)
    if told.get("Type") == "SubscriptionConfirmation":
        fetch(text_of(told, "SubscribeURL"))
    if told.get("Type") != "Notification":
        return Heard()
    said = as_object(read_json(text_of(told, "Message").encode()))
    kind = (text_of(said, "notificationType") or text_of(said, "eventType")).lower()
    if kind not in _MEANINGS:
        return Heard()
    return Heard(feedback=_feedback(kind, said, text_of(told, "MessageId"), call))


def _verify(told: Mapping[str, Any], topic: str, fetch: Fetch) -> None:
    names, algorithm = _SIGNED.get(text_of(told, "Type")), _HASHES.get(text_of(told, "SignatureVersion"))
    if names is None or algorithm is None or text_of(told, "TopicArn") != topic:
        raise SignatureError("the call is no message of the topic that events_secret of this channel names")
    signed = "".join(f"{name}\n{text_of(told, name)}\n" for name in names if name in told)
    try:
        key = _key_at(text_of(told, "SigningCertURL"), fetch)
        key.verify(
            base64.b64decode(text_of(told, "Signature"), validate=True), signed.encode(), PKCS1v15(), algorithm()
        )
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise SignatureError("the call is not signed by Amazon SNS") from error


@lru_cache(maxsize=8)
def _key_at(url: str, fetch: Fetch) -> RSAPublicKey:
    if not url.endswith(".pem"):
        raise SignatureError("the address of the certificate is not one of Amazon SNS")
    key = load_pem_x509_certificate(fetch(url)).public_key()
    if not isinstance(key, RSAPublicKey):
        raise SignatureError("the certificate of the call is not one of Amazon SNS")
    return key


def _feedback(kind: str, said: Mapping[str, Any], identity: str, call: Call) -> list[Feedback]:
    told = as_object(said.get(kind))
    listed = told.get(_RECIPIENTS[kind])
    recipients = [as_object(one) if isinstance(one, dict) else {"emailAddress": one} for one in listed or [{}]]
    return [
        feedback_of(
            _meaning(kind, told),
            said.get("mail"),
            _verdict(one, told) if kind == "bounce" else Recipient(address=text_of(one, "emailAddress")),
            key=f"ses-{identity}-{number}",
            at=text_of(told, "timestamp"),
            tokens=call.tokens,
        )
        for number, one in enumerate(recipients)
    ]


def _meaning(kind: str, told: Mapping[str, Any]) -> Meaning:
    if kind == "complaint" and text_of(told, "complaintFeedbackType") in {"not-spam", "auth-failure", "virus", "other"}:
        return Meaning.NOTHING
    return _MEANINGS[kind]


def _verdict(recipient: Mapping[str, Any], bounce: Mapping[str, Any]) -> Recipient:
    permanent = text_of(bounce, "bounceType").lower() == "permanent"
    otherwise = Reason.USERUNKNOWN if permanent else Reason.UNDEFINED
    words = text_of(recipient, "diagnosticCode")
    return verdict_of(
        text_of(recipient, "emailAddress"),
        words=words.partition(";")[2].strip() or words,
        status=text_of(recipient, "status"),
        otherwise=_SUB_TYPES.get(text_of(bounce, "bounceSubType").lower(), otherwise),
    )
