"""The same words have the same reason and the same effect on the subscriber, however they arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from distributor.channels.email.delivery.replies import classify_reply
from distributor.domain.delivery import Verdict
from distributor.domain.feedback import Feedback
from distributor.mail.bounces import read_inbound_report
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply
from tests.channels.email.mailing import NOW
from tests.channels.email.providers import webhook_requests
from tests.channels.email.providers.test_webhooks import MARK, SOURCE, one
from tests.channels.email.providers.webhook_requests import Signed


class KnownReply(NamedTuple):
    """A reply with what it means."""

    reason: str
    effect: str
    pause: str
    stage: SmtpStage
    text: str

    @property
    def status(self) -> str:
        """The enhanced status code, or what systems report for a reply without one."""
        word = self.text.split(" ")[1]
        return word if word[:2] in ("4.", "5.") else f"{self.text[0]}.0.0"


def known_replies() -> list[KnownReply]:
    lines = (Path(__file__).parent / "replies.txt").read_text(encoding="utf-8").splitlines()
    table = (line.split(" ", 4) for line in lines if line and not line.startswith("#"))
    return [KnownReply(reason, effect, pause, SmtpStage(stage), text) for reason, effect, pause, stage, text in table]


REPLIES = known_replies()
# Providers report on recipients, so not what a server says before it.
REPORTED_BY_PROVIDERS = [reply for reply in REPLIES if reply.stage in (SmtpStage.RCPT, SmtpStage.DATA)]

_IN_REPLY_TO = {SmtpStage.MAIL: "MAIL FROM", SmtpStage.RCPT: "RCPT TO", SmtpStage.DATA: "end of DATA"}
_AFTER = {SmtpStage.MAIL: "MAIL FROM:<x@example.org>", SmtpStage.RCPT: "RCPT TO:<ann@example.net>"}


def a_report(subject: str, notice: str, reply: KnownReply, *fields: str) -> bytes:
    lines = (
        "From: MAILER-DAEMON@relay.example.org",
        "To: b+token@bounces.example.org",
        f"Subject: {subject}",
        "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        f"--b\nContent-Type: text/plain\n\n{notice}\n",
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example.org\n",
        "Final-Recipient: rfc822; ann@example.net",
        "Action: failed",
        f"Status: {reply.status}",
        *fields,
        "\n--b\nContent-Type: message/rfc822\n\nFrom: news@example.org\nTo: ann@example.net\nSubject: News\n\nHello\n",
        "--b--\n",
    )
    return "\n".join(lines).encode()


def from_postfix(reply: KnownReply) -> bytes:
    said = f"<ann@example.net>: host mx.example.net[192.0.2.1] said: {reply.text} (in reply to\n    {{}} command)"
    return a_report(
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host relay.example.org.\n\n" + said.format(_IN_REPLY_TO[reply.stage]),
        reply,
        "Remote-MTA: dns; mx.example.net",
        f"Diagnostic-Code: smtp; {reply.text}",
    )


def from_exim(reply: KnownReply) -> bytes:
    step = _AFTER.get(reply.stage, "end of data")
    return a_report(
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error."
        " The following address(es) failed:\n\n  ann@example.net\n    host mx.example.net [192.0.2.1]\n"
        f"    SMTP error from remote mail server after {step}:\n    {reply.text}",
        reply,
        "Remote-MTA: dns; mx.example.net",
        f"Diagnostic-Code: smtp; {reply.text}",
    )


def from_sendmail(reply: KnownReply) -> bytes:
    command = {SmtpStage.MAIL: "MAIL From:<x@example.org>", SmtpStage.RCPT: "RCPT To:<ann@example.net>"}
    return a_report(
        "Returned mail: see transcript for details",
        "   ----- The following addresses had permanent fatal errors -----\n<ann@example.net>\n"
        f"    (reason: {reply.text})\n\n   ----- Transcript of session follows -----\n"
        f"... while talking to mx.example.net.:\n>>> {command.get(reply.stage, 'DATA')}\n<<< {reply.text}",
        reply,
        "Remote-MTA: DNS; mx.example.net",
        f"Diagnostic-Code: SMTP; {reply.text}",
    )


def without_the_stage(reply: KnownReply) -> bytes:
    return a_report(
        "Undeliverable: News", "Your message was not delivered.", reply, f"Diagnostic-Code: smtp;{reply.text}"
    )


REPORTS: dict[str, Callable[[KnownReply], bytes]] = {
    "postfix": from_postfix,
    "exim": from_exim,
    "sendmail": from_sendmail,
}

WEBHOOKS: dict[str, Callable[[KnownReply], Signed]] = {
    "postmark": lambda reply: webhook_requests.postmark(
        webhook_requests.postmark_bounce(MARK, Type="Unknown", Details=reply.text)
    ),
    "mailgun": lambda reply: webhook_requests.mailgun(
        webhook_requests.mailgun_failure(
            MARK, **{"delivery-status": {"code": int(reply.text[:3]), "message": reply.text[4:]}}
        ),
        at=NOW,
    ),
    "sendgrid": lambda reply: webhook_requests.sendgrid(
        [webhook_requests.sendgrid_bounce(MARK, reason=reply.text, status=reply.status)]
    ),
    "resend": lambda reply: webhook_requests.resend(
        webhook_requests.resend_bounce(MARK, type="Undetermined", message=reply.text), at=NOW
    ),
    "ses": lambda reply: webhook_requests.ses(
        webhook_requests.ses_bounce(
            SOURCE,
            bouncedRecipients=[
                {
                    "emailAddress": "ann@example.net",
                    "action": "failed",
                    "status": reply.status,
                    "diagnosticCode": f"smtp; {reply.text}",
                }
            ],
        )
    ),
}


def effect_of(feedback: Feedback) -> str:
    return "hard_bounce" if feedback.is_hard else "soft_bounce" if feedback.counts else "none"


def test_the_table_is_large_and_has_every_effect() -> None:
    assert len(REPLIES) >= 60
    assert {reply.effect for reply in REPLIES} == {"hard_bounce", "soft_bounce", "none"}
    assert {reply.pause for reply in REPLIES} == {"none", "destination", "relay", "dispatch"}


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.text[:60])
def test_a_live_reply(reply: KnownReply) -> None:
    code = int(reply.text[:3])
    found = classify_reply(SmtpReply(code, (reply.text[4:],)), stage=reply.stage, now=NOW, recipient="ann@example.net")
    assert found.reason is not None
    assert (found.reason.value, found.subscriber.value, found.pause.value) == (reply.reason, reply.effect, reply.pause)
    is_temporary = Verdict.DEFERRED if code < 500 else Verdict.FAILED
    assert found.verdict is (is_temporary if reply.pause == "none" else Verdict.SENDER_REJECTED)


@pytest.mark.parametrize("system", REPORTS)
@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.text[:60])
def test_a_delivery_report(reply: KnownReply, system: str) -> None:
    [recipient] = read_inbound_report(REPORTS[system](reply)).recipients
    assert recipient.reason is not None
    assert (recipient.reason.value, recipient.effect.value) == (reply.reason, reply.effect)


@pytest.mark.parametrize("reply", REPORTED_BY_PROVIDERS, ids=lambda reply: reply.text[:60])
def test_a_delivery_report_without_the_stage(reply: KnownReply) -> None:
    [recipient] = read_inbound_report(without_the_stage(reply)).recipients
    assert recipient.reason is not None
    assert (recipient.reason.value, recipient.effect.value) == (reply.reason, reply.effect)


@pytest.mark.parametrize("provider", WEBHOOKS)
@pytest.mark.parametrize("reply", REPORTED_BY_PROVIDERS, ids=lambda reply: reply.text[:60])
def test_a_webhook_event(reply: KnownReply, provider: str) -> None:
    feedback = one(provider, WEBHOOKS[provider](reply))
    if reply.reason == "onhold":
        # Without a known phrase the provider's own classification counts.
        return
    assert (feedback.detail["reason"], effect_of(feedback)) == (reply.reason, reply.effect)
