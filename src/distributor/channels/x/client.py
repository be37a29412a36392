"""The client of an account on X: creating posts and finding them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import requests
from pydantic import BaseModel

from distributor.channels.api import Delivery, SendContext, Verdict
from distributor.channels.social.http import parse_retry_at
from distributor.channels.social.idempotent_send import Request, SearchableClient
from distributor.channels.social.identity import account_finding, failed_finding
from distributor.channels.social.post import Post
from distributor.channels.social.results import (
    FindResult,
    Posted,
    PostResult,
    Refused,
    Unknown,
    classify_status,
    lookup_failed,
    parse_body,
)
from distributor.channels.x.schemas import DataResponse, TimelinePage, Tweet, UserResponse, problem_of
from distributor.channels.x.settings import XSettings
from distributor.channels.x.transport import call, tweepy_client
from distributor.domain.diagnostics import DiagnosticStatus, Finding

# A post is on the timeline within seconds of being accepted.
_PROPAGATION = timedelta(seconds=15)
# The API shows the newest 3,200 posts of an account, 100 a page.
_MAX_PAGES = 32
_PAGE_SIZE = 100
_DAILY_LIMITS = ("x-app-limit-24hour", "x-user-limit-24hour")

_Parsed = TypeVar("_Parsed", bound=BaseModel)


class XClient(SearchableClient):
    """The account whose keys are in the settings. tweepy blocks, so every call runs in a thread."""

    def __init__(self, settings: XSettings, context: SendContext) -> None:
        self._settings = settings
        self._now = context.now
        self._tweepy = tweepy_client(settings, context.lease)
        # X may still accept a call that timed out here.
        self.visible_after = timedelta(seconds=settings.timeout_seconds) + _PROPAGATION

    async def close(self) -> None:
        self._tweepy.session.close()

    async def identify(self) -> Sequence[Finding]:
        return await asyncio.to_thread(self._identify)

    def _identify(self) -> Sequence[Finding]:
        me = self._fetch(UserResponse, self._tweepy.get_me)
        if not isinstance(me, UserResponse):
            return [failed_finding("account", me, url="api_url", credentials="the four keys")]
        user = me.data
        findings = [account_finding(user.username, place=self._settings.web_url, handle=self._settings.handle)]
        if self._settings.user_id not in ("", user.id):
            sentence = (
                f"the account's number is {user.id}, and the setting user_id is {self._settings.user_id}: unset it"
            )
            findings.append(Finding("account number", DiagnosticStatus.FAIL, sentence))
        return findings

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        return {"text": post.text, "in_reply_to": previous.remote_id if post.continues and previous else None}

    async def post(self, request: Request) -> PostResult:
        return await asyncio.to_thread(self._post, request["text"], request["in_reply_to"])

    async def find(self, request: Request, *, since: datetime) -> FindResult:
        return await asyncio.to_thread(self._find, request["text"], request["in_reply_to"], since)

    def _post(self, text: str, in_reply_to: str | None) -> PostResult:
        response = call(self._tweepy.create_tweet, text=text, in_reply_to_tweet_id=in_reply_to)
        if not isinstance(response, requests.Response):
            return response
        if not response.ok:
            return self._classify(response, is_reply=in_reply_to is not None)
        created = parse_body(DataResponse, response)
        return created if isinstance(created, Unknown) else self._posted(created.data.id)

    def _find(self, text: str, in_reply_to: str | None, since: datetime) -> FindResult:
        user_id = self._user_id()
        if isinstance(user_id, Unknown):
            return user_id
        found = list[Posted]()
        for tweet in self._timeline(user_id, since):
            if isinstance(tweet, Unknown):
                return tweet
            if tweet.in_reply_to == in_reply_to and tweet.matches(text):
                found.append(self._posted(tweet.id))
        # The timeline is newest first.
        return found[::-1]

    def _timeline(self, user_id: str, since: datetime) -> Iterator[Tweet | Unknown]:
        """The account's own posts since then, newest first."""
        parameters: dict[str, Any] = {
            "start_time": since,
            "max_results": _PAGE_SIZE,
            "tweet_fields": ["entities", "referenced_tweets"],
        }
        for _ in range(_MAX_PAGES):
            page = self._read(TimelinePage, self._tweepy.get_users_tweets, user_id, user_auth=True, **parameters)
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
        me = self._read(UserResponse, self._tweepy.get_me)
        return me if isinstance(me, Unknown) else me.data.id

    def _read(
        self, model: type[_Parsed], method: Callable[..., Any], *arguments: Any, **named: Any
    ) -> _Parsed | Unknown:
        found = self._fetch(model, method, *arguments, **named)
        return lookup_failed(found) if isinstance(found, Refused | Unknown) else found

    def _fetch(
        self, model: type[_Parsed], method: Callable[..., Any], *arguments: Any, **named: Any
    ) -> _Parsed | Refused | Unknown:
        response = call(method, *arguments, **named)
        if not isinstance(response, requests.Response):
            return response
        return parse_body(model, response) if response.ok else self._classify(response, is_reply=False)

    def _classify(self, response: requests.Response, *, is_reply: bool) -> Refused | Unknown:
        problem = problem_of(response)
        text, status = problem.text, response.status_code
        if status == 403 and "duplicate" in text.lower():
            return Refused(verdict=Verdict.FAILED, reply=text, reply_code=status, is_duplicate=True)
        if status == 403 and is_reply:
            # Right after the first post X may not see what is replied to; else replies are not allowed for this app.
            is_too_early = "deleted or not visible" in text.lower()
            verdict = Verdict.DEFERRED if is_too_early else Verdict.FAILED
            return Refused(verdict=verdict, reply=text, reply_code=status)
        if status == 429 and problem.type.endswith("/usage-capped"):
            return Refused(verdict=Verdict.SENDER_REJECTED, reply=text, reply_code=status)
        return classify_status(status, text, retry_at=self._reset_of(response) if status == 429 else None)

    def _reset_of(self, response: requests.Response) -> datetime | None:
        """When the limit that was reached is lifted: that of 15 minutes, or one of 24 hours (docs.x.com)."""
        headers = response.headers
        used_up = [name for name in _DAILY_LIMITS if headers.get(f"{name}-remaining") == "0"]
        times = (parse_retry_at(headers.get(f"{name}-reset"), now=self._now()) for name in ("x-rate-limit", *used_up))
        return max((time for time in times if time), default=None)

    def _posted(self, post_id: str) -> Posted:
        author = self._settings.handle or "i"
        return Posted(remote_id=post_id, permalink=f"{self._settings.web_url}/{author}/status/{post_id}")
