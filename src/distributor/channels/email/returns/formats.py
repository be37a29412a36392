"""How the mail systems write their notices, where those are no reports of RFC 3464 or say more than these: a table.

A format is told by its author and a mark in its text. It says where the recipients stand, if not where most systems put
them, and what the system's own sentences mean; what another server said is judged by `phrases`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from distributor.channels.email.returns.addresses import ADDRESS
from distributor.channels.email.returns.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A sentence of a mail system itself, and the reason it gives."""

    reason: Reason
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`author` is searched in the identity of a mail (`plain.identity`), `mark` in its notice; both must be found.

    `recipients` are patterns whose group is an address; `silence` is the reason of a notice that gives none;
    `has_transcript` says that the notice may be nothing but a transcript, `is_receipt` that it comes as a receipt of
    reading (RFC 8098).
    """

    name: str
    author: re.Pattern[str]
    mark: re.Pattern[str]
    recipients: tuple[re.Pattern[str], ...] = ()
    hints: tuple[Hint, ...] = field(default=())
    silence: Reason | None = None
    is_receipt: bool = False
    has_transcript: bool = False


def _lines(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(pattern.replace("ADDRESS", f"({ADDRESS})"), re.IGNORECASE | re.MULTILINE) for pattern in patterns
    )


def _search(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def _hints(table: dict[Reason, tuple[str, ...]]) -> tuple[Hint, ...]:
    return tuple(Hint(reason=reason, pattern=_search(*patterns)) for reason, patterns in table.items())


# The mailbox or the name in From by which programs sign notices.
SYSTEM = (
    r"^from: ?(?:.{0,80}\b)?(?:mailer-?daemon|post[-_]{0,2}o?master|poostmaster|mail(?:er)? ?deliver"
    r"|(?:e?mail )?delivery ?(?:sub)?"
    r"(?:system|service|agent|status|reports?|notif)|(?:system|mail|e-?mail) administrator"
    r"|mail ?system|mdaemon|mailserver"
    r"|microsoft (?:outlook|exchange)|undeliver|bounce[sd]?\b|mmdf|double-bounce|interscan"
    r"|postoffice|jetmail|virus_?wall|anti_?virus|mail_service|imss@)|^from: ?<?>?$"
)
_SYSTEM = _search(SYSTEM)
# Or a program of another name, which says by the fields of RFC 3834 or an empty return path that it is one.
_PROGRAM = _search(SYSTEM, r"^auto-submitted: auto-", r"^x-failed-recipients: .", r"^return-path: <>$")
_ANYBODY = _search("")

FORMATS: tuple[Format, ...] = (
    Format(
        name="qmail",
        author=_PROGRAM,
        mark=_search(
            r"^Hi\. This is the \S.{0,80}(?:at|program|for) ",
            r"^This is the \S{0,20} ?(?:qmail|mail delivery).{0,60}program at",
            r"^Sorry, (?:we were|I was|I wasn't) (?:unable|able) to deliver your message to the following",
            r"^Unable to deliver message to the following address\(es\)",
            r"^Your message to the following recipients? could not be delivered\.?$",
        ),
        recipients=_lines(r"^[ \t]*<ADDRESS>(?: |:|$)", r"^[ \t]*ADDRESS:?[ \t]*$"),
        hints=_hints(
            {
                Reason.SUSPEND: (r"vdelivermail: account is locked", r"account is (?:locked|disabled)"),
                Reason.NOTACCEPT: (r"couldn't find a mail exchanger or ip address", r"does not accept (?:e?mail|smtp)"),
                Reason.HOSTUNKNOWN: (r"couldn't find any host (?:by that name|named)",),
                Reason.MAILBOXFULL: (
                    r"user is over quota|(?:mailbox|account|disk) quota|over ?quota|has overdrawn|mailfolder is full"
                    r"|maildir is full",
                ),
                Reason.SYSTEMERROR: (
                    r"bad interpreter|user's (?:home directory|\.qmail)|unable to (?:switch|exec|read|contact|open"
                    r"|chdir|write|lock)",
                    r"system error|temporary error on maildir|out of memory|ldap|loops back to me"
                    r"|mail server.{0,20}misconfig",
                    r"no usable (?:mx|key)|can't accept address",
                ),
                Reason.NETWORKERROR: (
                    r"wasn't able to establish an smtp connection|this message is looping|mail-loop|forwarding loop",
                    r"exceeded the maximum number of hops|too many hops|cname lookup (?:failed|temporar)",
                ),
                Reason.EXPIRED: (r"connected to .{0,60} but connection died",),
                Reason.USERUNKNOWN: (r"no mailbox here by that name|no such (?:user|mailbox|address)",),
            }
        ),
    ),
    Format(
        name="exim",
        author=_PROGRAM,
        mark=_search(
            r"^This message was created automatically by (?:the )?mail delivery software",
            r"^A message that you sent (?:could not be delivered|contained (?:no|one or more) recipient addresses)",
            r"^Message \w{6}-\w{6,11}-\w{2,4} (?:has been frozen|was frozen)",
        ),
        recipients=_lines(
            r"^[ \t]+(?:<)?ADDRESS(?:>)?:?[ \t]*(?:\([^()\n]{0,200}\))?[ \t]*$",
            r"^\"?ADDRESS\"?:?[ \t]*$",
            r"^[ \t]+<?ADDRESS>?(?::| \()",
            r"^[ \t]+.{1,200} <ADDRESS>: malformed",
            r"^ADDRESS (?:Invalid|Error|,? ?ERROR_CODE|\S)",
        ),
        hints=_hints(
            {
                Reason.HOSTUNKNOWN: (
                    r"unrouteable (?:mail )?(?:address|domain)",
                    r"could not deliver mail to .{0,200}account or domain may not exist",
                    r"all relevant mx records point to non-existent hosts",
                    r"all host address lookups failed permanently",
                ),
                Reason.NOTACCEPT: (
                    r"an mx or srv record indicated no smtp service",
                    r"no mx (?:record|hosts?)",
                    r"domain has no mx",
                ),
                Reason.SYNTAXERROR: (
                    r"angle-brackets nested too deep|expected word or \"<\"|domain missing in source-routed"
                    r"|malformed address",
                    r"incorrectly constructed|missing or malformed local part|unqualified address",
                ),
                Reason.NETWORKERROR: (r"too many \"received\" headers|host lookup did not complete|routing loop",),
                Reason.MAILBOXFULL: (r"mailbox is full:? retry timeout exceeded|error writing .{0,80}quota",),
                Reason.MESGTOOBIG: (r"mail size limit exceeded|message is too (?:big|large)",),
                Reason.MAILERERROR: (
                    r"child process of \w+ transport|pipe delivery|returned \d{1,3} \(|local delivery failed",
                ),
                Reason.EXPIRED: (
                    r"retry time(?:out)? (?:exceeded|not reached)|no action is required on your part|delay reason:"
                    r"|was frozen on arrival",
                    r"all hosts (?:have been failing|for .{0,80} have been failing) for a long time|has been frozen",
                    r"host not reachable|connection timed out|could not connect to",
                ),
            }
        ),
    ),
    Format(
        name="aol",
        author=_search(r"^from: .{0,80}@aol\.com"),
        mark=_search(r"name service error"),
        hints=_hints(
            {
                Reason.HOSTUNKNOWN: (r"host or domain name not found",),
                Reason.NOTACCEPT: (r"type=mx: malformed or unexpected name server reply",),
            }
        ),
    ),
    Format(
        name="x6",
        author=_SYSTEM,
        mark=_search(r"^We had trouble delivering your message"),
        recipients=_lines(
            r"returned (?:permanent|temporary) errors?: <?ADDRESS",
            r"rejected recipient <ADDRESS>",
            r"recipient <?ADDRESS",
        ),
    ),
    Format(
        name="x3",
        author=_SYSTEM,
        mark=_search(r"^[ \t]*\* <?[^\s@]{1,100}@[^\s@]{1,200}$"),
        recipients=_lines(r"^[ \t]*\* ADDRESS"),
        hints=_hints({Reason.EXPIRED: (r"could not find a gateway for",)}),
        silence=Reason.UNDEFINED,
    ),
    Format(
        name="opensmtpd",
        author=_SYSTEM,
        mark=_search(r"^[ \t]*This is the MAILER-DAEMON, please DO NOT REPLY"),
        recipients=_lines(r"^ADDRESS:"),
        hints=_hints(
            {
                Reason.HOSTUNKNOWN: (r"invalid domain name|domain does not exist|no such host",),
                Reason.NOTACCEPT: (
                    r"no mx found for (?:domain|destination)|destination seem to reject all mails|null mx",
                ),
                Reason.EXPIRED: (r"envelope expired|message expired",),
                Reason.NETWORKERROR: (
                    r"address family mismatch|bad dns lookup error code|could not (?:contact|retrieve) (?:dns|source)",
                    r"could not retrieve source address|loop detected|network error on destination mxs?"
                    r"|no valid route to remote mx",
                    r"no source address|could not resolve",
                ),
                Reason.SECURITYERROR: (
                    r"could not retrieve credentials|tls (?:required|handshake)|cert(?:ificate)? verif",
                ),
                Reason.BLOCKED: (r"connection (?:closed|refused|rejected)|too many recipients",),
            }
        ),
    ),
    Format(
        name="dragonfly",
        author=_SYSTEM,
        mark=_search(r"^This is the DragonFly Mail Agent"),
        recipients=_lines(r"delivering your mail to <?ADDRESS"),
        hints=_hints(
            {
                Reason.EXPIRED: (r"could not deliver for the last .{1,30} seconds|giving up",),
                Reason.HOSTUNKNOWN: (r"dns lookup failure: host .{1,200} not found",),
                Reason.MAILERERROR: (r"local delivery failed|cannot (?:chdir|open) .{0,60}(?:mail|spool)",),
            }
        ),
    ),
    Format(
        name="gmail",
        author=_search(r"^from: .{0,80}mailer-daemon@(?:google|gmail)"),
        mark=_search(
            r"^Delivery to the following recipients? (?:has been delayed|failed permanently)",
            r"^This is an automatically generated Delivery Status Notification",
            r"\*\* .{3,60} \*\*",
            r"\bThe (?:recipient )?server\b|message (?:wasn't|couldn't be|not) delivered",
        ),
        recipients=_lines(r"^[ \t]+ADDRESS[ \t]*$", r"(?:delivered|delivering your message) to ADDRESS"),
        hints=_hints(
            {
                Reason.NOTACCEPT: (r"returned null mx",),
                Reason.SYSTEMERROR: (r"does not support tls",),
                Reason.EXPIRED: (
                    r"did not accept our requests to connect|delivery failed because .{0,80}tim"
                    r"|message will be retried",
                    r"the recipient server did not accept",
                ),
                Reason.NETWORKERROR: (r"dns error|had no relevant answers|domain name lookup failed",),
                Reason.HOSTUNKNOWN: (r"domain name not found|domain .{1,200} couldn't be found",),
            }
        ),
    ),
    Format(
        name="google groups",
        author=_search(r"^from: .{0,80}@(?:google|gmail|googlegroups)"),
        mark=_search(r"groups\.google\.com/"),
        hints=_hints({Reason.REJECTED: (r"groups\.google\.com/",)}),
    ),
    Format(
        name="yahoo",
        author=_search(r"^from: .{0,80}(?:mailer-daemon|postmaster)@"),
        mark=_search(r"^Sorry, we were unable to deliver your message to the following address"),
        recipients=_lines(r"^<ADDRESS>:"),
        hints=_hints({Reason.FILTERED: (r"^5\d\d:? : user unknown",)}),
    ),
    Format(
        name="imail",
        author=_search(r"^x-mailer: <SMTP32 v", r"^subject: undeliverable mail"),
        mark=_search(
            r"^undeliverable to ",
            r"^Invalid final delivery userid",
            r"^Unknown (?:user|host)\b",
            r"^User mailbox exceeds allowed size",
            r"^Delivery failed \d",
            r"^Body of message generated response",
        ),
        recipients=_lines(
            r"^(?:undeliverable to|invalid final delivery userid:?|unknown (?:user|host):?"
            r"|user mailbox exceeds allowed size:?"
            r"|delivery failed \d{1,3} attempts:?)[ \t]*<?ADDRESS"
        ),
        hints=_hints(
            {
                Reason.USERUNKNOWN: (r"unknown user|invalid final delivery userid",),
                Reason.HOSTUNKNOWN: (r"unknown host",),
                Reason.MAILBOXFULL: (r"user mailbox exceeds allowed size",),
                Reason.EXPIRED: (r"delivery failed \d{1,3} attempts",),
                Reason.SECURITYERROR: (r"requested action not taken: virus detected",),
                Reason.VIRUSDETECTED: (r"virus detected",),
            }
        ),
    ),
    Format(
        name="sendmail",
        author=_PROGRAM,
        mark=_search(r"^[ \t]*-{3,} Transcript of (?:the )?session follows -{3,}"),
        recipients=_lines(
            r"^[ \t]*>>> ADDRESS <",
            r"^<ADDRESS>[ \t]*$",
            r"^<?ADDRESS>?[ \t]*$",
            r"^\d{3} (?:\d\.\d\.\d{1,3} )?<?ADDRESS>?\.\.\. ",
        ),
        has_transcript=True,
    ),
    Format(
        name="exchange",
        author=_PROGRAM,
        mark=_search(
            r"^[ \t]*did not reach the following recipient",
            r"^Delivery has failed to these recipients or (?:groups|distribution lists)",
            r"^Diagnostic information for administrators",
            r"^(?:Your message did not reach some or all of the intended recipients"
            r"|Your message couldn't be delivered)",
        ),
        recipients=_lines(
            r"^[ \t]*<?ADDRESS>? on \w{3}",
            r"^did not reach the following recipient(?:\(s\)|s)?:?[ \t]*<?ADDRESS",
            r"^[ \t]*'?ADDRESS'? on \d",
            r"^ADDRESS[ \t]*$",
            r"^#?<?ADDRESS>? ?#",
        ),
        hints=_hints(
            {
                # The numbers are those of the Internet Mail Service of Exchange 5.5 and 2000.
                Reason.USERUNKNOWN: (
                    r"recipient name is not recognized|\(000C05A6\)|unknown recipient",
                    r"e-?mail (?:address|account) (?:does not exist|you entered couldn't be found)",
                ),
                Reason.SYSTEMERROR: (r"\(000(?:10256|D06B5|B09B6)\)",),
                Reason.NETWORKERROR: (r"\((?:00120270|00020820)\)",),
                Reason.CONTENTERROR: (r"\(000(?:50311|502CC)\)|conversion to internet format failed",),
                Reason.SECURITYERROR: (r"\(000B0981\)",),
                Reason.FILTERED: (r"\(000C0595\)|ambiguous recipient",),
            }
        ),
    ),
    Format(
        name="notes",
        author=_SYSTEM,
        mark=_search(r"^-{3,} Failure Reasons? +-{3,}"),
        recipients=_lines(r"^ADDRESS[ \t]*$"),
        hints=_hints(
            {
                Reason.USERUNKNOWN: (
                    r"user not listed in|public name & address book|ディレクトリ.{0,10}(?:見つかり|あり)ません",
                ),
                Reason.NETWORKERROR: (r"message has exceeded the maximum hop count",),
            }
        ),
    ),
    Format(
        name="domino",
        author=_search(r"^subject: .{0,20}delivery failure", SYSTEM),
        mark=_search(r"^was not delivered to:"),
        recipients=_lines(r"^[ \t]+ADDRESS[ \t]*$"),
        hints=_hints(
            {
                Reason.USERUNKNOWN: (
                    r"not listed in (?:domino|public|the)|no route found to domain .{0,100}user"
                    r"|not found in .{0,40}directory",
                    r"not a valid domino user|ディレクトリ.{0,10}見つかりません|no longer on this server",
                ),
                Reason.FILTERED: (r"cannot route mail to user",),
                Reason.SYSTEMERROR: (r"several matches found in domino directory|cannot convert",),
                Reason.NETWORKERROR: (r"maximum hop count exceeded|routing loop",),
            }
        ),
    ),
    Format(
        name="ezweb",
        author=_search(r"^from: .{0,80}@(?:\w+\.)*(?:ezweb|au)\b"),
        mark=_search(
            r"following recipients was rejected by a remote",
            r"^The user\(s\) ",
            r"^Your message ",
            r"次のあて先へのメッセージ|送信できませんでした",
            r"^<\S{3,200}@(?:ezweb|au)\b",
        ),
        recipients=_lines(r"^[ \t]*Recipient: <ADDRESS>", r"^[ \t]*<ADDRESS>"),
        hints=_hints(
            {
                Reason.MAILBOXFULL: (r"the user\(s\) account is temporarily over quota",),
                Reason.SUSPEND: (r"the user\(s\) account is disabled", r"the user\(s\) account is temporarily limited"),
                Reason.EXPIRED: (r"could not be delivered within",),
            }
        ),
        silence=Reason.FILTERED,
    ),
    Format(
        name="kddi",
        author=_search(r"^from: .{0,120}(?:no-?reply|postmaster|mailer-daemon)"),
        mark=_search(r"^[ \t]*(?:Could not be delivered to|Your mail sent on)\b"),
        recipients=_lines(r"could not be delivered to:? <?ADDRESS"),
        hints=_hints(
            {
                Reason.MAILBOXFULL: (r"as their mailbox is full",),
                Reason.NORELAYING: (r"due to the following smtp relay error",),
                Reason.HOSTUNKNOWN: (r"as the remote domain doesn't exist",),
            }
        ),
    ),
    Format(
        name="biglobe",
        author=_SYSTEM,
        mark=_search(r"^[ \t]*-{3,} Non-delivered information -{3,}"),
        recipients=_lines(r"^<?ADDRESS>?[ \t]*(?:$|\()"),
        hints=_hints(
            {
                Reason.MAILBOXFULL: (r"number of messages in recipient's mailbox exceeded", r"mailbox is full"),
                Reason.FILTERED: (r"mail delivery failed:? user unknown",),
            }
        ),
    ),
    Format(
        name="mcafee",
        author=_search(r"^subject: delivery status"),
        mark=_search(r"^[ \t]*--- The following addresses had delivery problems ---"),
        recipients=_lines(r"^<ADDRESS>[ \t]+\("),
        hints=_hints({Reason.USERUNKNOWN: (r"unknown user|no such user|user not exist|user unknown|unknown\.",)}),
    ),
    Format(
        name="interscan",
        author=_ANYBODY,
        mark=_search(r"^\*{3,} Message from InterScan"),
        recipients=_lines(r"deliver message to <ADDRESS>", r"^[ \t]*Sent (?:>>>|<<<) RCPT TO:<ADDRESS>", r"^<ADDRESS>"),
        hints=_hints(
            {
                Reason.EXPIRED: (r"exceeded maximum delivery attempts",),
                Reason.USERUNKNOWN: (r"unable to deliver message to <",),
            }
        ),
    ),
    Format(
        name="mxlogic",
        author=_search(r"mxlogic"),
        mark=_search(r"^A message that you have sent could not be delivered"),
        recipients=_lines(r"^[ \t]*<ADDRESS>:"),
    ),
    Format(
        name="messagelabs",
        author=_search(r"messagelabs|symanteccloud"),
        mark=_search(r"mail delivery agent at|unable to deliver your message"),
        recipients=_lines(r"^ADDRESS[ \t]*$"),
        hints=_hints(
            {
                Reason.USERUNKNOWN: (r"\b542 \S{3,200} rejected|no such user",),
                Reason.SECURITYERROR: (r"please turn on smtp authentication in your mail client",),
            }
        ),
    ),
    Format(
        name="vtext",
        author=_search(r"^from: .{0,80}(?:post_?master@|@(?:[\w-]+\.)*(?:vtext|vzwpix)\.)"),
        mark=_search(r"^Error message below:|^Error: (?:Invalid|Mail)|^Message could not be delivered to mobile"),
        recipients=_lines(
            r"^[ \t]*RCPT TO:[ \t]*<?ADDRESS",
            r"could not be delivered to[^\n]{0,80}?ADDRESS",
            r"^[ \t]*To:[ \t]*ADDRESS",
        ),
        hints=_hints(
            {
                Reason.USERUNKNOWN: (
                    r"no such user here|invalid user address|no valid recipients for this mm"
                    r"|message could not be delivered to mobile",
                )
            }
        ),
    ),
    Format(
        name="james",
        author=_SYSTEM,
        mark=_search(r"Message details:|^Error message below"),
        recipients=_lines(r"^[ \t]*RCPT TO:[ \t]*<?ADDRESS"),
    ),
    Format(
        name="fml",
        author=_search(r"^from: .{0,80}-(?:admin|request|owner)@"),
        mark=_search(
            r"^You are not a member of this mailing list",
            r"^Duplicated Message-ID in <",
            r"^Your mail .{0,60}(?:is rejected|was rejected|is not relayed)",
            r"^(?:Loop Alert|Warning: This is a loop)",
        ),
        recipients=_lines(r"(?:mailing list|message-id in|address:?|to) <ADDRESS>", r"<ADDRESS>"),
        hints=_hints(
            {
                Reason.REJECTED: (r"not a? ?member",),
                Reason.SYSTEMERROR: (r"duplicated message-id|loop",),
                Reason.SECURITYERROR: (r"security alert|invalid|reject",),
            }
        ),
    ),
    Format(
        name="mailfoundry",
        author=_SYSTEM,
        mark=_search(r"^Unable to deliver message to: <|^Delivery failed for the following reason"),
        recipients=_lines(r"unable to deliver message to: <?ADDRESS"),
    ),
    Format(
        name="mailmarshal",
        author=_SYSTEM,
        mark=_search(r"^Your message:?[ \t]*$|^The following recipients were affected"),
        recipients=_lines(r"^[ \t]+ADDRESS[ \t]*$"),
    ),
    Format(
        name="m-filter",
        author=_search(r"^x-mailer: m-filter"),
        mark=_search(r"^-{3,}server message"),
        recipients=_lines(r"^[ \t]*<?ADDRESS>?[ \t]*$"),
    ),
    Format(
        name="surfcontrol",
        author=_search(r"^x-mailer: surfcontrol"),
        mark=_search(r"your message could not be sent|addressed to:"),
        recipients=_lines(r"^addressed to: ADDRESS"),
    ),
    Format(
        name="dovecot",
        author=_SYSTEM,
        mark=_search(r"^Your message to <[^<>\s]{3,300}> was automatically rejected"),
        recipients=_lines(r"^Your message to <ADDRESS>"),
        is_receipt=True,
    ),
    Format(
        name="non-delivery report",
        author=_ANYBODY,
        mark=_search(r"^-{2,} (?:Non-Delivery Report|Failed Recipients) -{2,}"),
    ),
    Format(
        name="facebook",
        author=_search(r"@(?:\w+\.)?facebook"),
        mark=_search(r"created automatically by facebook"),
    ),
)
