"""Problems that a check finds in a rendition before it is sent."""

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
