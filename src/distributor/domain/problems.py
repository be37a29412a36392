"""Problems that a check finds in a rendition or a campaign before it is sent."""

from __future__ import annotations

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
