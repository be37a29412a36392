"""Mails as their reader sees them: decoded headers, bodies, attachments, and the address for one-click unsubscribe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

from lxml import html as lxml_html
from lxml.etree import Comment, LxmlError, strip_elements

_PREHEADER_CHARACTERS = 140
_UNSEEN = ("head", "style", "script", "title", "template", "noscript")
_DOCUMENT_START = re.compile(r"\s*(<!doctype[^>]*>)?\s*(<html[^>]*>)?\s*(<head[^>]*>)?", re.IGNORECASE)
_FILLERS = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060\u2800\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxAttachment:
    """A part that is neither of the bodies; `cid` is its content id, or empty."""

    name: str
    mime: str
    content: bytes
    cid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """A mail. `one_click` is the address of one-click unsubscribe (RFC 8058), or empty."""

    subject: str
    sender: str
    sender_name: str
    recipient: str
    date: str
    preheader: str
    html: str
    text: str
    one_click: str
    attachments: tuple[InboxAttachment, ...]


def parse_message(content: bytes) -> InboxMessage:
    """Never fails: what cannot be decoded is shown as it is."""
    message = message_from_bytes(content, policy=policy.compat32)
    html, text, attachments = _read_bodies(message)
    sender = _header(message, "from")
    return InboxMessage(
        subject=_header(message, "subject"),
        sender=sender,
        sender_name=parseaddr(sender)[0] or sender,
        recipient=_header(message, "to"),
        date=_header(message, "date"),
        preheader=_preheader(html) or _squeeze(text)[:_PREHEADER_CHARACTERS],
        html=html,
        text=text,
        one_click=_one_click(message),
        attachments=attachments,
    )


def replace_content_ids(html: str, addresses: Mapping[str, str]) -> str:
    """The HTML with images that refer to a content id (``cid:``, RFC 2392) loaded from these addresses instead."""
    return re.sub(
        r"""cid:([^"'\s)>]+)""", lambda match: addresses.get(match[1].lower(), match[0]), html, flags=re.IGNORECASE
    )


def open_links_in_new_tab(html: str) -> str:
    """The HTML with links that open in a new tab; its doctype stays first, or browsers would use quirks mode."""
    start = _DOCUMENT_START.match(html)
    end = start.end() if start else 0
    return f'{html[:end]}<base target="_blank">{html[end:]}'


def _read_bodies(message: Message) -> tuple[str, str, tuple[InboxAttachment, ...]]:
    bodies = {"text/html": "", "text/plain": ""}
    attachments: list[InboxAttachment] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        mime = part.get_content_type()
        if bodies.get(mime) == "" and part.get_content_disposition() != "attachment":
            bodies[mime] = _decode(part)
        else:
            attachments.append(_read_attachment(part, mime))
    return bodies["text/html"], bodies["text/plain"], tuple(attachments)


def _read_attachment(part: Message, mime: str) -> InboxAttachment:
    payload = part.get_payload(decode=True)
    return InboxAttachment(
        name=part.get_filename() or mime,
        mime=mime,
        content=payload if isinstance(payload, bytes) else b"",
        cid=str(part.get("content-id", "")).strip().strip("<>").lower(),
    )


def _decode(part: Message) -> str:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _header(message: Message, name: str) -> str:
    value = message.get(name)
    if value is None:
        return ""
    try:
        return _squeeze(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, UnicodeError):
        return _squeeze(str(value))


def _one_click(message: Message) -> str:
    if str(message.get("list-unsubscribe-post", "")).strip().lower() != "list-unsubscribe=one-click":
        return ""
    addresses = re.findall(r"<\s*(https?://[^>\s]+)\s*>", str(message.get("list-unsubscribe", "")))
    return addresses[0] if len(addresses) == 1 else ""


def _preheader(html: str) -> str:
    """What an inbox shows beside the subject: the first words of the body, seen or hidden."""
    if not html.strip():
        return ""
    try:
        root = lxml_html.fromstring(html.encode("utf-8", "replace"), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except LxmlError:
        return ""
    strip_elements(root, Comment, *_UNSEEN, with_tail=False)
    return _squeeze(" ".join(map(str, root.itertext())))[:_PREHEADER_CHARACTERS]


def _squeeze(text: str) -> str:
    return " ".join(_FILLERS.sub("", text).split())
