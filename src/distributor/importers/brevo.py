"""Brevo, formerly Sendinblue: the CSV of its contacts, with the owner's attributes in capitals.

Facts: https://help.brevo.com "Export your contacts", "What are the different types of blocklisted contacts?",
https://developers.brevo.com/reference/request-contact-export. Blocklisted contacts unsubscribed, bounced, complained,
or were blocked by the owner; nothing in the file says which.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import BLOCKLISTED, PENDING, UNSUBSCRIBED, words_of

NAME = "brevo"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("email_marketing", "email campaigns", "email subscription status"), "status"),
    **dict.fromkeys(("email_blacklisted", "email_blocklisted", "email blocklist"), "blocklisted"),
    "opt_in": "status.opt_in",
    "double_opt-in": "status.double_opt_in",
    "added_time": "evidence.added_at",
    **dict.fromkeys(("contact id", "contact_id", "ext_id"), "evidence.brevo_id"),
    "contact_timezone": "attributes.timezone",
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
# What the sign-up forms stored; nothing is stored for contacts who came in another way. DOUBLE_OPT-IN is a choice, of 1
# for yes and 2 for no.
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.opt_in": {"": SUBSCRIBED},
    "status.double_opt_in": words_of(
        (SUBSCRIBED, ("", "1")),
        (PENDING, ("2", "0", "no", "false", "nein", "falsch", "non", "faux", "falso", "nee", "não")),
    ),
}


def matches(headers: frozenset[str]) -> bool:
    return "email" in headers and (
        headers >= {"added_time", "modified_time"}
        or headers >= {"opt_in", "double_opt_in"}
        or not headers.isdisjoint({"email_blacklisted", "email_blocklisted"})
    )
