"""Mails that say of a mail that it was not delivered, or not yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.formats.bounce_format import BounceFormat
from distributor.mail.bounces.formats.delivery_status import DeliveryStatus, parse_delivery_status
from distributor.mail.bounces.formats.plain_text import (
    blocks_by_recipient,
    find_format,
    find_recipient,
    is_from_mail_system,
    parse_plain_text,
    reports_failure,
    reports_only_success,
)
from distributor.mail.bounces.formats.transcript import TranscriptReply, parse_session
from distributor.mail.bounces.notice import BounceNotice, split_notice
from distributor.mail.bounces.reports import InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import ReceivedMessage

# Reports that are no bounces: disposition notifications (RFC 8098) and feedback reports.
_OTHER_REPORTS = re.compile(r"report-type=\"?(?:disposition-notification|feedback-report)")
_FIELDS_IN_TEXT = re.compile(r"^(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_MAX_NOTICE = 8000
_TEMPORARY = re.compile(r"\b(?:delay|temporar|warning|still being retried|will be retried|will retry)", re.IGNORECASE)
# Notices that the mail is still in the queue, of systems that write no Action.
_DELAYED_SUBJECT = re.compile(
    r"\bdelay(?:ed)?\b|could not send message for past|still being retried|will (?:be retried|retry)|verzögert"
    r"|not (?:yet )?(?:been )?delivered yet|retard[ée]",
    re.IGNORECASE,
)
_DELAYED_TEXT = re.compile(
    r"this is (?:a )?warning (?:message )?only|no action is required on your part|do(?:es)? not need to re-?send"
    r"|only a temporary failure report|delivery attempts will continue|will be retried (?:until|for)"
    r"|\b(?:will (?:keep|continue) (?:trying|to (?:try|retry))|we(?:'ll| will) (?:keep trying|try again|retry))",
    re.IGNORECASE,
)


def read_bounce(message: ReceivedMessage) -> InboundReport | None:
    """The report of a bounce, or of successful deliveries; None if the mail is neither."""
    notice = split_notice(message)
    bounce_format = find_format(message, notice)
    if _OTHER_REPORTS.search(message.content_type) and not (bounce_format and bounce_format.is_receipt):
        return None
    report = _delivery_status(message, notice)
    if report.is_report:
        evidence_list = _enriched(report.failed, notice.text)
        if len(evidence_list) == 1 and not evidence_list[0].recipient:
            evidence_list = [replace(evidence_list[0], recipient=find_recipient(notice, bounce_format))]
    elif reports_only_success(notice):
        return None
    elif bounce_format or (is_from_mail_system(message) and reports_failure(message, notice)):
        action = "delayed" if _is_delay_notice(message, notice) else ""
        evidence_list = [replace(one, action=action) for one in parse_plain_text(message, notice, bounce_format)]
    else:
        return None
    recipients = _each_once(_recipient(one.completed(), message, bounce_format) for one in evidence_list)
    delivered = _each_once(
        RecipientReport(address=one.recipient, status=one.status, action=one.action, reported_as=one.reported_as)
        for one in report.succeeded
    )
    if recipients:
        return InboundReport(kind=ReportKind.BOUNCE, recipients=recipients, succeeded=delivered)
    return InboundReport(kind=ReportKind.DELIVERY, recipients=delivered) if delivered else None


def _delivery_status(message: ReceivedMessage, notice: BounceNotice) -> DeliveryStatus:
    """The delivery status of a mail, from its own part or from the text of a mail system."""
    if notice.report.strip():
        return parse_delivery_status(notice.report)
    if _FIELDS_IN_TEXT.search(notice.text) and is_from_mail_system(message):
        return parse_delivery_status(notice.text)
    return DeliveryStatus()


def _is_delay_notice(message: ReceivedMessage, notice: BounceNotice) -> bool:
    """Whether a notice in plain text says that the mail is still being retried."""
    subject = message.fields.get("subject")
    return bool(_DELAYED_SUBJECT.search(subject) or _DELAYED_TEXT.search(notice.text[:_MAX_NOTICE]))


def _each_once(recipients: Iterable[RecipientReport]) -> tuple[RecipientReport, ...]:
    """The first report on each address; notices of mail loops repeat themselves."""
    found: dict[str, RecipientReport] = {}
    for one in recipients:
        found.setdefault(one.address.lower(), one)
    return tuple(found.values())


def _enriched(evidence_list: Sequence[BounceEvidence], text: str) -> list[BounceEvidence]:
    """The evidence of a report, each with the text of the notice about its recipient."""
    reply = (
        parse_session(text)
        if "<<<" in text or "Deferred" in text
        else TranscriptReply(reply_text="", command=None, host="")
    )
    around = text[:_MAX_NOTICE] if len(evidence_list) == 1 else ""
    blocks = blocks_by_recipient((one.recipient for one in evidence_list), text)
    return [
        replace(
            one,
            notice=reply.reply_text or blocks.get(one.recipient, ""),
            surroundings=around,
            command=reply.command,
            host=one.host or reply.host,
        )
        for one in evidence_list
    ]


def _recipient(
    evidence: BounceEvidence, message: ReceivedMessage, bounce_format: BounceFormat | None
) -> RecipientReport:
    reason = classify(evidence, bounce_format)
    status = evidence.status
    if not status:
        temporary = (
            evidence.reply_code.startswith("4")
            or evidence.action == "delayed"
            or (not evidence.reply_code and bool(_TEMPORARY.search(message.fields.get("subject"))))
        )
        status = "4.0.0" if temporary else "5.0.0"
    return RecipientReport(
        address=evidence.recipient,
        status=status,
        reply_code=evidence.reply_code,
        reason=reason,
        action=evidence.action,
        reported_as=evidence.reported_as or ((evidence.recipient,) if evidence.recipient else ()),
    )
