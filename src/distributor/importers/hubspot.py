"""HubSpot: contacts exported with the labels of their properties, or with the internal names.

Facts: https://knowledge.hubspot.com/properties/hubspots-default-contact-properties, and the properties API (group
`emailinformation`). A contact may be no subscriber at all: HubSpot mails marketing contacts only.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import BLOCKLISTED, BOUNCED, PENDING, UNSUBSCRIBED, words_of

NAME = "hubspot"
COLUMNS: Mapping[str, str] = {
    # Also for one kind of mail each: ``Opted out of email: Blog``, ``hs_email_optout_6871816``. A contact who declined
    # one of them is not subscribed.
    **dict.fromkeys(("unsubscribed from all email", "opted out of email", "hs_email_optout"), "unsubscribed"),
    "hs_email_optout_survey_reason": "ignore",
    **dict.fromkeys(("marketing contact status", "hs_marketable_status"), "status"),
    **dict.fromkeys(("invalid email address", "hs_email_bad_address"), "bounced"),
    **dict.fromkeys(("email address quarantined", "hs_email_quarantined"), "blocklisted"),
    **dict.fromkeys(("is globally ineligible", "hs_email_is_ineligible"), "blocklisted"),
    **dict.fromkeys(
        ("email hard bounce reason", "hs_email_hard_bounce_reason", "hs_email_hard_bounce_reason_enum"),
        "status.hard_bounce_reason",
    ),
    **dict.fromkeys(
        (
            "email address quarantine reason",
            "email address internal quarantine reason",
            "hs_email_quarantined_reason",
            "hs_email_customer_quarantined_reason",
        ),
        "status.quarantine_reason",
    ),
    **dict.fromkeys(("marketing email confirmation status", "hs_emailconfirmationstatus"), "status.confirmation"),
    **dict.fromkeys(("legal basis for processing contact's data", "hs_legal_basis"), "evidence.legal_basis"),
    **dict.fromkeys(("record id", "contact id", "hs_object_id"), "evidence.hubspot_id"),
    **dict.fromkeys(("create date", "createdate"), "evidence.created_at"),
    **dict.fromkeys(("original source", "hs_analytics_source"), "evidence.original_source"),
    **dict.fromkeys(("preferred language", "hs_language"), "language"),
    "company name": "attributes.company",
    "job title": "attributes.job_title",
    "city": "attributes.city",
    **dict.fromkeys(("country/region", "country"), "attributes.country"),
    **dict.fromkeys(("state/region", "state"), "attributes.state"),
    # Not about mail, though they sound like it.
    **dict.fromkeys(("lead status", "hs_lead_status", "lifecycle stage", "membership status"), "ignore"),
    **dict.fromkeys(("marketing contact status source name", "hs_marketable_reason_id"), "ignore"),
    **dict.fromkeys(("marketing contact status source type", "hs_marketable_reason_type"), "ignore"),
    **dict.fromkeys(("marketing contact until next update", "hs_marketable_until_renewal"), "ignore"),
    **dict.fromkeys(("became a subscriber date", "hs_lifecyclestage_subscriber_date"), "ignore"),
    **dict.fromkeys(("became a marketing qualified lead date",), "ignore"),
    **dict.fromkeys(("currently in sequence", "currently in workflow", "contact unworked"), "ignore"),
    # Soft bounces count here as well.
    **dict.fromkeys(("marketing emails bounced", "hs_email_bounce"), "ignore"),
    **dict.fromkeys(("marketing emails delivered", "hs_email_delivered"), "ignore"),
    **dict.fromkeys(
        ("marketing emails opened", "hs_email_open", "marketing emails clicked", "hs_email_click"), "ignore"
    ),
    **dict.fromkeys(("marketing emails replied", "hs_email_replied", "sends since last engagement"), "ignore"),
    **dict.fromkeys(("marital status", "military status", "relationship status"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("marketing contact", "set as marketing contact")),
    (UNSUBSCRIBED, ("non marketing contact", "set as non marketing contact")),
)
# Reasons are free text, given for addresses that HubSpot does not mail; a confirmation is asked of some contacts only.
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.hard_bounce_reason": {"": SUBSCRIBED, ANY: BOUNCED},
    "status.quarantine_reason": {"": SUBSCRIBED, ANY: BLOCKLISTED},
    "status.confirmation": {"": SUBSCRIBED, "confirmed": SUBSCRIBED, ANY: PENDING},
}


def matches(headers: frozenset[str]) -> bool:
    return "email" in headers and not headers.isdisjoint(
        {"unsubscribed_from_all_email", "marketing_contact_status", "hs_email_optout", "hs_object_id", "record_id"}
    )
