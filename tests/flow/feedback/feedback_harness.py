"""A campaign that has gone out, and what a test can see of what came back of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow.feedback import tracking
from distributor.flow.feedback.apply_feedback import AppliedFeedback
from distributor.flow.feedback.inbound_mail import receive_mail
from distributor.storage import deliveries, delivery_queries, events, memberships, subscribers, suppressions
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.feedback import feedback_mails as mails

ADA = "ada@example.org"


class FeedbackHarness:
    """A campaign that has gone out to three people, and what comes back of it."""

    def __init__(self, harness: CampaignHarness, **script: Any) -> None:
        self.harness = harness
        self.tokens = harness.app.tokens
        harness.channel("mail", "scripted", **script)
        self.campaign_id = harness.plan("mail")
        harness.run()

    def delivery(self, recipient: str = ADA, campaign_id: int | None = None) -> Delivery:
        with self.harness.app.database.begin() as connection:
            numbers = connection.execute(
                text("""SELECT d.id FROM deliveries d JOIN dispatches x ON x.id = d.dispatch_id
                        WHERE d.recipient = :recipient AND x.campaign_id = :campaign"""),
                {"recipient": recipient, "campaign": campaign_id or self.campaign_id},
            ).scalars()
            return deliveries.find_for_sending(connection, list(numbers))[0]

    def return_path(self, delivery: Delivery | None = None) -> str:
        return mails.verp(delivery or self.delivery(), self.tokens)

    def take(self, raw: bytes, *, days: int = 0, envelope: str | None = None) -> AppliedFeedback:
        app = self.harness.later(days=days) if days else self.harness.app
        return receive_mail(app, raw, envelope_recipient=envelope, source="test")

    def state(self, delivery: Delivery | None = None) -> DeliveryState:
        with self.harness.app.database.begin() as connection:
            return delivery_queries.find(connection, (delivery or self.delivery()).id).state

    def force(self, state: DeliveryState) -> None:
        """As if the delivery were still on its way, or its end were not known."""
        with self.harness.app.database.begin() as connection:
            connection.execute(
                text("UPDATE deliveries SET state = :state, next_at = now() WHERE id = :id"),
                {"state": state.value, "id": self.delivery().id},
            )

    def reasons(self, address: str = ADA) -> set[SuppressionReason]:
        with self.harness.app.database.begin() as connection:
            found = suppressions.matching(connection, Target(hash=hash_of_key(address)))
        return {one.reason for one in found}

    def events(self, delivery: Delivery | None = None) -> list[EventKind]:
        with self.harness.app.database.begin() as connection:
            return [one.kind for one in events.of_delivery(connection, (delivery or self.delivery()).id)]

    def membership(self, address: str = ADA) -> Membership | None:
        with self.harness.app.database.begin() as connection:
            [place] = memberships.of_subscriber(connection, subscribers.find(connection, address).id)
        return place.state

    def detail(self, delivery: Delivery | None = None, kind: EventKind = EventKind.BOUNCE) -> Mapping[str, Json]:
        """The detail of the first bounce of a delivery, or of its first event of another kind."""
        with self.harness.app.database.begin() as connection:
            found = events.of_delivery(connection, (delivery or self.delivery()).id)
        return next(one.detail for one in found if one.kind is kind)

    def click(self, delivery: Delivery | None = None, *, days: float = 0) -> None:
        """A link in the mail is followed, so many days later, and the event is written."""
        app = replace(self.harness.app, clock=lambda: self.harness.app.clock() + timedelta(days=days))
        token = self.tokens.mint(Purpose.CLICK, (delivery or self.delivery()).id)
        assert tracking.follow_click(app, token, {}) is not None
        tracking.write_events(app)

    def open(self) -> None:
        """The images of the mail are loaded."""
        assert tracking.note_open(self.harness.app, self.tokens.mint(Purpose.OPEN, self.delivery().id), {})
        tracking.write_events(self.harness.app)

    def lift(self, address: str = ADA) -> None:
        with self.harness.app.database.begin() as connection:
            suppressions.lift(connection, Target(hash=hash_of_key(address)))
