"""Problems of a mail before it is sent: those that block it, and those that a person should look at."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from gettext import gettext as _

import lxml.html

from distributor.channels.email.composition.compose import PERSONAL_FIELDS, prepare_mail
from distributor.channels.email.composition.list_headers import HeaderProfile, header_profile_of
from distributor.channels.email.composition.samples import compose_sample, with_longest_links
from distributor.channels.email.personalization.merge_blocks import merge_fields_of, personalize, sample_reader
from distributor.domain.errors import AddressError, InputError
from distributor.domain.problems import CheckResult, Problem, Severity
from distributor.domain.rendition import Json, Rendition
from distributor.mail.address import Mailbox
from distributor.mail.dkim.keyring import KeyRing

# Gmail hides what is beyond about 102 KB of HTML behind a link, and so the imprint (hteumeuleu/email-bugs#41).
_CLIPPED_FROM = 100_000
_LARGE_FROM = 85_000
_LONGEST_SUBJECT = 78
_MOST_FIELDS = 40
# Bytes of base64. Servers that accept less than 10 MB are rare, and 1 MB is a lot for a phone.
_LARGE_FILES, _TOO_LARGE_FILES = 1_000_000, 9_000_000
# Executable files (the first list of support.google.com/mail/answer/6590).
_BLOCKED_FILES = (
    *(".ade", ".apk", ".bat", ".cmd", ".com", ".cpl", ".dll", ".exe", ".hta", ".iso", ".jar", ".js", ".jse", ".lnk"),
    *(".msi", ".ps1", ".reg", ".scr", ".sys", ".vb", ".vbe", ".vbs", ".wsf", ".wsh"),
)

_LOCAL_DOMAINS = (".localdomain", ".localhost", ".local", ".internal", ".invalid")

_TOKEN_LIKE = re.compile(r"@@([^\s@<>\"']+)@@")
# A field ends before the next one begins, or a text of opening braces alone would take quadratic time.
_MERGE_FIELD = re.compile(
    r"\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\}|\*\|[A-Za-z_:]+\|\*",
    re.DOTALL,
)
# The title and summary of an article, and the text that an inbox shows beside the subject.
_UNFORMATTED = (
    "ancestor::td[contains(@class, 'title') or contains(@class, 'summary')]"
    " or ancestor::div[contains(@style, 'display:none')]"
)
_VAGUE = frozenset({"click here", "here", "link", "this link", "more", "read more", "learn more", "this"})


@dataclass(frozen=True, slots=True)
class _Mail:
    """The parts of a rendition that are checked. `page` is the HTML as a tree."""

    profile: HeaderProfile
    subject: str
    preheader: str
    html: str
    text: str
    public_url: str
    postal_address: str
    page: lxml.html.HtmlElement

    @classmethod
    def of(cls, payload: Json) -> _Mail:
        return cls(
            profile=header_profile_of(payload),
            subject=payload["subject"],
            preheader=payload["preheader"],
            html=payload["html"],
            text=payload["text"],
            public_url=payload["site"]["public_url"],
            postal_address=payload["site"]["postal_address"],
            page=lxml.html.document_fromstring(payload["html"] or "<p></p>"),
        )


def check_mail(rendition: Rendition) -> list[Problem]:
    """All problems of the mail but those of signing, the blocking ones first."""
    return list(inspect_mail(rendition).problems)


def inspect_mail(rendition: Rendition, ring: KeyRing | None = None) -> CheckResult:
    """All problems of the mail, the blocking ones first, and what was checked and is right."""
    try:
        mail = _Mail.of(personalize(rendition.payload, sample_reader(rendition.payload)))
    except InputError as error:
        return CheckResult(problems=(Problem(Severity.BLOCK, "personal", str(error)),))
    found = CheckResult.of(_checks_of(mail, rendition))
    places = {problem.where for problem in found.problems if problem.where}
    found += CheckResult.of(
        [
            (_("The mail can be composed."), (one for one in check_composition(rendition) if one.where not in places)),
            (_size_text(rendition), _size_problems(rendition)),
            (_attachments_text(rendition), _attachment_problems(rendition)),
            *(_signing_check(rendition, ring) if ring else ()),
        ]
    )
    problems = sorted(found.problems, key=lambda problem: problem.severity is not Severity.BLOCK)
    return CheckResult(problems=tuple(problems), passed=tuple(one for one in found.passed if one))


def _checks_of(mail: _Mail, rendition: Rendition) -> Iterator[tuple[str, Iterable[Problem]]]:
    """Each check with what is so if it finds nothing."""
    images = sum(1 for one in mail.page.iter("img") if one.get("src") != "@@open@@")
    links = sum(1 for one in mail.page.iter("a"))
    yield _("The subject has %(count)s characters.") % {"count": len(mail.subject)}, _subject_problems(mail)
    yield _("An inbox shows a text beside the subject."), _preheader_problems(mail)
    yield _("There is a plain text part with the whole text."), _text_problems(mail)
    if mail.profile.required_link:
        yield _needed_link_text(mail), _needed_link_problems(mail)
    yield _("The postal address is in both parts."), _postal_address_problems(mail)
    yield _("Every token is one that is filled in."), _token_problems(mail)
    yield _("No merge field is left open."), _merge_field_problems(mail)
    if images:
        yield _("Each image has an alternative text (images: %(count)s).") % {"count": images}, _image_problems(mail)
    yield _("The headings are in order."), _heading_problems(mail)
    yield _("The links say where they lead (links: %(count)s).") % {"count": links}, _link_text_problems(mail)
    if mail.profile.link_fields:
        yield _("Links and unsubscribing use https."), _https_problems(mail)
    yield _("The sender is %(sender)s.") % {"sender": rendition.payload["from"]}, _sender_problems(rendition)
    yield _("A delivery keeps all fields that the text uses."), _field_problems(rendition)


def _needed_link_text(mail: _Mail) -> str:
    if mail.profile.required_link == "unsubscribe":
        return _("Every reader can unsubscribe, in both parts.")
    return _("The link that the mail is for is in both parts.")


def _size_text(rendition: Rendition) -> str:
    try:
        size = html_size(rendition) / 1000
    except InputError:
        return ""
    return _("The HTML has %(size)s KB; Gmail shows about 102.") % {"size": f"{size:.0f}"}


def _attachments_text(rendition: Rendition) -> str:
    count = len(rendition.payload.get("attachments", ()))
    return _("The attachments are accepted everywhere (files: %(count)s).") % {"count": count} if count else ""


def _signing_check(rendition: Rendition, ring: KeyRing) -> Iterator[tuple[str, Iterable[Problem]]]:
    if ring.active:
        yield _("Mails are signed for the sender's domain."), check_signing(rendition, ring)


def check_signing(rendition: Rendition, ring: KeyRing) -> list[Problem]:
    """A warning if the channel has signing keys, but none for the sender's domain (DMARC identifier alignment)."""
    try:
        author = Mailbox.parse(rendition.payload["from"]).address.domain
    except AddressError:
        return []
    domains = sorted({entry.domain for entry in ring.active})
    if not domains or any(is_aligned(domain, author) for domain in domains):
        return []
    advice = (
        f"mails from {author} are signed for {', '.join(domains)}, which DMARC does not count; "
        f"make a key for {author} with `distributor channel dkim create`"
    )
    return [Problem(Severity.WARN, "dkim-unaligned", advice, "from")]


