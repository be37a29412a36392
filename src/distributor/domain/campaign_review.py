"""The review of a campaign: what would go out on every channel, to whom and when, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from distributor.domain.errors import InputError
from distributor.domain.problems import Problem, ReviewProblem, Severity
from distributor.domain.rendition import Rendition
from distributor.domain.schedule import find_zone, spell_time

_COST = re.compile(r"([A-Z]{3}) (\d{1,9}(?:\.\d{1,6})?)", re.ASCII)
_FINDINGS = re.compile(r"no problems|[\d,]+ (?:blocker|warning)s?(?: and [\d,]+ warnings?)?")
_SMALLEST = Decimal("0.001")


class Reach(StrEnum):
    """How a channel reaches its readers: SENT to subscribers, PUBLISHED in documents, POSTED on accounts."""

    SENT = "sent"
    PUBLISHED = "published"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a remote service is going to bill: an amount with the code of its currency (ISO 4217)."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, text: str) -> Cost:
        """Read ``USD 0.10``. Raises InputError."""
        found = _COST.fullmatch(text.strip())
        if found is None:
            raise InputError(f"{text!r} is not an amount of money; write it as in USD 0.10")
        return cls(amount=Decimal(found[2]), currency=found[1])

    def __str__(self) -> str:
        """In cents, or in tenths of a cent if it has any: ``USD 0.20``, ``USD 0.015``."""
        shown = self.amount.quantize(_SMALLEST)
        if not shown and self.amount:
            return f"less than {self.currency} {_SMALLEST}"
        places = 2 if shown == shown.quantize(Decimal("0.01")) else 3
        return f"{self.currency} {shown:,.{places}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchReview:
    """What one channel would send now. `rendition` is None if it cannot be rendered; `problems` then say why.

    `scheduled_at` is None for a draft without a time. `recipients` are subscribers, feeds or accounts, as of now.
    `passed` are sentences about what was checked and is right.
    """

    dispatch_id: int
    channel_name: str
    kind: str
    reach: Reach
    scheduled_at: datetime | None
    zone: str
    rendition: Rendition | None
    problems: tuple[Problem, ...]
    recipients: int
    cost: Cost | None = None
    passed: tuple[str, ...] = ()

    @property
    def local_time(self) -> datetime | None:
        """When it starts, in the time zone that was chosen for it."""
        return self.scheduled_at.astimezone(find_zone(self.zone) or UTC) if self.scheduled_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReview:
    """A campaign as it would go out at `made_at`, on the channels that are not released yet.

    `revisions` are those of its articles by slug, `titles` their titles in order, `to_publish` the slugs of those that
    its release is going to publish. `problems` are those of the campaign as a whole, `passed` sentences about what was
    checked and is right; `with_links` says whether links were asked. `audience` describes the
    subscribers chosen, such as "of weekly"; `received` is how many of them are left out because they got an article
    before.
    """

    campaign_id: int
    made_at: datetime
    titles: tuple[str, ...]
    revisions: Mapping[str, int]
    dispatches: tuple[DispatchReview, ...]
    problems: tuple[Problem, ...] = ()
    to_publish: tuple[str, ...] = ()
    audience: str = ""
    received: int = 0
    passed: tuple[str, ...] = ()
    with_links: bool = False

    @property
    def blockers(self) -> tuple[ReviewProblem, ...]:
        """What keeps the campaign from being sent."""
        return tuple(one for one in self._all_problems() if one.problem.severity is Severity.BLOCK)

    @property
    def warnings(self) -> tuple[ReviewProblem, ...]:
        """What may be wrong, and does not keep it from being sent."""
        return tuple(one for one in self._all_problems() if one.problem.severity is Severity.WARN)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The sum of what remote services are going to bill, in each currency."""
        sums: dict[str, Decimal] = {}
        for one in self.dispatches:
            if one.cost is not None:
                sums[one.cost.currency] = sums.get(one.cost.currency, Decimal()) + one.cost.amount
        return tuple(Cost(amount=amount, currency=currency) for currency, amount in sorted(sums.items()))

    @property
    def sentence(self) -> str:
        """Who gets what, when and on which channel, what becomes public by it, what it costs and what is wrong."""
        parts = [self._plan()]
        if self.to_publish:
            parts.append(f"this makes {self._made_public} public")
        if self.costs:
            parts.append(f"it costs about {joined(map(str, self.costs))}")
        # One that several channels have is one thing to mend.
        found = ((_distinct(self.blockers), "blocker"), (_distinct(self.warnings), "warning"))
        parts.append(joined(counted(number, noun) for number, noun in found if number) or "no problems")
        return "; ".join(parts)

    def _plan(self) -> str:
        if not self.dispatches:
            return f"Sends {self._subject} on no channel"
        by_time = sorted(self.dispatches, key=lambda one: one.scheduled_at or datetime.max.replace(tzinfo=UTC))
        steps: list[str] = []
        last: datetime | None = None
        for _, group in groupby(by_time, key=lambda one: (one.scheduled_at, one.zone)):
            together = list(group)
            time = together[0].local_time
            what = self._actions(together, named=not steps)
            steps.append(f"{what} {_spell_next(time, last) if time else '(no time is set)'}")
            last = time
        whole = ", then ".join(steps)
        return whole[0].upper() + whole[1:]

    def _actions(self, together: Sequence[DispatchReview], *, named: bool) -> str:
        """What happens on these channels at one time; the articles are named in the first action if `named`."""
        actions: list[str] = []
        for reach in Reach:
            names = [one.channel_name for one in together if one.reach is reach]
            if not names:
                continue
            what = self._subject if named and not actions else self._pronoun
            actions.append(_ACTIONS[reach].format(what=what, where=joined(names)))
            if reach is Reach.SENT:
                actions[-1] += f" to {self._people(next(one for one in together if one.reach is reach))}"
        return joined(actions)

    def _people(self, sent: DispatchReview) -> str:
        count = counted(sent.recipients, "subscriber") if sent.recipients else "no subscribers"
        more = " more" if sent.recipients else ""
        left_out = f"({self.received:,}{more} already got {self._pronoun})" if self.received else ""
        return " ".join(word for word in (count, self.audience, left_out) if word)

    @property
    def _subject(self) -> str:
        quoted = [f"“{title}”" for title in self.titles]
        if len(quoted) > 2:
            return f"{quoted[0]} and {len(quoted) - 1} more articles"
        return joined(quoted) or "no article"

    @property
    def _made_public(self) -> str:
        """The articles that become public: all of them, or some by their titles."""
        if len(self.to_publish) >= len(self.titles):
            return self._pronoun
        titles = dict(zip(self.revisions, self.titles, strict=False))
        return joined(f"“{titles.get(slug, slug)}”" for slug in self.to_publish)

    @property
    def _pronoun(self) -> str:
        return "it" if len(self.titles) < 2 else "them"

    def _all_problems(self) -> Iterator[ReviewProblem]:
        yield from (ReviewProblem("", problem) for problem in self.problems)
        for one in self.dispatches:
            yield from (ReviewProblem(one.channel_name, problem) for problem in one.problems)


