"""What mail programs put around a text: the header of what is forwarded, quoted replies, signatures and footers.

Plain text is judged by its lines, and HTML by its blocks, or by the classes that mail programs give what they add.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from itertools import takewhile

from lxml.html import HtmlElement

from distributor.domain.blocks import Block, Paragraph, Quote, Table, links_of, plain_text, text_of

_FORWARDED = re.compile(
    r"[-_*\s]*(?:forwarded message|original message|(?:weitergeleitete|ursprüngliche) (?:nachricht|e-mail)"
    r"|message (?:transféré|d'origine)|mensaje (?:reenviado|original)|messaggio (?:inoltrato|originale)"
    r"|doorgestuurd bericht|oorspronkelijk bericht|vidarebefordrat meddelande|mensagem encaminhada)[-_*\s]*"
    r"|(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié"
    r"|inizio messaggio inoltrato|inicio del mensaje reenviado)\s*:",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"[*_\s]*(from|date|sent|subject|to|cc|reply-to|von|datum|gesendet|betreff|an|antwort an|de|objet|envoyé|à|da|data"
    r"|oggetto|inviato|a|fecha|enviado|asunto|para|van|onderwerp|aan|verzonden|från|ämne|till|skickat|assunto)[*_]*"
    r"\s*:[*_]*\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_SUBJECTS = frozenset({"subject", "betreff", "objet", "oggetto", "asunto", "onderwerp", "ämne", "assunto"})
_SENDERS = frozenset({"from", "von", "de", "da", "van", "från"})
# So many of these lines below one another are a header also where nothing says that something is forwarded.
_FEWEST_FIELDS = 3
# In lines, or in paragraphs: what goes on for longer is no header.
_LONGEST_HEADER = 40
_ATTRIBUTION = re.compile(
    r"(?:on|am|le|el|il|op|den|em)\b.{5,300}"
    r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu)\b.{0,80}:",
    re.IGNORECASE | re.DOTALL,
)
_SENT_FROM = re.compile(
    r"(?:sent from my |get outlook for |von meinem .{1,30} gesendet|envoyé de mon |enviado desde mi |inviato da "
    r"|verzonden vanaf mijn ).{0,60}",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(r"_{20,}")
_UNSUBSCRIBE = re.compile(
    r"unsubscribe|opt[ -]?out|manage (?:your )?(?:email )?preferences|abmelden|abbestellen|austragen"
    r"|désabonn|désinscri|darse de baja|cancelar (?:la |tu )?suscripción|disiscri|annulla l.iscrizione|uitschrijven"
    r"|afmelden|avregistrera|cancelar inscrição",
    re.IGNORECASE,
)
_IN_BROWSER = re.compile(
    r"(?:view|read|open|see)\b.{0,40}\b(?:browser|online)|im browser|dans (?:votre|le) navigateur"
    r"|en (?:el|tu) navegador|nel browser|in (?:je|uw) browser|webversion|web version",
    re.IGNORECASE,
)
_MOST_AT_END, _MOST_AT_START = 10, 4
_SHORT = 500

# What mail programs call what they add: quoted replies, and signatures.
_QUOTES = frozenset(
    {
        "gmail_quote",
        "gmail_attr",
        "moz-cite-prefix",
        "yahoo_quoted",
        "protonmail_quote",
        "zmail_extra",
        "tutanota_quote",
    }
)
_SIGNATURES = frozenset(
    {
        "gmail_signature",
        "moz-signature",
        "protonmail_signature_block",
        "applemailsignature",
        "signature",
        "ms-outlook-mobile-signature",
    }
)
_ORIGINAL = frozenset({"divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedHeader:
    """What the header of a forwarded mail says, empty where it says nothing. An address is not part of the author."""

    subject: str = ""
    author: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> ForwardedHeader:
        """From the fields by their names in lower case, in any language."""
        subject = next((fields[name] for name in fields if name in _SUBJECTS), "")
        sender = next((fields[name] for name in fields if name in _SENDERS), "")
        return cls(subject=subject, author=name_of_sender(sender))


def name_of_sender(sender: str) -> str:
    """The name in the field of a sender, without the address; empty if there is only that."""
    name, address = parseaddr(re.sub(r"\[mailto:[^\]]*\]", "", sender))
    return "" if "@" in name or name == address else " ".join(name.split()).strip("'\"")


def begins_forwarded(text: str) -> bool:
    """Whether the first line of a text says that a forwarded mail follows."""
    return _FORWARDED.fullmatch(text.lstrip().partition("\n")[0].strip()) is not None


def forwarded_text(text: str) -> tuple[ForwardedHeader, str] | None:
    """The header and the text of a mail that is forwarded inside a plain text; None if none is."""
    lines = text.split("\n")
    end = 0
    for at, line in enumerate(lines):
        bare = line.strip("> \t")
        is_marked = _FORWARDED.fullmatch(bare) is not None
        # Lines that were read as a header, which they are not, are not read again.
        if not is_marked and (at < end or not _FIELD.fullmatch(bare)):
            continue
        start = at + 1 if is_marked else at
        while start < min(len(lines), at + _LONGEST_HEADER) and not lines[start].strip("> \t"):
            start += 1
        fields, end = _fields(lines, start)
        if _is_header(fields, is_marked=is_marked):
            return ForwardedHeader.of(fields), _unquoted(lines[end:])
    return None


def _fields(lines: Sequence[str], start: int) -> tuple[dict[str, str], int]:
    """The fields of a header, and the line below it; folded lines belong to the field above them."""
    fields: dict[str, str] = {}
    at, last = start, ""
    while at < min(len(lines), start + _LONGEST_HEADER) and (bare := lines[at].strip("> \t")):
        found = _FIELD.fullmatch(bare)
        if found is None and not last:
            break
        if found is not None:
            last = found[1].lower()
            fields[last] = found[2].strip()
        else:
            fields[last] += f" {bare}"
        at += 1
    return fields, at


def _is_header(fields: Mapping[str, str], *, is_marked: bool) -> bool:
    has_both = not _SENDERS.isdisjoint(fields) and not _SUBJECTS.isdisjoint(fields)
    return (is_marked and bool(fields)) or (has_both and len(fields) >= _FEWEST_FIELDS)


def _unquoted(lines: Sequence[str]) -> str:
    """These lines, without the marks of a quote if all of them have one."""
    if all(line.startswith(">") or not line.strip() for line in lines):
        lines = [re.sub(r"^> ?", "", line) for line in lines]
    return "\n".join(lines).strip("\n")


def without_replies(text: str) -> str:
    """The text without what it answers: quoted lines below a line that says who wrote them."""
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    while at < len(lines):
        end = _end_of_reply(lines, at)
        if end is None:
            kept.append(lines[at])
            at += 1
        else:
            at = end
    return "\n".join(kept).strip("\n")


def _end_of_reply(lines: Sequence[str], at: int) -> int | None:
    """Where a quoted reply ends that begins at this line, whose attribution may be folded once; None if none does."""
    for size in (1, 2):
        if _ATTRIBUTION.fullmatch(" ".join(line.strip() for line in lines[at : at + size])):
            end = at + size
            while end < len(lines) and (lines[end].startswith(">") or not lines[end].strip()):
                end += 1
            return end if any(line.startswith(">") for line in lines[at + size : end]) else None
    return None


def without_signature(text: str) -> str:
    """The text above a line of "-- " (RFC 3676, section 4.3), the footer of a mailing list, and a phone's greeting."""
    lines = text.split("\n")
    start = max(0, len(lines) - 30)
    for at, line in enumerate(lines):
        is_footer = at >= start and (_LIST_FOOTER.fullmatch(line.strip()) or _SENT_FROM.fullmatch(line.strip()))
        if line in ("-- ", "--") or is_footer:
            return "\n".join(lines[:at]).rstrip()
    return text