def is_aligned(signing: str, author: str) -> bool:
    """Whether one of the domains is the other or a part of it.

    RFC 9989 section 4.10 requires the same organizational domain. This approximates it without the DNS: no one signs
    for a public suffix such as ``co.uk``.
    """
    return signing == author or signing.endswith(f".{author}") or author.endswith(f".{signing}")


def check_composition(rendition: Rendition, *, known_fields: Collection[str] = PERSONAL_FIELDS) -> list[Problem]:
    """Errors in composing the mails of a rendition for recipients who have the known fields."""
    try:
        unknown = sorted(prepare_mail(rendition).fields.difference(known_fields))
        if not unknown:
            compose_sample(rendition)
    except InputError as error:
        return [Problem(Severity.BLOCK, "composition", str(error))]
    known = ", ".join(sorted(known_fields))
    return [
        Problem(Severity.BLOCK, "unknown-field", f"there is no field {name!r}, only {known}", f"@@{name}@@")
        for name in unknown
    ]


def _subject_problems(mail: _Mail) -> Iterator[Problem]:
    if not mail.subject.strip():
        yield Problem(Severity.BLOCK, "subject-empty", "the mail has no subject; give the article a title", "subject")
    elif len(mail.subject) > _LONGEST_SUBJECT:
        advice = (
            f"the subject has {len(mail.subject)} characters; inboxes show {_LONGEST_SUBJECT} at most, and often 50"
        )
        yield Problem(Severity.WARN, "subject-long", advice, "subject")


