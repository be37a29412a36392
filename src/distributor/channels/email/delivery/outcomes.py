"""Outcomes of deliveries: from the server's reply, from a broken session, or from a route or rate that has to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from distributor.channels.api import RoutePause
from distributor.channels.email.delivery.messages import Composer, Message
from distributor.channels.email.delivery.replies import ReplyClass, retry_time
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.rendition import Json
from distributor.mail.bounces.policy import SubscriberEffect
from distributor.mail.bounces.reasons import Reason, scope_of_reason
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError

MAX_REPLY = 1000


class OutcomeFactory:
    """Makes the outcomes of one batch."""

    def __init__(self, composer: Composer, now: Callable[[], datetime]) -> None:
        self._composer = composer
        self._now = now

    def from_reply(self, message: Message, classification: ReplyClass, reply: SmtpReply) -> Outcome:
        """The server replied."""
        is_sent = classification.verdict is Verdict.SENT
        return Outcome.of(
            message.delivery,
            classification.verdict,
            remote_id=self._composer.message_id(message.delivery) if is_sent else None,
            reply_code=reply.code,
            reply=reply.text[:MAX_REPLY],
            retry_at=classification.retry_at,
            is_hard_bounce=classification.subscriber is SubscriberEffect.HARD_BOUNCE,
            counts_against_address=classification.subscriber is SubscriberEffect.SOFT_BOUNCE,
            detail=None if classification.reason is None else _detail(classification.reason, classification),
        )

    def deferred(self, delivery: Delivery, error: SmtpSessionError) -> Outcome:
        """The session failed: the mail was definitely not sent, and a later attempt may succeed."""
        reply = error.reply
        return Outcome.of(
            delivery,
            Verdict.DEFERRED,
            reply_code=reply.code if reply else None,
            reply=str(error)[:MAX_REPLY],
            retry_at=retry_time(reply, self._now()) if reply else None,
            detail={"reason": Reason.NETWORKERROR.value},
        )

    def unknown(self, delivery: Delivery, error: SmtpSessionError) -> Outcome:
        """The reply was lost: the mail may or may not have been accepted."""
        return Outcome.of(delivery, Verdict.UNKNOWN, reply=str(error)[:MAX_REPLY])

    def throttled(self, delivery: Delivery, until: datetime, why: str, *, route: str | None = None) -> Outcome:
        """The mail waits until `until`, or less if it waits for a `route` that is resumed earlier."""
        return Outcome.of(
            delivery,
            Verdict.THROTTLED,
            reply=why[:MAX_REPLY],
            retry_at=until,
            detail={"reason": "held", "route": route},
        )

    def wait_for_route(self, delivery: Delivery, pause: RoutePause, until: datetime) -> Outcome:
        """The route is paused; the mail is due at `until`, or as soon as the route is resumed."""
        return self.throttled(delivery, until, str(pause), route=str(pause.route))


def _detail(reason: Reason, classification: ReplyClass) -> dict[str, Json]:
    """As `RecipientReport.detail` of a bounce mail; unknown fields are left out."""
    scope = scope_of_reason(reason)
    known: dict[str, Json] = {
        "hard": classification.subscriber is SubscriberEffect.HARD_BOUNCE,
        "reason": reason.value,
        "status": classification.status,
        "scope": scope.value if scope else None,
    }
    return {name: value for name, value in known.items() if value}
