"""beehiiv: the CSV of its subscribers (Settings, Export data), and its API's subscriptions as CSV.

Facts: https://www.beehiiv.com/newsletter-glossary/subscriber-status, https://developers.beehiiv.com (`status` of a
subscription). Tiers say what a subscriber pays for, not whether they want mail.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED
from distributor.importers.statuses import BOUNCED, PENDING, UNSUBSCRIBED, words_of

NAME = "beehiiv"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("id", "subscriber id", "subscription id"), "evidence.beehiiv_id"),
    "subscription date (substack)": "evidence.substack_subscribed_at",
    **dict.fromkeys(("tier", "subscription tier"), "attributes.tier"),
    "utm source": "evidence.utm_source",
    "referring site": "evidence.referring_site",
    "acquisition source": "evidence.acquisition_source",
    # Each tier has a column of yes and no.
    **dict.fromkeys(("free tier", "premium tier", "subscription premium tier names"), "ignore"),
    **dict.fromkeys(("stripe customer id", "referral code", "total referrals", "rewards claimed"), "ignore"),
    **dict.fromkeys(("utm medium", "utm campaign", "utm channel", "utm content", "utm term"), "ignore"),
    **dict.fromkeys(("open rate", "click through rate", "unique opens", "unique clicks", "total clicked"), "ignore"),
    **dict.fromkeys(("total sent", "total received", "last opened at", "last clicked at"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("active",)),
    # Not confirmed, not approved by the owner, or the address is being examined.
    (PENDING, ("pending", "validating", "needs attention", "needs approval")),
    # Inactive subscribers unsubscribed, were removed by the owner, or bounced; paused ones asked for a break.
    (UNSUBSCRIBED, ("inactive", "paused", "unsubscribed", "deleted")),
    (BOUNCED, ("invalid",)),
)


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "status", "tier"} or headers >= {"email", "status", "subscription_tier"}
