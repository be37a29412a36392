"""The reasons why mail is not delivered, and the scope of each; `policy` has what follows from them.

The names are those of the Sisimai project (libsisimai.org/en/reason), version 5.1. The comments give enhanced status
codes (RFC 3463, IANA registry) that stand for a reason; `status_codes` has the table.
"""

from __future__ import annotations

from enum import StrEnum


class ReasonScope(StrEnum):
    """Who or what has to change before a message can be delivered.

    RECIPIENT: the mailbox or its domain (X.1.x, X.2.x). CONTENT: this message (X.6.x, X.3.4). SENDER: the sending host,
    domain, authentication or rate (X.7.x, X.5.x). NETWORK: routing, or the remote mail system (X.3.x, X.4.x)."""

    RECIPIENT = "recipient"
    CONTENT = "content"
    SENDER = "sender"
    NETWORK = "network"


class Reason(StrEnum):
    """Why a message bounced, was rejected or was answered automatically."""

    AUTHFAILURE = "authfailure"  # SPF, DKIM or DMARC failed: X.7.20 to X.7.29
    BADREPUTATION = "badreputation"  # the sending IP address or domain has a low reputation
    BLOCKED = "blocked"  # the sending IP address is on a blocklist or not permitted
    CONTENTERROR = "contenterror"  # invalid format of the message: X.6.x
    EXCEEDLIMIT = "exceedlimit"  # larger than the mailbox accepts: X.2.3
    EXPIRED = "expired"  # not delivered within the retry time: X.4.7
    FEEDBACK = "feedback"  # the recipient complained (RFC 5965)
    FILTERED = "filtered"  # rejected by a filter of the recipient after DATA
    HASMOVED = "hasmoved"  # the recipient has a new address: X.1.6, 551
    HOSTUNKNOWN = "hostunknown"  # the domain does not exist: X.1.2
    MAILBOXFULL = "mailboxfull"  # over quota: X.2.2
    MAILERERROR = "mailererror"  # a delivery program of the remote server failed
    MESGTOOBIG = "mesgtoobig"  # larger than the mail system accepts: X.3.4
    NETWORKERROR = "networkerror"  # DNS, routing or connection failed: X.4.x
    NORELAYING = "norelaying"  # the server does not relay for the recipient domain
    NOTACCEPT = "notaccept"  # the domain accepts no mail: X.1.10, 521, 556
    NOTCOMPLIANTRFC = "notcompliantrfc"  # violates RFC 5322: X.6.11
    ONHOLD = "onhold"  # there is a text, but it is not recognized
    POLICYVIOLATION = "policyviolation"  # rejected by a policy on content
    REJECTED = "rejected"  # the sender address or domain is rejected: X.1.7, X.1.8
    REQUIREPTR = "requireptr"  # no reverse DNS of the sending IP address: X.7.25
    SECURITYERROR = "securityerror"  # authentication, encryption or permission is missing: X.7.x
    SPAMDETECTED = "spamdetected"  # classified as spam
    SPEEDING = "speeding"  # sent too fast: X.7.28
    SUSPEND = "suspend"  # the mailbox is disabled: X.2.1
    SYNTAXERROR = "syntaxerror"  # SMTP syntax or command error: X.5.x, 50x
    SYSTEMERROR = "systemerror"  # error of the remote mail system: X.3.x
    SYSTEMFULL = "systemfull"  # the remote mail system is out of storage: X.3.1, 452
    TOOMANYCONN = "toomanyconn"  # too many connections
    UNDEFINED = "undefined"  # no text and no specific code
    USERUNKNOWN = "userunknown"  # the mailbox does not exist: X.1.1
    VACATION = "vacation"  # an automatic reply, no failure (RFC 3834)
    VIRUSDETECTED = "virusdetected"  # a virus was found


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


def scope_of_reason(reason: Reason) -> ReasonScope | None:
    """The scope of a reason; None if unknown (`onhold`, `undefined`) or if nothing failed (`vacation`)."""
    return _SCOPE_OF.get(reason)
