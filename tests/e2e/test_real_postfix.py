"""500 subscribers of mixed fate behind a real Postfix and Dovecot: the database agrees with the log of Postfix."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, CampaignState
from distributor.domain.delivery import DeliveryState
from distributor.domain.feedback import BouncePolicy
from distributor.domain.subscriber import Person
from distributor.domain.suppression import SuppressionReason
from distributor.flow.app_context import AppContext
from distributor.flow.operations.audit import audit
from distributor.flow.publishing.plan import plan
from distributor.mail.records.sources import parse_record_sources
from distributor.storage import channels, delivery_queries, lists, memberships, suppressions
from tests.conftest import thorough
from tests.e2e.postfix import Postfix, running_lmtp_dovecot, running_postfix
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness, make_campaign_harness
from tests.flow.delivery.test_paused_routes import Provider
from tests.inbound.inbound_client import running_server
from tests.mail.smtp.smtp_servers import Answer, Server

BOUNCES = "bounces.gazette.example"
# How many subscribers have each fate; the domain says which.
PEOPLE = {
    "reader.example": 200,
    "unknown.example": 60,
    "full.example": 50,
    "busy.example": 60,
    "refused.example": 30,
    "gone.example": 50,
    "slow.example": 20,
    "denied.example": 30,
}
HOST_NOT_FOUND = "Host or domain name not found. Name service error for name=gone.example type=A: Host not found"
HARD, SOFT = {SuppressionReason.HARD_BOUNCE}, {SuppressionReason.SOFT_BOUNCES}
# What follows from the last status that Postfix logs and its code.
EFFECTS: dict[tuple[str, str], tuple[DeliveryState, set[SuppressionReason]]] = {
    ("sent", "2.0.0"): (DeliveryState.SENT, set()),
    ("bounced", "5.1.1"): (DeliveryState.BOUNCED, HARD),
    ("bounced", "5.4.4"): (DeliveryState.BOUNCED, HARD),
    ("bounced", "5.2.2"): (DeliveryState.BOUNCED, SOFT),
    ("bounced", "5.7.1"): (DeliveryState.BOUNCED, set()),
    ("expired", "4.4.1"): (DeliveryState.BOUNCED, SOFT),
    ("expired", "4.3.0"): (DeliveryState.BOUNCED, SOFT),
    ("expired", "4.2.1"): (DeliveryState.BOUNCED, SOFT),
}


class Destination:
    """A mail server that is busy for the first attempts, or for ever, or denies relaying, by the recipient's domain."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()

    def behave(self, session: int, verb: str, line: str) -> Answer:
        if verb != "RCPT":
            return None
        recipient = line.partition("<")[2].partition(">")[0]
        self.attempts[recipient] += 1
        if recipient.endswith("@denied.example"):
            return f"554 5.7.1 <{recipient}>: Relay access denied"
        if recipient.endswith("@slow.example"):
            return "451 4.3.0 <mail>: Temporary lookup failure"
        if self.attempts[recipient] < 3:
            return "450 4.2.1 The user you are trying to contact has a mailbox that is temporarily unavailable"
        return None


@thorough
def test_every_state_and_suppression_agrees_with_the_log(app: AppContext, tmp_path: Path) -> None:
    """One soft bounce suppresses here, so that what counts can be seen."""
    app = replace(app, bounce_policy=BouncePolicy(limit=1))
    harness = make_campaign_harness(app, tmp_path)
    people = {domain: [f"p{number}@{domain}" for number in range(count)] for domain, count in PEOPLE.items()}
    destination = Destination()
    with (
        running_server(app) as inbound,
        Provider(Server(destination.behave)) as provider,
        running_lmtp_dovecot(mailboxes=people["reader.example"], full=people["full.example"]) as dovecot,
        _closed_port() as closed,
        running_postfix(
            transports={
                BOUNCES: f"lmtp:inet:127.0.0.1:{inbound}",
                **dict.fromkeys(
                    ("reader.example", "unknown.example", "full.example"), f"lmtp:inet:127.0.0.1:{dovecot}"
                ),
                **dict.fromkeys(
                    ("busy.example", "slow.example", "denied.example"), f"smtp:[127.0.0.1]:{provider.server.port}"
                ),
                "refused.example": f"smtp:[127.0.0.1]:{closed}",
                "gone.example": f"error:5.4.4 {HOST_NOT_FOUND}",
            },
            lifetime_seconds=20,
        ) as postfix,
    ):
        campaign_id = _send(harness, [address for group in people.values() for address in group], postfix)
        _wait_until_empty(postfix)
        _compare(app, campaign_id, postfix)


def _compare(app: AppContext, campaign_id: int, postfix: Postfix) -> None:
    fates = postfix.fates()
    # On a slow machine some that are busy at first expire: then that has to agree.
    assert len(fates) == sum(PEOPLE.values())
    assert set(fates.values()) - {("expired", "4.2.1")} == EFFECTS.keys() - {("expired", "4.2.1")}
    delivered_late = [one for one, fate in fates.items() if one.endswith("@busy.example") and fate[0] == "sent"]
    assert delivered_late
    assert postfix.log.read_text().count("sender delay notification") >= len(delivered_late)
    with app.database.begin() as connection:
        records = delivery_queries.of_campaign(connection, campaign_id, limit=1000)
        found = {
            one.recipient: (one.state, {entry.reason for entry in suppressions.of_key(connection, one.recipient)})
            for one in records
        }
    assert found == {recipient: EFFECTS[fate] for recipient, fate in fates.items()}
    result = audit(app, campaign_id, parse_record_sources([f"maillog:{postfix.log}"]))
    assert result.differences == []
    [record] = result.records
    assert (record.messages, record.of_campaign, record.foreign) == (len(found), len(found), 0)


def _send(harness: CampaignHarness, addresses: list[str], postfix: Postfix) -> int:
    app = harness.app
    with app.database.begin() as connection:
        settings = {"smtp_url": f"smtp://127.0.0.1:{postfix.port}", "bounce_domain": BOUNCES}
        channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)
        everyone = lists.add(connection, slug="everyone", name="Everyone")
        people = [Person(key=address, email=address) for address in addresses]
        memberships.subscribe(connection, everyone.id, people, EVIDENCE, now=app.clock())
    campaign_id = plan(
        app,
        CampaignPlan(
            name="",
            article_slugs=("hello",),
            channel_names=("mail",),
            audience=AudiencePlan(lists=("everyone",)),
            starts_at=app.clock(),
        ),
    )
    harness.run()
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    return campaign_id


def _wait_until_empty(postfix: Postfix) -> None:
    """Until nothing is in the queue any more: every message was delivered or has expired, and so has every notice."""
    while postfix.queue():
        time.sleep(0.2)


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port of this machine on which nothing listens, and which nothing else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
