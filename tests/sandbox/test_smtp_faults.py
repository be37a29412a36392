"""Injected faults of the SMTP server."""

from __future__ import annotations

import smtplib

import pytest

from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.service import Sandbox

MESSAGE = "From: a@b.example\r\nSubject: Hi\r\n\r\nHello\r\n"


def _send(sandbox: Sandbox, *recipients: str, timeout: float = 30) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=timeout) as client:
        return client.sendmail("a@b.example", recipients or ["c@d.example"], MESSAGE)


def _break(sandbox: Sandbox, kind: FaultKind, **more: object) -> None:
    sandbox.state.switches.set("smtp", InjectedFault.model_validate({"kind": kind, **more}))


def test_a_refusal_after_the_dot_keeps_nothing(sandbox: Sandbox) -> None:
    _break(sandbox, FaultKind.REFUSE, times=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        _send(sandbox)
    assert (refused.value.smtp_code, len(sandbox.state.inbox)) == (451, 0)
    _send(sandbox)
    assert len(sandbox.state.inbox) == 1


def test_a_refusal_says_what_it_is_asked_to_say(sandbox: Sandbox) -> None:
    _break(
        sandbox,
        FaultKind.REFUSE,
        on=FaultStage.RCPT,
        code=550,
        text="5.7.1 your address is on a list",
        only_for="*@d.example",
    )
    refused = _send(sandbox, "c@d.example", "e@f.example")
    assert refused == {"c@d.example": (550, b"5.7.1 your address is on a list")}
    assert [one.recipients for one in sandbox.state.inbox.envelopes()] == [("e@f.example",)]


@pytest.mark.parametrize(("code", "status"), [(450, b"4.2.1"), (550, b"5.1.1"), (571, b"5.0.0")])
def test_a_refusal_has_a_usual_status(sandbox: Sandbox, code: int, status: bytes) -> None:
    _break(sandbox, FaultKind.REFUSE, on=FaultStage.RCPT, code=code)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        _send(sandbox)
    assert refused.value.recipients["c@d.example"][1].startswith(status)


def test_some_recipients_are_refused_and_the_same_ones_again(sandbox: Sandbox) -> None:
    everyone = [f"person{number}@d.example" for number in range(200)]
    rounds = []
    for _ in range(2):
        fault = InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, code=550, probability=0.3)
        sandbox.state.switches.set("smtp", fault, seed=7)
        rounds.append(set(_send(sandbox, *everyone)))
    assert rounds[0] == rounds[1]
    assert 40 <= len(rounds[0]) <= 80


def test_421_ends_the_connection(sandbox: Sandbox) -> None:
    _break(sandbox, FaultKind.REFUSE, on=FaultStage.MAIL, code=421)
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=30) as client:
        client.ehlo()
        assert client.docmd("MAIL FROM:<a@b.example>")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


@pytest.mark.parametrize("code", [421, 554])
def test_a_connection_can_be_turned_away(sandbox: Sandbox, code: int) -> None:
    _break(sandbox, FaultKind.REFUSE, on=FaultStage.CONNECT, code=code, times=1)
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        _send(sandbox)
    assert refused.value.smtp_code == code
    _send(sandbox)


@pytest.mark.parametrize(
    "stage", [FaultStage.CONNECT, FaultStage.MAIL, FaultStage.RCPT, FaultStage.DATA, FaultStage.DOT]
)
def test_a_connection_can_be_dropped_anywhere(sandbox: Sandbox, stage: FaultStage) -> None:
    _break(sandbox, FaultKind.DROP, on=stage, times=1)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        _send(sandbox)
    assert len(sandbox.state.inbox) == 0
    _send(sandbox)
    assert len(sandbox.state.inbox) == 1


def test_the_250_can_be_lost_though_the_mail_is_there(sandbox: Sandbox) -> None:
    _break(sandbox, FaultKind.LOSE_RESPONSE, after=1, times=1)
    _send(sandbox)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        _send(sandbox)
    _send(sandbox)
    assert len(sandbox.state.inbox) == 3


def test_the_mail_can_be_kept_and_denied(sandbox: Sandbox) -> None:
    _break(sandbox, FaultKind.DENY_AFTER_COMMIT)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        _send(sandbox)
    assert (refused.value.smtp_code, len(sandbox.state.inbox)) == (451, 1)


def test_the_mail_can_be_kept_in_silence(sandbox: Sandbox) -> None:
    _break(sandbox, FaultKind.HANG, seconds=60)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        _send(sandbox, timeout=0.3)
    assert len(sandbox.state.inbox) == 1


@pytest.mark.parametrize("stage", [FaultStage.CONNECT, FaultStage.RCPT, FaultStage.DOT])
def test_a_slow_step_works_in_the_end(sandbox: Sandbox, stage: FaultStage) -> None:
    _break(sandbox, FaultKind.SLOW, on=stage, seconds=0.05)
    _send(sandbox)
    assert len(sandbox.state.inbox) == 1
    assert sandbox.state.switches.active("smtp")[0][1] == 1
