"""How mails of each purpose are marked for programs, and which links they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from distributor.channels.email.personalization.placeholders import PUBLIC_LINKS
from distributor.channels.email.rendering.sender_identity import list_label
from distributor.domain.campaign import CampaignPurpose
from distributor.domain.rendition import Json
from distributor.mail.address import Mailbox
from distributor.mail.mime.header_fields import ascii_field, identity_field, uri_field
from distributor.mail.unsubscribe_address import mailto_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderOptions:
    """`needed` is the link that no such mail may lack, one of its `links`; `word` is for Gmail's statistics.

    `link_fields` are the header fields that hold a link of the recipient's own, by its name; `fields` makes those that
    all recipients share.
    """

    word: str
    needed: str
    links: frozenset[str]
    link_fields: Mapping[str, str]
    fields: Callable[[Mapping[str, Json], Mailbox], bytes]


def header_options_of(payload: Mapping[str, Json]) -> HeaderOptions:
    """The manner of a rendition's purpose."""
    return _MANNERS[CampaignPurpose(payload.get("purpose", CampaignPurpose.ARTICLES))]


def _fields_of_a_list(payload: Mapping[str, Json], sender: Mailbox) -> bytes:
    label = list_label(payload["list_slug"]) if "list_slug" in payload else "newsletter"
    return b"".join(
        (
            # The value RFC 8058 section 3.1 prescribes: the reader's program may unsubscribe with one POST.
            ascii_field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            identity_field(
                "List-Id", payload.get("list_name") or payload["site"]["name"], f"{label}.{sender.address.domain}"
            ),
            # To people: instructions for anything else are a question to who sends it (RFC 2369 section 3.1).
            uri_field("List-Help", mailto_uri(_answering(payload, sender).address, subject="help")),
            uri_field("List-Archive", f"{payload['site']['public_url']}/"),
            ascii_field("List-Post", "NO"),
            ascii_field("Precedence", "bulk"),
        )
    )


def _answering(payload: Mapping[str, Json], sender: Mailbox) -> Mailbox:
    return Mailbox.parse(payload["reply_to"]) if payload["reply_to"] else sender


def _fields_of_an_answer(payload: Mapping[str, Json], sender: Mailbox) -> bytes:
    """No program should answer it, as a vacation notice would (RFC 3834 section 5)."""
    return ascii_field("Auto-Submitted", "auto-generated")


_MANNERS: Mapping[CampaignPurpose, HeaderOptions] = {
    CampaignPurpose.ARTICLES: HeaderOptions(
        word="newsletter",
        needed="unsubscribe",
        links=frozenset(PUBLIC_LINKS) - {"confirm"},
        link_fields={"List-Unsubscribe": "unsubscribe"},
        fields=_fields_of_a_list,
    ),
    CampaignPurpose.CONFIRMATION: HeaderOptions(
        word="confirmation",
        needed="confirm",
        # Whoever has not agreed to anything has nothing to leave, and is not watched.
        links=frozenset({"confirm"}),
        link_fields={},
        fields=_fields_of_an_answer,
    ),
}
