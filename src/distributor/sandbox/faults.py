"""Faults: how a stand-in is told to misbehave, and when it does."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from distributor.domain.errors import InputError, NotFoundError


class FaultStage(StrEnum):
    """Where a call can be struck: the steps of an SMTP transaction, or what an HTTP call is for."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    POST = "post"
    READ = "read"
    DELETE = "delete"
    MEDIA = "media"
    LOGIN = "login"


SMTP = "smtp"
_HTTP_STAGES = (FaultStage.POST, FaultStage.READ, FaultStage.DELETE, FaultStage.MEDIA)
STAGES: Mapping[str, Sequence[FaultStage]] = {
    SMTP: (FaultStage.DOT, FaultStage.CONNECT, FaultStage.MAIL, FaultStage.RCPT, FaultStage.DATA),
    "x": _HTTP_STAGES,
    "mastodon": _HTTP_STAGES,
    "bluesky": (*_HTTP_STAGES, FaultStage.LOGIN),
}
"""The services and their stages; the first of each is where a fault strikes if it names none."""

_COMMITTING_STAGES = (FaultStage.DOT, FaultStage.POST, FaultStage.DELETE, FaultStage.MEDIA, FaultStage.LOGIN)


class Ending(StrEnum):
    """How a call that is struck ends for the caller."""

    ANSWER = "answer"
    CODE = "code"
    CLOSE = "close"


class FaultKind(StrEnum):
    """Whether a struck call takes effect, whether the caller waits before or after that, and how it ends."""

    REFUSE = "refuse"
    DROP = "drop"
    SLOW = "slow"
    LOSE_ANSWER = "lose-answer"
    DENY_AFTER_COMMIT = "deny-after-commit"
    HANG = "hang"

    @property
    def commits(self) -> bool:
        """The call takes effect, whatever the caller is told."""
        return self not in (FaultKind.REFUSE, FaultKind.DROP)

    @property
    def misleads(self) -> bool:
        """The call takes effect and the caller does not learn it."""
        return self in (FaultKind.LOSE_ANSWER, FaultKind.DENY_AFTER_COMMIT, FaultKind.HANG)

    @property
    def ending(self) -> Ending:
        """What the caller gets."""
        return _ENDINGS[self]


_ENDINGS = {
    FaultKind.REFUSE: Ending.CODE,
    FaultKind.DROP: Ending.CLOSE,
    FaultKind.SLOW: Ending.ANSWER,
    FaultKind.LOSE_ANSWER: Ending.CLOSE,
    FaultKind.DENY_AFTER_COMMIT: Ending.CODE,
    FaultKind.HANG: Ending.CLOSE,
}


