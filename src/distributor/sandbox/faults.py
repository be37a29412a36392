"""Fault injection: which faults an emulator can have, and which call gets one."""

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
    """Where a fault can be injected: at a step of an SMTP transaction, or by the purpose of an HTTP call."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProfile:
    """Which faults a service can have.

    stages        where; the first is where a fault is injected that names no stage
    refusal_code  the status of a refusal without effect, where the fault names none
    denial_code   the status of a response that denies what took effect, where the fault names none
    """

    stages: Sequence[FaultStage]
    refusal_code: int = 503
    denial_code: int = 500


HTTP_FAULTS = FaultProfile(stages=(FaultStage.POST, FaultStage.READ, FaultStage.DELETE, FaultStage.MEDIA))
_COMMITTING_STAGES = (FaultStage.DOT, FaultStage.POST, FaultStage.DELETE, FaultStage.MEDIA, FaultStage.LOGIN)


class Ending(StrEnum):
    """What the caller gets from a call with a fault."""

    RESPONSE = "response"
    CODE = "code"
    CLOSE = "close"


class FaultKind(StrEnum):
    """Whether a call with a fault takes effect, whether the caller waits before or after that, and how it ends."""

    REFUSE = "refuse"
    DROP = "drop"
    SLOW = "slow"
    LOSE_RESPONSE = "lose-response"
    DENY_AFTER_COMMIT = "deny-after-commit"
    HANG = "hang"

    @property
    def commits(self) -> bool:
        """The call takes effect, whatever its response is."""
        return self not in (FaultKind.REFUSE, FaultKind.DROP)

    @property
    def hides_success(self) -> bool:
        """The call takes effect and its response does not show it."""
        return self in (FaultKind.LOSE_RESPONSE, FaultKind.DENY_AFTER_COMMIT, FaultKind.HANG)

    @property
    def ending(self) -> Ending:
        """What the caller gets."""
        return _ENDINGS[self]


_ENDINGS = {
    FaultKind.REFUSE: Ending.CODE,
    FaultKind.DROP: Ending.CLOSE,
    FaultKind.SLOW: Ending.RESPONSE,
    FaultKind.LOSE_RESPONSE: Ending.CLOSE,
    FaultKind.DENY_AFTER_COMMIT: Ending.CODE,
    FaultKind.HANG: Ending.CLOSE,
}


class InjectedFault(BaseModel):
    """One fault to inject.

    kind         refuse: respond with `code`, no effect. drop: close the connection, no effect. slow: wait `seconds`,
                 then serve. lose-response: take effect, close the connection. deny-after-commit: take effect,
                 respond with `code`. hang: take effect, wait `seconds`, close the connection.
    on           the stage; unset: the first of the service (the end of data for SMTP, posting for the others)
    code         the SMTP or HTTP status, 400 to 599; unset: 451 for SMTP; 503, or 500 after a commit, over HTTP
    seconds      how long to wait; with an HTTP refusal of 429, when the limit ends
    probability  of injecting it into a call that it applies to
    after        how many such calls go without it first
    times        how many calls get it at most; unset: no end
    only_for     a glob that the recipient's address must match (stages rcpt and dot)
    text         the text of the response instead of the usual one
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
            raise ValueError(f"a fault of kind {self.kind} sends no status, so it has no code")
        return self

    @model_validator(mode="after")
    def _check_seconds(self) -> InjectedFault:
        if self.kind in (FaultKind.SLOW, FaultKind.HANG) and self.seconds == 0:
            raise ValueError(f"a fault of kind {self.kind} needs seconds")
        return self


@dataclass(slots=True)
class _ActiveFault:
    """A fault with its counters: calls it applied to, calls it was injected into, draws per key."""

    fault: InjectedFault
    seed: str
    seen: int = 0
    injected: int = 0
    draws: Counter[str] = field(default_factory=Counter)

    def applies_to(self, stage: FaultStage, key: str) -> bool:
        fault = self.fault
        if fault.on is not stage or (fault.only_for is not None and not fnmatchcase(key, fault.only_for)):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.times is not None and self.injected >= fault.times):
            return False
        if fault.probability < 1 and self._draw(key) >= fault.probability:
            return False
        self.injected += 1
        return True

    def _draw(self, key: str) -> float:
        """A number in [0, 1) that depends on the seed, the key and how often it was drawn for, not on other calls."""
        self.draws[key] += 1
        digest = hashlib.sha256(f"{self.seed}:{key}:{self.draws[key]}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


class Switches:
    """The active faults of every service. May be set from any thread. A restart of the sandbox clears them."""

    def __init__(self, profiles: Mapping[str, FaultProfile]) -> None:
        self._profiles = profiles
        self._active: dict[str, list[_ActiveFault]] = {service: [] for service in profiles}
        self._lock = Lock()

    @property
    def services(self) -> Sequence[str]:
        """The services that can have faults."""
        return list(self._profiles)

    def set(self, service: str, *faults: InjectedFault, seed: int = 0) -> None:
        """Replace the active faults; the first that applies to a call is injected.

        Equal seeds choose equal calls. Raises NotFoundError for an unknown service, and InputError for a fault that
        the service cannot have.
        """
        profile = self._profile(service)
        completed = [_complete(fault, service, profile) for fault in faults]
        active = [_ActiveFault(fault, f"{seed}:{number}") for number, fault in enumerate(completed)]
        with self._lock:
            self._active[service] = active

    def clear(self, service: str) -> None:
        """Remove the active faults. Raises NotFoundError for an unknown service."""
        self.set(service)

    def active(self, service: str) -> list[tuple[InjectedFault, int]]:
        """The active faults, each with how often it was injected. Raises NotFoundError for an unknown service."""
        self._profile(service)
        with self._lock:
            return [(active.fault, active.injected) for active in self._active[service]]

    def select(self, service: str, stage: FaultStage, key: str = "") -> InjectedFault | None:
        """The fault to inject into this call, if any. `key` is the recipient's address, where there is one."""
        with self._lock:
            return next((active.fault for active in self._active[service] if active.applies_to(stage, key)), None)

    def _profile(self, service: str) -> FaultProfile:
        if service not in self._profiles:
            raise NotFoundError("service", service, hint=f"there are {', '.join(self._profiles)}")
        return self._profiles[service]


def _complete(fault: InjectedFault, service: str, profile: FaultProfile) -> InjectedFault:
    """The fault with its stage and code filled in."""
    stage = fault.on or profile.stages[0]
    if stage not in profile.stages:
        raise InputError(f"{service} has no stage '{stage}'; it has {', '.join(profile.stages)}")
    if fault.kind.hides_success and stage not in _COMMITTING_STAGES:
        raise InputError(
            f"nothing takes effect at stage '{stage}', so a fault of kind {fault.kind} cannot happen there"
        )
    if fault.only_for is not None and stage not in (FaultStage.RCPT, FaultStage.DOT):
        raise InputError(f"at stage '{stage}' there is no recipient, so only_for can never match")
    return fault.model_copy(update={"on": stage, "code": fault.code or _usual_code(fault.kind, profile)})


def _usual_code(kind: FaultKind, profile: FaultProfile) -> int | None:
    if kind.ending is not Ending.CODE:
        return None
    return profile.denial_code if kind.commits else profile.refusal_code
