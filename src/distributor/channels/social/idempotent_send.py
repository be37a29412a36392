"""Sending the parts of a delivery in order, each exactly once as far as the network allows.

Intent before effect: the request is committed before the call, and the id of the post right after. What became of a
call without a response is looked up before anything is sent again; where the network cannot be asked, nothing is sent
again until the intent has been withdrawn by a decision outside the channel. A post that is recorded as another part or
delivery is never the result of a lookup: the account may have posted the same text before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeAlias

from distributor.channels.api import (
    Attribution,
    Dedupe,
    Delivery,
    Json,
    LostPeriod,
    Outcome,
    PostPart,
    PostPartState,
    SendContext,
    Verdict,
)
from distributor.channels.social.post import Post
from distributor.channels.social.results import (
    FindResult,
    LookupResult,
    NotFound,
    Posted,
    PostResult,
    Refused,
    Unknown,
)
from distributor.domain.diagnostics import Finding
from distributor.domain.errors import LeaseLostError

Request: TypeAlias = Mapping[str, Json]

# How far the clocks of this machine and of the network may differ.
_CLOCK_SKEW = timedelta(minutes=1)
_FIRST_LOOKUP_AFTER = timedelta(seconds=5)
_NEXT_LOOKUP_AFTER = timedelta(minutes=1)
# A thread that is not complete by then stays as it is: readers would not connect the rest with it any more.
_MAX_ATTEMPTS_AT_A_THREAD = 6


class SocialClient(ABC):
    """One account on a network, for the time of one `send`. Methods return failures of the network, and raise none."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def sign_in(self) -> Refused | None:
        """Open a session, where the network needs one; called before the first request is made."""
        return None

    async def identify(self) -> Sequence[Finding]:
        """Sign in and ask the network which account this is; no findings if it cannot be asked. Posts nothing."""
        return ()

    @abstractmethod
    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        """What is sent for part `number`, as JSON; `previous` is the part before it. Stored before it is sent."""

    @abstractmethod
    async def post(self, request: Request) -> PostResult:
        """Create the post. Raises LeaseLostError if `context.lease` has run out before the request was complete."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""


class SearchableClient(SocialClient):
    """A client of a network that shows the account's earlier posts.

    `visible_after` is how long after the intent a post that is not shown was definitely not created.
    """

    visible_after: timedelta = timedelta()

    @abstractmethod
    async def find(self, request: Request, *, since: datetime) -> FindResult:
        """The posts of the account since then that this request may have created, the oldest first."""

    async def find_lost(self, request: Request, *, since: datetime) -> FindResult:
        """The posts since then that an equal request under another key may have created, the oldest first.

        For what was posted before the database was restored: its key is not known any more.
        """
        return await self.find(request, since=since)


async def send_parts(
    posts: Sequence[Post], delivery: Delivery, context: SendContext, client: SocialClient, dedupe: Dedupe
) -> Outcome:
    """Create the parts that do not exist yet, and return the outcome of the delivery.

    A part that fails permanently after others were created ends a thread early: that is SENT, and its `detail` says
    how many parts of how many exist. Raises LeaseLostError; the next part was then definitely not created.
    """
    posted: list[Posted] = []
    for number, post in enumerate(posts):
        attempt = _Attempt(delivery=delivery, number=number, context=context, client=client, dedupe=dedupe)
        previous = posted[-1] if posted else None
        request = client.request_for(post, delivery=delivery, number=number, previous=previous)
        result = await attempt.create(request)
        if not isinstance(result, Posted):
            return _stopped(result, posted, attempt, total=len(posts))
        posted.append(result)
    return _sent(posted, delivery, total=len(posts))


async def reconcile_parts(
    total: int, delivery: Delivery, context: SendContext, client: SearchableClient, dedupe: Dedupe
) -> Outcome:
    """Look up the parts that were intended: SENT if all exist, else RETRY_REMAINING, or UNKNOWN if it is still open."""
    for part in context.parts.of(delivery):
        if part.state is PostPartState.SENT:
            continue
        attempt = _Attempt(delivery=delivery, number=part.number, context=context, client=client, dedupe=dedupe)
        found = await attempt.look_up(part)
        if dedupe is Dedupe.EXACT:
            # Repeating the same call does no harm, so the intent is kept.
            continue
        if isinstance(found, Unknown):
            return attempt.unknown(found)
        if isinstance(found, NotFound):
            context.parts.withdraw(delivery, part.number)
    posted = [_known(part) for part in context.parts.of(delivery) if part.state is PostPartState.SENT]
    if len(posted) == total:
        return _sent(posted, delivery, total=total)
    return Outcome.of(delivery, Verdict.RETRY_REMAINING, detail=_progress(posted, total))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One attempt at one part."""

    delivery: Delivery
    number: int
    context: SendContext
    client: SocialClient
    dedupe: Dedupe

    async def create(self, request: Request) -> PostResult:
        part = self._intend(request)
        if part.state is PostPartState.SENT:
            return _known(part)
        if self.context.lost is not None and (part.is_new or self.dedupe is Dedupe.EXACT):
            found = await self._look_up_lost(part, self.context.lost)
            if not isinstance(found, NotFound):
                return found
        if part.is_new or self.dedupe is Dedupe.EXACT:
            return await self._post(part, was_tried=not part.is_new)
        found = await self.look_up(part)
        if not isinstance(found, NotFound):
            return found
        # Intended anew, so that the time until it must be visible counts from now.
        self.context.parts.withdraw(self.delivery, self.number)
        return await self._post(self._intend(part.request), was_tried=True)

    async def look_up(self, part: PostPart) -> LookupResult:
        """The part if it exists; NotFound only if it was definitely not created."""
        if not isinstance(self.client, SearchableClient):
            return Unknown(reply="an earlier attempt may have created the post, and the network cannot be asked")
        found = await self._find(self.client, part)
        visible_at = part.intended_at + self.client.visible_after
        if isinstance(found, NotFound) and self.context.now() < visible_at:
            return Unknown(reply="the account does not show the post yet", retry_at=visible_at)
        return found

    async def _look_up_lost(self, part: PostPart, lost: LostPeriod) -> LookupResult:
        """The part if it was posted in this period; NotFound also if the network cannot be asked.

        A person has let the campaign go on, who was told that.
        """
        if not isinstance(self.client, SearchableClient):
            return NotFound()
        found = await self._attributed(part, await self.client.find_lost(part.request, since=lost.since - _CLOCK_SKEW))
        visible_at = lost.until + self.client.visible_after
        if isinstance(found, NotFound) and self.context.now() < visible_at:
            found = Unknown(
                reply="the account may not show yet what was posted before the restore", retry_at=visible_at
            )
        if isinstance(found, Unknown) and part.is_new:
            # Nothing was posted, so the next attempt asks again.
            self.context.parts.withdraw(self.delivery, self.number)
        return found

    def unknown(self, result: Unknown) -> Outcome:
        return Outcome.of(
            self.delivery,
            Verdict.UNKNOWN,
            reply_code=result.reply_code,
            reply=result.reply,
            retry_at=result.retry_at or self.context.now() + _NEXT_LOOKUP_AFTER,
        )

    def _intend(self, request: Request) -> PostPart:
        return self.context.parts.intend(self.delivery, self.number, request)

    async def _post(self, part: PostPart, *, was_tried: bool) -> PostResult:
        try:
            self.context.lease.check()
            result = await self.client.post(part.request)
        except LeaseLostError:
            if part.is_new:
                self.context.parts.withdraw(self.delivery, self.number)
            raise
        if isinstance(result, Posted):
            result = self._settle(result)
        elif isinstance(result, Refused) and result.is_duplicate:
            result = await self._resolve_duplicate(part, result, was_tried=was_tried)
        match result:
            case Refused() if part.is_new:
                self.context.parts.withdraw(self.delivery, self.number)
            case Unknown(retry_at=None):
                soon = self.context.now() + _FIRST_LOOKUP_AFTER
                return Unknown(reply=result.reply, reply_code=result.reply_code, retry_at=soon)
        return result

    async def _resolve_duplicate(self, part: PostPart, refusal: Refused, *, was_tried: bool) -> PostResult:
        """After an earlier attempt, the duplicate that the network reports may be that attempt's post.

        Where calls are idempotent it may be in any case: the key that is taken is the part's own.
        """
        if not was_tried and self.delivery.attempt == 1 and self.dedupe is not Dedupe.EXACT:
            return refusal
        if not isinstance(self.client, SearchableClient):
            return Unknown(reply=refusal.reply, reply_code=refusal.reply_code)
        found = await self._find(self.client, part)
        if not isinstance(found, NotFound):
            return found
        if not was_tried or found.has_others or self.dedupe is Dedupe.EXACT:
            # What was tried before has been looked up, or its key belongs to another post.
            return refusal
        visible_at = self.context.now() + self.client.visible_after
        return Unknown(reply=refusal.reply, reply_code=refusal.reply_code, retry_at=visible_at)

    async def _find(self, client: SearchableClient, part: PostPart) -> LookupResult:
        """The first post that is not recorded as another part or delivery; it is recorded as this part from now on."""
        since = self.delivery.created_at
        if self.context.lost is not None:
            since = min(since, self.context.lost.since)
        return await self._attributed(part, await client.find(part.request, since=since - _CLOCK_SKEW))

    async def _attributed(self, part: PostPart, found: FindResult) -> LookupResult:
        if isinstance(found, Unknown):
            return found
        for posted in found:
            attribution = self.context.parts.settle_found(
                self.delivery, self.number, remote_id=posted.remote_id, permalink=posted.permalink, detail=posted.detail
            )
            if attribution is Attribution.OWN:
                return posted
            if attribution is Attribution.OPEN:
                return Unknown(reply="the account shows a post that another delivery may have made just now")
        return NotFound(has_others=bool(found))

    def _settle(self, posted: Posted) -> Posted | Unknown:
        is_settled = self.context.parts.settle(
            self.delivery, self.number, remote_id=posted.remote_id, permalink=posted.permalink, detail=posted.detail
        )
        return (
            posted if is_settled else Unknown(reply="the post was found for another delivery before its id was stored")
        )


