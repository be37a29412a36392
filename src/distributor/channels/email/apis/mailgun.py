"""Mailgun (documentation.mailgun.com, "Send an email in MIME format" and "API Response Codes")."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

import httpx

from distributor.channels.email.apis.bodies import object_in
from distributor.channels.email.apis.mail import Mail
from distributor.channels.email.apis.provider import ApiUrl, Provider, Request, Told, failure, refusal
from distributor.channels.email.hooks.words import text_of
from distributor.mail.bounces.reasons import Reason


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


def _tell(body: bytes, headers: Mapping[str, str]) -> Told:
    told = object_in(body)
    # Some refusals come as bare text.
    words = text_of(told, "message") or ("" if told else body[:500].decode("utf-8", "replace"))
    return Told(words=words, remote_id=text_of(told, "id") or None)


MAILGUN = Provider(
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
