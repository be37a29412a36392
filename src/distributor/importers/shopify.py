"""Shopify: the CSV of its customers, of Matrixify, and its API's customers as CSV.

Facts: https://help.shopify.com/manual/customers/import-export-customers,
https://shopify.dev/docs/api/admin-graphql (`CustomerEmailMarketingState`). Most customers are no subscribers; consent
to text messages is no consent to mail, and the state of an account is neither.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED
from distributor.importers.statuses import BOUNCED, PENDING, UNSUBSCRIBED, words_of

NAME = "shopify"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("accepts email marketing", "accepts marketing"), "subscribed"),
    **dict.fromkeys(
        (
            "email marketing: status",
            "email marketing status",
            "email marketing state",
            "email_marketing_consent.state",
            "email_marketing_consent.marketing_state",
            "marketing state",
        ),
        "status",
    ),
    "verified email": "confirmed",
    **dict.fromkeys(("email marketing: level", "email_marketing_consent.opt_in_level"), "evidence.optin_level"),
    **dict.fromkeys(
        ("email marketing: updated at", "email_marketing_consent.consent_updated_at", "accepts marketing updated at"),
        "evidence.consent_at",
    ),
    **dict.fromkeys(("customer id", "id"), "evidence.shopify_id"),
    "note": "attributes.note",
    **dict.fromkeys(("company", "default address company"), "attributes.company"),
    **dict.fromkeys(("city", "default address city"), "attributes.city"),
    **dict.fromkeys(("country code", "default address country code"), "attributes.country"),
    **dict.fromkeys(("total spent", "total orders", "orders count", "amount spent"), "ignore"),
    **dict.fromkeys(("tax exempt", "tax exemptions", "multipass identifier", "command", "updated at"), "ignore"),
    **dict.fromkeys(("accepts sms marketing", "accepts whatsapp marketing"), "ignore"),
    **dict.fromkeys(("sms marketing: status", "sms marketing: level", "sms marketing: updated at"), "ignore"),
    # Whether the account of the customer is enabled.
    **dict.fromkeys(("state", "account status"), "ignore"),
    **dict.fromkeys(("phone", "default address phone", "address1", "address2", "zip", "province"), "ignore"),
    **dict.fromkeys(("province code", "country", "default address address1", "default address address2"), "ignore"),
    **dict.fromkeys(("default address zip", "default address province code"), "ignore"),
    # Of one of the addresses, not the customer.
    **dict.fromkeys(("address first name", "address last name", "address company", "address phone"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("subscribed",)),
    (PENDING, ("pending",)),
    # Redacted: their data was deleted at their request.
    (UNSUBSCRIBED, ("unsubscribed", "not subscribed", "redacted")),
    (BOUNCED, ("invalid",)),
)


def matches(headers: frozenset[str]) -> bool:
    consent = {
        "accepts_email_marketing",
        "accepts_marketing",
        "email_marketing_status",
        "email_marketing_consent_state",
    }
    return "email" in headers and not headers.isdisjoint(consent)
