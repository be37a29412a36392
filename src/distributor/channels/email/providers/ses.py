"""Amazon SES, API v2 (docs.aws.amazon.com/ses, "SendEmail" and "Errors related to the sending quotas")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api import (
    ApiAnswer,
    ApiProvider,
    ApiUrl,
    Request,
    as_json,
    delay,
    failure,
    in_base64,
    object_in,
    refusal,
)
from distributor.channels.email.providers.events import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.channels.email.providers.message import Mail
from distributor.domain.errors import ServiceError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason, RecipientReport

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SesAccount:
    """An access key, and the service of a region that it is used for."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str


def sign_post(
    url: str, headers: Mapping[str, str], body: bytes, *, account: SesAccount, at: datetime
) -> dict[str, str]:
    """The header fields of a POST to `url`, which has no query: `headers`, the time and the signature.

    Signed are all of them, the host and the body. Amazon refuses what is signed more than 5 minutes before or after.
    """
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": stamp}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            "POST",
            quote(parts.path or "/", safe="/-_.~"),
            "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{account.region}/{account.service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(_key_of_the_day(account, stamp[:8]), text.encode(), "sha256").hex()
    authorization = f"{_ALGORITHM} Credential={account.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "X-Amz-Date": stamp, "Authorization": authorization}


