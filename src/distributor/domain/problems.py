"""Problems that a check finds in a rendition or a campaign before it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """BLOCK stops the release; WARN is shown and may be accepted."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: `code` names the kind of finding for programs, `message` says what to do, `where` is its place."""

    severity: Severity
    code: str
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class ReviewProblem:
    """A problem of one channel, or of the whole campaign if `channel_name` is empty."""

    channel_name: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.channel_name}: {self.problem.message}" if self.channel_name else self.problem.message


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What several checks found. `passed` has a sentence for each that found nothing: what is so, as it was seen."""

    problems: tuple[Problem, ...] = ()
    passed: tuple[str, ...] = ()

    @classmethod
    def of(cls, checks: Iterable[tuple[str, Iterable[Problem]]]) -> CheckResult:
        """Make each check: a sentence about what it finds to be so, and its problems."""
        problems: list[Problem] = []
        passed: list[str] = []
        for sentence, found in checks:
            before = len(problems)
            problems.extend(found)
            if len(problems) == before:
                passed.append(sentence)
        return cls(problems=tuple(problems), passed=tuple(passed))

    def __add__(self, other: CheckResult) -> CheckResult:
        return CheckResult(problems=self.problems + other.problems, passed=self.passed + other.passed)
