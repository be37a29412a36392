"""Bounce formats of filters, gateways, list managers and small mail systems."""

from __future__ import annotations

from distributor.mail.bounces.formats.bounce_format import (
    BY_ANYONE,
    BY_SYSTEM,
    BounceFormat,
    address_patterns,
    any_of,
    hint_table,
)
from distributor.mail.bounces.reasons import Reason

GATEWAYS: tuple[BounceFormat, ...] = (
    BounceFormat(
        name="imail",
        author=any_of(r"^x-mailer: <SMTP32 v", r"^subject: undeliverable mail"),
        marker=any_of(
            r"^undeliverable[ \t]+to ",
            r"^Invalid final delivery userid",
            r"^Unknown (?:user|host)\b",
            r"^User mailbox exceeds allowed size",
            r"^Delivery failed \d",
            r"^Body of message generated response",
        ),
        recipients=address_patterns(
            r"^(?:undeliverable[ \t]+to|invalid final delivery userid:?|unknown (?:user|host):?"
            r"|user mailbox exceeds allowed size:?"
            r"|delivery failed \d{1,3} attempts:?)[ \t]*<?ADDRESS"
        ),
        hints=hint_table(
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
        marker=any_of(r"^We had trouble delivering your message"),
        recipients=address_patterns(
            r"returned (?:permanent|temporary) errors?: <?ADDRESS",
            r"rejected recipient <ADDRESS>",
            r"recipient <?ADDRESS",
        ),
    ),
    BounceFormat(
        name="mcafee",
        author=any_of(r"^subject: delivery status"),
        marker=any_of(r"^[ \t]*--- The following addresses had delivery problems ---"),
        recipients=address_patterns(r"^<ADDRESS>[ \t]+\("),
        hints=hint_table({Reason.USERUNKNOWN: (r"unknown user|no such user|user not exist|user unknown|unknown\.",)}),
    ),
    BounceFormat(
        name="interscan",
        author=BY_ANYONE,
        marker=any_of(r"^\*{3,} Message from InterScan"),
        recipients=address_patterns(
            r"deliver message to <ADDRESS>", r"^[ \t]*Sent (?:>>>|<<<) RCPT TO:<ADDRESS>", r"^<ADDRESS>"
        ),
        hints=hint_table(
            {
                Reason.EXPIRED: (r"exceeded maximum delivery attempts",),
                Reason.USERUNKNOWN: (r"unable to deliver message to <",),
            }
        ),
    ),
    BounceFormat(
        name="mailfoundry",
        author=BY_SYSTEM,
        marker=any_of(r"^Unable to deliver message to: <|^Delivery failed for the following reason"),
        recipients=address_patterns(r"unable to deliver message to: <?ADDRESS"),
    ),
    BounceFormat(
        name="mailmarshal",
        author=BY_SYSTEM,
        marker=any_of(r"^Your message:[ \t]*$|^The following recipients were affected"),
        recipients=address_patterns(r"^[ \t]+ADDRESS[ \t]*$"),
    ),
    BounceFormat(
        name="m-filter",
        author=any_of(r"^x-mailer: m-filter"),
        marker=any_of(r"^-{3,}server message"),
        recipients=address_patterns(r"^[ \t]*<?ADDRESS>?[ \t]*$"),
    ),
    BounceFormat(
        name="surfcontrol",
        author=any_of(r"^x-mailer: surfcontrol"),
        marker=any_of(r"your message could not be sent|addressed to:"),
        recipients=address_patterns(r"^addressed to: ADDRESS"),
    ),
    BounceFormat(
        name="fml",
        author=any_of(r"^from: .{0,80}-(?:admin|request|owner)@"),
        marker=any_of(
            r"^You are not a member of this mailing list",
            r"^Duplicated Message-ID in <",
            r"^Your mail .{0,60}(?:is rejected|was rejected|is not relayed)",
            r"^(?:Loop Alert|Warning: This is a loop)",
        ),
        recipients=address_patterns(r"(?:mailing list|message-id in|address:?|to) <ADDRESS>", r"<ADDRESS>"),
        hints=hint_table(
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
        marker=any_of(r"^[ \t]*\* <?[^\s@]{1,100}@[^\s@]{1,200}$"),
        recipients=address_patterns(r"^[ \t]*\* ADDRESS"),
        hints=hint_table({Reason.EXPIRED: (r"could not find a gateway for",)}),
        default_reason=Reason.UNDEFINED,
    ),
    BounceFormat(
        name="non-delivery report",
        author=BY_ANYONE,
        marker=any_of(r"^-{2,} (?:Non-Delivery Report|Failed Recipients) -{2,}"),
    ),
)
