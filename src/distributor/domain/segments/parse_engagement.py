"""What people did with mail: `clicked at least 2 times in the last 90 days`, `opened none of the last 5`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from distributor.domain.segments.comparisons import negated
from distributor.domain.segments.condition import Action, Bound, Condition, Engaged, EngagedWithLast
from distributor.domain.segments.cursor import Cursor
from distributor.domain.segments.limits import LARGEST_CAMPAIGN, MOST_MAILS, why_count_is_invalid
from distributor.domain.segments.parse_people import parse_membership
from distributor.domain.segments.parse_window import parse_window_if_any
from distributor.domain.subscriber import Membership

_SHARES = ("none", "any", "all")
_TIMES = {"once": 1, "twice": 2}


def _engaged(action: Action, cursor: Cursor) -> Condition:
    """The rest of a condition after an action such as `clicked`."""
    if cursor.is_word(*_SHARES):
        return _share_of_last(action, cursor)
    link = _link(cursor) if action is Action.CLICKED else None
    if cursor.is_word("at"):
        bound, count = _bounded(cursor)
        if link is None and cursor.is_word("of"):
            return _counted_of_last(action, cursor, bound, count)
        cursor.expect("times", "time")
    else:
        bound, count = Bound.AT_LEAST, _times(cursor)
    campaign = _campaign(cursor)
    window = parse_window_if_any(cursor)
    if bound is Bound.AT_LEAST:
        return Engaged(action=action, at_least=count, link=link, campaign=campaign, window=window)
    cursor.reject_if(why_count_is_invalid(count + 1))
    return negated(cursor, Engaged(action=action, at_least=count + 1, link=link, campaign=campaign, window=window))


def _bounced(cursor: Cursor) -> Condition:
    how = cursor.take("softly", "hard")
    return _engaged(Action(f"bounced {how}") if how else Action.BOUNCED, cursor)


def _unsubscribed(cursor: Cursor) -> Condition:
    if cursor.is_word("from"):
        return parse_membership(Membership.UNSUBSCRIBED, "from", cursor)
    return _engaged(Action.UNSUBSCRIBED, cursor)


def _was_sent(cursor: Cursor) -> Condition:
    cursor.expect("sent")
    return _engaged(Action.MAILED, cursor)


def _never(cursor: Cursor) -> Condition:
    action = cursor.expect(*_ACTIONS)
    return negated(cursor, _ACTIONS[action](cursor))


def _share_of_last(action: Action, cursor: Cursor) -> Condition:
    """`none of the last 5`; `any` and `all` likewise."""
    share = cursor.expect(*_SHARES)
    last = _of_the_last(action, cursor)
    counts = {"none": (Bound.AT_MOST, 0), "any": (Bound.AT_LEAST, 1), "all": (Bound.AT_LEAST, last)}
    bound, count = counts[share]
    return EngagedWithLast(action=action, bound=bound, count=count, last=last)


def _counted_of_last(action: Action, cursor: Cursor, bound: Bound, count: int) -> Condition:
    last = _of_the_last(action, cursor)
    if count > last:
        raise cursor.token.error(
            f"{count} of the last {last} mails is impossible", "the first number must not be larger"
        )
    return EngagedWithLast(action=action, bound=bound, count=count, last=last)


def _of_the_last(action: Action, cursor: Cursor) -> int:
    cursor.reject_if("every mail was sent: name another action" if action is Action.MAILED else None)
    cursor.expect("of")
    cursor.expect("the")
    cursor.expect("last")
    last = cursor.expect_count(most=MOST_MAILS)
    cursor.take("mails", "mail")
    return last


def _bounded(cursor: Cursor) -> tuple[Bound, int]:
    cursor.expect("at")
    bound = Bound(f"at {cursor.expect('least', 'most')}")
    return bound, cursor.expect_count()


def _times(cursor: Cursor) -> int:
    """`once`, `twice`, `3 times`; without any of these, once."""
    word = cursor.take(*_TIMES)
    if word:
        return _TIMES[word]
    if not cursor.is_number():
        return 1
    count = cursor.expect_count()
    cursor.expect("times", "time")
    return count


def _link(cursor: Cursor) -> str | None:
    if not cursor.take("a"):
        return None
    cursor.expect("link")
    cursor.expect("with")
    return cursor.expect_text("a part of the link's address")


def _campaign(cursor: Cursor) -> int | None:
    if not (cursor.is_word("in") and cursor.is_word("campaign", ahead=1)):
        return None
    cursor.next()
    cursor.next()
    return cursor.expect_count(most=LARGEST_CAMPAIGN)


_ACTIONS: Mapping[str, Callable[[Cursor], Condition]] = {
    **{
        action.value: partial(_engaged, action)
        for action in (Action.MAILED, Action.OPENED, Action.CLICKED, Action.COMPLAINED)
    },
    "bounced": _bounced,
    "unsubscribed": _unsubscribed,
    "was": _was_sent,
}

ENGAGEMENT: Mapping[str, Callable[[Cursor], Condition]] = {**_ACTIONS, "never": _never}
