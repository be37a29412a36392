"""The question by mail whether somebody wants a list, rendered once for all who are asked in one language."""

from __future__ import annotations

from distributor.channels.api import RenderContext
from distributor.channels.email.personalization.literal import literal_in_html, literal_in_text
from distributor.channels.email.rendering.rendition import KIND
from distributor.channels.email.rendering.sender_identity import sender_identity_of
from distributor.channels.email.rendering.template_context import given_by_frame, payload_of_frame
from distributor.channels.email.settings import EmailSettings
from distributor.domain.campaign import CampaignPurpose
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList
from distributor.rendering.mjml import html_of_mjml

_LANGUAGE = "email/spoken.txt.j2"
_HTML = "email/confirmation.mjml.j2"
_TEXT = "email/confirmation.txt.j2"
_SUBJECT = "email/confirmation_subject.txt.j2"
_PREHEADER = "email/confirmation_preheader.txt.j2"


def render_confirmation(
    list_: MailingList, context: RenderContext, settings: EmailSettings, *, language: str
) -> Rendition:
    """The mail that asks, in the given language or else in English; nothing in it is counted. Raises TemplateError."""
    templates, site = context.templates, context.site
    voice = sender_identity_of(site, settings, list_)
    given = given_by_frame(voice, site, templates.render(_LANGUAGE, {"language": language}).strip())
    given["subject"] = " ".join(templates.render(_SUBJECT, given).split())
    given["preheader"] = " ".join(templates.render(_PREHEADER, given).split())
    payload = {
        "purpose": CampaignPurpose.CONFIRMATION.value,
        "subject": literal_in_text(given["subject"]),
        "preheader": literal_in_text(given["preheader"]),
        "language": given["language"],
        "html": literal_in_html(html_of_mjml(templates.render(_HTML, given), template=_HTML)),
        "text": literal_in_text(templates.render(_TEXT, given)).strip("\n") + "\n",
        "links": [],
        "tracking": {"opens": False, "clicks": False},
        **payload_of_frame(voice, site, settings),
    }
    return Rendition(KIND, payload)
