"""Phrases that the tables after this one would misclassify."""

from __future__ import annotations

from distributor.mail.bounces.phrases.phrase import LISTS, Phrase, phrase
from distributor.mail.bounces.reasons import Reason

OVERRIDES: tuple[Phrase, ...] = (
    # Exchange names its own reasons.
    phrase(Reason.USERUNKNOWN, r"resolver\.adr\.(?:recip\w*|ex\w*|group\w*)not ?found|recipientnotfound"),
    phrase(Reason.REJECTED, r"resolver\.rst\.notauthorized"),
    phrase(
        Reason.SECURITYERROR,
        r"resolver\.rst\.(?:auth|sendernotauth|senderauth)|smtpsend\.clientauth|delivery to this address is restricted",
    ),
    phrase(Reason.EXCEEDLIMIT, r"resolver\.rst\.recipsizelimit"),
    phrase(Reason.MESGTOOBIG, r"resolver\.rst\.sendsizelimit"),
    phrase(Reason.FILTERED, r"resolver\.rst\."),
    phrase(Reason.SYSTEMERROR, r"resolver\.adr\.|routing\.noconnector|mapi_e_"),
    phrase(Reason.NETWORKERROR, r"resolver\.fwd\.loop|smtpsend\.dns\.mxloopback|routing\.loop"),
    phrase(Reason.HOSTUNKNOWN, r"smtpsend\.dns\.nonexistentdomain"),
    phrase(Reason.EXPIRED, r"queue\.expired"),
    phrase(Reason.TOOMANYCONN, r"throttling failure"),
    phrase(Reason.SYSTEMERROR, r"\bstoredrv\b.{0,80}(?:not available|unavailable|transient)"),
    phrase(
        Reason.MAILBOXFULL,
        r"not (?:enough|sufficient) dis[ck] space",
        r"exceeding receiving limits|space has been used up|too many messages on the server",
    ),
    phrase(
        Reason.POLICYVIOLATION,
        r"recipient is not accepting mail with|do not accept messages containing|mass mailer"
        r"|message given low priority",
        r"closed mailing list|not subscribed to this group|organizational settings|protocol violation",
        r"messages with multiple addresses|organi[sz]ation(?:al)? policy|potential security (?:issue|risk|threat)",
    ),
    phrase(Reason.BLOCKED, r"\bhelo (?:domain|name) is listed|\bblock(?:ed)? for (?:spam|abuse)|\bblocked using\b"),
    phrase(
        Reason.REJECTED,
        r"administrative prohibition|\bbatv\b|third-party dsns|unsigned dsn|not pre-approved|senderfilter",
        r"(?:to )?submit messages to this e-?mail system has been rejected|not a registered gateway user",
        r"rule imposed mailbox access|returned mail not accepted|recursive cname|bogus (?:mail from|sender)",
        r"sender is (?:a )?spammer|sender is in my|mail from not owned|domain is listed in spamhaus|bouncedeny",
        r"\binvalid dns mx\b",
        r"fully qualified (?:e-?mail |sender )?address required|valid-address-filter|different address or alias",
    ),
    phrase(
        Reason.USERUNKNOWN,
        r"bad-?rcpt-?to|bad-?recipient-?to|valid-?rcpt-?to|bad-recipient|envelope recipient has been denied",
        r"is not a valid rfc-?\d{4} address|can't accept user|not present in (?:the )?directory"
        r"|user missing home directory|destination addresses were",
        r"recipient (?:is )?not (?:accepted|ok|exist)|rejected: account unavailable|recipients? was undeliverable",
    ),
    # Codes that AOL puts in brackets (postmaster.aol.com/error-codes).
    phrase(Reason.BLOCKED, r"\((?:rtr:(?:bb|du|bl|sc)|rly:(?:b2|bl|ir)|con:b\d)\b"),
    phrase(Reason.REQUIREPTR, r"\(rtr:rd\b"),
    phrase(Reason.SPEEDING, r"\((?:dyn:t\d|rly:b1)\b"),
    phrase(Reason.SPAMDETECTED, r"\((?:hvu:b\d|rly:(?:ch|bd))\b"),
    phrase(Reason.USERUNKNOWN, r"\b5\.4\.1\b.{0,80}access denied"),
    phrase(
        Reason.FILTERED,
        r"recipient address rejected: access denied",
        r"recipient(?:'s \w+)? has (?:refused|rejected|blocked|declined)|recipient's \w+ (?:refused|rejected|blocked)",
    ),
    phrase(Reason.EXPIRED, r"\bgr[ea]y-?list"),
    phrase(
        Reason.SUSPEND,
        r"no longer accepts mail|archived recipient|destinataire archivee|(?:temporary|temporarily) locked",
        r"user is terminated|is a deactivated mailbox|rejected: temporarily inactive",
    ),
    phrase(
        Reason.SYSTEMERROR,
        r"unable to connect to \S{1,30} daemon|interrupted system call|would create a mail loop"
        r"|aliasing/forwarding loop"
        r"|loop was found in the mail exchanger",
        r"there is no mdb|loops back to (?:my|it)self|error while being processed|error reading data",
    ),
    phrase(
        Reason.NOTACCEPT,
        r"mail receiving disabled|no host exists for name \.|name server: \.: host not found \(null",
    ),
    phrase(
        Reason.NORELAYING,
        r"specified domain is not allowed|don't handle mail for|not permitted to relay|as a relay|insecure mail relay",
    ),
    phrase(
        Reason.CONTENTERROR,
        r"mime complexity|invalid mime headers|improperly[- ]formatted binary|unnecessary base64|header size exceeds",
        r"(?:message )?header size, or recipient list|improper use of 8-bit",
    ),
    phrase(
        Reason.BLOCKED,
        r"may not be mail exchanger|go away|zombied|extreme bad ip|looks suspiciously like spammer"
        r"|currently sending spam|csi\.cloudmark|mail-abuse",
        r"smtp server of your isp|you are sending spam|host network not allowed|requires confirmation",
        r"invalid ip\b|no access (?:for|from) (?:this|your) (?:ip|host|server)|too many spams from"
        r"|sender ip (?:address )?rejected",
    ),
    phrase(Reason.EXPIRED, r"message expired, (?:connection|cannot|can't)|4\.4\.316\b"),
    # The operating system's error, not a reply of the server, which may refuse connections of our host.
    phrase(
        Reason.NETWORKERROR,
        r"(?:connect(?:ing|ed)? to \S+(?: \S+){0,3}|deferred|\][:\d]*|error code \d+|errno \d+|econnrefused)[:,]? "
        r"connection refused|connection refused(?: by [\w-]+(?:\.[\w-]+)+| \(| \[|[.,]? ?$)",
        unless=r"\b[45]\d\d[ -]",
    ),
    phrase(
        Reason.NETWORKERROR,
        r"host not found,? try again|(?<!reverse )(?:dns|name server|name service)[^.;]{0,60}(?:try again"
        r"|server failure|servfail)|dns query failed|malformed or unexpected name server reply",
    ),
    phrase(Reason.HOSTUNKNOWN, r"host or domain name not found|: host not found|domain name not found"),
    phrase(Reason.REJECTED, r"sending to/from an address|from: domain is invalid|provide a valid from"),
    phrase(Reason.REJECTED, r"purported responsible address"),
    phrase(Reason.REQUIREPTR, r"unverif\w+ sending ips?|mismatch\w* client ip|client ip .{0,40}mismatch"),
    phrase(Reason.BLOCKED, r"a problem occurred\..{0,120}\(bl\)|ip=[\d.]+ - (?:a problem occurred|dialup|none/dyn)"),
    phrase(
        Reason.SPAMDETECTED,
        r"fail\w* (?:\S+ ){0,3}anti-?spam|spam (?:score|points|scale)|(?:is|as|was) (?:\S+ )?(?:spam|junk)\b",
        r"content filter reject|\bcontent denied\b|\bdt:spm\b|message (?:has been |was )?filtered\b",
        r"(?:due to|because of) content restriction",
        rf"{LISTS}\w* (?:url|link|uri)",
        r"\burl in (?:this|the|your) (?:e-?mail|message|mail).{0,40}listed",
    ),
)

# Said of a message that waited too long, whatever it waited for: a cause that is named elsewhere counts more.
EXPIRY: tuple[Phrase, ...] = (
    phrase(
        Reason.EXPIRED,
        r"could not find a gateway for|after multiple retries|within the allowed queue period"
        r"|has not been collected after",
        r"sitting in queue|server did not respond|message timed out|message too old",
    ),
)
