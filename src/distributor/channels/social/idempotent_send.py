"""Sending the parts of a delivery in order, each exactly once as far as the network allows.

Intent before effect: what will be said is committed before the call, and the identity it got right after. What became
of an unanswered call is looked up on the account before anything is said again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from distributor.channels.api import Dedupe, PostPart, PostPartState, SendContext
from distributor.channels.social.answers import NotFound, PostAnswer, Posted, Refused, Trace, Unknown
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.rendition import Json

Request: TypeAlias = Mapping[str, Json]
# What a part will ask for, given the part before it.
Draft: TypeAlias = Callable[[Posted | None], Request]

# How far the clocks of the two sides may be apart.
_CLOCK_SKEW = timedelta(minutes=1)
_FIRST_LOOK_AFTER = timedelta(seconds=5)
_NEXT_LOOK_AFTER = timedelta(minutes=1)
# A thread that is not complete by then stays as it is: its rest would come too late to be read as one.
_MOST_ATTEMPTS_AT_A_THREAD = 6


class SocialClient(Protocol):
    """One account on a network. Both calls turn whatever the other side does into an answer.

    `is_certain_after` is how long after the intent a post that the account does not show was surely never made.
    """

    @property
    def dedupe(self) -> Dedupe: ...

    @property
    def is_certain_after(self) -> timedelta: ...

    async def post(self, request: Request) -> PostAnswer:
        """Ask for the post."""

    async def find(self, request: Request, *, since: datetime) -> Trace:
        """The post that this request has made, if it was made after `since`."""


async def send_parts(
    drafts: Sequence[Draft], delivery: Delivery, context: SendContext, network: SocialClient
) -> Outcome:
    """Make the parts that are not there yet, and say what the delivery came to.

    A part that is refused for good after others were made ends a thread early: that is SENT, and its `detail` says how
    many parts of how many are there.
    """
    made: list[Posted] = []
    for number, draft in enumerate(drafts):
        attempt = _Attempt(delivery=delivery, number=number, context=context, network=network)
        answer = await attempt.make(draft(made[-1] if made else None))
        if not isinstance(answer, Posted):
            return _stopped(answer, made, attempt, total=len(drafts))
        made.append(answer)
    return _sent(made, delivery, total=len(drafts))


async def reconcile_parts(total: int, delivery: Delivery, context: SendContext, network: SocialClient) -> Outcome:
    """Find out which of the parts that were intended are there: SENT if all are, else RESUME, or still UNKNOWN."""
    for part in context.parts.of(delivery):
        if part.state is PostPartState.SENT:
            continue
        attempt = _Attempt(delivery=delivery, number=part.number, context=context, network=network)
        trace = await attempt.look_for(part)
        if network.dedupe is Dedupe.EXACT:
            # Repeating the very same call does no harm, so the intent is kept.
            continue
        if isinstance(trace, Unknown):
            return attempt.unknown(trace)
        if isinstance(trace, NotFound):
            context.parts.withdraw(delivery, part.number)
    made = [_known(part) for part in context.parts.of(delivery) if part.state is PostPartState.SENT]
    if len(made) == total:
        return _sent(made, delivery, total=total)
    return Outcome.of(delivery, Verdict.RETRY_REMAINING, detail=_progress(made, total))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One try at one part."""

    delivery: Delivery
    number: int
    context: SendContext
    network: SocialClient

    async def make(self, request: Request) -> PostAnswer:
        part = self._intend(request)
        if part.state is PostPartState.SENT:
            return _known(part)
        if part.is_new or self.network.dedupe is Dedupe.EXACT:
            return await self._post(part, was_tried=not part.is_new)
        trace = await self.look_for(part)
        if not isinstance(trace, NotFound):
            return trace
        # Said anew from now on, so that the time to wait for it counts from now.
        self.context.parts.withdraw(self.delivery, self.number)
        return await self._post(self._intend(part.request), was_tried=True)

    async def look_for(self, part: PostPart) -> Trace:
        """The part if it is there. Absent only if it surely was not made."""
        trace = await self.network.find(part.request, since=self.delivery.created_at - _CLOCK_SKEW)
        if isinstance(trace, Posted):
            self._settle(trace)
        certain_at = part.intended_at + self.network.is_certain_after
        if isinstance(trace, NotFound) and self.context.now() < certain_at:
            return Unknown(reply="the account does not show the post yet", retry_at=certain_at)
        return trace

    def unknown(self, answer: Unknown) -> Outcome:
        return Outcome.of(
            self.delivery,
            Verdict.UNKNOWN,
            reply_code=answer.reply_code,
            reply=answer.reply,
            retry_at=answer.retry_at or self.context.now() + _NEXT_LOOK_AFTER,
        )

    def _intend(self, request: Request) -> PostPart:
        return self.context.parts.intend(self.delivery, self.number, request)

    async def _post(self, part: PostPart, *, was_tried: bool) -> PostAnswer:
        answer = await self.network.post(part.request)
        if isinstance(answer, Refused) and answer.is_repetition:
            answer = await self._judge_repetition(part, answer, was_tried=was_tried)
        match answer:
            case Posted():
                self._settle(answer)
            case Refused() if part.is_new:
                self.context.parts.withdraw(self.delivery, self.number)
            case Unknown(retry_at=None):
                soon = self.context.now() + _FIRST_LOOK_AFTER
                return Unknown(reply=answer.reply, reply_code=answer.reply_code, retry_at=soon)
        return answer

    async def _judge_repetition(self, part: PostPart, refusal: Refused, *, was_tried: bool) -> PostAnswer:
        """After an attempt of ours the network's "you said that already" may mean that very attempt."""
        if not was_tried and self.delivery.attempt == 1:
            return refusal
        trace = await self.network.find(part.request, since=self.delivery.created_at - _CLOCK_SKEW)
        if not isinstance(trace, NotFound):
            return trace
        if not was_tried:
            return refusal
        certain_at = self.context.now() + self.network.is_certain_after
        return Unknown(reply=refusal.reply, reply_code=refusal.reply_code, retry_at=certain_at)

    def _settle(self, made: Posted) -> None:
        self.context.parts.settle(
            self.delivery, self.number, remote_id=made.remote_id, permalink=made.permalink, detail=made.detail
        )


def _known(part: PostPart) -> Posted:
    return Posted(remote_id=part.remote_id or "", permalink=part.permalink, detail=part.detail)


def _sent(made: Sequence[Posted], delivery: Delivery, *, total: int, reply: str = "") -> Outcome:
    return Outcome.of(
        delivery,
        Verdict.SENT,
        remote_id=made[0].remote_id,
        permalink=made[0].permalink,
        reply=reply,
        detail=_progress(made, total),
    )


def _stopped(answer: Refused | Unknown, made: Sequence[Posted], attempt: _Attempt, *, total: int) -> Outcome:
    if isinstance(answer, Unknown):
        return attempt.unknown(answer)
    is_given_up = answer.verdict is Verdict.DEFERRED and attempt.delivery.attempt >= _MOST_ATTEMPTS_AT_A_THREAD
    if made and (answer.verdict is Verdict.FAILED or is_given_up):
        reply = f"only {len(made)} of {total} parts were posted, the next one was refused: {answer.reply}"
        return _sent(made, attempt.delivery, total=total, reply=reply)
    return answer.outcome_for(attempt.delivery, detail=_progress(made, total))


def _progress(made: Sequence[Posted], total: int) -> dict[str, Json]:
    return {"posted_parts": len(made), "of": total}
