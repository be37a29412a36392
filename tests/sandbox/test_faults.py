"""Which calls a fault is injected into, and which faults are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from distributor.domain.errors import InputError, NotFoundError
from distributor.sandbox.faults import HTTP_FAULTS, FaultKind, FaultStage, InjectedFault, Switches
from distributor.sandbox.smtp_server import SMTP_FAULTS


def _switches() -> Switches:
    return Switches({"smtp": SMTP_FAULTS, "x": HTTP_FAULTS, "mastodon": HTTP_FAULTS})


def _injections(switches: Switches, calls: int, key: str = "") -> list[bool]:
    return [switches.select("x", FaultStage.POST, key) is not None for _ in range(calls)]


def test_no_fault_is_injected_unless_one_is_set() -> None:
    assert _injections(_switches(), 3) == [False] * 3


def test_a_fault_begins_after_some_calls_and_ends() -> None:
    switches = _switches()
    switches.set("x", InjectedFault(kind=FaultKind.DROP, after=1, times=2))
    assert _injections(switches, 5) == [False, True, True, False, False]
    assert [injected for _, injected in switches.active("x")] == [2]


def test_equal_seeds_choose_equal_calls_and_others_do_not() -> None:
    def pattern(seed: int) -> list[bool]:
        switches = _switches()
        switches.set("x", InjectedFault(kind=FaultKind.DROP, probability=0.5), seed=seed)
        return _injections(switches, 64)

    assert pattern(1) == pattern(1)
    assert pattern(1) != pattern(2)
    assert 16 < sum(pattern(1)) < 48


def test_the_draw_for_a_recipient_does_not_depend_on_others() -> None:
    def draws(keys: list[str]) -> dict[str, bool]:
        switches = _switches()
        switches.set("smtp", InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, probability=0.5))
        return {key: switches.select("smtp", FaultStage.RCPT, key) is not None for key in keys}

    keys = [f"{number}@d.example" for number in range(30)]
    assert draws(keys) == draws(keys[::-1])


def test_a_recipient_refused_once_may_pass_later() -> None:
    switches = _switches()
    switches.set("smtp", InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, probability=0.5))
    tries = [switches.select("smtp", FaultStage.RCPT, "a@d.example") is not None for _ in range(20)]
    assert {True, False} == set(tries)


def test_the_first_fault_that_applies_is_injected() -> None:
    switches = _switches()
    first = InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, code=550, only_for="bad*")
    switches.set("smtp", first, InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, code=450))
    codes = [
        fault.code
        for key in ("bad@d.example", "good@d.example")
        if (fault := switches.select("smtp", FaultStage.RCPT, key))
    ]
    assert codes == [550, 450]


def test_clearing_a_service_leaves_the_others() -> None:
    switches = _switches()
    for service in ("x", "mastodon"):
        switches.set(service, InjectedFault(kind=FaultKind.DROP))
    switches.clear("x")
    assert (switches.active("x"), len(switches.active("mastodon"))) == ([], 1)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"kind": "explode"},
        {"kind": "drop", "colour": "red"},
        {"kind": "drop", "probability": 0},
        {"kind": "drop", "probability": 1.5},
        {"kind": "drop", "times": 0},
        {"kind": "drop", "after": -1},
        {"kind": "drop", "code": 500},
        {"kind": "slow"},
        {"kind": "hang", "seconds": -1},
        {"kind": "hang", "seconds": float("nan")},
        {"kind": "hang", "seconds": 4000},
        {"kind": "refuse", "code": 200},
        {"kind": "refuse", "code": 600},
        {"kind": "refuse", "text": "two\r\nlines"},
        {"kind": "refuse", "on": "tuesday"},
    ],
    ids=str,
)
def test_an_invalid_fault_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InjectedFault.model_validate(given)


@pytest.mark.parametrize(
    ("service", "given", "reason"),
    [
        ("x", {"kind": "drop", "on": "dot"}, "x has no stage 'dot'"),
        ("smtp", {"kind": "drop", "on": "post"}, "smtp has no stage 'post'"),
        ("smtp", {"kind": "lose-response", "on": "rcpt"}, "nothing takes effect at stage 'rcpt'"),
        ("x", {"kind": "lose-response", "on": "read"}, "nothing takes effect at stage 'read'"),
        ("x", {"kind": "drop", "only_for": "a*"}, "there is no recipient"),
        ("mastodon", {"kind": "drop", "on": "login"}, "mastodon has no stage 'login'"),
    ],
    ids=str,
)
def test_a_fault_that_a_service_cannot_have_is_refused(service: str, given: dict[str, Any], reason: str) -> None:
    switches = _switches()
    switches.set(service, InjectedFault(kind=FaultKind.DROP))
    with pytest.raises(InputError, match=reason):
        switches.set(service, InjectedFault.model_validate(given))
    assert len(switches.active(service)) == 1


def test_an_unknown_service_is_not_found() -> None:
    for call in (_switches().active, _switches().clear):
        with pytest.raises(NotFoundError, match="there are smtp, x, mastodon"):
            call("fax")
