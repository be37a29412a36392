"""Amazon SES (docs.aws.amazon.com/ses): "SendEmail" of API v2, and event notifications by Amazon SNS."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.payload import (
    as_object,
    check_age,
    dump_json,
    encode_base64,
    parse_json,
    parse_leniently,
    parse_object,
    text_of,
)
from distributor.channels.email.providers.provider import (
    AccountRequest,
    ApiRequest,
    ApiResult,
    ApiUrl,
    Provider,
    deferred,
    failed,
    sender_rejected,
)
from distributor.channels.email.providers.webhook_events import feedback_of, malformed_event, read_each, report_of
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import InputError, ServiceError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.domain.tokens import TokenSigner
from distributor.mail.bounces import Reason, RecipientReport

_PATH = "/v2/email/outbound-emails"
_ACCOUNT_PATH = "/v2/email/account"
_SIGNING_ALGORITHM = "AWS4-HMAC-SHA256"

# A webhook request names the URL to fetch, so only hosts of SNS are allowed, and no redirect is followed. A region has
# exactly the form of one ("us-east-1", "us-gov-west-1"): sns.s3-eu-west-1.amazonaws.com is a bucket of anyone's.
_REGION = r"(?!cn-)[a-z]{2}(?:-gov)?-[a-z]{4,12}-[1-9][0-9]?"
_SNS_HOST = re.compile(rf"sns\.(?:{_REGION}\.amazonaws\.com|cn-[a-z]{{4,12}}-[1-9][0-9]?\.amazonaws\.com\.cn)")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[\w-]{1,64}\.pem", re.ASCII)
# SNS repeats a message for an hour at most; longer is for a message from a dead-letter queue.
_LONGEST_VALID = timedelta(days=1)
_SNS_TIMEOUT_SECONDS = 10.0
_MAX_SNS_BYTES = 64 * 1024
# "Verifying the signatures of Amazon SNS messages": the members that are signed, in order.
_SIGNED_MEMBERS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# Version 1 is the default of a topic. SHA-1 is weak only against an attacker who chooses the text, which is Amazon's.
_HASHES: Mapping[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}

_KINDS = {"bounce": FeedbackKind.BOUNCE, "complaint": FeedbackKind.COMPLAINT, "delivery": FeedbackKind.DELIVERED}
_RECIPIENTS = {"bounce": "bouncedRecipients", "complaint": "complainedRecipients", "delivery": "recipients"}
_BOUNCE_SUBTYPES = {
    "mailboxfull": Reason.MAILBOXFULL,
    "messagetoolarge": Reason.MESGTOOBIG,
    "contentrejected": Reason.CONTENTERROR,
    "attachmentrejected": Reason.POLICYVIOLATION,
}
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "virus", "other"})

Fetch: TypeAlias = Callable[[str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SesAccount:
    """An access key, and the service of a region that it is used for."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str


