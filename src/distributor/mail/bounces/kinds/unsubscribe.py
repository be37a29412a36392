"""Unsubscribe requests by mail: from programs that use List-Unsubscribe (RFC 2369), or from people."""

from __future__ import annotations

import re

from distributor.mail.bounces.address_search import find_address
from distributor.mail.bounces.formats.plain_text import is_from_mail_system
from distributor.mail.bounces.notice import split_notice
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reports import InboundReport, RecipientReport, ReportKind
from distributor.mail.mime.received_message import ReceivedMessage

_WORD = (
    r"(?:please )?(?:unsubscribe|un-subscribe|remove|opt[ -]?out|signoff|leave|remove me"
    r"|take me off(?: (?:this|the|your) list)?|stop|"
    r"abmeld(?:en|ung)|abbestell(?:en|ung)|austragen|(?:se )?d[ée]sabonner|d[ée]sabonnement|(?:me )?d[ée]sinscrire"
    r"|d[ée]sinscription|desuscribir(?:me)?|dar(?:se|me|nos) de baja|baja|cancelar (?:la )?suscripci[óo]n"
    r"|cancelar (?:a )?(?:assinatura|inscri[çc][ãa]o)|descadastr(?:ar|o)|remover|disiscri(?:vi(?:mi)?|zione)"
    r"|cancella(?:mi|zione)|uitschrijv(?:en|ing)|afmeld(?:en|ing)|wypisz(?: mnie)?|wypisanie|rezygnacja"
    r"|odhl[áa][sš](?:it|en[íi])|avregistrera|avprenumerera|avmeld(?:ing)?|afmeld|отписаться|отписка|отпишите меня"
    r"|配信停止(?:希望|依頼)?|(?:登録)?解除(?:希望|依頼)?|退会(?:希望|依頼)?|退订|退訂|수신 ?거부)"
)
_SUBJECT = LazyPattern(rf"(?:{_WORD})(?:[ :\[<(_=.-].{{0,200}})?[.!]?", re.IGNORECASE)
_BARE = LazyPattern(
    rf"(?:{_WORD})(?: me)?(?:(?: please)?| (?:from )?(?:this|the|your|all) (?:e?mailing ?)?(?:list"
    r"|newsletter|mail|e-?mails?)s?)[.! ]*",
    re.IGNORECASE,
)
_MAILBOX = LazyPattern(
    r"(?:unsub\w*|leave|optout|opt-out|remove|abmeld\w*)[+._@-]|[+._-](?:unsub\w*|leave|optout|opt-out|off)@",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"(?:re|aw|sv|antw|rif) ?:", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"^(?:-- ?\n.*|(?:sent|gesendet|envoy[ée]|enviado|inviato) (?:from|von|depuis|desde|da) .*)\Z",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_BY_PROGRAM = LazyPattern(
    r"(?:mail|client|app|program|service)\b.{0,60}\b(?:sent|generated) this (?:e-?mail|message) to unsubscribe",
    re.IGNORECASE,
)


def read_unsubscribe(message: ReceivedMessage) -> InboundReport | None:
    """The report of an unsubscribe request; None if the mail is none.

    To an unsubscribe mailbox, a keyword in the subject or body is enough; elsewhere it has to be the whole text, since
    people also write about unsubscribing.
    """
    fields = message.fields
    if is_from_mail_system(message) or any(name in fields for name in ("list-id", "list-post", "list-unsubscribe")):
        return None
    subject = fields.get("subject").strip()
    body = " ".join(_SIGNATURE.sub("", split_notice(message).text).split())[:400]
    to_mailbox = any(
        _MAILBOX.search(find_address(value))
        for name in ("to", "delivered-to", "x-original-to")
        for value in fields.all(name)
    )
    is_request = (
        (to_mailbox and (_SUBJECT.fullmatch(subject) or _BARE.fullmatch(body) or not (subject or body)))
        or (_BARE.fullmatch(subject) and (not body or _BARE.fullmatch(body)))
        or ((not subject or _ANSWER.match(subject)) and _BARE.fullmatch(body))
        or _BY_PROGRAM.search(body)
    )
    address = find_address(fields.get("from"))
    if not is_request or not address:
        return None
    return InboundReport(kind=ReportKind.UNSUBSCRIBE, recipients=(RecipientReport(address=address),))
