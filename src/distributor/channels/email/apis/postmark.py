"""Postmark (postmarkapp.com/developer, "Email API" and "API error codes")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from distributor.channels.email.apis.bodies import as_json, in_base64, object_in
from distributor.channels.email.apis.mail import Mail
from distributor.channels.email.apis.provider import ApiUrl, Provider, Request, Told, delay, failure, refusal
from distributor.channels.email.hooks.words import text_of
from distributor.mail.bounces.reasons import Reason


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    headers = [
        *mail.headers,
        ("Message-ID", mail.message_id),
        # Without this Postmark writes a Message-ID of its own.
        ("X-PM-KeepID", "true"),
    ]
    body = as_json(
        {
            "From": str(mail.sender),
            "To": str(mail.to),
            "ReplyTo": ", ".join(map(str, mail.reply_to)),
            "Subject": mail.subject,
            "TextBody": mail.text,
            "HtmlBody": mail.html,
            "MessageStream": url.options.get("stream"),
            # Links and opens are counted by us, as far as the campaign counts them at all.
            "TrackOpens": False,
            "TrackLinks": "None",
            "Metadata": {"delivery": mail.mark},
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
            "Attachments": [
                {
                    "Name": file.name,
                    "ContentType": file.media_type,
                    "Content": in_base64(file.content),
                    **({"ContentID": f"cid:{file.content_id}"} if file.content_id else {}),
                }
                for file in mail.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Accept": "application/json", "X-Postmark-Server-Token": url.key}
    return Request(path="/email", headers=fields, body=body)


def _tell(body: bytes, headers: Mapping[str, str]) -> Told:
    told = object_in(body)
    code = text_of(told, "ErrorCode")
    remote_id = text_of(told, "MessageID") if code == "0" else ""
    return Told(code=code, words=text_of(told, "Message"), remote_id=remote_id or None)


POSTMARK = Provider(
    scheme="postmark",
    example="postmark://TOKEN@api.postmarkapp.com?stream=broadcast",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    options=frozenset({"stream"}),
    rules=(
        refusal(Reason.AUTHFAILURE, r"^\d+ 10\b"),
        delay(Reason.SYSTEMERROR, r"^\d+ 100\b"),
        failure(Reason.SUSPEND, r"^\d+ 406\b"),
        failure(Reason.USERUNKNOWN, r"^\d+ 300 .*'To'", r"^\d+ 300 .*\brecipient"),
        refusal(Reason.REJECTED, r"^\d+ 300 .*'From'", r"^\d+ 40[01]\b"),
        refusal(Reason.MESGTOOBIG, r"^\d+ 300 .*\b(too large|size|limit)\b"),
        refusal(Reason.SPEEDING, r"^\d+ 405\b"),
        refusal(Reason.SUSPEND, r"^\d+ 41[23]\b"),
        refusal(Reason.CONTENTERROR, r"^\d+ 411\b"),
        # The message stream does not exist, or is archived.
        refusal(Reason.SYSTEMERROR, r"^\d+ 12(26|35|36)\b"),
    ),
)
