"""Brevo, formerly Sendinblue: the CSV of its contacts, with the owner's attributes in capitals.

Facts: https://help.brevo.com "Export your contacts", "What are the different types of blocklisted contacts?",
https://developers.brevo.com/reference/request-contact-export. Blocklisted contacts unsubscribed, bounced, complained,
or were blocked by the owner; nothing in the file says which.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import BLOCKLISTED, PENDING, UNSUBSCRIBED, words_of
from distributor.importers.values import is_empty_word, parse_boolean, parse_text

NAME = "brevo"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("email_marketing", "email campaigns", "email subscription status"), "status"),
    **dict.fromkeys(("email_blacklisted", "email_blocklisted", "email blocklist"), "blocklisted"),
    "opt_in": "source.opt_in",
    "double_opt-in": "source.double_opt_in",
    "added_time": "evidence.added_at",
    **dict.fromkeys(("contact id", "contact_id", "ext_id"), "evidence.brevo_id"),
    "contact_timezone": "zone",
    "job_title": "attributes.job_title",
    **dict.fromkeys(("modified_time", "modified_at", "_listids", "list ids", "linkedin"), "ignore"),
    **dict.fromkeys(("sms", "landline_number", "whatsapp"), "ignore"),
    **dict.fromkeys(("sms_blacklisted", "sms_blocklisted", "sms_marketing", "whatsapp_blacklisted"), "ignore"),
    **dict.fromkeys(("whatsapp_marketing", "transactional_blacklisted"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("subscribed", "abonné", "abonniert", "suscrito", "iscritto")),
    (UNSUBSCRIBED, ("unsubscribed", "not subscribed", "never subscribed", "non abonné", "désabonné")),
    (BLOCKLISTED, ("blocklisted", "blacklisted", "sur liste de blocage", "blockiert", "bloccato", "bloqueado")),
)
# The attribute DOUBLE_OPT-IN is a choice of 1 and 2, and exported as its number or its word.
_YES, _NO = "1", "2"


def matches(headers: frozenset[str]) -> bool:
    return "email" in headers and (
        headers >= {"added_time", "modified_time"}
        or headers >= {"opt_in", "double_opt_in"}
        or not headers.isdisjoint({"email_blacklisted", "email_blocklisted"})
    )


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    """What the sign-up forms stored; nothing is stored for contacts who came in another way."""
    if not _answer(source, "opt_in", no={"0"}):
        return UNSUBSCRIBED
    return SUBSCRIBED if _answer(source, "double_opt_in", no={"0", _NO}) else PENDING


def _answer(source: Mapping[str, Json], name: str, *, no: set[str]) -> bool:
    text = parse_text(source.get(name, "")).strip()
    if is_empty_word(text) or text == _YES:
        return True
    answer = False if text in no else parse_boolean(text)
    if answer is None:
        raise InputError(f"{name.upper()} must be yes or no, not {text[:40]!r}")
    return answer
