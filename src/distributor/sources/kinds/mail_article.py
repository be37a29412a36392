"""A mail as an article: its subject, its text without what mail programs add, its images, or the document it brings.

Sources: RFC 5322, RFC 2045 to 2047, RFC 2392 (cid), RFC 3676 (flowed text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import lxml.html
from lxml import etree

from distributor.domain.article import Manuscript
from distributor.domain.blocks import (
    Block,
    Heading,
    Image,
    images_of,
    plain_text,
    replace_images,
    set_large_images_apart,
)
from distributor.domain.errors import SourceError
from distributor.mail.mime.received_message import MAX_PARTS, MessagePart, ReceivedMessage, parameter, parse_message
from distributor.sources.assembly import build_manuscript, take_tag_line, take_title
from distributor.sources.decoding import normalize_text
from distributor.sources.documents.converted import EmbeddedImages
from distributor.sources.formats import formats, is_readable, parse_manuscript
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.html import read_html, require_shallow
from distributor.sources.kinds.entry import first_words
from distributor.sources.kinds.mail_text import (
    ForwardedHeader,
    begins_forwarded,
    drop_additions,
    forwarded_blocks,
    forwarded_text,
    name_of_sender,
    without_footer,
    without_replies,
    without_signature,
)
from distributor.sources.pasted import format_of
from distributor.sources.reading_options import ReadingOptions

# In bytes, with all that is attached.
MAX_MAIL_BYTES = 25 * 2**20
_ANSWER = r"(?:re|aw|antw|sv|vs)(?:\[\d+\])?\s*:"
_FORWARD = r"(?:fwd?|wg|tr|rv|enc|doorst|vb)(?:\[\d+\])?\s*:"
_PREFIXES = re.compile(rf"\s*(?:(?:{_ANSWER}|{_FORWARD}|\[[^\[\]]{{1,60}}\])\s*)+", re.IGNORECASE)
_IS_FORWARD = re.compile(rf"\s*(?:(?:{_ANSWER}|\[[^\[\]]{{1,60}}\])\s*)*{_FORWARD}", re.IGNORECASE)
# A text that is shorter, in characters, only says that something is attached.
# Some programs do not say what kind of file they attach.
_IMAGES = (".png", ".jpg", ".jpeg", ".gif")
_NEARLY_EMPTY = 200
# In characters: a book is less. Whoever sends a mail waits until it is read.
_LONGEST_TEXT = 2**20
_MOST_FORWARDS = 4
_FENCES = ("---\n", "+++\n")
_SIGNED = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_ENCRYPTED = frozenset({"application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_ARMOUR = re.compile(
    r"\A\s*-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Z][\w-]*:[^\n]*\n)*\n(.*?)\n-----BEGIN PGP SIGNATURE-----",
    re.DOTALL,
)


def parse_mail(raw: bytes) -> ReceivedMessage:
    """The mail. Raises SourceError for one that is too large, or has too many or too deeply nested parts."""
    if len(raw) > MAX_MAIL_BYTES:
        raise SourceError(f"the mail is larger than {MAX_MAIL_BYTES // 2**20} MB")
    message = parse_message(raw, max_bytes=MAX_MAIL_BYTES)
    if len(message.parts) >= MAX_PARTS:
        raise SourceError(f"the mail has {MAX_PARTS} parts or more")
    if any(part.content_type.startswith("multipart/") for part in message.parts):
        raise SourceError("the parts of the mail are nested too deeply")
    return message


def read_mail_article(message: ReceivedMessage, *, options: ReadingOptions) -> Manuscript:
    """The article that a mail is. Raises SourceError if it cannot be read, or has none."""
    sent_at = date_of(message)
    parts = _inner(message)
    made = parts.manuscript(options)
    language = _language(parts.message.fields.get("content-language"))
    return replace(
        made,
        author=made.author or parts.author,
        published_at=made.published_at or sent_at,
        language=language or made.language,
        # How it should be written is told to its authors, and this one is in a mail program.
        warnings=tuple(dict.fromkeys(parts.notes)),
    )


def clean_subject(subject: str) -> str:
    """A subject without what says that it is an answer or forwarded, and without the name of a mailing list."""
    line = " ".join(normalize_text(subject).split())
    found = _PREFIXES.match(line)
    return line[found.end() :].strip() or line if found else line


def date_of(message: ReceivedMessage) -> datetime | None:
    """When a mail says that it was sent; None if it says nothing that is a date."""
    with suppress(ValueError, TypeError, OverflowError):
        found = parsedate_to_datetime(message.fields.get("date"))
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None


def _inner(message: ReceivedMessage) -> _MailParts:
    """The parts of the mail itself, or of one that is attached to it if it says nothing beside."""
    parts = _MailParts.of(message)
    for _ in range(_MOST_FORWARDS):
        if parts.attached is None or parts.has_documents or not parts.is_nearly_empty:
            break
        parts = _MailParts.of(parse_mail(parts.attached.content))
    return parts


@dataclass(slots=True, kw_only=True)
class _MailParts:
    """The parts of a mail by what they are. `attached` is a mail that it brings along; `notes` what is left out.

    `words` is the beginning of its text without formatting.
    """

    message: ReceivedMessage
    html: list[MessagePart] = field(default_factory=list)
    plain: list[MessagePart] = field(default_factory=list)
    images: list[MessagePart] = field(default_factory=list)
    documents: list[MessagePart] = field(default_factory=list)
    attached: MessagePart | None = None
    author: str = ""
    subject: str = ""
    words: str = ""
    begins_forwarded: bool = False
    notes: list[str] = field(default_factory=list)
    media: EmbeddedImages = field(default_factory=EmbeddedImages)

    @classmethod
    def of(cls, message: ReceivedMessage) -> _MailParts:
        """Raises SourceError for one that is encrypted."""
        subject, sender = message.fields.get("subject"), message.fields.get("from")
        parts = cls(message=message, subject=subject, author=name_of_sender(sender))
        for part in message.parts:
            parts._sort(part)
        texts = "\n".join(part.text for part in (parts.plain or parts.html))
        parts.words = without_signature(normalize_text(texts))
        parts.begins_forwarded = begins_forwarded(parts.words)
        return parts

    def _sort(self, part: MessagePart) -> None:
        kind, name = part.content_type, part.file_name
        if kind in _ENCRYPTED or self.message.content_type.startswith("multipart/encrypted"):
            raise SourceError("the mail is encrypted: send it without encryption")
        if kind in _SIGNED:
            return
        is_text = kind in ("text/html", "text/plain") and part.disposition != "attachment" and not name
        if is_text:
            (self.html if kind == "text/html" else self.plain).append(part)
        elif kind.startswith("image/") or name.lower().endswith(_IMAGES):
            self.images.append(part)
        elif kind == "message/rfc822":
            self.attached = self.attached or part
        elif is_readable(name):
            self.documents.append(part)
        elif part.content.strip():
            self.notes.append(f"the attachment {name or kind} is left out")

    @property
    def has_documents(self) -> bool:
        return bool(self.documents)

    @property
    def is_nearly_empty(self) -> bool:
        """Whether the text only says that something is attached."""
        return len(self.words.strip()) < _NEARLY_EMPTY

    @property
    def is_forward(self) -> bool:
        """Whether it passes on another mail, by its subject or its first line."""
        return self.begins_forwarded or _IS_FORWARD.match(self.subject) is not None

    def manuscript(self, options: ReadingOptions) -> Manuscript:
        """Raises SourceError."""
        if self.documents and self.is_nearly_empty:
            return self._of_document(options)
        self.notes += [f"the attachment {part.file_name} is left out: the mail has a text" for part in self.documents]
        made = self._of_html(options) if self.html else self._of_text(options)
        return self._illustrated(made)

    def _of_document(self, options: ReadingOptions) -> Manuscript:
        first, *others = self.documents
        if self.words.strip():
            self.notes.append("what the mail says beside its attachment is left out")
        self.notes += [f"the attachment {part.file_name} is left out: another one is the article" for part in others]
        name = first.file_name.replace("/", "-")
        try:
            return parse_manuscript(first.content, name=name, options=options)
        except SourceError as error:
            raise SourceError(f"the attachment {error.path or name} cannot be read: {error.reason}") from None

    def _of_html(self, options: ReadingOptions) -> Manuscript:
        html = "\n".join(normalize_text(part.decoded(part.content)) for part in self.html)
        _require_short(html)
        body = read_html(self._cleaned(html), is_page=False)
        if self.is_forward and (found := forwarded_blocks(body)) is not None:
            header, body = found
            self._take_header(header)
        body = without_footer(body)
        title, body = take_title(tuple(body), clean_subject(self.subject) or None)
        if (
            body
            and isinstance(first := body[0], Heading)
            and plain_text([first]).casefold() == (title or "").casefold()
        ):
            body = body[1:]
        body, tags = take_tag_line(body, len(body) - 1)
        title = title or first_words(plain_text(body))
        if not body and self.images:
            body = tuple(self._attached_images(()))
        return build_manuscript(
            FrontMatter(), body, title=title or None, tags=tags, warnings=(), path="", options=options
        )

    def _cleaned(self, html: str) -> str:
        """The HTML with the images that the mail brings, without what mail programs add. Raises SourceError."""
        require_shallow(html)
        if not html.strip():
            return html
        with suppress(etree.LxmlError, ValueError):
            # As bytes, because a text may not declare an encoding, as XHTML does.
            root = lxml.html.document_fromstring(html.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
            drop_additions(root, is_forwarded=self.is_forward)
            for image in list(root.iter("img")):
                src = str(image.get("src", "")).strip()
                if src.lower().startswith("cid:"):
                    image.set("src", self._src_of(src[4:]))
            return str(lxml.html.tostring(root, encoding="unicode"))
        return html

    def _src_of(self, content_id: str) -> str:
        """The address of an image that the mail brings (RFC 2392); empty if it brings none."""
        for part in self.images:
            if part.fields.get("content-id").strip("<> ") == content_id.strip():
                return self.media.add(part.content, name=part.file_name or "in the text")
        return ""

    def _take_header(self, header: ForwardedHeader) -> None:
        self.subject, self.author = header.subject or self.subject, header.author or self.author

    def _of_text(self, options: ReadingOptions) -> Manuscript:
        text = self._plain_text()
        is_forward = self.is_forward
        if is_forward and (found := forwarded_text(text)) is not None:
            header, text = found
            self._take_header(header)
        text = without_signature(text if is_forward else without_replies(text)).strip("\n")
        title = clean_subject(self.subject) or first_words(text)
        if not text.strip():
            body = tuple(self._attached_images(()))
            return build_manuscript(
                FrontMatter(), body, title=title or None, tags=(), warnings=(), path="", options=options
            )
        return _read_titled(text, title, options)

    def _plain_text(self) -> str:
        """The plain text, whole paragraphs where its lines are flowed, without the armour of a signature."""
        texts = []
        for part in self.plain:
            text = part.decoded(part.content)
            _require_short(text)
            if parameter(part.fields.get("content-type"), "format").lower() == "flowed":
                text = unflowed(text, delsp=parameter(part.fields.get("content-type"), "delsp").lower() == "yes")
            texts.append(text)
        text = normalize_text("\n".join(texts))
        if "-----BEGIN PGP MESSAGE-----" in text:
            raise SourceError("the mail is encrypted: send it without encryption")
        signed = _ARMOUR.match(text)
        return re.sub(r"^- ", "", signed[1], flags=re.MULTILINE) if signed else text

    def _illustrated(self, made: Manuscript) -> Manuscript:
        """With the sizes of the images in the text, and the attached ones below it."""

        def sized(image: Image) -> Image:
            found = self.media.files.get(image.src)
            return replace(image, width=found.width, height=found.height) if found else image

        body = set_large_images_apart(replace_images(made.body, sized))
        body = (*body, *self._attached_images(body))
        self.notes += self.media.warnings
        return replace(made, body=body, media=tuple(self.media.media.values()))

    def _attached_images(self, body: Sequence[Block]) -> Iterator[Image]:
        """The images that the text does not show, without those that are part of a design and not used."""
        shown = {image.src for image in images_of(body)}
        for part in self.images:
            is_part_of_text = "content-id" in part.fields and part.disposition != "attachment"
            if is_part_of_text and self.html:
                continue
            src = self.media.add(part.content, name=part.file_name or part.content_type)
            if src and src not in shown:
                shown.add(src)
                found = self.media.files[src]
                yield Image(src, "", width=found.width, height=found.height)


def _require_short(text: str) -> None:
    """Raises SourceError."""
    if len(text) > _LONGEST_TEXT:
        raise SourceError(f"the text of the mail is longer than {_LONGEST_TEXT // 2**20} million characters: attach it")


def _read_titled(text: str, title: str, options: ReadingOptions) -> Manuscript:
    """A text in the format that it looks like, with this title unless front matter has another one."""
    front, below = FrontMatter(), text
    try:
        front, below = split_front_matter(text, path="", options=options)
    except SourceError:
        # People begin mails with lines such as "Date: next week", which are no front matter.
        if text.startswith(_FENCES):
            raise
    if front == FrontMatter():
        below = text
    titled = f"---\ntitle: {json.dumps(front.title or title, ensure_ascii=False)}\n---\n{below}"
    made = formats()[format_of(below)].parse(titled, path="", options=options)
    return replace(
        made,
        tags=front.tags or made.tags,
        summary=front.summary or made.summary,
        author=front.author or made.author,
        language=front.language or made.language,
        image=front.image or made.image,
        slug=front.slug or made.slug,
        published_at=front.published_at or made.published_at,
        canonical_url=front.canonical_url or made.canonical_url,
        publish=made.publish if front.publish is None else front.publish,
    )


def unflowed(text: str, *, delsp: bool) -> str:
    """Flowed text with each paragraph on one line (RFC 3676, section 4.2)."""
    lines: list[str] = []
    is_open = False
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.removeprefix(" ") if line.startswith(" ") else line
        is_quote = bare.startswith(">")
        if is_open and not is_quote and bare != "-- ":
            lines[-1] += bare
        else:
            lines.append(bare)
        is_open = bare.endswith(" ") and bare != "-- " and not is_quote
        if is_open and delsp:
            lines[-1] = lines[-1][:-1]
    return "\n".join(line if line == "-- " else line.rstrip() for line in lines)


def _language(text: str) -> str:
    with suppress(ValueError):
        return checked_language(text.split(",")[0].strip())
    return ""
