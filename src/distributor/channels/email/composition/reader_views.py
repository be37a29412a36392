"""A mail as mail programs show it: on a desk, on a phone, in dark, without images, as plain text, with its headers."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from gettext import gettext as _

from distributor.channels.api import InboxLine, ReaderScreen, ReaderView, ReaderViews
from distributor.channels.email.composition.samples import compose_sample, sample_html, sample_text
from distributor.channels.email.personalization.merge_blocks import personalize, sample_reader
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.rendition import Rendition
from distributor.mail.address import Mailbox

# The width of a reading pane, and of most phones (CSS pixels).
_DESK, _PHONE = 640, 360
_ASKS_FOR_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")


def mail_views(rendition: Rendition, reader: ReaderFields | None = None) -> ReaderViews:
    """The views of a mail for `reader`, or for a sample reader. Raises InputError."""
    reader = reader or sample_reader(rendition.payload)
    page = sample_html(rendition, reader)
    message = _message_of(rendition, reader)
    return ReaderViews(
        inbox=_inbox_line(rendition, reader, message),
        views=(
            ReaderView(name="mail", title=_("Desktop and phone"), screens=_screens(page)),
            ReaderView(
                name="dark",
                title=_("Dark"),
                screens=_screens(page, is_dark=True),
                note=_(
                    "These are the dark colours of the mail itself, as Apple Mail and others show them. "
                    "Gmail and Outlook darken mails in their own way."
                ),
            ),
            ReaderView(
                name="images-off",
                title=_("Images off"),
                screens=_screens(page, has_images=False),
                note=_("Many mail programs load no images at first: this is what they show until then."),
            ),
            ReaderView(name="text", title=_("Plain text"), text=sample_text(rendition, reader)),
            ReaderView(
                name="headers",
                title=_("Headers"),
                text="\n".join(f"{name}: {value}" for name, value in message.items()),
                note=_("The header fields of the mail. Tokens and dates are those of a sample."),
            ),
        ),
    )


def in_colours(page: str, *, is_dark: bool) -> str:
    """The page with its dark or its light colours, whatever the program that shows it prefers."""
    scheme = "dark" if is_dark else "light"
    fixed = _ASKS_FOR_DARK.sub("(min-width: 0)" if is_dark else "(max-width: 0)", page)
    style = f"<style>:root {{ color-scheme: {scheme} !important; }}</style>"
    return fixed.replace("</head>", f"{style}</head>", 1)


def _screens(page: str, *, is_dark: bool = False, has_images: bool = True) -> tuple[ReaderScreen, ...]:
    shown = in_colours(page, is_dark=is_dark)
    return tuple(
        ReaderScreen(name=name, title=title, page=shown, width=width, is_dark=is_dark, has_images=has_images)
        for name, title, width in (("desktop", _("Desktop"), _DESK), ("phone", _("Phone"), _PHONE))
    )


def _message_of(rendition: Rendition, reader: ReaderFields) -> EmailMessage:
    return email.message_from_bytes(compose_sample(rendition, reader), policy=email.policy.default)


def _inbox_line(rendition: Rendition, reader: ReaderFields, message: EmailMessage) -> InboxLine:
    sender = Mailbox.parse(str(message["from"]))
    payload = personalize(rendition.payload, reader)
    return InboxLine(
        sender=sender.name or sender.address.spec,
        subject=str(message["subject"]),
        preheader=payload["preheader"],
    )
