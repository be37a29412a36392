"""HubSpot: contacts exported with the labels of their properties, or with the internal names.

Facts: https://knowledge.hubspot.com/properties/hubspots-default-contact-properties, and the properties API (group
`emailinformation`). A contact may be no subscriber at all: HubSpot mails marketing contacts only.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import BLOCKLISTED, BOUNCED, PENDING, STATUS_WORDS, UNSUBSCRIBED, words_of

NAME = "hubspot"
_OF_ONE_MAIL = ("name", "send date", "open date", "click date", "reply date")
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
    "hs_language": "language",
    # Its name, in the language of the account.
    "preferred language": "attributes.preferred_language",
    "company name": "attributes.company",
    "job title": "attributes.job_title",
    "city": "attributes.city",
    **dict.fromkeys(("country/region", "country"), "attributes.country"),
    **dict.fromkeys(("state/region", "state"), "attributes.state"),
    # Of a membership of the site, which most contacts are not.
    **dict.fromkeys(("status", "membership status", "hs_content_membership_status"), "status.membership"),
    # Not about mail, or of single mails, though they sound otherwise.
    **dict.fromkeys(("lead status", "hs_lead_status", "lifecycle stage"), "ignore"),
    **dict.fromkeys(("marketing contact status source name", "hs_marketable_reason_id"), "ignore"),
    **dict.fromkeys(("marketing contact status source type", "hs_marketable_reason_type"), "ignore"),
    **dict.fromkeys(("marketing contact until next update", "hs_marketable_until_renewal"), "ignore"),
    **dict.fromkeys(("became a subscriber date", "hs_lifecyclestage_subscriber_date"), "ignore"),
    "became a marketing qualified lead date": "ignore",
    "hs_lifecyclestage_marketingqualifiedlead_date": "ignore",
    "time to move from subscriber to customer": "ignore",
    "hs_time_to_move_from_subscriber_to_customer": "ignore",
    "time to move from marketing qualified lead to customer": "ignore",
    "hs_time_to_move_from_marketingqualifiedlead_to_customer": "ignore",
    **dict.fromkeys(
        (f"{which} marketing email {what}" for which in ("first", "last") for what in _OF_ONE_MAIL), "ignore"
    ),
    **dict.fromkeys(("currently in sequence", "hs_sequences_is_enrolled"), "ignore"),
    **dict.fromkeys(("currently in workflow", "currentlyinworkflow"), "ignore"),
    **dict.fromkeys(("contact unworked", "hs_is_unworked", "is a contact", "hs_is_contact"), "ignore"),
    **dict.fromkeys(("clicked facebook ad", "hs_facebook_ad_clicked"), "ignore"),
    **dict.fromkeys(("created by conversations", "hs_created_by_conversations"), "ignore"),
    **dict.fromkeys(("should be shown an nps web survey", "hs_feedback_show_nps_web_survey"), "ignore"),
    **dict.fromkeys(("all owner ids", "hs_all_owner_ids"), "ignore"),
    **dict.fromkeys(("user ids of all owners", "hs_user_ids_of_all_owners"), "ignore"),
    **dict.fromkeys(("ip state/region", "ip_state", "ip state code/region code", "ip_state_code"), "ignore"),
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
    "status.membership": {**STATUS_WORDS, "": SUBSCRIBED},
}


def matches(headers: frozenset[str]) -> bool:
    labels = {"unsubscribed_from_all_email", "marketing_contact_status", "record_id"}
    return "email" in headers and (
        not headers.isdisjoint(labels) or any(header.startswith("hs_") for header in headers)
    )