_ACTIONS = {
    Reach.SENT: "sends {what} over {where}",
    Reach.PUBLISHED: "publishes {what} in {where}",
    Reach.POSTED: "posts {what} on {where}",
}


def _distinct(found: Sequence[ReviewProblem]) -> int:
    return len({one.problem for one in found})


def without_findings(sentence: str) -> str:
    """The sentence of a review without its end, which counts what is wrong."""
    plan, _, findings = sentence.rpartition("; ")
    return plan if _FINDINGS.fullmatch(findings) else sentence


def joined(words: Iterable[str], link: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} {link} {last}" if first else last


def some_of(names: Sequence[str], most: int = 3) -> str:
    """All names if they are few, else the first ones and how many more: ``a, b, c and 28 others``."""
    others = len(names) - most
    return joined(names if others < 2 else [*names[:most], f"{others:,} others"])


def counted(number: int, noun: str) -> str:
    """``1 subscriber``, ``1,204 subscribers``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _spell_next(time: datetime, last: datetime | None) -> str:
    """A time after another one: its date and zone only where they differ."""
    if last is None or (time.date(), str(time.tzinfo)) != (last.date(), str(last.tzinfo)):
        return f"on {spell_time(time)}"
    return f"at {time:%H:%M}"


def called(campaign_id: int, name: str) -> str:
    """A campaign as people know it, with its number: ``“Spring” (campaign 12)``."""
    return f"“{name}” (campaign {campaign_id})"
