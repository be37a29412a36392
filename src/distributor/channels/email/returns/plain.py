"""Notices that are no reports: who wrote them, whom they name, and what they say of each."""

from __future__ import annotations

import re

from distributor.channels.email.returns.addresses import ADDRESS, find_address, find_addresses, tidy
from distributor.channels.email.returns.evidence import Evidence
from distributor.channels.email.returns.formats import FORMATS, SYSTEM, Format
from distributor.channels.email.returns.letter import Letter
from distributor.channels.email.returns.notice import Notice
from distributor.channels.email.returns.transcript import read_answer, read_conclusions

_MOST_RECIPIENTS = 500
_LONGEST_BLOCK = 4000

_SYSTEM = re.compile(SYSTEM, re.IGNORECASE | re.MULTILINE)
# Sentences by which a mail system says that a mail did not arrive, in the languages that the big ones speak.
_FAILED = re.compile(
    r"could ?n[o']t be (?:delivered|sent)|(?:was|were|been|be|is) not (?:be )?(?:delivered|sent)"
    r"|wasn't delivered|undeliver|non-?deliver"
    r"|deliver[a-z]*(?: \w+){0,4} (?:has |have |was |is |been ){0,3}(?:fail|impossible|abort|delayed"
    r"|error|problem)|fail\w* (?:to|of) deliver"
    r"|returned (?:mail|to sender|message)|returning (?:message|mail) to sender|failure notice"
    r"|delivery (?:status|failure|error|report|problem)"
    r"|unable to (?:deliver|send)|permanent (?:fatal )?error|mail (?:system )?error|message (?:was "
    r"|has been )?(?:rejected|refused|blocked|bounced)"
    r"|did not reach the following|mail(?: delivery)? fail|cannot be delivered|can't be delivered"
    r"|message you sent blocked|rejected your message"
    r"|nicht (?:zugestellt|ausgeliefert|zustellbar)|unzustellbar|n'a (?:pas )?pu (?:\u00eatre|etre)"
    r"|non remis|no se (?:ha )?pud?o? ?entreg|no entregad"
    r"|impossibile (?:consegnare|recapitare)|n\u00e3o (?:foi|p\u00f4de) (?:entregue|ser entregue)"
    r"|\u043d\u0435 (?:\u043c\u043e\u0436\u0435\u0442 \u0431\u044b\u0442\u044c "
    r"|\u0431\u044b\u043b\u043e )?\u0434\u043e\u0441\u0442\u0430\u0432\u043b\u0435\u043d"
    r"|\u9001\u4fe1(?:\u3067\u304d\u307e\u305b\u3093|\u3055\u308c\u307e\u305b\u3093|\u306b\u5931\u6557"
    r"|\u30a8\u30e9\u30fc)|\u914d\u4fe1(?:\u3067\u304d\u307e\u305b\u3093|\u4e0d\u80fd"
    r"|\u30a8\u30e9\u30fc)|\u304a\u5c4a\u3051\u3067\u304d\u307e\u305b\u3093|\u9000\u4fe1"
    r"|\u65e0\u6cd5(?:\u6295\u9012|\u9001\u8fbe|\u53d1\u9001)|\u7121\u6cd5(?:\u6295\u905e"
    r"|\u50b3\u9001)",
    re.IGNORECASE,
)
# What mail systems also write, and what is no failure.
_NO_FAILURE = re.compile(
    r"\bsuccessfully (?:delivered|relayed|sent)\b|\b(?:has been|was|were) (?:delivered|relayed)\b"
    r"|^subject: ?(?:re: )?(?:delivered|relayed|read|receipt|successful)\b"
    r"|quarantine|report domain:|spam digest|daily (?:report|digest)|mailbox (?:is )?(?:almost|nearly)"
    r"|(?:quota|storage) (?:warning|usage)"
    r"|\bmonthly\b|\bwelcome to\b",
    re.IGNORECASE | re.MULTILINE,
)


def _lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("ADDRESS", f"({ADDRESS})"), re.IGNORECASE | re.MULTILINE)


