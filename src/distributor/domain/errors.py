"""The error classes.

DistributorError                 a problem that the user can act on
├── InputError                   invalid input
│   ├── SourceError              an article file: path, line, reason
│   ├── AddressError             an invalid email address
│   ├── SignatureError           a request without a valid signature
│   ├── ScheduleError            a time or a time zone
│   ├── PostWordsError           words of a post that are too long for its network: channel, option, number of the post
│   ├── DataError                a value that the database cannot store
│   ├── SegmentError             a condition of a segment: line and column, or JSON path, reason
│   └── TemplateError            a template: name, line, reason
├── NotFoundError                an unknown article, list, channel, campaign …
│   └── GoneError                an article that was public and was withdrawn
│       └── RemovedError         details whose retention time has passed
├── StateError                   not possible in the current state
│   └── BlockedError             a campaign whose review found what must not go out
├── PermissionDeniedError        not allowed to this user
├── ConfigurationError           settings, ports, missing programs
├── SchemaError                  a database that this version cannot work with
└── ServiceError                 PostgreSQL, Redis or a remote service does not answer
    ├── DiskFullError            a disk of this machine or of PostgreSQL has no room left
    └── QueryTimeoutError        a question to PostgreSQL that takes longer than it may

A message says what is wrong, where, and what to do. `exit_code` is what the command line ends with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from distributor.domain.problems import ReviewProblem
from distributor.domain.retention import removal_sentence


class DistributorError(Exception):
    """The base class. The text of every error can be shown to users as it is."""

    exit_code: ClassVar[int] = 1


class InputError(DistributorError):
    """The input is invalid; the same call can only succeed with other input."""

    exit_code = 2


class SourceError(InputError):
    """A file that cannot be read, with path and line."""

    def __init__(self, reason: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        self.reason = reason
        self.path = str(path) if path is not None else None
        self.line = line
        super().__init__(reason)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line) if part is not None)
        return f"{place}: {self.reason}" if place else self.reason

    @property
    def reason_with_line(self) -> str:
        """The reason after the line it is about, if that is known: for where the file is named beside it."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class InertLinkError(DistributorError):
    """A signed link is of a test mail: it belongs to no subscriber, and changes nothing."""


class AddressError(InputError):
    """An invalid email address."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(f"{address!r} is not an email address: {reason}")


class SignatureError(InputError):
    """A web hook request without a valid or fresh signature; it is rejected as a whole."""


class PostWordsError(InputError):
    """Words of a post that its network does not take as they are.

    `option` is the message option at fault, `number` counts the posts of a thread from 1.
    """

    def __init__(self, channel: str, option: str, number: int, reason: str) -> None:
        self.channel = channel
        self.option = option
        self.number = number
        self.reason = reason
        super().__init__(f"on {channel}: {reason}")


class ScheduleError(InputError):
    """An invalid time, a time in the past, or an unknown time zone."""


class DataError(InputError):
    """A value that the database cannot store: too long, out of range, with a NUL, or against a constraint.

    `place` is the table and the column, index or constraint, where PostgreSQL names it. The message never quotes the
    value.
    """

    def __init__(self, reason: str, *, place: str = "") -> None:
        self.reason = reason
        self.place = place
        super().__init__(f"the database cannot store this{f' in {place}' if place else ''}: {reason}")


class SegmentError(InputError):
    """A segment condition that cannot be parsed, with the position.

    In a text that is `line` and `column`, counted from 1, and `offset` and `length` in characters, the first being 0;
    in JSON it is `path`. `hint` may say what was meant. A condition that can be parsed but not used, such as one that
    refers to itself, has no position.
    """

    def __init__(
        self,
        reason: str,
        *,
        hint: str = "",
        line: int | None = None,
        column: int | None = None,
        offset: int | None = None,
        length: int | None = None,
        path: str | None = None,
    ) -> None:
        self.reason = reason
        self.hint = hint
        self.line = line
        self.column = column
        self.offset = offset
        self.length = length
        self.path = path
        super().__init__(f"{reason}; {hint}" if hint else reason)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"line {self.line}, column {self.column}"
        return f"{place}: {self.args[0]}" if place else str(self.args[0])


class TemplateError(InputError):
    """A template that cannot be rendered, with its name and line."""

    def __init__(self, reason: str, *, template: str, line: int | None = None) -> None:
        self.reason = reason
        self.template = template
        self.line = line
        super().__init__(f"template {template}{f', line {line}' if line else ''}: {reason}")


class NotFoundError(DistributorError):
    """There is no object with this name or id."""

    exit_code = 3

    def __init__(self, noun: str, name: object, *, hint: str = "") -> None:
        self.noun = noun
        self.name = name
        super().__init__(f"there is no {noun} {name!r}{f'; {hint}' if hint else ''}")


class GoneError(NotFoundError):
    """It was public and was withdrawn (HTTP status 410, RFC 9110 section 15.5.11)."""


class RemovedError(GoneError):
    """It was here, and was removed when its retention time had passed; totals are kept."""

    def __init__(self, noun: str, name: object, *, removed_at: datetime) -> None:
        self.removed_at = removed_at
        super().__init__(noun, name)
        self.args = (f"{noun} {name}: {removal_sentence(removed_at)}",)


class StateError(DistributorError):
    """The operation is not possible in the current state."""

    exit_code = 4


class BlockedError(StateError):
    """A campaign is not scheduled or resumed, because its review found these problems; the message names every one."""

    def __init__(self, campaign_id: int, blockers: Sequence[ReviewProblem]) -> None:
        self.campaign_id = campaign_id
        self.blockers = tuple(blockers)
        super().__init__(f"campaign {campaign_id} cannot go out: {'; '.join(map(str, blockers))}")


class LeaseLostError(StateError):
    """The lease of a worker on its deliveries may have run out: it must not send them, because others may."""


class PermissionDeniedError(DistributorError):
    """The role of a user does not allow it."""

    exit_code = 4


class ConfigurationError(DistributorError):
    """A problem with settings, ports or programs of this machine."""

    exit_code = 5


class SchemaError(DistributorError):
    """A database whose schema this version cannot work with."""

    exit_code = 6


class ServiceError(DistributorError):
    """PostgreSQL, Redis or a remote service does not answer."""

    exit_code = 7


class DiskFullError(ServiceError):
    """A disk of this machine or of PostgreSQL has no room left; the same call succeeds when there is room again."""


class QueryTimeoutError(ServiceError):
    """PostgreSQL was asked something that takes longer than it may, and has given it up."""
