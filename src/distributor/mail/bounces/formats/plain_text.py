"""Notices that are no reports: who wrote them, whom they name, and what they say of each."""

from __future__ import annotations

import re
from collections.abc import Iterable

from distributor.mail.bounces.address_search import ADDRESS, find_address, find_addresses, trim_address
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.formats import FORMATS
from distributor.mail.bounces.formats.bounce_format import SYSTEM, BounceFormat
from distributor.mail.bounces.formats.transcript import parse_recipient_lines, parse_session
from distributor.mail.bounces.notice import BounceNotice
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reply_text import find_reply_code, find_status
from distributor.mail.mime.received_message import ReceivedMessage

_MOST_RECIPIENTS = 500
_IDENTITY = ("from", "sender", "return-path", "subject", "x-mailer", "auto-submitted", "x-failed-recipients")
_LONGEST_BLOCK = 6000

_SYSTEM = LazyPattern(SYSTEM, re.IGNORECASE | re.MULTILINE)
# Sentences by which a mail system says that a mail did not arrive, in the languages that the big ones speak.
_FAILED = LazyPattern(
    r"could ?n[o']t be (?:delivered|sent)|(?:was|were|been|be|is) not (?:be )?(?:delivered|sent)"
    r"|wasn't delivered|undeliver|non-?deliver"
    r"|deliver[a-z]*(?: \w+){0,4} (?:has |have |was |is |been ){0,3}(?:fail|impossible|abort|delayed"
    r"|error|problem)|fail\w* (?:to|of) deliver"
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
    r"could ?n[o']t be delivered|unable to deliver|(?:was|were) not delivered|fail\w* to deliver", re.IGNORECASE
)
# What mail systems also write, and what is no failure.
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


