"""Automatic replies such as vacation notices (RFC 3834)."""

from __future__ import annotations

import re

from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.formats.plain_text import is_from_mail_system
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reports import InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import ReceivedMessage

# Prefixes of the subject that programs write, in many languages. A person who writes about being away does not put a
# colon there.
_SUBJECT = LazyPattern(
    r"\[?(?:auto(?:mated|matic|matische|matisch)?[ -]?(?:reply|response|answer|repl|responder|antwort)?"
    r"|autoreply|autoresponse|auto[ -]re"
    r"|out[ -]of[ -](?:the[ -])?office (?:until|till|from|through)[^:\n]{1,40}"
    r"|out[ -]of[ -](?:the[ -])?office(?: auto[ -]?reply| response| reply| message)?|ooo"
    r"|vacation(?: reply| response| message)?|away(?: from (?:my mail|the office))?"
    r"|abwesenheits(?:notiz|nachricht|meldung)|automatische antwort|abwesend|r[ée]ponse automatique"
    r"|absence(?: du bureau)?|message d'absence"
    r"|respuesta autom[áa]tica|fuera de (?:la )?oficina|risposta automatica|fuori sede"
    r"|resposta autom[áa]tica|automatisch antwoord|afwezig\w*"
    r"|automatiskt? svar|autosvar|otomatik yan[ıi]t|automaattinen vastaus|autoodpowied[źz]|odpowied[źz] automatyczna"
    r"|automatyczna odpowied[źz]"
    r"|automatick[áa] odpov[ěe][ďd]"
    r"|автоматический ответ|автоответ"
    r"|自動(?:返信|応答)|不在(?:通知|のお知らせ)|自动(?:回复|答复)|自動回覆|자동 ?(?:회신|응답)) ?[:：\[(\]]",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"auto-replied|auto-reply", re.IGNORECASE)
_GENERATED = re.compile(r"auto-(?:generated|notified)", re.IGNORECASE)
_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-autoreply-from",
    "x-vacation",
    "x-mail-autoreply",
    "x-ms-autoreply",
)
_PRECEDENCE = re.compile(r"auto[_-]?reply", re.IGNORECASE)
_REPORT = re.compile(r"multipart/report|message/disposition-notification")


def read_autoreply(message: ReceivedMessage) -> InboundReport | None:
    """The report of an automatic reply; None if a person or a mailing list sent the mail."""
    fields = message.fields
    if _REPORT.search(message.content_type) or is_from_mail_system(message):
        return None
    if any(name in fields for name in ("list-id", "list-post", "list-unsubscribe")):
        return None
    is_marked = (
        bool(_ANSWERED.match(fields.get("auto-submitted")))
        or (bool(_GENERATED.match(fields.get("auto-submitted"))) and "in-reply-to" in fields)
        or fields.get("x-apple-action").lower() == "vacation"
        or any(name in fields and fields.get(name).lower() not in ("no", "none", "false") for name in _FIELDS)
        or bool(_PRECEDENCE.search(fields.get("precedence")))
    )
    if not is_marked and not _SUBJECT.match(fields.get("subject")):
        return None
    address = find_address(fields.get("from")) or find_address(fields.get("return-path"))
    return InboundReport(
        kind=ReportKind.AUTOREPLY, recipients=(RecipientReport(address=address, reason=Reason.VACATION),)
    )
