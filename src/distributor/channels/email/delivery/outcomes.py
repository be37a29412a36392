"""What is told of a delivery: the other side's answer, the session's trouble, or why it was not its turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from distributor.channels.api import RoutePause
from distributor.channels.email.delivery.messages import Composer, Message
from distributor.channels.email.delivery.replies import Judgement, judge
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError

LONGEST_REPLY = 1000


class Outcomes:
    """Makes the outcomes of one batch."""

    def __init__(self, composer: Composer, now: Callable[[], datetime]) -> None:
        self._composer = composer
        self._now = now

    def of_reply(self, letter: Message, judgement: Judgement, reply: SmtpReply) -> Outcome:
        """What the server's reply means for the letter."""
        is_sent = judgement.verdict is Verdict.SENT
        return Outcome.of(
            letter.delivery,
            judgement.verdict,
            remote_id=self._composer.message_id(letter.delivery) if is_sent else None,
            reply_code=reply.code,
            reply=reply.text[:LONGEST_REPLY],
            retry_at=judgement.retry_at,
            detail=None if is_sent else {"reason": judgement.reason},
        )

    def deferral(self, delivery: Delivery, trouble: SmtpSessionError) -> Outcome:
        """The delivery was not sent for a trouble that may pass."""
        asked = judge(trouble.reply, stage=SmtpStage.SESSION, now=self._now()).retry_at if trouble.reply else None
        return Outcome.of(
            delivery,
            Verdict.DEFERRED,
            reply_code=trouble.reply.code if trouble.reply else None,
            reply=str(trouble)[:LONGEST_REPLY],
            retry_at=asked,
            detail={"reason": "networkerror"},
        )

    def doubt(self, delivery: Delivery, trouble: SmtpSessionError) -> Outcome:
        """The delivery may or may not have arrived."""
        return Outcome.of(delivery, Verdict.UNKNOWN, reply=str(trouble)[:LONGEST_REPLY])

    def hold(self, delivery: Delivery, until: datetime, why: str) -> Outcome:
        """It is not the delivery's turn before `until`."""
        return Outcome.of(
            delivery,
            Verdict.THROTTLED,
            reply=why[:LONGEST_REPLY],
            retry_at=until,
            detail={"reason": "held", "lane": None},
        )

    def wait_for_lane(self, delivery: Delivery, pause: RoutePause, until: datetime) -> Outcome:
        """The delivery's lane is paused; it is due at `until`, or at once when the lane bears again."""
        return Outcome.of(
            delivery,
            Verdict.THROTTLED,
            reply=str(pause)[:LONGEST_REPLY],
            retry_at=until,
            detail={"reason": "held", "lane": str(pause.lane)},
        )
