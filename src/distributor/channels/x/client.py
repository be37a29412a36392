"""An account on X: making posts and finding them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar

import requests
from pydantic import BaseModel

from distributor.channels.api import Dedupe
from distributor.channels.social.answers import NotFound, PostAnswer, Posted, Refused, Trace, Unknown, classify_status
from distributor.channels.social.parts import Request
from distributor.channels.social.web import moment_of
from distributor.channels.x.client import ask, make_client
from distributor.channels.x.settings import XSettings
from distributor.channels.x.wire import Identified, Timeline, Tweet, complaint_in, parse
from distributor.domain.delivery import Verdict

# A post is on the timeline within seconds of being accepted.
_PROPAGATION = timedelta(seconds=15)
# The API shows the newest 3,200 posts of an account, 100 a page.
_PAGES = 32
_PAGE = 100
_DAILY_LIMITS = ("x-app-limit-24hour", "x-user-limit-24hour")

_Parsed = TypeVar("_Parsed", bound=BaseModel)


def request_for(text: str, *, in_reply_to: str | None) -> Request:
    """What a part asks X for, as it is frozen."""
    return {"text": text, "in_reply_to": in_reply_to}


class XClient:
    """The account whose keys are in the settings. The client blocks, so every call is made in a thread."""

    dedupe = Dedupe.HINT

    def __init__(self, settings: XSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._client = make_client(settings)
        # A call that is given up here may still be accepted at that moment.
        self.is_certain_after = timedelta(seconds=settings.timeout_seconds) + _PROPAGATION

    def __enter__(self) -> XClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.session.close()

    async def post(self, request: Request) -> PostAnswer:
        return await asyncio.to_thread(self._post, request["text"], request["in_reply_to"])

    async def find(self, request: Request, *, since: datetime) -> Trace:
        return await asyncio.to_thread(self._find, request["text"], request["in_reply_to"], since)

    def _post(self, text: str, in_reply_to: str | None) -> PostAnswer:
        answer = ask(self._client.create_tweet, text=text, in_reply_to_tweet_id=in_reply_to)
        if not isinstance(answer, requests.Response):
            return answer
        if not answer.ok:
            return self._judge(answer, is_reply=in_reply_to is not None)
        created = parse(Identified, answer)
        return created if isinstance(created, Unknown) else self._made(created.data.id)

    def _find(self, text: str, in_reply_to: str | None, since: datetime) -> Trace:
        user_id = self._user_id()
        if isinstance(user_id, Unknown):
            return user_id
        trace: Trace = NotFound()
        for tweet in self._timeline(user_id, since):
            if isinstance(tweet, Unknown):
                return tweet
            if tweet.in_reply_to == in_reply_to and tweet.says(text):
                # The timeline goes back in time, and the oldest is the one our call has made.
                trace = self._made(tweet.id)
        return trace

    def _timeline(self, user_id: str, since: datetime) -> Iterator[Tweet | Unknown]:
        """The account's own posts since then, newest first."""
        parameters: dict[str, Any] = {
            "start_time": since,
            "max_results": _PAGE,
            "tweet_fields": ["entities", "referenced_tweets"],
        }
        for _ in range(_PAGES):
            page = self._read(Timeline, self._client.get_users_tweets, user_id, user_auth=True, **parameters)
            if isinstance(page, Unknown):
                yield page
                return
            yield from page.data
            if page.meta.next_token is None:
                return
            parameters["pagination_token"] = page.meta.next_token

    def _user_id(self) -> str | Unknown:
        if self._settings.user_id:
            return self._settings.user_id
        me = self._read(Identified, self._client.get_me)
        return me if isinstance(me, Unknown) else me.data.id

    def _read(self, model: type[_Parsed], method: Callable[..., Any], *given: Any, **named: Any) -> _Parsed | Unknown:
        """What a reading call answers; whatever goes wrong with it leaves the question open."""
        answer = ask(method, *given, **named)
        if isinstance(answer, requests.Response) and answer.ok:
            return parse(model, answer)
        refusal = self._judge(answer, is_reply=False) if isinstance(answer, requests.Response) else answer
        return Unknown(
            reply=f"the account's posts cannot be read: {refusal.reply}",
            reply_code=refusal.reply_code,
            retry_at=refusal.retry_at,
        )

    def _judge(self, answer: requests.Response, *, is_reply: bool) -> Refused | Unknown:
        complaint = complaint_in(answer)
        words, status = complaint.words, answer.status_code
        if status == 403 and "duplicate" in words.lower():
            return Refused(verdict=Verdict.FAILED, reply=words, reply_code=status, is_repetition=True)
        if status == 403 and is_reply:
            # Right after the first post X may not see what is replied to; else replies are not for this app.
            is_too_quick = "deleted or not visible" in words.lower()
            verdict = Verdict.DEFERRED if is_too_quick else Verdict.FAILED
            return Refused(verdict=verdict, reply=words, reply_code=status)
        if status == 429 and complaint.type.endswith("/usage-capped"):
            return Refused(verdict=Verdict.SENDER_REJECTED, reply=words, reply_code=status)
        return classify_status(status, words, retry_at=self._reset_of(answer) if status == 429 else None)

    def _reset_of(self, answer: requests.Response) -> datetime | None:
        """When the limit that was reached is lifted: that of 15 minutes, or one of 24 hours (docs.x.com)."""
        headers = answer.headers
        used_up = [name for name in _DAILY_LIMITS if headers.get(f"{name}-remaining") == "0"]
        moments = (moment_of(headers.get(f"{name}-reset"), now=self._now()) for name in ("x-rate-limit", *used_up))
        return max((moment for moment in moments if moment), default=None)

    def _made(self, post_id: str) -> Posted:
        author = self._settings.handle or "i"
        return Posted(remote_id=post_id, permalink=f"{self._settings.web_url}/{author}/status/{post_id}")
