"""The audience of a campaign, as the user chose it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePlan:
    """Lists, topics and segments by their slugs.

    Gets it who is on any of the lists (or, if none is named, on any list at all), follows any of the topics if some
    are named, and is in any of the segments if some are named; except who is on a list, follows a topic or is in a
    segment of `except_…`, and, unless `repeats`, who already got one of the articles by an earlier campaign.
    A valid consent and not being suppressed, disabled or paused go without saying.

    `failed_of` and `unknown_of` are campaigns by their numbers: if some are named, only those get it whose delivery in
    one of them has failed, or is unknown, at that moment; each on behalf of the same list as then. To name somebody as
    unknown is to accept a second copy, so a delivery in doubt of these campaigns does not count as got.
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
