"""Bounce formats of mailbox providers."""

from __future__ import annotations

from distributor.mail.bounces.formats.bounce_format import BY_SYSTEM, BounceFormat, address_patterns, any_of, hint_table
from distributor.mail.bounces.reasons import Reason

PROVIDERS: tuple[BounceFormat, ...] = (
    BounceFormat(
        name="aol",
        author=any_of(r"^from: .{0,80}@aol\.com"),
        marker=any_of(r"name service error"),
        hints=hint_table(
            {
                Reason.HOSTUNKNOWN: (r"host or domain name not found",),
                Reason.NOTACCEPT: (r"type=mx: malformed or unexpected name server reply",),
            }
        ),
    ),
    BounceFormat(
        name="gmail",
        author=any_of(r"^from: .{0,80}mailer-daemon@(?:google|gmail)"),
        marker=any_of(
            r"^Delivery to the following recipients? (?:has been delayed|failed permanently)",
            r"^This is an automatically generated Delivery Status Notification",
            r"\*\* .{3,60} \*\*",
            r"\bThe (?:recipient )?server\b|message (?:wasn't|couldn't be|not) delivered",
        ),
        recipients=address_patterns(r"^[ \t]+ADDRESS[ \t]*$", r"(?:delivered|delivering your message) to ADDRESS"),
        hints=hint_table(
            {
                Reason.NOTACCEPT: (r"returned null mx",),
                Reason.SYSTEMERROR: (r"does not support tls",),
                Reason.EXPIRED: (r"did not accept our requests to connect|message will be retried",),
                Reason.NETWORKERROR: (r"dns error|had no relevant answers|domain name lookup failed",),
                Reason.HOSTUNKNOWN: (r"domain name not found",),
            }
        ),
    ),
    BounceFormat(
        name="google groups",
        author=any_of(r"^from: .{0,80}@(?:google|gmail|googlegroups)"),
        marker=any_of(r"groups\.google\.com/"),
        hints=hint_table({Reason.REJECTED: (r"groups\.google\.com/",)}),
    ),
    BounceFormat(
        name="yahoo",
        author=any_of(r"^from: .{0,80}(?:mailer-daemon|postmaster)@"),
        marker=any_of(r"^Sorry, we were unable to deliver your message to the following address"),
        recipients=address_patterns(r"^<ADDRESS>:"),
        hints=hint_table({Reason.FILTERED: (r"^5\d\d:? : user unknown",)}),
    ),
    BounceFormat(
        name="ezweb",
        author=any_of(r"^from: .{0,80}@(?:\w+\.)*(?:ezweb|au)\b"),
        marker=any_of(
            r"following recipients was rejected by a remote",
            r"^The user\(s\) ",
            r"^Your message ",
            r"次のあて先へのメッセージ|送信できませんでした",
            r"^<\S{3,200}@(?:ezweb|au)\b",
        ),
        recipients=address_patterns(r"^[ \t]*Recipient: <ADDRESS>", r"^[ \t]*<ADDRESS>"),
        hints=hint_table(
            {
                Reason.MAILBOXFULL: (r"the user\(s\) account is temporarily over quota",),
                Reason.SUSPEND: (r"the user\(s\) account is disabled", r"the user\(s\) account is temporarily limited"),
                Reason.EXPIRED: (r"could not be delivered within",),
            }
        ),
        default_reason=Reason.FILTERED,
    ),
    BounceFormat(
        name="kddi",
        author=any_of(r"^from: .{0,120}(?:no-?reply|postmaster|mailer-daemon)"),
        marker=any_of(r"^[ \t]*(?:Could not be delivered to:? ?<?[^\s@]{1,100}@|Your mail sent on\b)"),
        recipients=address_patterns(r"could not be delivered to:? <?ADDRESS"),
        hints=hint_table(
            {
                Reason.MAILBOXFULL: (r"as their mailbox is full",),
                Reason.NORELAYING: (r"due to the following smtp relay error",),
                Reason.HOSTUNKNOWN: (r"as the remote domain doesn't exist",),
            }
        ),
    ),
    BounceFormat(
        name="biglobe",
        author=BY_SYSTEM,
        marker=any_of(r"^[ \t]*-{3,} Non-delivered information -{3,}"),
        recipients=address_patterns(r"^<?ADDRESS>?[ \t]*(?:$|\()"),
        hints=hint_table(
            {
                Reason.MAILBOXFULL: (r"number of messages in recipient's mailbox exceeded", r"mailbox is full"),
                Reason.FILTERED: (r"mail delivery failed:? user unknown",),
            }
        ),
    ),
    BounceFormat(
        name="vtext",
        author=any_of(r"^from: .{0,80}(?:post_?master@|@(?:[\w-]+\.)*(?:vtext|vzwpix)\.)"),
        marker=any_of(r"^Error message below:|^Error: (?:Invalid|Mail)|^Message could not be delivered to mobile"),
        recipients=address_patterns(
            r"^[ \t]*RCPT TO:[ \t]*<?ADDRESS",
            r"could not be delivered to[^\n]{0,80}?ADDRESS",
            r"^[ \t]*To:[ \t]*ADDRESS",
        ),
        hints=hint_table(
            {
                Reason.USERUNKNOWN: (
                    r"no such user here|invalid user address|no valid recipients for this mm"
                    r"|message could not be delivered to mobile",
                )
            }
        ),
    ),
    BounceFormat(
        name="messagelabs",
        author=any_of(r"messagelabs|symanteccloud"),
        marker=any_of(r"mail delivery agent at|unable to deliver your message"),
        recipients=address_patterns(r"^ADDRESS[ \t]*$"),
        hints=hint_table(
            {
                Reason.USERUNKNOWN: (r"\b542 \S{3,200} rejected|no such user",),
                Reason.SECURITYERROR: (r"please turn on smtp authentication in your mail client",),
            }
        ),
    ),
    BounceFormat(
        name="mxlogic",
        author=any_of(r"mxlogic"),
        marker=any_of(r"^A message that you have sent could not be delivered"),
        recipients=address_patterns(r"^[ \t]*<ADDRESS>:"),
    ),
    BounceFormat(
        name="facebook",
        author=any_of(r"@(?:\w+\.)?facebook"),
        marker=any_of(r"created automatically by facebook"),
    ),
)
