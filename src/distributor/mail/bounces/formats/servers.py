"""Bounce formats of mail servers."""

from __future__ import annotations

from distributor.mail.bounces.formats.bounce_format import (
    BY_PROGRAM,
    BY_SYSTEM,
    SYSTEM,
    BounceFormat,
    address_patterns,
    any_of,
    hint_table,
)
from distributor.mail.bounces.reasons import Reason

SERVERS: tuple[BounceFormat, ...] = (
    BounceFormat(
        name="qmail",
        author=BY_PROGRAM,
        marker=any_of(
            r"^Hi\. This is the \S.{0,80}(?:at|program|for) ",
            r"^This is the \S{0,20} ?(?:qmail|mail delivery).{0,60}program at",
            r"^Sorry, (?:we were|I was|I wasn't) (?:unable|able) to deliver your message to the following",
            r"^Unable to deliver message to the following address\(es\)",
            r"^Your message to the following recipients? could not be delivered\.?$",
        ),
        recipients=address_patterns(r"^[ \t]*<ADDRESS>(?: |:|$)", r"^[ \t]*ADDRESS:?[ \t]*$"),
        hints=hint_table(
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
    BounceFormat(
        name="exim",
        author=BY_PROGRAM,
        marker=any_of(
            r"^This message was created automatically by (?:the )?mail delivery software",
            r"^A message that you sent (?:could not be delivered|contained (?:no|one or more) recipient addresses)",
            r"^Message \w{6}-\w{6,11}-\w{2,4} (?:has been frozen|was frozen)",
        ),
        recipients_after=any_of(r"following\s{1,4}address(?:\(es\)|es)? failed:"),
        recipients=address_patterns(
            r"^[ \t]+(?:<)?ADDRESS(?:>)?:?[ \t]*+(?:\([^()\n]{0,200}\)[ \t]*)?$",
            r"^\"?ADDRESS\"?:?[ \t]*$",
            r"^[ \t]+<?ADDRESS>?(?::| \()",
            r"^[ \t]+.{1,200} <ADDRESS>: malformed",
            r"^ADDRESS (?:Invalid|Error|,? ?ERROR_CODE|\S)",
        ),
        hints=hint_table(
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
    BounceFormat(
        name="opensmtpd",
        author=BY_SYSTEM,
        marker=any_of(r"^[ \t]*This is the MAILER-DAEMON, please DO NOT REPLY"),
        recipients=address_patterns(r"^ADDRESS:"),
        hints=hint_table(
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
    BounceFormat(
        name="dragonfly",
        author=BY_SYSTEM,
        marker=any_of(r"^This is the DragonFly Mail Agent"),
        recipients=address_patterns(r"delivering your mail to <?ADDRESS"),
        hints=hint_table(
            {
                Reason.EXPIRED: (r"could not deliver for the last .{1,30} seconds|giving up",),
                Reason.HOSTUNKNOWN: (r"dns lookup failure: host .{1,200} not found",),
                Reason.MAILERERROR: (r"local delivery failed|cannot (?:chdir|open) .{0,60}(?:mail|spool)",),
            }
        ),
    ),
    BounceFormat(
        name="sendmail",
        author=BY_PROGRAM,
        marker=any_of(r"^[ \t]*-{3,} Transcript of (?:the )?session follows -{3,}"),
        recipients=address_patterns(
            r"^[ \t]*>>> ADDRESS <",
            r"^<ADDRESS>[ \t]*$",
            r"^<?ADDRESS>?[ \t]*$",
            r"^\d{3} (?:\d\.\d\.\d{1,3} )?<?ADDRESS>?\.\.\. ",
        ),
        has_transcript=True,
    ),
    BounceFormat(
        name="exchange",
        author=BY_PROGRAM,
        marker=any_of(
            r"^[ \t]*did not reach the following recipient",
            r"^Delivery has failed to these recipients or (?:groups|distribution lists)",
            r"^Diagnostic information for administrators",
            r"^(?:Your message did not reach some or all of the intended recipients"
            r"|Your message couldn't be delivered)",
        ),
        recipients=address_patterns(
            r"\bdda:smtp=ADDRESS",
            r"^[ \t]*<?ADDRESS>? on \w{3}",
            r"^did not reach the following recipient(?:\(s\)|s)?:?[ \t]*<?ADDRESS",
            r"^[ \t]*'?ADDRESS'? on \d",
            r"^ADDRESS[ \t]*$",
            r"^#?<?ADDRESS>? ?#",
        ),
        hints=hint_table(
            {
                # The numbers are those of the Internet Mail Service of Exchange 5.5 and 2000.
                Reason.USERUNKNOWN: (
                    r"recipient name is not recognized|\(000C05A6\)|unknown recipient",
                    r"e-?mail (?:address|account) (?:does not exist|you entered couldn't be found)",
                ),
                Reason.SYSTEMERROR: (r"\(000(?:10256|D06B5)\)",),
                Reason.NETWORKERROR: (r"\((?:00120270|00020820)\)",),
                Reason.CONTENTERROR: (r"\(000(?:50311|502CC)\)|conversion to internet format failed",),
                Reason.SECURITYERROR: (r"\(000B0981\)",),
                Reason.FILTERED: (r"\(000C0595\)|ambiguous recipient",),
            }
        ),
    ),
    BounceFormat(
        name="notes",
        author=BY_SYSTEM,
        marker=any_of(r"^-{3,} Failure Reasons? +-{3,}"),
        recipients=address_patterns(r"^ADDRESS[ \t]*$"),
        hints=hint_table(
            {
                Reason.USERUNKNOWN: (
                    r"user not listed in|public name & address book|ディレクトリ.{0,10}(?:見つかり|あり)ません",
                ),
                Reason.NETWORKERROR: (r"message has exceeded the maximum hop count",),
            }
        ),
    ),
    BounceFormat(
        name="domino",
        author=any_of(r"^subject: .{0,20}delivery failure", SYSTEM),
        marker=any_of(r"^was not delivered to:"),
        recipients=address_patterns(r"^[ \t]+ADDRESS[ \t]*$"),
        hints=hint_table(
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
    BounceFormat(
        name="groupwise",
        author=BY_SYSTEM,
        marker=any_of(r"^The message that you sent was undeliverable to the following:"),
        recipients=address_patterns(r"^[ \t]+ADDRESS \("),
        hints=hint_table(
            {
                Reason.USERUNKNOWN: (r"user not found|unknown user",),
                Reason.HOSTUNKNOWN: (r"host (?:unknown|not found)",),
                Reason.MAILBOXFULL: (r"(?:disk space|mailbox) (?:full|limit)",),
            }
        ),
    ),
    BounceFormat(
        name="james",
        author=BY_SYSTEM,
        marker=any_of(r"Message details:|^Error message below"),
        recipients=address_patterns(r"^[ \t]*RCPT TO:[ \t]*<?ADDRESS"),
    ),
    BounceFormat(
        name="dovecot",
        author=BY_SYSTEM,
        marker=any_of(r"^Your message to <[^<>\s]{3,300}> was automatically rejected"),
        recipients=address_patterns(r"^Your message to <ADDRESS>"),
        is_receipt=True,
    ),
)
