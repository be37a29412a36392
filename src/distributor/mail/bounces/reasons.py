"""The one vocabulary of reasons for which mail is not delivered: whether each is final, and whose fault it was.

The names are those of the Sisimai project (libsisimai.org/en/reason), as its version 5.1 has them.
"""

from __future__ import annotations

from enum import StrEnum


class ReasonScope(StrEnum):
    """Who or what has to change before the mail can get through."""

    RECIPIENT = "recipient"
    CONTENT = "content"
    SENDER = "sender"
    NETWORK = "network"


class Reason(StrEnum):
    """Why a mail came back, or was answered."""

    AUTHFAILURE = "authfailure"
    BADREPUTATION = "badreputation"
    BLOCKED = "blocked"
    CONTENTERROR = "contenterror"
    EXCEEDLIMIT = "exceedlimit"
    EXPIRED = "expired"
    FEEDBACK = "feedback"
    FILTERED = "filtered"
    HASMOVED = "hasmoved"
    HOSTUNKNOWN = "hostunknown"
    MAILBOXFULL = "mailboxfull"
    MAILERERROR = "mailererror"
    MESGTOOBIG = "mesgtoobig"
    NETWORKERROR = "networkerror"
    NORELAYING = "norelaying"
    NOTACCEPT = "notaccept"
    NOTCOMPLIANTRFC = "notcompliantrfc"
    ONHOLD = "onhold"
    POLICYVIOLATION = "policyviolation"
    REJECTED = "rejected"
    REQUIREPTR = "requireptr"
    SECURITYERROR = "securityerror"
    SPAMDETECTED = "spamdetected"
    SPEEDING = "speeding"
    SUSPEND = "suspend"
    SYNTAXERROR = "syntaxerror"
    SYSTEMERROR = "systemerror"
    SYSTEMFULL = "systemfull"
    TOOMANYCONN = "toomanyconn"
    UNDEFINED = "undefined"
    USERUNKNOWN = "userunknown"
    VACATION = "vacation"
    VIRUSDETECTED = "virusdetected"


_REASONS_BY_SCOPE: dict[ReasonScope, tuple[Reason, ...]] = {
    ReasonScope.RECIPIENT: (
        Reason.EXCEEDLIMIT,
        Reason.FILTERED,
        Reason.HASMOVED,
        Reason.HOSTUNKNOWN,
        Reason.MAILBOXFULL,
        Reason.MAILERERROR,
        Reason.NOTACCEPT,
        Reason.SUSPEND,
        Reason.USERUNKNOWN,
    ),
    ReasonScope.CONTENT: (
        Reason.CONTENTERROR,
        Reason.MESGTOOBIG,
        Reason.NOTCOMPLIANTRFC,
        Reason.POLICYVIOLATION,
        Reason.SPAMDETECTED,
        Reason.VIRUSDETECTED,
    ),
    ReasonScope.SENDER: (
        Reason.AUTHFAILURE,
        Reason.BADREPUTATION,
        Reason.BLOCKED,
        Reason.FEEDBACK,
        Reason.NORELAYING,
        Reason.REJECTED,
        Reason.REQUIREPTR,
        Reason.SECURITYERROR,
        Reason.SPEEDING,
        Reason.SYNTAXERROR,
        Reason.TOOMANYCONN,
    ),
    ReasonScope.NETWORK: (Reason.EXPIRED, Reason.NETWORKERROR, Reason.SYSTEMERROR, Reason.SYSTEMFULL),
}
_SCOPE_OF = {reason: scope for scope, reasons in _REASONS_BY_SCOPE.items() for reason in reasons}

_ALWAYS_HARD = frozenset({Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.HASMOVED})


def scope_of_reason(reason: Reason) -> ReasonScope | None:
    """Whose fault it was; None where the mail does not tell (`onhold`, `undefined`) or nothing failed (`vacation`)."""
    return _SCOPE_OF.get(reason)


def is_hard(reason: Reason, *, status: str, reply_code: str) -> bool:
    """Whether the address itself or its domain is bad, so that nothing must ever be sent there again.

    A domain that takes no mail (`notaccept`) is not given up for a temporary answer.
    """
    if reason is Reason.NOTACCEPT:
        return not (status or reply_code).startswith("4")
    return reason in _ALWAYS_HARD