def _preheader_problems(mail: _Mail) -> Iterator[Problem]:
    if not mail.preheader.strip():
        advice = "an inbox shows no text beside the subject; give the article a summary"
        yield Problem(Severity.WARN, "preheader-empty", advice, "preheader")


def _needed_link_problems(mail: _Mail) -> Iterator[Problem]:
    needed = mail.profile.required_link
    for part, content in (("html", mail.html), ("text", mail.text)):
        if content.strip() and f"@@{needed}@@" not in content:
            advice = f"there is no way to {needed}; the template must link to @@{needed}@@"
            yield Problem(Severity.BLOCK, f"{needed}-missing", advice, part)


def _postal_address_problems(mail: _Mail) -> Iterator[Problem]:
    lines = _without_space(mail.postal_address.replace("\\n", " "))
    if not lines:
        advice = (
            "the sender's postal address is not set, and the law requires it; set that of the brand "
            "(DISTRIBUTOR_POSTAL_ADDRESS), or `postal_address` of the channel"
        )
        yield Problem(Severity.BLOCK, "postal-address-missing", advice)
    elif lines not in _without_space(mail.page.body.text_content()) or lines not in _without_space(mail.text):
        advice = "the template does not show the sender's postal address in both parts"
        yield Problem(Severity.BLOCK, "postal-address-hidden", advice)


def _text_problems(mail: _Mail) -> Iterator[Problem]:
    if not mail.text.strip():
        advice = "the plain text part is empty; see its template, which ends with .txt.j2"
        yield Problem(Severity.BLOCK, "text-empty", advice, "text")
    elif len(_without_space(mail.text)) < len(_without_space(mail.page.body.text_content())) / 2:
        advice = "the plain text part has less than half of the text of the HTML"
        yield Problem(Severity.WARN, "text-short", advice, "text")


def _token_problems(mail: _Mail) -> Iterator[Problem]:
    known = mail.profile.links | PERSONAL_FIELDS
    for part, content in (("subject", mail.subject), ("html", mail.html), ("text", mail.text)):
        names = dict.fromkeys(token.partition(":")[0] for token in _TOKEN_LIKE.findall(content))
        for name in (name for name in names if name not in known):
            advice = f"{part}: @@{name}@@ is not a known token; there are {', '.join(sorted(known))}"
            yield Problem(Severity.BLOCK, "token-unknown", advice, f"@@{name}@@")


def _merge_field_problems(mail: _Mail) -> Iterator[Problem]:
    """Unfilled merge fields in the text, such as those of other programs; in code they are allowed.

    The subject, title, summary and preheader are text without formatting: what they show may be code of the article.
    """
    code = " ".join(_text_pieces(mail, "(ancestor::code or ancestor::pre)"))
    prose = _text_pieces(mail, f"not(ancestor::code or ancestor::pre or ancestor::style or {_UNFORMATTED})")
    unformatted = (mail.subject, mail.preheader, *_text_pieces(mail, _UNFORMATTED))
    found = [field for text in prose for field in _MERGE_FIELD.findall(text)]
    found += [field for text in unformatted for field in _MERGE_FIELD.findall(text) if field not in code]
    for field in found:
        advice = f"readers would see {field!r}, because it is not filled in"
        yield Problem(Severity.BLOCK, "merge-field", advice, field)


def _text_pieces(mail: _Mail, condition: str) -> list[str]:
    return [str(piece) for piece in mail.page.xpath(f"//body//text()[{condition}]")]


def _image_problems(mail: _Mail) -> Iterator[Problem]:
    for image in mail.page.iter("img"):
        source = image.get("src", "")
        if source != "@@open@@" and not (image.get("alt") or "").strip():
            advice = "an image has no alternative text; describe it, unless it is only decoration"
            yield Problem(Severity.WARN, "alt-missing", advice, source)


