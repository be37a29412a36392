"""What a provider's file declares: its API's URL, requests and responses, its webhook, and its header fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.domain.delivery import Verdict
from distributor.domain.diagnostics import Finding
from distributor.mail.bounces.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUrl:
    """A provider's API and the account to use: ``scheme://key:secret@host/path?option=…``.

    `root` is the URL that requests go to, without a final slash. The provider decides what `key`, `host` and `path`
    mean.
    """

    provider: Provider
    root: str
    host: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A POST to `path` under the root of the API. Its header fields may hold the account's key."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """How to ask a provider which account or domain a key is for.

    `path` is requested with GET and the header fields that `headers` builds. `read` gets the body of a success and
    returns findings; `is_valid_key` says of another status and body whether the key may send all the same.
    """

    path: Callable[[ApiUrl], str]
    headers: Callable[[ApiUrl, datetime], Mapping[str, str]]
    read: Callable[[ApiUrl, bytes], Sequence[Finding]]
    is_valid_key: Callable[[int, bytes], bool] = lambda status, body: False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResult:
    """A response as the provider words it: its error `code` and `message`, or the `remote_id` of an accepted mail."""

    code: str = ""
    message: str = ""
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """A response that matches `pattern` has this verdict; DEFERRED asks for fewer requests, or for later ones."""

    verdict: Verdict
    reason: Reason
    pattern: re.Pattern[str]


def sender_rejected(reason: Reason, *patterns: str) -> ResponseRule:
    """The account or the mail itself is rejected; `mail.bounces.policy` derives from the reason which of them."""
    return ResponseRule(Verdict.SENDER_REJECTED, reason, _any_of(patterns))


def failed(reason: Reason, *patterns: str) -> ResponseRule:
    """This recipient is rejected."""
    return ResponseRule(Verdict.FAILED, reason, _any_of(patterns))


def deferred(reason: Reason, *patterns: str) -> ResponseRule:
    """The mail was definitely not accepted, and a later attempt may succeed."""
    return ResponseRule(Verdict.DEFERRED, reason, _any_of(patterns))


def unknown(reason: Reason, *patterns: str) -> ResponseRule:
    """This request or an earlier one may have been accepted."""
    return ResponseRule(Verdict.UNKNOWN, reason, _any_of(patterns))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One mail provider; its file binds it to the name ``PROVIDER``.

    `name` is the scheme of its API's URL and the value of the setting `events_from`, `title` what it calls itself.
    `example` is such a URL, and `root_of` derives the API's root from the host in it. `build_request` gets the time
    of the request; `parse_response` gets a body and the header fields. `rules` are searched in order in ``STATUS
    CODE MESSAGE``; a response that matches none of them is classified by its HTTP status. `is_idempotent`: a
    repeated request is recognized, so it may be repeated after a lost response. `account` asks whose the key is.

    `questions` are what is asked of people who connect it: for `key`, `secret`, `host`, `path` and options; without
    one for the host it is that of the example.

    `read_webhook` gets a request and the setting `events_secret`; it raises SignatureError, InputError or ServiceError.

    For mail that goes to the provider by SMTP: `delivery_header` makes the header field whose value, the delivery's
    token, comes back in the webhook; `replaced_headers` are the fields, in lower case, that the provider replaces.
    """

    name: str
    title: str
    example: str
    root_of: Callable[[str], str] = field(repr=False)
    build_request: Callable[[ApiUrl, ApiMessage, datetime], ApiRequest] = field(repr=False)
    parse_response: Callable[[bytes, Mapping[str, str]], ApiResult] = field(repr=False)
    rules: tuple[ResponseRule, ...] = field(repr=False)
    account: AccountRequest = field(repr=False)
    read_webhook: Callable[[WebhookRequest, str], WebhookEvents] = field(repr=False)
    questions: tuple[Question, ...] = field(default=(), repr=False)
    options: frozenset[str] = frozenset()
    needs_secret: bool = False
    needs_path: bool = False
    is_idempotent: bool = False
    delivery_header: Callable[[str], str] | None = field(default=None, repr=False)
    replaced_headers: frozenset[bytes] = frozenset()
