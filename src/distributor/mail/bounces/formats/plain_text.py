"""Bounce notices without a delivery status: their author, their recipients, and the text about each."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice

from distributor.mail.bounces.address_search import ADDRESS, find_address, find_addresses, trim_address
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.formats import FORMATS
from distributor.mail.bounces.formats.bounce_format import SYSTEM, BounceFormat
from distributor.mail.bounces.formats.transcript import parse_recipient_lines, parse_session
from distributor.mail.bounces.notice import BounceNotice
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reply_text import find_reply_code, find_status
from distributor.mail.bounces.reports import MAX_RECIPIENTS
from distributor.mail.mime.received_message import ReceivedMessage

_IDENTITY = ("from", "sender", "return-path", "subject", "x-mailer", "auto-submitted", "x-failed-recipients")
_MAX_BLOCK = 6000

_SYSTEM = LazyPattern(SYSTEM, re.IGNORECASE | re.MULTILINE)
# Sentences of mail systems that report a failed delivery, in the languages of the large ones.
_FAILED = LazyPattern(
    r"could ?n[o']t be (?:delivered|sent)|(?:was|were|been|be|is) not (?:be )?(?:delivered|sent)"
    r"|wasn't delivered|undeliver|non-?deliver"
    r"|deliver[a-z]{0,20}(?: \w{1,40}){0,4} (?:has |have |was |is |been ){0,3}(?:fail|impossible|abort|delayed"
    r"|error|problem)|fail\w{0,20} (?:to|of) deliver"
    r"|returned (?:mail|to sender|message)|returning (?:message|mail) to sender|failure notice"
    r"|delivery (?:status|failure|error|report|problem)"
    r"|unable to (?:deliver|send)|(?:not|never) (?:yet )?been delivered|been (?:returned because"
    r"|postponed)|user unknown|unknown user|no such user"
    r"|permanent (?:fatal )?error|mail (?:system )?error|message (?:was "
    r"|has been )?(?:rejected|refused|blocked|bounced)"
    r"|did not reach the following|mail(?: delivery)? fail|cannot be delivered|can't be delivered"
    r"|message you sent blocked|rejected your message"
    r"|nicht (?:zugestellt|ausgeliefert|zustellbar)|unzustellbar|n'a (?:pas )?pu (?:être|etre)"
    r"|non remis|no se (?:ha )?pud?o? ?entreg|no entregad"
    r"|impossibile (?:consegnare|recapitare)|não (?:foi|pôde) (?:entregue|ser entregue)"
    r"|не (?:может быть "
    r"|было )?доставлен"
    r"|送信(?:できません|されません|に失敗"
    r"|エラー)|配信(?:できません|不能"
    r"|エラー)|お届けできません|退信"
    r"|无法(?:投递|送达|发送)|無法(?:投遞"
    r"|傳送)",
    re.IGNORECASE,
)
_NOT_DELIVERED = LazyPattern(
    r"could ?n[o']t be delivered|unable to deliver|(?:was|were) not delivered|fail\w{0,20} to deliver", re.IGNORECASE
)
# Other mails of mail systems, which report no failure.
_NO_FAILURE = LazyPattern(
    r"\bsuccessfully (?:delivered|relayed|sent)\b|\b(?:has been|was|were) (?:delivered|relayed)\b"
    r"|^subject: ?(?:re: )?(?:delivered|relayed|read|receipt|successful)\b"
    r"|quarantine|report domain:|spam digest|daily (?:report|digest)|mailbox (?:is )?(?:almost|nearly)"
    r"|(?:quota|storage) (?:warning|usage)"
    r"|\bmonthly\b|\bwelcome to\b",
    re.IGNORECASE | re.MULTILINE,
)

_ANSWER = LazyPattern(r"^subject: ?(?:re|aw|sv|antw|fwd?|wg|tr) ?:", re.IGNORECASE | re.MULTILINE)
_PROGRAM = LazyPattern(
    r"^from: .{0,80}mailer-?daemon|^return-path: <>$|^auto-submitted: auto-|^x-failed-recipients: .",
    re.IGNORECASE | re.MULTILINE,
)
_DELIVERED = LazyPattern(
    r"had successful delivery|successfully (?:delivered|relayed)|relayed to non-?dsn", re.IGNORECASE
)
_FATAL = LazyPattern(
    r"fatal errors|transient|delivery problems|could not|fail|undeliver|not (?:be )?delivered", re.IGNORECASE
)


def _lines(pattern: str) -> LazyPattern:
    return LazyPattern(pattern.replace("ADDRESS", f"({ADDRESS})"), re.IGNORECASE | re.MULTILINE)


# Where most notices name a recipient; the first pattern that matches is used for the whole notice.
_RECIPIENTS = (
    _lines(r"^[ \t]*(?:\* |- )?<ADDRESS>(?: ?:|\.\.\.|,|[ \t]*$|[ \t]+[(\[]|[ \t]+delivery)"),
    _lines(r"^[ \t]*Recipient(?: address)?:[ \t]*<?ADDRESS"),
    _lines(r"^[ \t]*(?:\* |- |'|\")?ADDRESS['\"]?:?[ \t]*+(?:<mailto:\S{3,200}>[ \t]*)?$"),
    _lines(
        r"^[ \t]*ADDRESS(?::[ \t]|[ \t]*\.\.\.|[ \t]+[(\[]|;|[ \t]+(?:on \w{3}|invalid|error|failed"
        r"|-|delivery)|<mailto:)"
    ),
    _lines(
        r"(?:delivered|delivering your (?:mail|message)|sent|undeliverable|addressed"
        r"|deliver(?: your)? (?:message|mail)) to:?[ \t]*<?ADDRESS"
    ),
    _lines(
        r"(?:failed|failing|original|intended|following)? ?(?:recipients?|address|addressee|user|rcpt to"
        r"|mailbox|account)\W{1,4}<?ADDRESS"
    ),
    _lines(r"^[ \t]*to:[ \t]*<?ADDRESS"),
)

_ORIGIN = _lines(r"\bgenerated (?:by|from) <?ADDRESS")

# Where a notice quotes the reply of another server.
_QUOTED = LazyPattern(
    r"error that the other server returned was:\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|The response (?:from the remote server )?was:\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|Remote (?:host|server|smtp server) (?:said|returned):? '?(.{1,1500}?)(?:'\n|\nGiving up|\nI'm not going|\n\n|\Z)"
    r"|Body of message generated response: *\n(.{1,1500}?)(?:\n\n|\Z)"
    r"|(?:error message|responded as follows): \[(.{1,1500}?)\](?:\n|\Z)"
    r"|SMTP error from remote mail(?:er| server) after [^\n]{1,300}:\s*\n\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|delivered because of:?\s*\n\s*(.{1,1500}?)(?:\n[ \t]*\n|\Z)"
    r"|\bsaid:\s{0,40}\"?([45]\d\d[ -].{1,1500}?)(?:\n\n|\Z)"
    r"|^-{3,}server message *\n(.{1,1500}?)(?:\n\n|\Z)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)


def identity_fields(message: ReceivedMessage) -> str:
    """The header fields that identify the author of a mail, one per line."""
    fields = message.fields
    return "\n".join(f"{name}: {fields.get(name)}" for name in _IDENTITY)


def find_format(message: ReceivedMessage, notice: BounceNotice) -> BounceFormat | None:
    """The known format of a notice, or None."""
    author = identity_fields(message)
    return next((one for one in FORMATS if one.author.search(author) and one.marker.search(notice.text)), None)


def is_from_mail_system(message: ReceivedMessage) -> bool:
    """Whether the mail was sent by a mail system."""
    return bool(_SYSTEM.search(identity_fields(message)))


def reports_failure(message: ReceivedMessage, notice: BounceNotice) -> bool:
    """Whether a mail of a mail system in no known format reports a failed delivery.

    People write as postmaster too. A program returns the message, a code or a list of recipients, or is identified by
    its header fields.
    """
    author = identity_fields(message)
    text = f"{author}\n{notice.text[:6000]}"
    if not _FAILED.search(text) or _NO_FAILURE.search(text) or _ANSWER.search(author):
        return False
    if notice.original.names() or _PROGRAM.search(author) or find_status(text) or find_reply_code(text):
        return True
    return bool(_locate(notice.text, _RECIPIENTS))


def reports_only_success(notice: BounceNotice) -> bool:
    """Whether a notice lists successful deliveries and no failure."""
    return bool(_DELIVERED.search(notice.text)) and not _FATAL.search(notice.text)


def parse_plain_text(
    message: ReceivedMessage, notice: BounceNotice, bounce_format: BounceFormat | None
) -> list[BounceEvidence]:
    """One evidence per recipient that the notice names, in order."""
    if bounce_format and bounce_format.has_transcript and (concluded := parse_recipient_lines(notice.text)):
        named = _locate(notice.text, bounce_format.recipients[:3])
        if len({one for one, _, _ in named}) <= 1:
            return concluded[:MAX_RECIPIENTS]
    listed = (
        bounce_format.recipients_after.search(notice.text) if bounce_format and bounce_format.recipients_after else None
    )
    patterns = (*(bounce_format.recipients if bounce_format else ()), *_RECIPIENTS)
    places = _locate(notice.text, patterns, start=listed.end() if listed else 0)
    if not places:
        text = notice.text[:_MAX_BLOCK]
        return [_evidence(address, text, text) for address in _other_recipients(message, notice, bounce_format)]
    # The text before the first recipient is about all of them.
    around = (
        notice.text[:_MAX_BLOCK]
        if len({address.lower() for address, _, _ in places}) == 1
        else notice.text[: min(places[0][1], _MAX_BLOCK)]
    )
    return [
        _evidence(address, notice.text[begin : min(end, begin + _MAX_BLOCK)], around)
        for address, begin, end in places[:MAX_RECIPIENTS]
    ]


def find_recipient(notice: BounceNotice, bounce_format: BounceFormat | None) -> str:
    """The first recipient that a notice names, or an empty string; used if its report names none."""
    places = _locate(notice.text, (*(bounce_format.recipients if bounce_format else ()), *_RECIPIENTS, _ORIGIN))
    return places[0][0] if places else ""


def blocks_by_recipient(recipients: Iterable[str], text: str) -> dict[str, str]:
    """The text of a notice about each recipient: from its address to the next one."""
    located = {recipient: at for recipient in recipients if recipient and (at := text.find(recipient)) >= 0}
    named = {(begin, address) for address, begin, _ in _locate(text, _RECIPIENTS[:4])}
    places = sorted(named | {(at, recipient) for recipient, at in located.items()})
    blocks: dict[str, str] = {}
    for recipient, at in located.items():
        following = islice(places, bisect_left(places, (at + 1, "")), None)
        end = next((begin for begin, address in following if address != recipient), len(text))
        blocks[recipient] = text[text.rfind("\n", 0, at) + 1 : min(end, at + _MAX_BLOCK)]
    return blocks


def _locate(text: str, patterns: tuple[LazyPattern, ...], *, start: int = 0) -> list[tuple[str, int, int]]:
    """The recipients after `start` by the first pattern that matches, each with the range of the text about it."""
    for pattern in patterns:
        places = [(trim_address(found[1]), found.start()) for found in pattern.finditer(text, start)]
        places = [place for before, place in zip([("", 0), *places], places, strict=False) if before[0] != place[0]]
        if places:
            ends = [begin for _, begin in places[1:]] + [len(text)]
            return [(address, begin, end) for (address, begin), end in zip(places, ends, strict=True)]
    return []


def _evidence(recipient: str, block: str, around: str) -> BounceEvidence:
    reply = parse_session(block) if "<<<" in block or "Deferred" in block else None
    quoted = _QUOTED.search(block)
    return BounceEvidence(
        recipient=recipient,
        reply_text=reply.reply_text if reply else next(words for words in quoted.groups() if words) if quoted else "",
        notice=block,
        surroundings=around,
        command=reply.command if reply else None,
        host=reply.host if reply else "",
    )


def _other_recipients(message: ReceivedMessage, notice: BounceNotice, bounce_format: BounceFormat | None) -> list[str]:
    """Recipients named elsewhere: in X-Failed-Recipients, anywhere in the text, or in the original message."""
    own = find_address(message.fields.get("from")).lower()
    named = find_addresses(" ".join(message.fields.all("x-failed-recipients")))
    if not named:
        strangers = [
            one for one in find_addresses(notice.text) if one.lower() != own and not _SYSTEM.search(f"from: {one}")
        ]
        named = strangers[:1]
    return (named or find_addresses(notice.original.get("to"))[:1] or _unnamed_recipient(bounce_format, notice))[
        :MAX_RECIPIENTS
    ]


def _unnamed_recipient(bounce_format: BounceFormat | None, notice: BounceNotice) -> list[str]:
    """One recipient without address if a failure is certain: the return path may identify it."""
    return [""] if bounce_format or _NOT_DELIVERED.search(notice.text) else []
