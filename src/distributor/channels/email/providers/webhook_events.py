"""What the webhooks of all providers share: from a provider's event to feedback about a delivery."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from distributor.channels.api import MalformedEvent, WebhookEvents
from distributor.channels.email.providers.payload import fault_in, parse_time, source_of
from distributor.domain.errors import InputError
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.bounces import Reason, RecipientReport
from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.reply_text import SmtpCommand
from distributor.mail.return_path import RETURN_PATH, read_return_path

_MESSAGE_ID = re.compile(r"<?([\w-]{16,64})@[^<>@\s]{1,253}>?", re.ASCII)
_TOKEN = re.compile(r"[\w-]{16,64}", re.ASCII)
_MAX_DEPTH = 20
_MAX_TEXT = 4000
# The server's reply is missing or not understood: then the provider's own classification counts.
_UNCLASSIFIED = frozenset({Reason.UNDEFINED, Reason.ONHOLD})


def read_each(
    events: Iterable[Any], read: Callable[[Mapping[str, Any]], Feedback | None], *, provider: str
) -> WebhookEvents:
    """The feedback that `read` finds in each event, None in one that is of no interest.

    An event that is no object, cannot be used, or for which `read` raises is malformed, and the others are read.
    """
    feedback: list[Feedback] = []
    malformed: dict[str, MalformedEvent] = {}
    for event in events:
        try:
            if reason := fault_in(event):
                raise InputError(reason)
            if not isinstance(event, dict):
                raise InputError(f"it is not an object but {type(event).__name__}")
            found = read(event)
        except Exception as error:
            reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            one = malformed_event(provider, event, reason)
            malformed[one.key] = one
        else:
            feedback += [found] if found is not None else []
    return WebhookEvents(feedback=tuple(feedback), malformed=tuple(malformed.values()))


def malformed_event(provider: str, event: Any, reason: str) -> MalformedEvent:
    """An event that cannot be read for this reason; its key is its content."""
    return MalformedEvent(
        key=_key_by_content(provider, event), reason=f"malformed event: {reason}", content=source_of(event)
    )


def type_of(event: Mapping[str, Any], member: str) -> str:
    """The type of an event, in this member of it. Raises InputError if it has none."""
    value = event.get(member)
    if not isinstance(value, str) or not value:
        raise InputError(f"its member {member} is not the type of an event")
    return value


def key_of(provider: str, event: Mapping[str, Any], *ids: str) -> str:
    """The key of an event by its ids at the provider; by its content if it has none, or all such were one event."""
    return "-".join((provider, *ids)) if any(ids) else _key_by_content(provider, event)


def _key_by_content(provider: str, event: Any) -> str:
    return f"{provider}-{hashlib.sha256(source_of(event)).hexdigest()[:32]}"


def report_of(
    email: str, *, reply: str, status: str = "", otherwise: Reason, is_temporary: bool = False
) -> RecipientReport:
    """A failure by the server's reply; `otherwise` is the provider's reason, for a reply that says nothing.

    Most rejections of a recipient are replies to RCPT, and providers do not tell the stage. `is_temporary`: the
    provider calls the failure temporary.
    """
    evidence = BounceEvidence(recipient=email, reply_text=reply, status=status).completed()
    reason = classify(replace(evidence, command=evidence.command or SmtpCommand.RCPT), None)
    return RecipientReport(
        address=email,
        status=evidence.status,
        reply_code=evidence.reply_code,
        reason=otherwise if reason in _UNCLASSIFIED else reason,
        is_temporary=is_temporary,
    )


def feedback_of(
    kind: FeedbackKind, event: Any, report: RecipientReport, *, key: str, time: str, tokens: TokenSigner
) -> Feedback:
    """Feedback about the delivery whose token stands anywhere in `event`; of a bounce it keeps what `report` says."""
    is_bounce = kind is FeedbackKind.BOUNCE
    if not is_bounce:
        report = RecipientReport(address=report.address)
    delivery_id, match = _find_delivery(event, tokens)
    return Feedback(
        kind=kind,
        key=key,
        match=match,
        delivery_id=delivery_id,
        address=report.address,
        is_hard=is_bounce and report.is_hard,
        counts=is_bounce and report.counts_against_address,
        at=parse_time(time),
        detail=report.detail(),
    )


def _find_delivery(event: Any, tokens: TokenSigner) -> tuple[int | None, MatchedBy]:
    """Every token of ours is signed, so it does not matter in which field a provider returns it."""
    texts = list(_texts(event, 0))
    for text in texts:
        for found in RETURN_PATH.finditer(text):
            number = read_return_path(found[0], tokens)
            if isinstance(number, int):
                return number, MatchedBy.RETURN_PATH
    for text in texts:
        message_id = _MESSAGE_ID.fullmatch(text.strip())
        claim = tokens.read(Purpose.MESSAGE, message_id[1]) if message_id else None
        if claim is not None:
            return claim.delivery_id, MatchedBy.MESSAGE_ID
        claim = tokens.read(Purpose.MESSAGE, text) if _TOKEN.fullmatch(text) else None
        if claim is not None:
            return claim.delivery_id, MatchedBy.METADATA
    return None, MatchedBy.NONE


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value[:_MAX_TEXT]
    elif isinstance(value, list | dict) and depth < _MAX_DEPTH:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part, depth + 1)
