"""Whom a refusal of the sender concerns: this mail, all mails over the relay, or only those to one destination."""

from __future__ import annotations

from enum import StrEnum

from distributor.mail.bounces.reasons import Reason
from distributor.mail.smtp.connection import Stage
from distributor.mail.smtp.reply import Reply


class Scope(StrEnum):
    """MAIL: no other relay or destination would take it either. The others are the lanes that have to pause."""

    MAIL = "mail"
    RELAY = "relay"
    DESTINATION = "destination"


# By the reasons of `replies`. What is not named is said by a destination: it knows our mails and judges for itself.
_SCOPES: dict[str, Scope] = {
    Reason.MESGTOOBIG: Scope.MAIL,
    Reason.VIRUSDETECTED: Scope.MAIL,
    Reason.NOTCOMPLIANTRFC: Scope.MAIL,
    # As APIs say it; no server does.
    Reason.CONTENTERROR: Scope.MAIL,
    Reason.SYNTAXERROR: Scope.MAIL,
    Reason.NORELAYING: Scope.RELAY,
    Reason.REJECTED: Scope.RELAY,
    Reason.SPEEDING: Scope.RELAY,
    Reason.TOOMANYCONN: Scope.RELAY,
}
# RFC 4954 section 6: about our login, whatever else is said.
_ABOUT_LOGIN = frozenset({530, 534, 535, 538})


def scope_of(reason: str, *, stage: Stage, reply: Reply) -> Scope:
    """Whom a reply concerns that was judged to refuse the sender for `reason`."""
    if reply.code in _ABOUT_LOGIN or stage in (Stage.SESSION, Stage.MAIL):
        return _SCOPES[reason] if _SCOPES.get(reason) is Scope.MAIL else Scope.RELAY
    return _SCOPES.get(reason, Scope.DESTINATION)