def sign_request(
    url: str, headers: Mapping[str, str], body: bytes, *, account: SesAccount, at: datetime, method: str = "POST"
) -> dict[str, str]:
    """The header fields of a request to `url`, which has no query: `headers`, the time and the signature (AWS SigV4).

    All of them are signed, with the host and the body. Amazon rejects a signature more than 5 minutes off its clock.
    """
    timestamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": timestamp}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/-_.~"),
            "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{timestamp[:8]}/{account.region}/{account.service}/aws4_request"
    text = "\n".join((_SIGNING_ALGORITHM, timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(_signing_key(account, timestamp[:8]), text.encode(), "sha256").hex()
    credential = f"Credential={account.key_id}/{scope}"
    authorization = f"{_SIGNING_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "X-Amz-Date": timestamp, "Authorization": authorization}


def _signing_key(account: SesAccount, day: str) -> bytes:
    key = f"AWS4{account.secret}".encode()
    for part in (day, account.region, account.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _build_request(url: ApiUrl, message: ApiMessage, now: datetime) -> ApiRequest:
    """The mail is sent raw and unsigned: Amazon replaces Message-ID and Date, which our signature covers, and signs."""
    body = dump_json(
        {
            "Destination": {"ToAddresses": [message.recipient]},
            "Content": {"Raw": {"Data": encode_base64(message.unsigned)}},
            "EmailTags": [{"Name": "delivery", "Value": message.delivery_token}],
            "ConfigurationSetName": url.options.get("configuration_set"),
        }
    )
    fields = {"Content-Type": "application/json"}
    headers = sign_request(url.root + _PATH, fields, body, account=_account_of(url), at=now)
    return ApiRequest(path=_PATH, headers=headers, body=body)


def _account_of(url: ApiUrl) -> SesAccount:
    return SesAccount(key_id=url.key, secret=url.secret, region=url.host, service="ses")


def _account_headers(url: ApiUrl, now: datetime) -> Mapping[str, str]:
    return sign_request(url.root + _ACCOUNT_PATH, {}, b"", account=_account_of(url), at=now, method="GET")


def _read_account(url: ApiUrl, body: bytes) -> list[Finding]:
    """The response to "GetAccount" of API v2."""
    account = parse_object(body)
    quota = as_object(account.get("SendQuota")).get("Max24HourSend")
    per_day = f", {quota:,.0f} mails a day" if isinstance(quota, int | float) else ""
    found = [Finding("account", DiagnosticStatus.OK, f"the key is of an account in {url.host}{per_day}")]
    if account.get("SendingEnabled") is not True:
        sentence = f"Amazon has paused the account ({text_of(account, 'EnforcementStatus') or 'see its console'})"
        found.append(Finding("sending", DiagnosticStatus.FAIL, sentence))
    if account.get("ProductionAccessEnabled") is not True:
        sentence = "the account is in Amazon's sandbox and reaches verified addresses only: request production access"
        found.append(Finding("access", DiagnosticStatus.FAIL, sentence))
    return found


def _parse_response(body: bytes, headers: Mapping[str, str]) -> ApiResult:
    response = parse_object(body)
    # "MessageRejected:http://internal.amazon.com/…", or in the body "com.amazon…#MessageRejected".
    error_type = headers.get("x-amzn-errortype") or text_of(response, "__type")
    return ApiResult(
        code=error_type.partition(":")[0].rpartition("#")[2],
        message=text_of(response, "message") or text_of(response, "Message"),
        remote_id=text_of(response, "MessageId") or None,
    )


def fetch_from_sns(url: str) -> bytes:
    """The body at a URL of SNS. Raises SignatureError for any other URL, and ServiceError."""
    try:
        parts = urlsplit(url)
        is_sns = (
            parts.scheme == "https"
            and _SNS_HOST.fullmatch(parts.hostname or "") is not None
            and parts.netloc.lower() in (parts.hostname, f"{parts.hostname}:443")
        )
    except ValueError:
        is_sns = False
    if not is_sns:
        raise SignatureError("the request names a URL that is not one of Amazon SNS")
    try:
        with (
            httpx.Client(timeout=_SNS_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MAX_SNS_BYTES:
                    raise ServiceError("the response of Amazon SNS is larger than a certificate")
            return body
    except httpx.HTTPError as error:
        raise ServiceError(f"Amazon SNS does not respond: {error}") from error


def read_ses_webhook(request: WebhookRequest, secret: str, *, fetch: Fetch = fetch_from_sns) -> WebhookEvents:
    """`secret` is the ARN of the topic: everyone can have Amazon sign messages, but only of a topic of their own.

    A request to confirm the topic's subscription is confirmed by fetching the URL in it.
    """
    message = as_object(parse_json(request.body))
    _verify(message, secret, fetch)
    check_age(text_of(message, "Timestamp"), now=request.now, longest=_LONGEST_VALID)
    if message.get("Type") == "SubscriptionConfirmation":
        fetch(text_of(message, "SubscribeURL"))
    if message.get("Type") != "Notification":
        return WebhookEvents()
    return _read_notification(parse_leniently(text_of(message, "Message").encode()), message, request)


def _read_notification(notification: Any, message: Mapping[str, Any], request: WebhookRequest) -> WebhookEvents:
    """What a notification tells of each of its recipients, whose place in it is a part of the key."""
    fields = as_object(notification)
    names = (fields.get("notificationType"), fields.get("eventType"))
    event_type = next((name.lower() for name in names if name and isinstance(name, str)), "")
    if event_type and event_type not in _KINDS:
        return WebhookEvents()
    event = fields.get(event_type)
    listed = as_object(event).get(_RECIPIENTS.get(event_type, "")) or [{}]
    if not isinstance(event, dict) or not isinstance(listed, list):
        reason = "it has no type, or no object and list of recipients of this type"
        return WebhookEvents(malformed=[malformed_event("ses", notification, reason)])
    identity = text_of(message, "MessageId")
    return read_each(
        [{"MessageId": identity, "number": number, "recipient": one} for number, one in enumerate(listed)],
        lambda one: _feedback(event_type, fields, one["recipient"], f"ses-{identity}-{one['number']}", request.tokens),
        provider="ses",
    )


def _verify(message: Mapping[str, Any], topic: str, fetch: Fetch) -> None:
    names, algorithm = (
        _SIGNED_MEMBERS.get(text_of(message, "Type")),
        _HASHES.get(text_of(message, "SignatureVersion")),
    )
    if names is None or algorithm is None or text_of(message, "TopicArn") != topic:
        raise SignatureError("the request is not a message of the topic in events_secret of this channel")
    signed = "".join(f"{name}\n{text_of(message, name)}\n" for name in names if name in message)
    try:
        key = _certified_key(text_of(message, "SigningCertURL"), fetch)
        signature = base64.b64decode(text_of(message, "Signature"), validate=True)
        key.verify(signature, signed.encode(), PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise SignatureError("the request is not signed by Amazon SNS") from error


@lru_cache(maxsize=8)
def _certified_key(url: str, fetch: Fetch) -> RSAPublicKey:
    parts = urlsplit(url)
    if _CERTIFICATE_PATH.fullmatch(parts.path) is None or parts.query or parts.fragment:
        raise SignatureError("the URL of the certificate is not one of Amazon SNS")
    key = load_pem_x509_certificate(fetch(url)).public_key()
    if not isinstance(key, RSAPublicKey):
        raise SignatureError("the certificate of the request is not one of Amazon SNS")
    return key


def _feedback(
    event_type: str, notification: Mapping[str, Any], recipient: Any, key: str, tokens: TokenSigner
) -> Feedback:
    if not isinstance(recipient, str | dict):
        raise InputError(f"the recipient is neither an object nor an address but {type(recipient).__name__}")
    event = as_object(notification.get(event_type))
    kind = _KINDS[event_type]
    if kind is FeedbackKind.COMPLAINT and text_of(event, "complaintFeedbackType") in _NO_COMPLAINT:
        kind = FeedbackKind.NOTHING
    return feedback_of(
        kind,
        notification.get("mail"),
        _report({"emailAddress": recipient} if isinstance(recipient, str) else recipient, event),
        key=key,
        time=text_of(event, "timestamp"),
        tokens=tokens,
    )


def _report(recipient: Mapping[str, Any], bounce: Mapping[str, Any]) -> RecipientReport:
    is_permanent = text_of(bounce, "bounceType").lower() == "permanent"
    otherwise = Reason.USERUNKNOWN if is_permanent else Reason.UNDEFINED
    diagnostic = text_of(recipient, "diagnosticCode")
    return report_of(
        text_of(recipient, "emailAddress"),
        # "smtp; 550 5.1.1 …" (RFC 3464 section 2.3.6).
        reply=diagnostic.partition(";")[2].strip() or diagnostic,
        status=text_of(recipient, "status"),
        otherwise=_BOUNCE_SUBTYPES.get(text_of(bounce, "bounceSubType").lower(), otherwise),
        is_temporary=text_of(bounce, "bounceType").lower() == "transient",
    )


PROVIDER = Provider(
    name="ses",
    title="Amazon SES",
    questions=(
        Question(name="key", label="Access key ID", hint="Of an IAM user who may call ses:SendEmail."),
        Question(name="secret", label="Secret access key", is_secret=True),
        Question(name="host", label="Region", hint="Such as eu-central-1.", default="eu-central-1"),
    ),
    example="ses://KEY_ID:SECRET@eu-central-1",
    root_of=lambda region: f"https://email.{region}.amazonaws.com",
    build_request=_build_request,
    parse_response=_parse_response,
    account=AccountRequest(path=lambda url: _ACCOUNT_PATH, headers=_account_headers, read=_read_account),
    read_webhook=read_ses_webhook,
    # "Send email using Amazon SES event publishing".
    delivery_header=lambda token: f"X-SES-MESSAGE-TAGS: delivery={token}\r\n",
    # "Email headers": Amazon writes its own in their place.
    replaced_headers=frozenset({b"message-id", b"date"}),
    needs_secret=True,
    options=frozenset({"configuration_set"}),
    rules=(
        sender_rejected(Reason.SPEEDING, r"daily (message|sending) quota", r"\bLimitExceededException\b"),
        deferred(
            Reason.SPEEDING, r"\bTooManyRequestsException\b", r"\bThrottling(Exception)?\b", r"sending rate exceeded"
        ),
        sender_rejected(Reason.REJECTED, r"not verified", r"\bMailFromDomainNotVerifiedException\b"),
        sender_rejected(Reason.SUSPEND, r"\b(AccountSuspended|SendingPaused)Exception\b"),
        sender_rejected(
            Reason.AUTHFAILURE,
            r"^\d+ \w*(Signature|ClientTokenId|UnrecognizedClient|ExpiredToken|AuthenticationToken|AccessDenied)",
            r"^\d+ (OptInRequired|RequestExpired|NotAuthorized)\b",
        ),
        sender_rejected(Reason.SYSTEMERROR, r"\bNotFoundException\b"),
        failed(
            Reason.USERUNKNOWN,
            r"local address contains|missing (final|local|domain)|domain (contains|starts|ends)",
            r"(invalid|illegal|malformed) (address|recipient|email address)",
        ),
        sender_rejected(Reason.VIRUSDETECTED, r"\bMessageRejected\b.*virus"),
        sender_rejected(Reason.MESGTOOBIG, r"message (length|size|is too (long|large))"),
        sender_rejected(Reason.CONTENTERROR, r"\bMessageRejected\b"),
    ),
)
