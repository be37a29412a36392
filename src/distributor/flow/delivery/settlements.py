"""Commit outcomes of deliveries together with what they mean for their recipients.

An address that the server refuses at once is treated like one whose bounce arrives later: the same event, the same
suppression, in the same transaction as the outcome. Only deliveries to subscribers have such consequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from distributor.domain.delivery import DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import DataError
from distributor.domain.feedback import ArrivalProof, MatchedBy
from distributor.flow.app_context import AppContext
from distributor.flow.bounces import Bounce, BounceLedger
from distributor.storage import bounce_events, deliveries, delivery_queries, subscribers
from distributor.storage.database import Connection, savepoint
from distributor.storage.delivery_queries import DeliveryRecord

_SOURCE = "reply"

log = structlog.get_logger(__name__)


def commit_settlements(
    app: AppContext, connection: Connection, settlements: Sequence[Settlement], *, now: datetime
) -> None:
    """Store the outcomes; record refusals of recipients as bounces; take those back that a later attempt disproves.

    Committed again, by a journal that is recovered twice, it changes nothing. If the database cannot store what came
    with an outcome, such as a number out of range, the outcome is stored without it, and the others as they are.
    """
    try:
        with savepoint(connection):
            _commit(app, connection, settlements, now=now)
    except DataError:
        for one in settlements:
            try:
                with savepoint(connection):
                    _commit(app, connection, [one], now=now)
            except DataError as error:
                log.warning("delivery.outcome_reduced", delivery_id=one.outcome.delivery_id, reason=error.reason)
                _commit(app, connection, [_reduced(one, error)], now=now)


def _commit(app: AppContext, connection: Connection, settlements: Sequence[Settlement], *, now: datetime) -> None:
    refused = {one.outcome.delivery_id: one.outcome for one in settlements if _is_refusal(one)}
    again = [
        one.outcome.delivery_id for one in settlements if one.state is DeliveryState.SENT and one.outcome.epoch > 1
    ]
    bounced_before = bounce_events.deliveries_with_bounces(connection, again)
    concerned = delivery_queries.find_all(connection, refused.keys() | bounced_before)
    # Before the rows of deliveries, as everywhere: feedback about the same delivery may arrive meanwhile.
    people = subscribers.lock_all(connection, {one.subscriber_id for one in concerned if one.subscriber_id is not None})
    deliveries.settle(connection, settlements, now=now)
    bounces = BounceLedger(connection, app.bounce_policy, now=now)
    for record in delivery_queries.find_all(connection, [one.id for one in concerned if one.subscriber_id in people]):
        outcome = refused.get(record.id)
        if outcome is None:
            if record.state is DeliveryState.SENT:
                bounces.take_back(record, ArrivalProof.SENT, at=now)
        elif record.state is DeliveryState.FAILED and record.epoch == outcome.epoch:
            bounces.record(record, _bounce(outcome, record, now))


def _reduced(settlement: Settlement, error: DataError) -> Settlement:
    """The settlement without what the channel said beyond the verdict and the time of the next attempt."""
    outcome = settlement.outcome
    bare = Outcome(
        delivery_id=outcome.delivery_id,
        epoch=outcome.epoch,
        verdict=outcome.verdict,
        reply=f"the channel's reply is not kept: {error}",
        is_hard_bounce=outcome.is_hard_bounce,
        counts_against_address=outcome.counts_against_address,
    )
    return Settlement(outcome=bare, state=settlement.state, next_at=settlement.next_at)


def _is_refusal(settlement: Settlement) -> bool:
    """Whether the server refused the recipient or, after all retries, still did not take the mail."""
    outcome = settlement.outcome
    return settlement.state is DeliveryState.FAILED and (
        outcome.is_hard_bounce
        or outcome.counts_against_address
        or (outcome.verdict is Verdict.FAILED and "reason" in outcome.detail)
    )


def _bounce(outcome: Outcome, record: DeliveryRecord, now: datetime) -> Bounce:
    return Bounce(
        key=f"reply-{record.id}-{outcome.epoch}",
        at=now,
        is_hard=outcome.is_hard_bounce,
        counts=outcome.counts_against_address,
        detail={
            **{name: outcome.detail[name] for name in ("reason", "status", "scope") if name in outcome.detail},
            **({"code": str(outcome.reply_code)} if outcome.reply_code is not None else {}),
            "match": MatchedBy.REPLY.value,
            "source": _SOURCE,
        },
    )
