"""Webhook requests of the five providers as in their documentation, signed with keys of the tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-central-1:123456789012:returns"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-test.pem"
POSTMARK_LOGIN = "gazette:a password in the address"
MAILGUN_KEY = "key-of-the-tests"
RESEND_SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
UNKNOWN = "550 5.1.1 <ada@example.org>: no such user here"
FULL = "552 5.2.2 mailbox is full"
SIGNED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Signed:
    """A call, ready to be made."""

    headers: Mapping[str, str]
    body: bytes


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def sendgrid_secret() -> str:
    public = sendgrid_key().public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


@cache
def amazon_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def amazon_certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(amazon_key().public_key())
    dated = made.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return dated.sign(amazon_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def postmark(event: Any, *, login: str = POSTMARK_LOGIN) -> Signed:
    given = base64.b64encode(login.encode()).decode()
    return Signed({"authorization": f"Basic {given}"}, json.dumps(event).encode())


def mailgun(event: Any, *, at: datetime, key: str = MAILGUN_KEY, token: str = "t" * 50) -> Signed:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return Signed({}, json.dumps({"signature": signed, "event-data": event}).encode())


def sendgrid(events: Sequence[Any], *, at: datetime = SIGNED_AT) -> Signed:
    return sendgrid_body(json.dumps(events).encode(), at=at)


def sendgrid_body(body: bytes, *, at: datetime = SIGNED_AT) -> Signed:
    stamp = str(int(at.timestamp()))
    signature = sendgrid_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": stamp,
    }
    return Signed(headers, body)


def resend(event: Any, *, at: datetime, secret: str = RESEND_SECRET, identity: str = "msg_1") -> Signed:
    body, stamp = json.dumps(event).encode(), str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{identity}.{stamp}.".encode() + body, "sha256")).decode()
    headers = {"svix-id": identity, "svix-timestamp": stamp, "svix-signature": f"v1,bm90IHRoaXM= v1,{signature}"}
    return Signed(headers, body)


def ses(event: Any, *, topic: str = TOPIC, version: str = "2", at: datetime = SIGNED_AT, **changes: str) -> Signed:
    message = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": topic,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(event),
        "Timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
    } | changes
    return signed_by_sns(message)


def sns_subscription(**changes: str) -> Signed:
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37f",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37f",
        "Timestamp": "2026-11-22T12:00:00.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
    } | changes
    return signed_by_sns(message)


def signed_by_sns(message: dict[str, str]) -> Signed:
    unsigned = {"Signature", "SignatureVersion", "SigningCertURL"}
    text = "".join(f"{name}\n{message[name]}\n" for name in sorted(message) if name not in unsigned)
    algorithm = {"1": hashes.SHA1, "2": hashes.SHA256}[message["SignatureVersion"]]()
    signature = amazon_key().sign(text.encode(), padding.PKCS1v15(), algorithm)
    return Signed({}, json.dumps(message | {"Signature": base64.b64encode(signature).decode()}).encode())


def postmark_bounce(mark: str, **changes: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 4323372036854775807,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"delivery": mark},
        "Email": "ada@example.org",
        "From": "news@gazette.example",
        "BouncedAt": "2026-11-22T16:33:54.9070259Z",
        "Details": UNKNOWN,
    } | changes


def mailgun_failure(mark: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1763800000.9,
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": "ada@example.org",
        "delivery-status": {"code": 550, "message": "5.1.1 no such user here", "attempt-no": 1},
        "message": {"headers": {"message-id": "something-of-its-own@mailgun.example"}},
        "user-variables": {"delivery": mark},
    } | changes


def sendgrid_bounce(mark: str, **changes: Any) -> dict[str, Any]:
    return {
        "email": "ada@example.org",
        "timestamp": 1763800000,
        "smtp-id": f"<{mark}@gazette.example>",
        "event": "bounce",
        "type": "bounce",
        "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw",
        "reason": UNKNOWN,
        "status": "5.1.1",
    } | changes


def resend_bounce(mark: str, **bounce: Any) -> dict[str, Any]:
    return {
        "type": "email.bounced",
        "created_at": "2026-11-22T23:41:12.126Z",
        "data": {
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "message_id": f"<{mark}@gazette.example>",
            "from": "News <news@gazette.example>",
            "to": ["ada@example.org"],
            "bounce": {"type": "Permanent", "subType": "General", "message": UNKNOWN} | bounce,
        },
    }


def ses_bounce(source: str, **bounce: Any) -> dict[str, Any]:
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": "ada@example.org",
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": f"smtp; {UNKNOWN}",
                }
            ],
            "timestamp": "2026-11-22T12:00:00.000Z",
        }
        | bounce,
        "mail": {"messageId": "0102018f", "source": source, "destination": ["ada@example.org"]},
    }