def _known(part: PostPart) -> Posted:
    return Posted(remote_id=part.remote_id or "", permalink=part.permalink, detail=part.detail)


def _sent(posted: Sequence[Posted], delivery: Delivery, *, total: int, reply: str = "") -> Outcome:
    return Outcome.of(
        delivery,
        Verdict.SENT,
        remote_id=posted[0].remote_id,
        permalink=posted[0].permalink,
        reply=reply,
        detail=_progress(posted, total),
    )


def _stopped(result: Refused | Unknown, posted: Sequence[Posted], attempt: _Attempt, *, total: int) -> Outcome:
    if isinstance(result, Unknown):
        return attempt.unknown(result)
    is_given_up = result.verdict is Verdict.DEFERRED and attempt.delivery.attempt >= _MAX_ATTEMPTS_AT_A_THREAD
    if posted and (result.verdict is Verdict.FAILED or is_given_up):
        reply = f"only {len(posted)} of {total} parts were posted, the next one was refused: {result.reply}"
        return _sent(posted, attempt.delivery, total=total, reply=reply)
    return result.outcome_for(attempt.delivery, detail=_progress(posted, total))


def _progress(posted: Sequence[Posted], total: int) -> dict[str, Json]:
    return {"posted_parts": len(posted), "of": total}