# Where a recipient stands in most notices; the first that finds one holds for the whole notice.
_RECIPIENTS = (
    _lines(r"^[ \t]*(?:\* |- )?<ADDRESS>(?: ?:|\.\.\.|,|[ \t]*$|[ \t]+[(\[]|[ \t]+delivery)"),
    _lines(r"^[ \t]*Recipient(?: address)?:[ \t]*<?ADDRESS"),
    _lines(r"^[ \t]*(?:\* |- |'|\")?ADDRESS['\"]?:?[ \t]*(?:<mailto:\S{3,200}>)?[ \t]*$"),
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

# Where a notice repeats the words of another server.
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


def identity_fields(letter: ReceivedMessage) -> str:
    """Who wrote a mail with what: the fields by which formats know their authors, a line each."""
    fields = letter.fields
    return "\n".join(f"{name}: {fields.get(name)}" for name in _IDENTITY)


def find_format(letter: ReceivedMessage, notice: BounceNotice) -> BounceFormat | None:
    """The format that a notice is written in, if it is one that is known."""
    author = identity_fields(letter)
    return next((one for one in FORMATS if one.author.search(author) and one.mark.search(notice.text)), None)


def is_from_mail_system(letter: ReceivedMessage) -> bool:
    """Whether the mail is signed by a program that delivers mail."""
    return bool(_SYSTEM.search(identity_fields(letter)))


def reports_failure(letter: ReceivedMessage, notice: BounceNotice) -> bool:
    """Whether a mail from a mail system in no known format says that a mail of ours was not delivered.

    People write as postmaster too. A program gives the mail back, or a code, or a list of recipients, or says by its
    fields that it is one.
    """
    author = identity_fields(letter)
    said = f"{author}\n{notice.text[:6000]}"
    if not _FAILED.search(said) or _NO_FAILURE.search(said) or _ANSWER.search(author):
        return False
    if notice.original.names() or _PROGRAM.search(author) or find_status(said) or find_reply_code(said):
        return True
    return bool(_located(notice.text, _RECIPIENTS))


def reports_only_success(notice: BounceNotice) -> bool:
    """Whether a notice, known or not, lists deliveries and no failure."""
    return bool(_DELIVERED.search(notice.text)) and not _FATAL.search(notice.text)


def parse_plain_text(letter: ReceivedMessage, notice: BounceNotice, form: BounceFormat | None) -> list[BounceEvidence]:
    """One evidence for each recipient that the notice names, in order."""
    if form and form.has_transcript and (concluded := parse_recipient_lines(notice.text)):
        named = _located(notice.text, form.recipients[:3])
        if len({one for one, _, _ in named}) <= 1:
            return concluded[:_MOST_RECIPIENTS]
    listed = form.beginning.search(notice.text) if form and form.beginning else None
    patterns = (*(form.recipients if form else ()), *_RECIPIENTS)
    places = _located(notice.text, patterns, start=listed.end() if listed else 0)
    if not places:
        told = notice.text[:_LONGEST_BLOCK]
        return [_evidence(address, told, told) for address in _elsewhere(letter, notice, form)]
    # What is said of all stands in front of the first.
    around = (
        notice.text[:_LONGEST_BLOCK]
        if len({address.lower() for address, _, _ in places}) == 1
        else notice.text[: min(places[0][1], _LONGEST_BLOCK)]
    )
    return [
        _evidence(address, notice.text[begin : min(end, begin + _LONGEST_BLOCK)], around)
        for address, begin, end in places[:_MOST_RECIPIENTS]
    ]


def find_recipient(notice: BounceNotice, form: BounceFormat | None) -> str:
    """The recipient that a notice names first, where its report names none; or nothing."""
    places = _located(notice.text, (*(form.recipients if form else ()), *_RECIPIENTS, _ORIGIN))
    return places[0][0] if places else ""


def blocks_by_recipient(recipients: Iterable[str], text: str) -> dict[str, str]:
    """What a notice says after it names each recipient, until it names another one."""
    places = _located(text, _RECIPIENTS[:4])
    blocks: dict[str, str] = {}
    for recipient in recipients:
        at = text.find(recipient) if recipient else -1
        if at < 0 or recipient in blocks:
            continue
        following = (place for address, place, _ in places if place > at and address != recipient)
        end = min(next(following, len(text)), at + _LONGEST_BLOCK)
        blocks[recipient] = text[text.rfind("\n", 0, at) + 1 : end]
    return blocks


def _located(text: str, patterns: tuple[LazyPattern, ...], *, start: int = 0) -> list[tuple[str, int, int]]:
    """The recipients after `start` by the first pattern that finds any, with the place of what is said about each."""
    for pattern in patterns:
        places = [(trim_address(found[1]), found.start()) for found in pattern.finditer(text, start)]
        places = [place for before, place in zip([("", 0), *places], places, strict=False) if before[0] != place[0]]
        if places:
            ends = [begin for _, begin in places[1:]] + [len(text)]
            return [(address, begin, end) for (address, begin), end in zip(places, ends, strict=True)]
    return []


def _evidence(recipient: str, block: str, around: str) -> BounceEvidence:
    said = parse_session(block) if "<<<" in block or "Deferred" in block else None
    quoted = _QUOTED.search(block)
    return BounceEvidence(
        recipient=recipient,
        words=said.words if said else next(words for words in quoted.groups() if words) if quoted else "",
        notice=block,
        surroundings=around,
        command=said.command if said else None,
        host=said.host if said else "",
    )


def _elsewhere(letter: ReceivedMessage, notice: BounceNotice, form: BounceFormat | None) -> list[str]:
    """Recipients that the notice does not name where others do: in a field, anywhere in the text, in the original."""
    own = find_address(letter.fields.get("from")).lower()
    named = find_addresses(" ".join(letter.fields.all("x-failed-recipients")))
    if not named:
        strangers = [
            one for one in find_addresses(notice.text) if one.lower() != own and not _SYSTEM.search(f"from: {one}")
        ]
        named = strangers[:1]
    return (named or find_addresses(notice.original.get("to"))[:1] or _nobody(form, notice))[:_MOST_RECIPIENTS]


def _nobody(form: BounceFormat | None, notice: BounceNotice) -> list[str]:
    """One recipient without an address, if it is sure that something failed: the return path may name it."""
    return [""] if form or _NOT_DELIVERED.search(notice.text) else []
