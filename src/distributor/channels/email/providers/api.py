"""What one provider's API is to the others of the house: an address, a way to write a call, and a table of answers."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from distributor.channels.email.providers.message import Mail
from distributor.domain.delivery import Verdict
from distributor.mail.bounces.reasons import Reason


def object_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object that a body holds, or an empty one."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def as_json(value: Mapping[str, object]) -> bytes:
    """`value` without the members that are None or empty: providers refuse a field that says nothing."""
    told = {name: member for name, member in value.items() if member not in (None, "", [], {})}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def in_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUrl:
    """A provider's API and the account to use: ``scheme://key:secret@host/path?option=…``.

    `root` is where calls go, without a final slash. What `key`, `host` and `path` stand for is the provider's affair.
    """

    provider: ApiProvider
    root: str
    host: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST to `path` under the root of the API. Its header fields may hold the account's key."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """What an answer says: the provider's `code` for it, its words, and the name it gave a mail that it took."""

    code: str = ""
    words: str = ""
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """An answer that reads like `pattern` means this; DEFERRED asks us to call more slowly, or later."""

    verdict: Verdict
    reason: Reason
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProvider:
    """One provider. `example` shows how its address is written; `root_of` makes the API's root of the host in that.

    `tell` reads a body and the header fields around it. `rules` are searched in order in ``STATUS CODE WORDS``; what
    none of them fits means what its HTTP status says. `is_exact`: a call that is repeated is known as such, so a lost
    answer may be asked for again.
    """

    scheme: str
    example: str
    root_of: Callable[[str], str] = field(repr=False)
    write: Callable[[ApiUrl, Mail, datetime], Request] = field(repr=False)
    tell: Callable[[bytes, Mapping[str, str]], ApiAnswer] = field(repr=False)
    rules: tuple[AnswerRule, ...] = field(repr=False)
    options: frozenset[str] = frozenset()
    needs_secret: bool = False
    needs_path: bool = False
    is_exact: bool = False


def refusal(reason: Reason, *patterns: str) -> AnswerRule:
    """We are refused: the account, or the mail as such. Which of these follows from the reason (`refusals`)."""
    return AnswerRule(Verdict.SENDER_REJECTED, reason, _any_of(patterns))


def failure(reason: Reason, *patterns: str) -> AnswerRule:
    """It is about the recipient."""
    return AnswerRule(Verdict.FAILED, reason, _any_of(patterns))


def delay(reason: Reason, *patterns: str) -> AnswerRule:
    """Surely not taken; later it may be."""
    return AnswerRule(Verdict.DEFERRED, reason, _any_of(patterns))


def doubt(reason: Reason, *patterns: str) -> AnswerRule:
    """It may have been taken, by this call or an earlier one."""
    return AnswerRule(Verdict.UNKNOWN, reason, _any_of(patterns))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)
