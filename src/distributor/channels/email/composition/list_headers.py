"""Header fields and links by the purpose of a mail: those of a mailing list (RFC 2369, 2919, 8058), or none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from distributor.channels.email.personalization.placeholders import PUBLIC_LINKS
from distributor.domain.campaign import CampaignPurpose
from distributor.domain.rendition import Json
from distributor.mail.address import Mailbox
from distributor.mail.mime.header_fields import ascii_field, identity_field, uri_field
from distributor.mail.unsubscribe_address import mailto_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderProfile:
    """The header fields and links of mails of one purpose.

    `feedback_label` stands in Feedback-ID. `links` are the links that such a mail may have, `required_link` the one
    that it must have. `link_fields` are the header fields with a link of the recipient's own, by its name;
    `shared_fields` makes those that all recipients share.
    """

    feedback_label: str
    required_link: str
    links: frozenset[str]
    link_fields: Mapping[str, str]
    shared_fields: Callable[[Mapping[str, Json], Mailbox], bytes]


def header_profile_of(payload: Mapping[str, Json]) -> HeaderProfile:
    """The profile of a rendition's purpose; a notice has no link with a token."""
    profile = _PROFILES[CampaignPurpose(payload.get("purpose", CampaignPurpose.ARTICLES))]
    return replace(profile, required_link="", links=frozenset()) if payload.get("is_notice") else profile


def list_label(slug: str) -> str:
    """The part of a List-Id that names the list (RFC 2919 section 2), in ASCII: ``weekly``, ``xn--…`` (RFC 3492)."""
    return slug if slug.isascii() else f"xn--{slug.encode('punycode').decode('ascii')}"


def _list_fields(payload: Mapping[str, Json], sender: Mailbox) -> bytes:
    label = list_label(payload["list_slug"]) if "list_slug" in payload else "newsletter"
    replies_to = Mailbox.parse(payload["reply_to"]) if payload["reply_to"] else sender
    return b"".join(
        (
            # The value of RFC 8058 section 3.1: the mail client may unsubscribe with one POST.
            ascii_field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            identity_field(
                "List-Id", payload.get("list_name") or payload["site"]["name"], f"{label}.{sender.address.domain}"
            ),
            # RFC 2369 section 3.1: there are no instructions to link to, so questions go to the sender.
            uri_field("List-Help", mailto_uri(replies_to.address, subject="help")),
            uri_field("List-Archive", f"{payload['site']['public_url']}/"),
            ascii_field("List-Post", "NO"),
            ascii_field("Precedence", "bulk"),
        )
    )


def _automatic_fields(payload: Mapping[str, Json], sender: Mailbox) -> bytes:
    """Automatic replies such as vacation notices are not wanted (RFC 3834 section 5)."""
    return ascii_field("Auto-Submitted", "auto-generated")


def _without_list(purpose: CampaignPurpose, link: str) -> HeaderProfile:
    """A mail of no list: there is nothing to unsubscribe from, and it is not tracked."""
    return HeaderProfile(
        feedback_label=purpose.value,
        required_link=link,
        links=frozenset({link}),
        link_fields={},
        shared_fields=_automatic_fields,
    )


_NEWSLETTER = HeaderProfile(
    feedback_label="newsletter",
    required_link="unsubscribe",
    links=frozenset(PUBLIC_LINKS) - {"confirm", "account"},
    link_fields={"List-Unsubscribe": "unsubscribe"},
    shared_fields=_list_fields,
)
_PROFILES: Mapping[CampaignPurpose, HeaderProfile] = {
    CampaignPurpose.ARTICLES: _NEWSLETTER,
    # The same mail: what it is measured by is only another stream of feedback.
    CampaignPurpose.TEST: replace(_NEWSLETTER, feedback_label="test"),
    CampaignPurpose.CONFIRMATION: _without_list(CampaignPurpose.CONFIRMATION, "confirm"),
    CampaignPurpose.ACCOUNT: _without_list(CampaignPurpose.ACCOUNT, "account"),
}
