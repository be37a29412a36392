"""Servers with the providers' APIs: they check requests strictly and respond as recorded."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.mail.smtp.http_server import HangUp, HttpAnswer, HttpCall, HttpServer

# Signs of all kinds have to survive the URL of the relay.
KEY, SECRET = "KEY/of+the:tests", "a-secret/with+signs:@and?more"
RECORDED: Mapping[str, Any] = {
    file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "recorded").glob("*.json")
}


@dataclass(frozen=True)
class Taken:
    """A mail that a provider took: `mark` is what it would give back when it tells of it."""

    recipient: str
    sender: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    mark: str
    files: tuple[str, ...] = ()
    raw: bytes = b""


class WrongCallError(Exception):
    """The provider would not take this."""


class Api(HttpServer):
    """One provider's API. `behave`, given the number of the call from 1, may answer it its own way.

    TakeAndHangUp takes the mail first.
    """

    def __init__(
        self,
        provider: str,
        behave: Callable[[int, HttpCall], HttpAnswer | HangUp | None] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(self._answer, tls=tls)
        self.provider = provider
        self.taken: list[Taken] = []
        self.complaints: list[str] = []
        self._behave = behave or (lambda number, call: None)
        self._known: dict[str, bytes] = {}

    @property
    def relay_url(self) -> str:
        """The address of a relay that is this API."""
        key, secret = quote(KEY, safe=""), quote(SECRET, safe="")
        where = {
            "ses": f"ses://{key}:{secret}@eu-central-1?configuration_set=news&",
            "postmark": f"postmark://{key}@api.postmarkapp.com?stream=broadcast&",
            "mailgun": f"mailgun://{key}@api.eu.mailgun.net/example.org?",
            "sendgrid": f"sendgrid://{key}@api.sendgrid.com?",
            "resend": f"resend://{key}@api.resend.com?",
        }[self.provider]
        return f"{where}endpoint={quote(self.url, safe='')}"

    def _answer(self, call: HttpCall) -> HttpAnswer | HangUp:
        special = self._behave(len(self.calls), call)
        if special is not None and not isinstance(special, TakeAndHangUp):
            return special
        try:
            taken = _READERS[self.provider](call)
            is_new = self._is_new(call)
        except WrongCallError as error:
            self.complaints.append(str(error))
            return HttpAnswer(400, {"message": str(error)})
        if is_new:
            self.taken.append(taken)
        return special or HttpAnswer(**RECORDED[self.provider]["taken"])

    def _is_new(self, call: HttpCall) -> bool:
        """Whether a provider that knows repetitions has not seen this call."""
        key = call.headers.get("idempotency-key")
        if key is None:
            return True
        if self._known.setdefault(key, call.body) != call.body:
            raise WrongCallError("the same idempotency key with another mail")
        return not any(one.mark == key.removeprefix("delivery-") for one in self.taken)


class TakeAndHangUp(HangUp):
    """The mail is taken, and the answer is lost."""


def recorded(provider: str, name: str) -> HttpAnswer:
    """The answer that is recorded under this name."""
    (found,) = (one for one in RECORDED[provider]["answers"] if one["name"] == name)
    return HttpAnswer(found["status"], found["body"], found["headers"])


def _read_ses(call: HttpCall) -> Taken:
    _require(call.path == "/v2/email/outbound-emails", "no such path")
    _require_aws_signature(call)
    body = _json(call, {"Destination", "Content", "EmailTags", "ConfigurationSetName"})
    _require(body["ConfigurationSetName"] == "news", "no such configuration set")
    (recipient,) = body["Destination"]["ToAddresses"]
    (tag,) = body["EmailTags"]
    raw = base64.b64decode(body["Content"]["Raw"]["Data"], validate=True)
    _require(b"DKIM-Signature" not in raw, "Message-ID and Date are signed, and will be replaced")
    return _taken_from(raw, recipient=recipient, mark=tag["Value"])


def _require_aws_signature(call: HttpCall) -> None:
    """By the library that Amazon's own tools sign with."""
    given = call.headers["authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    _require({"host", "content-type", "x-amz-date"} <= set(names), "too little is signed")
    signed = {name: call.headers[name] for name in names}
    request = AWSRequest("POST", f"http://{call.headers['host']}{call.path}", headers=signed, data=call.body)
    stamp = call.headers["x-amz-date"]
    request.context["timestamp"] = stamp
    judge = SigV4Auth(Credentials(KEY, SECRET), "ses", "eu-central-1")
    text = judge.string_to_sign(request, judge.canonical_request(request))
    _require(f"Signature={judge.signature(text, request)}" in given, "the signature does not match")
    _require(f"Credential={KEY}/{stamp[:8]}/eu-central-1/ses/aws4_request" in given, "the scope does not match")


def _read_postmark(call: HttpCall) -> Taken:
    _require(call.path == "/email", "no such path")
    _require(call.headers.get("x-postmark-server-token") == KEY, "no such token")
    known = "From To ReplyTo Subject TextBody HtmlBody MessageStream TrackOpens TrackLinks Metadata Headers Attachments"
    body = _json(call, set(known.split()))
    _require(body["MessageStream"] == "broadcast" and body["TrackOpens"] is False, "another stream, or tracked")
    _require(all(len(name) <= 20 and len(value) <= 80 for name, value in body["Metadata"].items()), "long metadata")
    headers = {one["Name"]: one["Value"] for one in body["Headers"]}
    _refuse(headers, "from to cc bcc subject reply-to date content-type content-transfer-encoding mime-version")
    return Taken(
        recipient=body["To"],
        sender=body["From"],
        subject=body["Subject"],
        text=body["TextBody"],
        html=body["HtmlBody"],
        headers=headers,
        mark=body["Metadata"]["delivery"],
        files=tuple(f"{one['Name']} {one['ContentID']}" for one in body.get("Attachments", ())),
    )


def _read_mailgun(call: HttpCall) -> Taken:
    _require(call.path == "/v3/example.org/messages.mime", "no such path")
    _require(
        call.headers["authorization"] == f"Basic {base64.b64encode(f'api:{KEY}'.encode()).decode()}", "no such key"
    )
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body, policy=policy.HTTP)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    _require(set(parts) == {"to", "o:tracking", "v:delivery", "message"}, "unknown fields")
    _require(parts["message"].get_filename() is not None, "message parameter is not a file")
    fields = {name: str(part.get_payload()).strip() for name, part in parts.items() if name != "message"}
    _require(fields["o:tracking"] == "no", "links would be rewritten")
    # Between the blank line after the part's own header and the boundary: not a byte may have been changed.
    raw = call.body.partition(b"message/rfc822\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    return _taken_from(raw, recipient=fields["to"], mark=fields["v:delivery"])


def _read_sendgrid(call: HttpCall) -> Taken:
    _require(call.path == "/v3/mail/send", "no such path")
    _require(call.headers["authorization"] == f"Bearer {KEY}", "no such key")
    known = "personalizations from reply_to_list subject content headers custom_args tracking_settings attachments"
    body = _json(call, set(known.split()))
    (personalization,) = body["personalizations"]
    (recipient,) = personalization["to"]
    _refuse(
        body["headers"],
        "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding "
        "to from subject reply-to cc bcc",
    )
    _require(not any(one["enable"] for one in body["tracking_settings"].values()), "links would be rewritten")
    contents = {one["type"]: one["value"] for one in body["content"]}
    _require(list(contents) == ["text/plain", "text/html"] and all(contents.values()), "plain text comes first")
    return Taken(
        recipient=recipient["email"],
        sender=f"{body['from'].get('name')} <{body['from']['email']}>",
        subject=body["subject"],
        text=contents["text/plain"],
        html=contents["text/html"],
        headers=body["headers"],
        mark=body["custom_args"]["delivery"],
        files=tuple(f"{one['filename']} {one['content_id']}" for one in body.get("attachments", ())),
    )


def _read_resend(call: HttpCall) -> Taken:
    _require(call.path == "/emails", "no such path")
    _require(call.headers["authorization"] == f"Bearer {KEY}", "no such key")
    _require(1 <= len(call.headers.get("idempotency-key", "")) <= 256, "no idempotency key")
    body = _json(call, {"from", "to", "reply_to", "subject", "text", "html", "headers", "tags", "attachments"})
    (recipient,), (tag,) = body["to"], body["tags"]
    _require(tag["value"].replace("-", "").replace("_", "").isalnum() and tag["value"].isascii(), "a sign in the tag")
    return Taken(
        recipient=recipient,
        sender=body["from"],
        subject=body["subject"],
        text=body["text"],
        html=body["html"],
        headers=body["headers"],
        mark=tag["value"],
        files=tuple(f"{one['filename']} {one['content_id']}" for one in body.get("attachments", ())),
    )


_READERS: Mapping[str, Callable[[HttpCall], Taken]] = {
    "ses": _read_ses,
    "postmark": _read_postmark,
    "mailgun": _read_mailgun,
    "sendgrid": _read_sendgrid,
    "resend": _read_resend,
}


def _taken_from(raw: bytes, *, recipient: str, mark: str) -> Taken:
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (body.get_content() if isinstance(body, EmailMessage) else "" for body in bodies)
    return Taken(
        recipient=recipient,
        sender=str(mail["From"]),
        subject=str(mail["Subject"]),
        text=text.replace("\r\n", "\n"),
        html=html.replace("\r\n", "\n"),
        headers={name: str(value) for name, value in mail.items()},
        mark=mark,
        raw=raw,
    )


def _json(call: HttpCall, known: set[str]) -> Any:
    _require(call.method == "POST" and call.headers["content-type"] == "application/json", "JSON is asked for")
    body = json.loads(call.body)
    _require(set(body) <= known, f"unknown fields {set(body) - known}")
    return body


def _refuse(headers: Mapping[str, str], names: str) -> None:
    reserved = set(names.split()) & {name.lower() for name in headers}
    _require(not reserved, f"reserved header fields {reserved}")
    _require(all(value.isascii() and value.isprintable() for value in headers.values()), "a header field beyond ASCII")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise WrongCallError(complaint)