# Where a recipient stands in most notices; the first that finds one holds for the whole notice.
_RECIPIENTS = (
    _lines(r"^[ \t]*(?:\* |- )?<ADDRESS>(?: ?:|\.\.\.|,|[ \t]*$|[ \t]+[(\[]|[ \t]+delivery)"),
    _lines(r"^[ \t]*Recipient(?: address)?:[ \t]*<?ADDRESS"),
    _lines(r"^[ \t]*(?:\* |- |'|\")?ADDRESS['\"]?:?[ \t]*(?:<mailto:\S{3,200}>)?[ \t]*$"),
    _lines(
        r"^[ \t]*ADDRESS(?::[ \t]|\.\.\.|[ \t]+[(\[]|;|[ \t]+(?:on \w{3}|invalid|error|failed|-|delivery)|<mailto:)"
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

# Where a notice repeats the words of another server.
_QUOTED = re.compile(
    r"error that the other server returned was:\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|The response (?:from the remote server )?was:\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|Remote (?:host|server) (?:said|returned):? '?(.{1,1500}?)(?:'\n|\nGiving up|\nI'm not going|\n\n|\Z)"
    r"|Body of message generated response: *\n(.{1,1500}?)(?:\n\n|\Z)"
    r"|(?:error message|responded as follows): \[(.{1,1500}?)\](?:\n|\Z)"
    r"|SMTP error from remote mail(?:er| server) after [^\n]{1,300}:\s*\n\s*(.{1,1500}?)(?:\n\n|\Z)"
    r"|delivered because of:?\s*\n\s*(.{1,1500}?)(?:\n[ \t]*\n|\Z)"
    r"|^-{3,}server message *\n(.{1,1500}?)(?:\n\n|\Z)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)


def identity(letter: Letter) -> str:
    """Who wrote a mail with what: the fields by which formats know their authors, a line each."""
    fields = letter.fields
    return "\n".join(f"{name}: {fields.get(name)}" for name in ("from", "subject", "x-mailer", "return-path", "sender"))


def find_format(letter: Letter, notice: Notice) -> Format | None:
    """The format that a notice is written in, if it is one that is known."""
    author = identity(letter)
    return next((one for one in FORMATS if one.author.search(author) and one.mark.search(notice.text)), None)


def is_by_a_mail_system(letter: Letter) -> bool:
    """Whether the mail is signed by a program that delivers mail."""
    return bool(_SYSTEM.search(identity(letter)))


def tells_of_a_failure(letter: Letter, notice: Notice) -> bool:
    """Whether a mail from a mail system in no known format says that a mail was not delivered."""
    said = f"{identity(letter)}\n{notice.text[:6000]}"
    return bool(_FAILED.search(said)) and not _NO_FAILURE.search(said)


def read_plain(letter: Letter, notice: Notice, form: Format | None) -> list[Evidence]:
    """One evidence for each recipient that the notice names, in order."""
    if form and form.has_transcript and (concluded := read_conclusions(notice.text)):
        named = _located(notice.text, form.recipients[:3])
        if len({one for one, _, _ in named}) <= 1:
            return concluded[:_MOST_RECIPIENTS]
    patterns = (*(form.recipients if form else ()), *_RECIPIENTS)
    found: dict[str, Evidence] = {}
    for address, begin, end in _located(notice.text, patterns):
        block = notice.text[begin : min(end, begin + _LONGEST_BLOCK)]
        found.setdefault(address.lower(), _evidence(address, block, notice))
    if found:
        return list(found.values())[:_MOST_RECIPIENTS]
    return [_evidence(address, notice.text[:_LONGEST_BLOCK], notice) for address in _elsewhere(letter, notice)]


def block_about(recipient: str, text: str) -> str:
    """What a notice says after it names a recipient, until it names another one."""
    at = text.find(recipient)
    if not recipient or at < 0:
        return ""
    line = text.rfind("\n", 0, at) + 1
    others = (place for address, place, _ in _located(text, _RECIPIENTS[:4]) if place > at and address != recipient)
    return text[line : min(next(others, len(text)), line + _LONGEST_BLOCK)]


def _located(text: str, patterns: tuple[re.Pattern[str], ...]) -> list[tuple[str, int, int]]:
    """The recipients by the first pattern that finds any, each with the place of what is said about it."""
    for pattern in patterns:
        places = [(tidy(found[1]), found.start()) for found in pattern.finditer(text)]
        places = [place for before, place in zip([("", 0), *places], places, strict=False) if before[0] != place[0]]
        if places:
            ends = [begin for _, begin in places[1:]] + [len(text)]
            return [(address, begin, end) for (address, begin), end in zip(places, ends, strict=True)]
    return []


def _evidence(recipient: str, block: str, notice: Notice) -> Evidence:
    said = read_answer(block) if "<<<" in block or "Deferred" in block else None
    quoted = _QUOTED.search(block)
    return Evidence(
        recipient=recipient,
        words=said.words if said else next(words for words in quoted.groups() if words) if quoted else "",
        notice=block,
        surroundings=notice.text,
        command=said.command if said else None,
        host=said.host if said else "",
    )


def _elsewhere(letter: Letter, notice: Notice) -> list[str]:
    """Recipients that the notice does not name where others do: in a field, anywhere in the text, in the original."""
    own = find_address(letter.fields.get("from")).lower()
    named = find_addresses(" ".join(letter.fields.all("x-failed-recipients")))
    if not named:
        strangers = [
            one for one in find_addresses(notice.text) if one.lower() != own and not _SYSTEM.search(f"from: {one}")
        ]
        named = strangers[:1]
    return (named or find_addresses(notice.original.get("to"))[:1])[:_MOST_RECIPIENTS]
