"""What all providers' calls have in common: JSON from outside, our own marks in it, and a verdict on their words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from distributor.domain.errors import InputError
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.bounces import Reason, RecipientReport
from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.return_path import RETURN_PATH, read_return_path
from distributor.mail.verdicts import detail_of, speaks_against

_MESSAGE_ID = re.compile(r"<?([\w-]{16,64})@[^<>@\s]{1,253}>?", re.ASCII)
_MARK = re.compile(r"[\w-]{16,64}", re.ASCII)
_DEEPEST = 20
# Nothing was said, or nothing that is understood: the provider's own word for it counts.
_UNTOLD = frozenset({Reason.UNDEFINED, Reason.ONHOLD})


def read_json(body: bytes) -> Any:
    """Raises InputError for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is no JSON") from error


def as_object(value: Any) -> Mapping[str, Any]:
    """The object that a value is, or an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(told: Mapping[str, Any], name: str) -> str:
    """A text or a number of an object as text, or nothing."""
    value = told.get(name)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def moment_of(text: str) -> datetime | None:
    """A moment as ISO 8601 or as seconds since 1970; None if it is neither."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def verdict_of(address: str, *, words: str, status: str = "", otherwise: Reason) -> RecipientReport:
    """What a server's words say, or where they say nothing, what the provider makes of it."""
    evidence = BounceEvidence(recipient=address, words=words, status=status).completed()
    reason = classify(evidence, None)
    return RecipientReport(
        address=address,
        status=evidence.status,
        reply_code=evidence.reply_code,
        reason=otherwise if reason in _UNTOLD else reason,
    )


def feedback_of(
    meaning: FeedbackKind, told: Any, recipient: RecipientReport, *, key: str, at: str, tokens: TokenSigner
) -> Feedback:
    """Feedback about the delivery that is marked anywhere in what was told."""
    number, match = _delivery_in(told, tokens)
    return Feedback(
        meaning=meaning,
        key=key,
        match=match,
        delivery_id=number,
        address=recipient.address,
        is_hard=meaning is FeedbackKind.BOUNCE and recipient.is_hard,
        counts=meaning is FeedbackKind.BOUNCE and speaks_against(recipient),
        at=moment_of(at),
        detail=detail_of(recipient),
    )


def _delivery_in(told: Any, tokens: TokenSigner) -> tuple[int | None, MatchedBy]:
    """Every mark of ours is signed, so it does not matter in which field a provider gives it back."""
    texts = list(_texts(told, 0))
    for text in texts:
        for found in RETURN_PATH.finditer(text):
            number = read_return_path(found[0], tokens)
            if isinstance(number, int):
                return number, MatchedBy.RETURN_PATH
    for text in texts:
        named = _MESSAGE_ID.fullmatch(text.strip())
        claim = tokens.read(Purpose.MESSAGE, named[1]) if named else None
        if claim is not None:
            return claim.delivery_id, MatchedBy.MESSAGE_ID
        claim = tokens.read(Purpose.MESSAGE, text) if _MARK.fullmatch(text) else None
        if claim is not None:
            return claim.delivery_id, MatchedBy.METADATA
    return None, MatchedBy.NONE


def _texts(told: Any, depth: int) -> Iterator[str]:
    if isinstance(told, str):
        yield told[:4000]
    elif isinstance(told, list | dict) and depth < _DEEPEST:
        for part in told.values() if isinstance(told, dict) else told:
            yield from _texts(part, depth + 1)
