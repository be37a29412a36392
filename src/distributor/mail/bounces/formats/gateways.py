"""The notices of filters, gateways, list managers and small mail systems."""

from __future__ import annotations

from distributor.mail.bounces.formats.bounce_format import BY_ANYBODY, BY_SYSTEM, BounceFormat, hints, lines, search
from distributor.mail.bounces.reasons import Reason

GATEWAYS: tuple[BounceFormat, ...] = (
    BounceFormat(
        name="imail",
        author=search(r"^x-mailer: <SMTP32 v", r"^subject: undeliverable mail"),
        mark=search(
            r"^undeliverable[ \t]+to ",
            r"^Invalid final delivery userid",
            r"^Unknown (?:user|host)\b",
            r"^User mailbox exceeds allowed size",
            r"^Delivery failed \d",
            r"^Body of message generated response",
        ),
        recipients=lines(
            r"^(?:undeliverable[ \t]+to|invalid final delivery userid:?|unknown (?:user|host):?"
            r"|user mailbox exceeds allowed size:?"
            r"|delivery failed \d{1,3} attempts:?)[ \t]*<?ADDRESS"
        ),
        hints=hints(
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
    BounceFormat(
        name="x6",
        author=BY_SYSTEM,
        mark=search(r"^We had trouble delivering your message"),
        recipients=lines(
            r"returned (?:permanent|temporary) errors?: <?ADDRESS",
            r"rejected recipient <ADDRESS>",
            r"recipient <?ADDRESS",
        ),
    ),
    BounceFormat(
        name="mcafee",
        author=search(r"^subject: delivery status"),
        mark=search(r"^[ \t]*--- The following addresses had delivery problems ---"),
        recipients=lines(r"^<ADDRESS>[ \t]+\("),
        hints=hints({Reason.USERUNKNOWN: (r"unknown user|no such user|user not exist|user unknown|unknown\.",)}),
    ),
    BounceFormat(
        name="interscan",
        author=BY_ANYBODY,
        mark=search(r"^\*{3,} Message from InterScan"),
        recipients=lines(r"deliver message to <ADDRESS>", r"^[ \t]*Sent (?:>>>|<<<) RCPT TO:<ADDRESS>", r"^<ADDRESS>"),
        hints=hints(
            {
                Reason.EXPIRED: (r"exceeded maximum delivery attempts",),
                Reason.USERUNKNOWN: (r"unable to deliver message to <",),
            }
        ),
    ),
    BounceFormat(
        name="mailfoundry",
        author=BY_SYSTEM,
        mark=search(r"^Unable to deliver message to: <|^Delivery failed for the following reason"),
        recipients=lines(r"unable to deliver message to: <?ADDRESS"),
    ),
    BounceFormat(
        name="mailmarshal",
        author=BY_SYSTEM,
        mark=search(r"^Your message:[ \t]*$|^The following recipients were affected"),
        recipients=lines(r"^[ \t]+ADDRESS[ \t]*$"),
    ),
    BounceFormat(
        name="m-filter",
        author=search(r"^x-mailer: m-filter"),
        mark=search(r"^-{3,}server message"),
        recipients=lines(r"^[ \t]*<?ADDRESS>?[ \t]*$"),
    ),
    BounceFormat(
        name="surfcontrol",
        author=search(r"^x-mailer: surfcontrol"),
        mark=search(r"your message could not be sent|addressed to:"),
        recipients=lines(r"^addressed to: ADDRESS"),
    ),
    BounceFormat(
        name="fml",
        author=search(r"^from: .{0,80}-(?:admin|request|owner)@"),
        mark=search(
            r"^You are not a member of this mailing list",
            r"^Duplicated Message-ID in <",
            r"^Your mail .{0,60}(?:is rejected|was rejected|is not relayed)",
            r"^(?:Loop Alert|Warning: This is a loop)",
        ),
        recipients=lines(r"(?:mailing list|message-id in|address:?|to) <ADDRESS>", r"<ADDRESS>"),
        hints=hints(
            {
                Reason.REJECTED: (r"not a? ?member",),
                Reason.SYSTEMERROR: (r"duplicated message-id|loop",),
                Reason.SECURITYERROR: (r"security alert|invalid|reject",),
            }
        ),
    ),
    BounceFormat(
        name="x3",
        author=BY_SYSTEM,
        mark=search(r"^[ \t]*\* <?[^\s@]{1,100}@[^\s@]{1,200}$"),
        recipients=lines(r"^[ \t]*\* ADDRESS"),
        hints=hints({Reason.EXPIRED: (r"could not find a gateway for",)}),
        silence=Reason.UNDEFINED,
    ),
    BounceFormat(
        name="non-delivery report",
        author=BY_ANYBODY,
        mark=search(r"^-{2,} (?:Non-Delivery Report|Failed Recipients) -{2,}"),
    ),
)
