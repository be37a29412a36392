"""Reading an API's answer: by the provider's own table first, else by the HTTP status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from distributor.channels.email.delivery.api_calls import Response
from distributor.channels.email.delivery.replies import NAMES, JudgedReply, Judgement
from distributor.channels.email.providers.api import AnswerRule, ApiProvider, delay, refusal
from distributor.domain.delivery import Verdict
from distributor.mail.bounces.reasons import Reason

# A stranger's wish is followed within reason.
_LONGEST_WAIT = timedelta(days=1)
_MOST_WORDS = 500
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# RFC 9110 section 15. What an account may not do concerns all mails; so does an address where nothing takes any. A
# mistake in the call itself would be made again with the next mail.
_BY_STATUS: tuple[AnswerRule, ...] = (
    refusal(Reason.AUTHFAILURE, r"^40[123]\b"),
    refusal(Reason.SYSTEMERROR, r"^(3\d\d|404|405|410)\b"),
    delay(Reason.SPEEDING, r"^(425|429)\b"),
    delay(Reason.SYSTEMERROR, r"^(408|503)\b"),
    refusal(Reason.MESGTOOBIG, r"^413\b"),
    refusal(Reason.SYNTAXERROR, r"^4\d\d\b"),
)
# A server's own error may come after the mail was taken, and so may words that nobody understands.
_UNCLEAR = Judgement(verdict=Verdict.UNKNOWN, reason=Reason.UNDEFINED.value)


def read_answer(provider: ApiProvider, response: Response, *, now: datetime) -> JudgedReply:
    """What an answer means."""
    status, told = response.status, provider.tell(response.body, response.headers)
    if 200 <= status < 300 and told.remote_id:
        taken = Judgement(verdict=Verdict.SENT, reason="delivered")
        return JudgedReply(status, (_in_one_line(f"taken as {told.remote_id}"),), taken)
    text = _in_one_line(" ".join(part for part in (told.code, told.words) if part))
    words = NAMES.sub("…", f"{status} {text}")
    rule = next((rule for rule in (*provider.rules, *_BY_STATUS) if rule.pattern.search(words)), None)
    return JudgedReply(status, (text,), _judgement(rule, response.headers, now) if rule else _UNCLEAR)


def _judgement(rule: AnswerRule, headers: Mapping[str, str], now: datetime) -> Judgement:
    asked = retry_after(headers.get("retry-after"), now=now) if rule.verdict is Verdict.DEFERRED else None
    return Judgement(verdict=rule.verdict, reason=rule.reason.value, retry_at=asked)


def _in_one_line(words: str) -> str:
    """A stranger's words, without what could spoil a log."""
    return _UNPRINTABLE.sub(" ", words)[:_MOST_WORDS].strip()


def retry_after(value: str | None, *, now: datetime) -> datetime | None:
    """The time that a Retry-After names, in seconds or as a date (RFC 9110 section 10.2.3); None if it names none."""
    text = (value or "").strip()
    try:
        moment = now + timedelta(seconds=float(text)) if text[:1].isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment, now), now + _LONGEST_WAIT)
