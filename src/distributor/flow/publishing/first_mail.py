"""The first mail: an article as its writer gets it, as a test of a draft that becomes the first campaign."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, PlanKey
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.plan import create_campaign
from distributor.flow.publishing.send_test import AskedTest, send_test
from distributor.storage import articles, campaign_tests, delivery_queries, lists
from distributor.storage.delivery_queries import DeliveryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstMail:
    """A test that was sent to someone, and the draft that it is of."""

    draft_id: int
    delivery: DeliveryRecord


def send_first_mail(app: AppContext, slug: str, channel: str, address: str, *, key: str, actor: str) -> int:
    """Send an article to one address; returns the id of the test. The draft behind it goes to nobody by itself.

    The same key sends it once. Raises what `create_campaign` and `send_test` raise.
    """
    with app.database.begin() as connection:
        audience = AudiencePlan(lists=tuple(one.slug for one in lists.listed(connection)[:1]))
        title = articles.find_by_slug(connection, slug).article.title
    asked = CampaignPlan(name=title, article_slugs=(slug,), channel_names=(channel,), audience=audience)
    plan_key = PlanKey(name=f"first mail {key}", digest="")
    campaign_id = create_campaign(app, asked, key=plan_key, actor=actor)
    with app.database.begin() as connection:
        sent = campaign_tests.of_campaign(connection, campaign_id)
    if sent:
        return sent[-1]
    return send_test(app, campaign_id, AskedTest(channel_name=channel, addresses=(address,)), actor=actor)


def first_mail_to(app: AppContext, address: str) -> FirstMail | None:
    """The newest test that went to this address, and what became of it; None if none did."""
    with app.database.begin() as connection:
        found = campaign_tests.newest_to(connection, address)
        if found is None:
            return None
        test_id, draft_id = found
        (delivery,) = delivery_queries.of_campaign(connection, test_id, recipient=address, limit=1)
    return FirstMail(draft_id=draft_id, delivery=delivery)
