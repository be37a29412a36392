"""Outcomes of deliveries: from the server's reply, from a broken session, or from a route or rate that has to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from distributor.channels.api import RoutePause
from distributor.channels.email.delivery.messages import Composer, Message
from distributor.channels.email.delivery.replies import ReplyClass, classify_reply
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.mail.bounces import Reason, RecipientReport
from distributor.mail.smtp.connection import SmtpStage
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
        is_failure = classification.verdict in (Verdict.FAILED, Verdict.DEFERRED)
        report = RecipientReport(
            address=message.delivery.recipient,
            status=reply.enhanced_status or "",
            reply_code=str(reply.code),
            reason=Reason(classification.reason) if is_failure else None,
        )
        return Outcome.of(
            message.delivery,
            classification.verdict,
            remote_id=self._composer.message_id(message.delivery) if is_sent else None,
            reply_code=reply.code,
            reply=reply.text[:MAX_REPLY],
            retry_at=classification.retry_at,
            is_hard_bounce=report.is_hard,
            counts_against_address=is_failure and report.counts_against_address,
            detail=None if is_sent else {"reason": classification.reason} | report.detail(),
        )

    def deferred(self, delivery: Delivery, error: SmtpSessionError) -> Outcome:
        """The mail was definitely not sent, and a later attempt may succeed."""
        reply = error.reply
        retry_at = classify_reply(reply, stage=SmtpStage.SESSION, now=self._now()).retry_at if reply else None
        return Outcome.of(
            delivery,
            Verdict.DEFERRED,
            reply_code=reply.code if reply else None,
            reply=str(error)[:MAX_REPLY],
            retry_at=retry_at,
            detail={"reason": "networkerror"},
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
