"""The mail of one delivery as its recipient got it, read back from the bytes that were composed for it."""

from __future__ import annotations

from base64 import b64encode
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from distributor.channels.api import Delivery, Rendition, SentMessage, TokenSigner
from distributor.channels.email.composition.compose import prepare_mail


def sent_mail(rendition: Rendition, delivery: Delivery, tokens: TokenSigner) -> SentMessage:
    """The mail without its signature. Raises InputError if the recipient's address or a field was erased."""
    raw = prepare_mail(rendition).message_for(delivery, tokens)
    mail = BytesParser(EmailMessage, policy=policy.SMTP).parsebytes(raw)
    return SentMessage(
        headers=tuple((name, str(value)) for name, value in mail.items()),
        html=_with_inline_images(_content(mail, "html"), mail),
        text=_content(mail, "plain"),
        attachments=tuple(
            part.get_filename() or "" for part in mail.walk() if part.get_content_disposition() == "attachment"
        ),
        raw=raw,
    )


def _content(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    return str(body.get_content()) if body is not None else ""


def _with_inline_images(html: str, mail: EmailMessage) -> str:
    """The HTML with the inline images in it, for a page of its own."""
    for part in mail.walk():
        name = str(part.get("Content-ID", "")).strip().strip("<>")
        if name and part.get_content_maintype() == "image":
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes), "it is no multipart"  # noqa: S101
            data = f"data:{part.get_content_type()};base64,{b64encode(body).decode('ascii')}"
            html = html.replace(f"cid:{name}", data)
    return html