def _heading_problems(mail: _Mail) -> Iterator[Problem]:
    headings = mail.page.xpath("//h1|//h2|//h3|//h4|//h5|//h6")
    if sum(heading.tag == "h1" for heading in headings) != 1:
        yield Problem(Severity.WARN, "heading-first", "a mail needs exactly one heading of level 1")
    previous = 0
    for heading in headings:
        level = int(heading.tag[1])
        if level > previous + 1:
            title = heading.text_content().strip()
            advice = f"heading {title!r} has level {level} after level {previous}; screen readers need every level"
            yield Problem(Severity.WARN, "heading-skipped", advice, title)
        previous = level


def _link_text_problems(mail: _Mail) -> Iterator[Problem]:
    for link in mail.page.iter("a"):
        words = " ".join(link.text_content().split())
        if words.lower().rstrip(".!… »›→") in _VAGUE:
            advice = f"a link with only the text {words!r} is not clear when a screen reader lists the links"
            yield Problem(Severity.WARN, "link-vague", advice, words)


def _https_problems(mail: _Mail) -> Iterator[Problem]:
    if mail.profile.link_fields and not mail.public_url.startswith("https://"):
        advice = f"links lead to {mail.public_url}, and one-click unsubscribing (RFC 8058) needs https"
        yield Problem(Severity.WARN, "links-not-https", advice, "DISTRIBUTOR_PUBLIC_URL")


def _sender_problems(rendition: Rendition) -> Iterator[Problem]:
    """A warning about a sender of this machine or network only; composing the mail finds one that is invalid."""
    try:
        sender = Mailbox.parse(rendition.payload["from"]).address
    except AddressError:
        return
    if "." not in sender.domain or sender.domain.endswith(_LOCAL_DOMAINS):
        advice = (
            f"mails from {sender.spec} are rejected on the internet: set the sender of the brand (DISTRIBUTOR_SENDER), "
            "or that of the channel"
        )
        yield Problem(Severity.WARN, "sender-local", advice, "from")


def _field_problems(rendition: Rendition) -> Iterator[Problem]:
    count = len(merge_fields_of(rendition.payload).fields)
    if count > _MOST_FIELDS:
        advice = f"the mail uses {count} fields of its reader, and a delivery keeps at most {_MOST_FIELDS}"
        yield Problem(Severity.BLOCK, "fields-too-many", advice)


def _attachment_problems(rendition: Rendition) -> Iterator[Problem]:
    payload = rendition.payload
    files = [*payload.get("attachments", ()), *payload.get("inline_images", ())]
    # As sent: base64 is a third longer, and has line ends.
    size = sum(len(file["content"]) for file in files) * 78 // 76
    for file in files:
        if file["name"].lower().endswith(_BLOCKED_FILES):
            advice = f"large providers reject mails with a file like {file['name']}; put it on the web and link to it"
            yield Problem(Severity.BLOCK, "attachment-refused", advice, file["name"])
    if size > _TOO_LARGE_FILES:
        advice = (
            f"attachments and images have {size / 1e6:.1f} MB as they are sent; many servers reject mails of more "
            f"than {_TOO_LARGE_FILES // 1_000_000}; put them on the web and link to them"
        )
        yield Problem(Severity.BLOCK, "attachments-too-large", advice, "attachments")
    elif size > _LARGE_FILES:
        advice = f"attachments and images have {size / 1e6:.1f} MB in each mail; consider a link"
        yield Problem(Severity.WARN, "attachments-large", advice, "attachments")


def html_size(rendition: Rendition) -> int:
    """How many bytes the HTML can have, with sample values of merge fields. Raises InputError."""
    return len(with_longest_links(rendition).encode("utf-8", "replace"))


def _size_problems(rendition: Rendition) -> Iterator[Problem]:
    size = html_size(rendition)
    if size > _CLIPPED_FROM:
        advice = (
            f"the HTML has {size / 1000:.0f} KB; Gmail shows about 102 and hides the rest behind a link, here with the "
            "postal address and the unsubscribe link at the end; end the articles after some blocks (cut_after), which "
            "adds a link to their pages, or shorten them"
        )
        yield Problem(Severity.BLOCK, "html-too-large", advice, "html")
    elif size > _LARGE_FROM:
        advice = f"the HTML has {size / 1000:.0f} KB; Gmail shows about 102 and hides the rest"
        yield Problem(Severity.WARN, "html-large", advice, "html")


def _without_space(text: str) -> str:
    """The text without white space, which differs between the parts of a mail."""
    return re.sub(r"\s+", "", html.unescape(text))
