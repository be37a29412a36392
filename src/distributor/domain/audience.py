"""The audience of a campaign, as the user chose it."""

from __future__ import annotations

from dataclasses import dataclass


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
