"""Amazon SES, API v2 (docs.aws.amazon.com/ses, "SendEmail" and "Errors related to the sending quotas")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from distributor.channels.email.apis.bodies import as_json, in_base64, object_in
from distributor.channels.email.apis.mail import Mail
from distributor.channels.email.apis.provider import ApiUrl, Provider, Request, Told, delay, failure, refusal
from distributor.channels.email.apis.sigv4 import Account, sign_post
from distributor.channels.email.hooks.words import text_of
from distributor.mail.bounces.reasons import Reason

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
    account = Account(key_id=url.key, secret=url.secret, region=url.host, service="ses")
    headers = sign_post(url.root + _PATH, {"Content-Type": "application/json"}, body, account=account, at=now)
    return Request(path=_PATH, headers=headers, body=body)


def _tell(body: bytes, headers: Mapping[str, str]) -> Told:
    told = object_in(body)
    # As in "MessageRejected:http://internal.amazon.com/…", or in the body as "com.amazon…#MessageRejected".
    kind = (headers.get("x-amzn-errortype") or text_of(told, "__type")).partition(":")[0].rpartition("#")[2]
    words = text_of(told, "message") or text_of(told, "Message")
    return Told(code=kind, words=words, remote_id=text_of(told, "MessageId") or None)


SES = Provider(
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
