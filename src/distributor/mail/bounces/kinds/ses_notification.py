"""Amazon SES notifications by mail: JSON about a bounce, a complaint or a delivery, as SNS sends it.

Source: docs.aws.amazon.com/ses, "Contents of Amazon SNS notifications".
"""

from __future__ import annotations

import json
from typing import Any

from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import find_status
from distributor.mail.bounces.reports import MAX_RECIPIENTS, OTHER, InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import ReceivedMessage

# JSON nested deeper than any notification could exhaust the stack of the parser.
_MAX_BRACKETS = 200
_SUB_TYPES = {
    "suppressed": Reason.USERUNKNOWN,
    "onaccountsuppressionlist": Reason.USERUNKNOWN,
    "noemail": Reason.USERUNKNOWN,
    "mailboxfull": Reason.MAILBOXFULL,
    "messagetoolarge": Reason.MESGTOOBIG,
    "contentrejected": Reason.CONTENTERROR,
    "attachmentrejected": Reason.POLICYVIOLATION,
}


def read_ses_notification(message: ReceivedMessage) -> InboundReport | None:
    """The report of an SES notification; None if the mail is none."""
    notification = next((found for part in message.parts if (found := _notification_in(part.text))), None)
    if notification is None:
        return None
    if isinstance(bounce := notification.get("bounce"), dict):
        return _bounce(bounce)
    if isinstance(complaint := notification.get("complaint"), dict):
        return _complaint(complaint)
    if isinstance(delivery := notification.get("delivery"), dict):
        return _delivery(delivery)
    return OTHER


def _notification_in(text: str) -> dict[str, Any] | None:
    """The notification in a text: plain, or as the string `Message` of an SNS envelope."""
    begin = text.find("{")
    if begin < 0 or '"' not in text[begin : begin + 20] or ("notificationType" not in text and "eventType" not in text):
        return None
    # Mail folds long lines; a line feed inside a string is invalid JSON.
    source = text[begin:].replace("\n ", "").replace("\n", "")
    found = _decode(source)
    if found is not None and isinstance(inner := found.get("Message"), str):
        found = _decode(inner)
    return found if found is not None and ("notificationType" in found or "eventType" in found) else None


def _decode(source: str) -> dict[str, Any] | None:
    if source.count("{") + source.count("[") > _MAX_BRACKETS:
        return None
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(source)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _bounce(bounce: dict[str, Any]) -> InboundReport:
    temporary = str(bounce.get("bounceType", "")).lower() == "transient"
    sub_type = str(bounce.get("bounceSubType", "")).lower()
    recipients = []
    for one in _listed(bounce, "bouncedRecipients"):
        evidence = BounceEvidence(
            recipient=find_address(str(one.get("emailAddress", ""))),
            reply_text=str(one.get("diagnosticCode", "")).partition(";")[2].strip(),
            status=find_status(str(one.get("status", ""))),
            action=str(one.get("action", "")).lower(),
        ).completed()
        by_sub_type = None if evidence.reply_text else _SUB_TYPES.get(sub_type)
        recipients.append(
            RecipientReport(
                address=evidence.recipient,
                status=evidence.status or ("4.0.0" if temporary else "5.0.0"),
                reply_code=evidence.reply_code,
                reason=by_sub_type or classify(evidence, None),
                action=evidence.action,
                is_temporary=temporary,
            )
        )
    return InboundReport(kind=ReportKind.BOUNCE, recipients=tuple(recipients)) if recipients else OTHER


def _complaint(complaint: dict[str, Any]) -> InboundReport:
    addresses = [find_address(str(one.get("emailAddress", ""))) for one in _listed(complaint, "complainedRecipients")]
    return InboundReport(
        kind=ReportKind.COMPLAINT,
        recipients=tuple(RecipientReport(address=one, reason=Reason.FEEDBACK) for one in addresses or [""]),
        feedback_type=str(complaint.get("complaintFeedbackType") or "abuse").lower(),
    )


def _delivery(delivery: dict[str, Any]) -> InboundReport:
    listed = delivery.get("recipients")
    addresses = [find_address(str(one)) for one in listed[:MAX_RECIPIENTS]] if isinstance(listed, list) else []
    return InboundReport(
        kind=ReportKind.DELIVERY,
        recipients=tuple(RecipientReport(address=one, action="delivered") for one in addresses or [""]),
    )


def _listed(notification: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = notification.get(name)
    return [one for one in found[:MAX_RECIPIENTS] if isinstance(one, dict)] if isinstance(found, list) else []
