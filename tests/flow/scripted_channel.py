"""Kinds of channel whose answers are written in their settings: the other side, as a test wants it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from distributor.channels.api import NO_MEDIA, Audience, Capabilities, Dedupe, MediaStore, RenderContext, SendContext
from distributor.domain.article import Article
from distributor.domain.blocks import plain_text
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Json, Rendition


class Script(BaseModel):
    """What to answer: `answers` by recipient, everybody else is sent to. `seen` is a file that records each call.

    `record` is a file with a line of JSON for each call that says what was sent; renditions then show everything, with
    this `signature`, and what became of a lost answer is looked up there. A call takes `seconds`.
    """

    seen: str
    record: str = ""
    signature: str = ""
    answers: dict[str, str] = {}
    problem: str = ""
    fault: str = ""
    accounts: list[str] = ["@one"]
    reconciled: str = "sent"
    asked_to_retry_at: datetime | None = None
    seconds: float = 0.0


class ScriptedChannel:
    """Sends to subscribers.

    Answers: a Verdict; `unknown_user` and `mailbox_full`, replies about the recipient; or `silent`, `begun` (begun,
    then silent), `break`, `die`.
    """

    kind: ClassVar[str] = "scripted"
    settings_model: ClassVar[type[BaseModel]] = Script
    capabilities: ClassVar[Capabilities] = Capabilities(
        audience=Audience.SUBSCRIBERS, dedupe=Dedupe.NONE, queue="email"
    )

    def __init__(self, settings: BaseModel) -> None:
        assert isinstance(settings, Script)
        self.script = settings

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        if self.script.fault:
            raise RuntimeError(self.script.fault)
        payload: dict[str, Json] = {"text": articles[0].title, "links": ["https://example.org/a"]}
        if self.script.record:
            payload["shown"] = {
                "articles": [f"{one.title}: {plain_text(one.body)}" for one in articles],
                "tags": [", ".join(tag.label for tag in one.tags) for one in articles],
                "campaign": context.personalization.campaign if context.personalization else "",
                "site": f"{context.site.name} {context.site.public_url}",
                "signature": self.script.signature,
            }
            payload["dates"] = [str(one.published_at) for one in articles]
        return Rendition(self.kind, payload)

    def check(self, rendition: Rendition) -> list[Problem]:
        return [Problem(Severity.BLOCK, "scripted", self.script.problem)] if self.script.problem else []

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        return f"<p>{rendition.payload['text']}</p>"

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return {f"{self.kind}.txt": str(rendition.payload["text"]).encode()}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return []

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        for delivery in deliveries:
            answer = self.script.answers.get(delivery.recipient, "sent")
            if answer == "silent":
                continue
            if answer == "break":
                raise RuntimeError("a bug in the channel")
            context.journal.begin(delivery)
            with Path(self.script.seen).open("a") as seen:
                seen.write(f"{delivery.recipient}\n")
            self._record(rendition, delivery)
            await asyncio.sleep(self.script.seconds)
            if answer == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if answer == "begun":
                continue
            outcome = _REPLIES.get(answer, _reply)(delivery, answer, self.script.asked_to_retry_at)
            context.journal.settle(outcome)
            yield outcome

    def _record(self, rendition: Rendition, delivery: Delivery) -> None:
        if self.script.record:
            line = {
                "kind": self.kind,
                "dispatch": delivery.dispatch_id,
                "delivery": delivery.id,
                "recipient": delivery.recipient,
                "shown": rendition.payload["shown"],
                "digest": rendition.digest,
            }
            with Path(self.script.record).open("a") as record:
                record.write(f"{json.dumps(line)}\n")


def _reply(delivery: Delivery, answer: str, retry_at: datetime | None) -> Outcome:
    return Outcome.of(
        delivery,
        Verdict(answer),
        remote_id=f"remote-{delivery.id}",
        reply=f"scripted {answer}",
        retry_at=retry_at,
    )


def _unknown_user(delivery: Delivery, answer: str, retry_at: datetime | None) -> Outcome:
    return Outcome.of(
        delivery,
        Verdict.FAILED,
        reply_code=550,
        reply="5.1.1 no such user here",
        is_hard_bounce=True,
        detail={"reason": "userunknown", "status": "5.1.1", "scope": "recipient"},
    )


def _mailbox_full(delivery: Delivery, answer: str, retry_at: datetime | None) -> Outcome:
    return Outcome.of(
        delivery,
        Verdict.DEFERRED,
        reply_code=452,
        reply="4.2.2 mailbox full",
        retry_at=retry_at,
        counts_against_address=True,
        detail={"reason": "mailboxfull", "status": "4.2.2", "scope": "recipient"},
    )


_REPLIES = {"unknown_user": _unknown_user, "mailbox_full": _mailbox_full}


class ScriptedBroadcast(ScriptedChannel):
    """Sends to the accounts of the script, and can find out what became of a lost answer."""

    kind = "scripted_broadcast"
    capabilities = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.HINT, queue="social")

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return self.script.accounts

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        if self.script.record and delivery.id not in self._recorded():
            return Outcome.of(delivery, Verdict.RETRY_REMAINING)
        return Outcome.of(
            delivery,
            Verdict(self.script.reconciled),
            remote_id=f"found-{delivery.id}" if self.script.record else "found",
            permalink="https://example.org/found",
            retry_at=datetime(2999, 1, 1, tzinfo=UTC) if self.script.reconciled == "unknown" else None,
        )

    def _recorded(self) -> set[int]:
        """The deliveries that were sent."""
        record = Path(self.script.record)
        return {json.loads(line)["delivery"] for line in record.read_text().splitlines()} if record.exists() else set()


class ScriptedExact(ScriptedBroadcast):
    """Never doubles a call, and cannot look anything up."""

    kind = "scripted_exact"
    capabilities = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.EXACT, queue="social")
    reconcile = None  # type: ignore[assignment]


class ScriptedPosts(ScriptedBroadcast):
    """Commits an intent before each post, and cannot look up what became of one."""

    kind = "scripted_posts"
    capabilities = Capabilities(audience=Audience.BROADCAST, dedupe=Dedupe.NONE, queue="social")
    reconcile = None  # type: ignore[assignment]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        for delivery in deliveries:
            if not context.parts.intend(delivery, 0, {}).is_new:
                yield Outcome.of(delivery, Verdict.UNKNOWN, reply="intended before")
                continue
            async for outcome in super().send(rendition, [delivery], context):
                if outcome.verdict is Verdict.SENT:
                    context.parts.settle(delivery, 0, remote_id="posted", permalink=None)
                yield outcome
