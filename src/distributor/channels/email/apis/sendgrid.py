"""SendGrid (twilio.com/docs/sendgrid, "Mail Send" and its errors, which have no codes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from distributor.channels.email.apis.bodies import as_json, in_base64, object_in
from distributor.channels.email.apis.mail import Mail, Person
from distributor.channels.email.apis.provider import ApiUrl, Provider, Request, Told, failure, refusal
from distributor.channels.email.hooks.words import as_object, text_of
from distributor.mail.bounces.reasons import Reason


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    bodies = (("text/plain", mail.text), ("text/html", mail.html))
    body = as_json(
        {
            "personalizations": [{"to": [_person(mail.to)]}],
            "from": _person(mail.sender),
            "reply_to_list": [_person(one) for one in mail.reply_to],
            "subject": mail.subject,
            "content": [{"type": kind, "value": value} for kind, value in bodies if value],
            "headers": {**dict(mail.headers), "Message-ID": mail.message_id},
            "custom_args": {"delivery": mail.mark},
            # Links, opens and unsubscriptions are ours; its own would rewrite the mail.
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
            "attachments": [
                {
                    "filename": file.name,
                    "type": file.media_type,
                    "content": in_base64(file.content),
                    "disposition": "inline" if file.content_id else "attachment",
                    **({"content_id": file.content_id} if file.content_id else {}),
                }
                for file in mail.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {url.key}"}
    return Request(path="/v3/mail/send", headers=fields, body=body)


def _person(person: Person) -> dict[str, str]:
    return {"email": person.address} | ({"name": person.name} if person.name else {})


def _tell(body: bytes, headers: Mapping[str, str]) -> Told:
    errors = object_in(body).get("errors")
    listed = [as_object(one) for one in errors] if isinstance(errors, list) else []
    words = "; ".join(f"{text_of(one, 'field')} {text_of(one, 'message')}".strip() for one in listed)
    return Told(words=words, remote_id=headers.get("x-message-id") or None)


SENDGRID = Provider(
    scheme="sendgrid",
    example="sendgrid://KEY@api.sendgrid.com",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    rules=(
        refusal(Reason.SPEEDING, r"maximum credits exceeded", r"(sending|daily|monthly) limit"),
        refusal(Reason.REJECTED, r"verified sender identity", r"^400 from\b"),
        failure(Reason.USERUNKNOWN, r"personalizations\.\d+\.to\b"),
    ),
)