class InjectedFault(BaseModel):
    """One way to misbehave.

    kind         refuse: answer `code`, do nothing. drop: close the connection, do nothing. slow: wait `seconds`, then
                 serve. lose-answer: do it, close the connection. deny-after-commit: do it, answer `code`.
                 hang: do it, wait `seconds`, close the connection.
    on           the stage; unset: the end of data for SMTP, posting for the others
    code         the SMTP or HTTP status, 400 to 599; unset: 451 for SMTP; 503, or 500 after a commit, for the others
    seconds      how long to wait; with an HTTP refusal of 429, when the limit ends
    probability  of striking a call that it could strike
    after        how many such calls are left alone first
    times        how many calls it strikes at most; unset: no end
    only_for     a glob that the recipient's address must match (stages rcpt and dot)
    text         what the answer says instead of the usual
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    on: FaultStage | None = None
    code: Annotated[int, Field(ge=400, le=599)] | None = None
    seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0
    probability: Annotated[float, Field(gt=0, le=1)] = 1
    after: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] | None = None
    only_for: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[\x20-\x7e]+$")] | None = None

    @model_validator(mode="after")
    def _check_code(self) -> InjectedFault:
        if self.code is not None and self.kind.ending is not Ending.CODE:
            raise ValueError(f"a fault of kind {self.kind} answers nothing, so it has no code")
        return self

    @model_validator(mode="after")
    def _check_seconds(self) -> InjectedFault:
        if self.kind in (FaultKind.SLOW, FaultKind.HANG) and self.seconds == 0:
            raise ValueError(f"a fault of kind {self.kind} needs seconds")
        return self


@dataclass(slots=True)
class _Armed:
    """A fault in force, with what it has seen so far."""

    fault: InjectedFault
    seed: str
    seen: int = 0
    struck: int = 0
    tries: Counter[str] = field(default_factory=Counter)

    def strikes(self, stage: FaultStage, key: str) -> bool:
        fault = self.fault
        if fault.on is not stage or (fault.only_for is not None and not fnmatchcase(key, fault.only_for)):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.times is not None and self.struck >= fault.times):
            return False
        if fault.probability < 1 and self._draw(key) >= fault.probability:
            return False
        self.struck += 1
        return True

    def _draw(self, key: str) -> float:
        """A number in [0, 1) that depends on the seed, the key and how often the key came by, not on other calls."""
        self.tries[key] += 1
        digest = hashlib.sha256(f"{self.seed}:{key}:{self.tries[key]}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


class Switches:
    """The faults in force of every service. May be set from any thread. A restart of the sandbox clears them."""

    def __init__(self) -> None:
        self._armed: dict[str, list[_Armed]] = {service: [] for service in STAGES}
        self._lock = Lock()

    def set(self, service: str, *faults: InjectedFault, seed: int = 0) -> None:
        """Let these faults be the ones in force; the first that strikes a call decides.

        Equal seeds strike equal calls. Raises NotFoundError for an unknown service, and InputError for a fault that
        the service cannot have.
        """
        stages = _stages_of(service)
        completed = [_complete(fault, service, stages) for fault in faults]
        armed = [_Armed(fault, f"{seed}:{number}") for number, fault in enumerate(completed)]
        with self._lock:
            self._armed[service] = armed

    def clear(self, service: str) -> None:
        """Behave again. Raises NotFoundError for an unknown service."""
        self.set(service)

    def in_force(self, service: str) -> list[tuple[InjectedFault, int]]:
        """The faults of a service, each with how often it has struck. Raises NotFoundError for an unknown service."""
        _stages_of(service)
        with self._lock:
            return [(armed.fault, armed.struck) for armed in self._armed[service]]

    def draw(self, service: str, stage: FaultStage, key: str = "") -> InjectedFault | None:
        """The fault that strikes this call, if any does. `key` is the recipient's address, where there is one."""
        with self._lock:
            return next((armed.fault for armed in self._armed[service] if armed.strikes(stage, key)), None)


def _stages_of(service: str) -> Sequence[FaultStage]:
    if service not in STAGES:
        raise NotFoundError("service", service, hint=f"there are {', '.join(STAGES)}")
    return STAGES[service]


def _complete(fault: InjectedFault, service: str, stages: Sequence[FaultStage]) -> InjectedFault:
    """The fault with its stage and code filled in."""
    stage = fault.on or stages[0]
    if stage not in stages:
        raise InputError(f"{service} has no stage '{stage}'; it has {', '.join(stages)}")
    if fault.kind.misleads and stage not in _COMMITTING_STAGES:
        raise InputError(
            f"nothing takes effect at stage '{stage}', so a fault of kind {fault.kind} cannot strike there"
        )
    if fault.only_for is not None and stage not in (FaultStage.RCPT, FaultStage.DOT):
        raise InputError(f"at stage '{stage}' there is no recipient, so only_for can never match")
    return fault.model_copy(update={"on": stage, "code": fault.code or _usual_code(fault.kind, service)})


def _usual_code(kind: FaultKind, service: str) -> int | None:
    if kind.ending is not Ending.CODE:
        return None
    if service == SMTP:
        return 451
    return 500 if kind.commits else 503