def _key_of_the_day(account: SesAccount, day: str) -> bytes:
    key = f"AWS4{account.secret}".encode()
    for part in (day, account.region, account.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


_PATH = "/v2/email/outbound-emails"


def _root_of(region: str) -> str:
    return f"https://email.{region}.amazonaws.com"


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    """The mail goes raw, but unsigned: Amazon replaces Message-ID and Date, which our signature covers, and signs."""
    body = as_json(
        {
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": in_base64(mail.unsigned)}},
            "EmailTags": [{"Name": "delivery", "Value": mail.mark}],
            "ConfigurationSetName": url.options.get("configuration_set"),
        }
    )
    account = SesAccount(key_id=url.key, secret=url.secret, region=url.host, service="ses")
    headers = sign_post(url.root + _PATH, {"Content-Type": "application/json"}, body, account=account, at=now)
    return Request(path=_PATH, headers=headers, body=body)


def _tell(body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
    told = object_in(body)
    # As in "MessageRejected:http://internal.amazon.com/…", or in the body as "com.amazon…#MessageRejected".
    kind = (headers.get("x-amzn-errortype") or text_of(told, "__type")).partition(":")[0].rpartition("#")[2]
    words = text_of(told, "message") or text_of(told, "Message")
    return ApiAnswer(code=kind, words=words, remote_id=text_of(told, "MessageId") or None)


SES = ApiProvider(
    scheme="ses",
    example="ses://KEY_ID:SECRET@eu-central-1",
    root_of=_root_of,
    write=_write,
    tell=_tell,
    needs_secret=True,
    options=frozenset({"configuration_set"}),
    rules=(
        refusal(Reason.SPEEDING, r"daily (message|sending) quota", r"\bLimitExceededException\b"),
        delay(
            Reason.SPEEDING, r"\bTooManyRequestsException\b", r"\bThrottling(Exception)?\b", r"sending rate exceeded"
        ),
        refusal(Reason.REJECTED, r"not verified", r"\bMailFromDomainNotVerifiedException\b"),
        refusal(Reason.SUSPEND, r"\b(AccountSuspended|SendingPaused)Exception\b"),
        refusal(
            Reason.AUTHFAILURE,
            r"^\d+ \w*(Signature|ClientTokenId|UnrecognizedClient|ExpiredToken|AuthenticationToken|AccessDenied)",
            r"^\d+ (OptInRequired|RequestExpired|NotAuthorized)\b",
        ),
        refusal(Reason.SYSTEMERROR, r"\bNotFoundException\b"),
        failure(
            Reason.USERUNKNOWN,
            r"local address contains|missing (final|local|domain)|domain (contains|starts|ends)",
            r"(invalid|illegal|malformed) (address|recipient|email address)",
        ),
        refusal(Reason.VIRUSDETECTED, r"\bMessageRejected\b.*virus"),
        refusal(Reason.MESGTOOBIG, r"message (length|size|is too (long|large))"),
        refusal(Reason.CONTENTERROR, r"\bMessageRejected\b"),
    ),
)


# A call names the address itself, so nothing but hosts of SNS may be asked, and no redirect is followed.
_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
_SECONDS = 10.0
_LARGEST = 64 * 1024


def fetch_from_sns(url: str) -> bytes:
    """The body at an address of SNS. Raises SignatureError for any other address, and ServiceError."""
    try:
        parts = urlsplit(url)
        is_theirs = (
            parts.scheme == "https"
            and _HOST.fullmatch(parts.hostname or "") is not None
            and parts.port in (None, 443)
            and parts.username is None
        )
    except ValueError:
        is_theirs = False
    if not is_theirs:
        raise SignatureError("the call names an address that is not one of Amazon SNS")
    try:
        with (
            httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise ServiceError("Amazon SNS answers with more than a certificate")
            return body
    except httpx.HTTPError as error:
        raise ServiceError(f"Amazon SNS does not answer: {error}") from error


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
_MEANINGS = {"bounce": FeedbackKind.BOUNCE, "complaint": FeedbackKind.COMPLAINT, "delivery": FeedbackKind.DELIVERED}

Fetch = Callable[[str], bytes]


def read_ses(call: WebhookRequest, secret: str, *, fetch: Fetch = fetch_from_sns) -> WebhookEvents:
    """`secret` is the ARN of the topic: anybody can have Amazon sign messages, but only of a topic of their own.

    A call that asks whether the topic may call us is answered by visiting the address that it names.
    """
    told = as_object(read_json(call.body))
    _verify(told, secret, fetch)
    if told.get("Type") == "SubscriptionConfirmation":
        fetch(text_of(told, "SubscribeURL"))
    if told.get("Type") != "Notification":
        return WebhookEvents()
    said = as_object(read_json(text_of(told, "Message").encode()))
    kind = (text_of(said, "notificationType") or text_of(said, "eventType")).lower()
    if kind not in _MEANINGS:
        return WebhookEvents()
    return WebhookEvents(feedback=_feedback(kind, said, text_of(told, "MessageId"), call))


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


def _feedback(kind: str, said: Mapping[str, Any], identity: str, call: WebhookRequest) -> list[Feedback]:
    told = as_object(said.get(kind))
    listed = told.get(_RECIPIENTS[kind])
    recipients = [as_object(one) if isinstance(one, dict) else {"emailAddress": one} for one in listed or [{}]]
    return [
        feedback_of(
            _meaning(kind, told),
            said.get("mail"),
            _verdict(one, told) if kind == "bounce" else RecipientReport(address=text_of(one, "emailAddress")),
            key=f"ses-{identity}-{number}",
            at=text_of(told, "timestamp"),
            tokens=call.tokens,
        )
        for number, one in enumerate(recipients)
    ]


def _meaning(kind: str, told: Mapping[str, Any]) -> FeedbackKind:
    if kind == "complaint" and text_of(told, "complaintFeedbackType") in {"not-spam", "auth-failure", "virus", "other"}:
        return FeedbackKind.NOTHING
    return _MEANINGS[kind]


def _verdict(recipient: Mapping[str, Any], bounce: Mapping[str, Any]) -> RecipientReport:
    permanent = text_of(bounce, "bounceType").lower() == "permanent"
    otherwise = Reason.USERUNKNOWN if permanent else Reason.UNDEFINED
    words = text_of(recipient, "diagnosticCode")
    return verdict_of(
        text_of(recipient, "emailAddress"),
        words=words.partition(";")[2].strip() or words,
        status=text_of(recipient, "status"),
        otherwise=_SUB_TYPES.get(text_of(bounce, "bounceSubType").lower(), otherwise),
    )
