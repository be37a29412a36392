"""Whom a refusal of the sender concerns: this mail, all mails over the relay, or only those to one destination."""

from __future__ import annotations

from enum import StrEnum

from distributor.mail.bounces.reasons import Reason
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply


class RefusalScope(StrEnum):
    """MAIL: no other relay or destination would take it either. The others are the lanes that have to pause."""

    MAIL = "mail"
    RELAY = "relay"
    DESTINATION = "destination"


# By the reasons of `replies`. What is not named is said by a destination: it knows our mails and judges for itself.
_SCOPES: dict[str, RefusalScope] = {
    Reason.MESGTOOBIG: RefusalScope.MAIL,
    Reason.VIRUSDETECTED: RefusalScope.MAIL,
    Reason.NOTCOMPLIANTRFC: RefusalScope.MAIL,
    # As APIs say it; no server does.
    Reason.CONTENTERROR: RefusalScope.MAIL,
    Reason.SYNTAXERROR: RefusalScope.MAIL,
    Reason.NORELAYING: RefusalScope.RELAY,
    Reason.REJECTED: RefusalScope.RELAY,
    Reason.SPEEDING: RefusalScope.RELAY,
    Reason.TOOMANYCONN: RefusalScope.RELAY,
}
# RFC 4954 section 6: about our login, whatever else is said.
_ABOUT_LOGIN = frozenset({530, 534, 535, 538})


def scope_of(reason: str, *, stage: SmtpStage, reply: SmtpReply) -> RefusalScope:
    """Whom a reply concerns that was judged to refuse the sender for `reason`."""
    if reply.code in _ABOUT_LOGIN or stage in (SmtpStage.SESSION, SmtpStage.MAIL):
        return _SCOPES[reason] if _SCOPES.get(reason) is RefusalScope.MAIL else RefusalScope.RELAY
    return _SCOPES.get(reason, RefusalScope.DESTINATION)