def drop_additions(root: HtmlElement, *, is_forwarded: bool) -> None:
    """Take what mail programs and senders of newsletters add out of HTML: signatures, pixels, and quoted replies.

    Quotes stay in what is forwarded, because they are what it is about.
    """
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.getparent() is None:
            continue
        names = {*str(element.get("class", "")).lower().split(), str(element.get("id", "")).lower()}
        if _SIGNATURES & names or element.get("data-smartmail") == "gmail_signature" or _is_pixel(element):
            element.drop_tree()
        elif not is_forwarded and _ORIGINAL & names:
            _drop_from(element)
        elif not is_forwarded and (_QUOTES & names or (element.tag == "blockquote" and element.get("type") == "cite")):
            element.drop_tree()


def _drop_from(element: HtmlElement) -> None:
    """Drop an element with all that follows in its parent: Outlook puts what is answered beside its header."""
    for following in list(element.itersiblings()):
        following.drop_tree()
    element.tail = None
    element.drop_tree()


def _is_pixel(element: HtmlElement) -> bool:
    """Whether an image is there to be counted and not to be seen."""
    if element.tag != "img":
        return False
    style = dict(part.split(":", 1) for part in str(element.get("style", "")).lower().split(";") if ":" in part)
    sizes = (element.get("width"), element.get("height"), style.get("width"), style.get("height"))
    return any(re.fullmatch(r"\s*[0-3](?:px)?\s*", size) for size in sizes if size is not None)


