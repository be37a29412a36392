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

# Reports that are none of failure: receipts of reading (RFC 8098) and complaints.
_OTHER_REPORTS = re.compile(r"report-type=\"?(?:disposition-notification|feedback-report)")
_FIELDS_IN_TEXT = re.compile(r"^(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_LONGEST_NOTICE = 8000
_TEMPORARY = re.compile(r"\b(?:delay|temporar|warning|still being retried|will be retried|will retry)", re.IGNORECASE)


def read_bounce(letter: ReceivedMessage) -> InboundReport | None:
    """The failed deliveries that a mail reports; None if it reports none."""
    notice = split_notice(letter)
    form = find_format(letter, notice)
    if _OTHER_REPORTS.search(letter.content_type) and not (form and form.is_receipt):
        return None
    report = _report_of(letter, notice)
    if report.is_report:
        evidences = _enriched(report.failed, notice.text)
        if len(evidences) == 1 and not evidences[0].recipient:
            evidences = [replace(evidences[0], recipient=find_recipient(notice, form))]
    elif reports_only_success(notice):
        return None
    elif form or (is_from_mail_system(letter) and reports_failure(letter, notice)):
        evidences = parse_plain_text(letter, notice, form)
    else:
        return None
    recipients = _each_once(_recipient(one.completed(), letter, form) for one in evidences)
    return InboundReport(kind=ReportKind.BOUNCE, recipients=recipients) if recipients else None


def _report_of(letter: ReceivedMessage, notice: BounceNotice) -> DeliveryStatus:
    """The report of a mail, from its own part or from the text of a mail system."""
    if notice.report.strip():
        return parse_delivery_status(notice.report)
    if _FIELDS_IN_TEXT.search(notice.text) and is_from_mail_system(letter):
        return parse_delivery_status(notice.text)
    return DeliveryStatus(failed=(), is_report=False)


def _each_once(recipients: Iterable[RecipientReport]) -> tuple[RecipientReport, ...]:
    """The first word about each address; notices of loops repeat themselves."""
    found: dict[str, RecipientReport] = {}
    for one in recipients:
        found.setdefault(one.address.lower(), one)
    return tuple(found.values())


def _enriched(evidences: Sequence[BounceEvidence], text: str) -> list[BounceEvidence]:
    """The evidences of a report, each with what the notice says about its recipient."""
    said = (
        parse_session(text) if "<<<" in text or "Deferred" in text else TranscriptReply(words="", command=None, host="")
    )
    around = text[:_LONGEST_NOTICE] if len(evidences) == 1 else ""
    blocks = blocks_by_recipient((one.recipient for one in evidences), text)
    return [
        replace(
            one,
            notice=said.words or blocks.get(one.recipient, ""),
            surroundings=around,
            command=said.command,
            host=one.host or said.host,
        )
        for one in evidences
    ]


def _recipient(evidence: BounceEvidence, letter: ReceivedMessage, form: BounceFormat | None) -> RecipientReport:
    reason = classify(evidence, form)
    status = evidence.status
    if not status:
        temporary = (
            evidence.reply_code.startswith("4")
            or evidence.action == "delayed"
            or (not evidence.reply_code and bool(_TEMPORARY.search(letter.fields.get("subject"))))
        )
        status = "4.0.0" if temporary else "5.0.0"
    return RecipientReport(address=evidence.recipient, status=status, reply_code=evidence.reply_code, reason=reason)
