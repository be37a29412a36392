"""The audience of a campaign, as the user chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePlan:
    """Lists, topics and segments by their slugs.

    It holds the subscribers who are on any of the lists (if none is named: on any list at all), follow any of the
    topics if some are named, and are in any of the segments if some are named; without those who are on a list, follow
    a topic or are in a segment of `except_…`, and, unless `repeats`, those who already got one of the articles by an
    earlier campaign. Accounts and feeds that got one are left out in the same way. Consent is always required;
    suppressed, disabled and paused subscribers never get it.

    `failed_of` and `unknown_of` are ids of campaigns: if some are named, only subscribers get it whose delivery in one
    of them is failed or unknown at that time, each for the same list as before. Selecting unknown deliveries accepts
    second copies, so an unknown delivery of these campaigns does not count as received.
    """

    lists: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    except_lists: tuple[str, ...] = ()
    except_topics: tuple[str, ...] = ()
    except_segments: tuple[str, ...] = ()
    repeats: bool = False
    failed_of: tuple[int, ...] = ()
    unknown_of: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named. An empty plan is invalid: it must not mean all subscribers."""
        return not (self.lists or self.topics or self.segments or self.failed_of or self.unknown_of)


class LeftOut(StrEnum):
    """Why someone on the lists of an audience does not get the campaign, in the order in which it is asked.

    A person who is on several of the lists gets it by the one that comes furthest in this order; so each person who is
    left out is left out for one reason. NOT_MISSED: no delivery of the campaigns named failed or is unknown.
    """

    UNSUBSCRIBED = "unsubscribed"
    UNCONFIRMED = "unconfirmed"
    DISABLED = "disabled"
    PAUSED = "paused"
    TOPIC_NOT_CHOSEN = "topic_not_chosen"
    SUPPRESSED = "suppressed"
    NOT_MISSED = "not_missed"
    OUTSIDE_TOPICS = "outside_topics"
    OUTSIDE_SEGMENTS = "outside_segments"
    EXCEPTED = "excepted"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCount:
    """How many people are on the lists of an audience, and of how many of them each reason keeps it.

    `left_out` has every reason that was asked, also those that keep it from nobody.
    """

    members: int
    left_out: Mapping[LeftOut, int]

    @property
    def recipients(self) -> int:
        """Those who would get it: all others."""
        return self.members - sum(self.left_out.values())