def forwarded_blocks(blocks: Sequence[Block]) -> tuple[ForwardedHeader, tuple[Block, ...]] | None:
    """The header and the text of a mail that is forwarded inside these blocks; None if none is."""
    end = 0
    for at, block in enumerate(blocks):
        if isinstance(block, Quote) and (found := forwarded_blocks(block.blocks)) is not None:
            return found
        if not isinstance(block, Paragraph):
            continue
        lines = [line.strip() for line in text_of(block.runs).split("\n") if line.strip()]
        is_marked = bool(lines) and _FORWARDED.fullmatch(lines[0]) is not None
        if is_marked or (at >= end and lines and _FIELD.fullmatch(lines[0])):
            fields, end = _header_blocks(lines[1:] if is_marked else lines, blocks, at + 1)
            if _is_header(fields, is_marked=is_marked):
                rest = blocks[end:]
                inner = rest[0].blocks if len(rest) == 1 and isinstance(rest[0], Quote) else rest
                return ForwardedHeader.of(fields), tuple(inner)
    return None


def _header_blocks(lines: Sequence[str], blocks: Sequence[Block], start: int) -> tuple[dict[str, str], int]:
    """The fields in these lines and the paragraphs from `start` on, and where the text below them begins."""
    fields, _ = _fields(lines, 0)
    for at in range(start, min(len(blocks), start + _LONGEST_HEADER)):
        # A table of labels and values is one paragraph for each cell.
        waiting = next(reversed(fields), "") if fields and not list(fields.values())[-1] else ""
        found = _lines_of(blocks[at])
        more, end = _fields(found, 0)
        if waiting and not more and len(found) == 1:
            fields[waiting] = found[0]
        elif more and end == len(found):
            fields |= more
        else:
            return fields, at
    return fields, min(len(blocks), start + _LONGEST_HEADER)


def _lines_of(block: Block) -> list[str]:
    """The lines of a paragraph, or of a table of labels and values."""
    if isinstance(block, Table):
        return [" ".join(map(text_of, row)).strip() for row in (block.header, *block.rows)]
    if not isinstance(block, Paragraph):
        return []
    return [line.strip() for line in text_of(block.runs).split("\n") if line.strip()]


def without_footer(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks without how to unsubscribe and what is below it, signatures, and links to show it in a browser."""
    first = sum(1 for _ in takewhile(_is_about_browser, blocks[:_MOST_AT_START]))
    end = next((at for at in _ends(blocks) if at >= first), len(blocks))
    return tuple(blocks[first:end])


def _ends(blocks: Sequence[Block]) -> Iterator[int]:
    start = max(0, len(blocks) - _MOST_AT_END)
    for at, block in enumerate(blocks):
        text = plain_text([block]).strip()
        if text == "--" or (at >= start and (_is_about_leaving(block, text) or _SENT_FROM.fullmatch(text))):
            yield at


def _is_about_leaving(block: Block, text: str) -> bool:
    """Whether a block says how to get no more mails: in words beside a link."""
    return len(text) < _SHORT and bool(links_of([block])) and _UNSUBSCRIBE.search(text) is not None


def _is_about_browser(block: Block) -> bool:
    text = plain_text([block])
    return len(text) < _SHORT and bool(links_of([block])) and _IN_BROWSER.search(text) is not None
