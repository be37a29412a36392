"""Articles → the rendition of a mail: subject, HTML and text, rendered once for all recipients."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from distributor.channels.api import Personalization, RenderContext, Site
from distributor.channels.email.personalization.literal import keep_literal, literal_in_html, literal_in_text
from distributor.channels.email.personalization.merge_blocks import MergeBlocks
from distributor.channels.email.rendering.article_view import preheader_of, view_of
from distributor.channels.email.rendering.greeting import Words, constants, cover_of, subject_of, words_of
from distributor.channels.email.rendering.sender_identity import SenderIdentity, sender_identity_of
from distributor.channels.email.rendering.template_context import given_by_frame, payload_of_frame
from distributor.channels.email.settings import EmailSettings
from distributor.domain.article import Article
from distributor.domain.errors import InputError, TemplateError
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.rendition import Json, Rendition
from distributor.rendering.environment import Templates
from distributor.rendering.legible import legible
from distributor.rendering.mjml import html_of_mjml
from distributor.rendering.urls import resolver_for

KIND = "email"

_HTML = "email/article.mjml.j2"
_TEXT = "email/article.txt.j2"
_SUBJECT = "email/subject.txt.j2"
_STYLES = "email/body.css.j2"

_RULE = re.compile(r"\s*([^{}]+?)\s*\{([^{}]*)\}\s*")
# Only in a start tag can a bare quotation mark follow a bare "<a": elsewhere one of them is escaped.
_OUTWARD_LINK = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]*)(")')


def render_email(articles: Sequence[Article], context: RenderContext, settings: EmailSettings) -> Rendition:
    """The mail that carries these articles, one after another, with words around them if there is a cover.

    Every address in the HTML that leads out becomes ``@@click:N@@``, N counting the entries of `links`, where clicks
    are measured. Raises TemplateError, and InputError if there is no article or the cover cannot be said.
    """
    if not articles:
        raise InputError("a mail needs at least one article")
    templates, site, covering = context.templates, context.site, context.covering
    voice = sender_identity_of(site, settings, context.list)
    book = MergeBlocks(
        constants(
            article=articles[0].title,
            list_name=voice.name,
            campaign=covering.campaign if covering else "",
            site=site.name,
        )
    )
    given = _given(articles, context, voice)
    cover = cover_of(covering.cover, settings) if covering else MessageOptions()
    for part, source in (("greeting", cover.greeting), ("closing", cover.closing)):
        given[part] = _words(source, book, given, covering, part=part)
    in_text = given | {"personal": _Personal(book, is_html=False)}
    in_html = given | {"personal": _Personal(book, is_html=True)}
    said = subject_of(cover, book)
    subject = said[0] if said else " ".join(templates.render(_SUBJECT, in_text).split())
    in_text["subject"], in_html["subject"] = subject, said[1] if said else subject
    markup = literal_in_html(html_of_mjml(templates.render(_HTML, in_html), template=_HTML))
    text = literal_in_text(templates.render(_TEXT, in_text)).strip("\n") + "\n"
    links = _outward_links(f"{markup}\n{book.html}")
    if context.tracking.clicks:
        markup = _counted(markup, links)
        book.change_html(lambda source: _counted(source, links))
    payload = {
        "subject": literal_in_text(subject),
        "preheader": literal_in_text(given["preheader"]),
        "language": given["language"],
        "html": markup,
        "text": text,
        "links": links,
        "tracking": given["tracking"],
        **book.payload(),
        **_enclosed("attachments", [_told(one) for one in cover.attachments]),
        **_enclosed("pictures", _pictures(markup, covering, site) if covering and settings.inline_images else []),
        **payload_of_frame(voice, site, settings),
    }
    return Rendition(KIND, payload)


def _pictures(markup: str, covering: Personalization, site: Site) -> list[dict[str, Json]]:
    """The images of ours that the mail shows, each with the address under which it stands in the HTML."""
    held = {f"{site.public_url}{path}": picture for path, picture in covering.pictures.items()}
    return [{"url": url, **_told(picture)} for url, picture in held.items() if f'src="{url}"' in markup]


def _told(file: Attachment) -> dict[str, Json]:
    name = " ".join(legible(file.name).split()) or "file"
    return {"name": name, "media_type": file.media_type, "content": b64encode(file.content).decode("ascii")}


def _enclosed(name: str, files: list[dict[str, Json]]) -> dict[str, Json]:
    return {name: files} if files else {}


class _Personal:
    """What a template says as ``{{ personal("Dear {{ subscriber.name }}") }}``, or between call and endcall."""

    def __init__(self, book: MergeBlocks, *, is_html: bool) -> None:
        self._book = book
        self._is_html = is_html

    def __call__(self, source: str = "", *, caller: Callable[[], str] | None = None) -> Markup:
        said = self._book.write(str(caller() if caller else source), is_html=self._is_html, part="template")
        return Markup(said)  # noqa: S704 - the template's own markup; values in it are escaped


def _words(
    source: str, book: MergeBlocks, given: Mapping[str, Json], covering: Personalization | None, *, part: str
) -> Words:
    if covering is None:
        return Words(Markup(), "")
    return words_of(
        source,
        book,
        part=part,
        read=covering.read,
        styles=given["styles"],
        resolve=resolver_for(given["site"]["public_url"]),
    )


def _given(articles: Sequence[Article], context: RenderContext, voice: SenderIdentity) -> dict[str, Json]:
    """What the templates may name. All of it is safe from tokens."""
    site = context.site
    frame = given_by_frame(voice, site, articles[0].language or site.language)
    styles = _style_rules(context.templates, {"start": frame["start"], "end": frame["end"]})
    section_level = 2 if len(articles) == 1 else 3
    return {
        "styles": styles,
        **frame,
        "articles": [view_of(article, site, styles=styles, section_level=section_level) for article in articles],
        "preheader": keep_literal(preheader_of(articles[0])),
        "tracking": {"opens": context.tracking.opens, "clicks": context.tracking.clicks},
    }


def _style_rules(templates: Templates, given: Mapping[str, str]) -> dict[str, str]:
    """The inline styles for the blocks of an article, from a style sheet of plain rules."""
    sheet = templates.render(_STYLES, given)
    rules: dict[str, str] = {}
    end = 0
    for rule in _RULE.finditer(sheet):
        if rule.start() != end:
            break
        rules[rule[1]] = "; ".join(part.strip() for part in rule[2].split(";") if part.strip())
        end = rule.end()
    if end != len(sheet):
        around = sheet[end : end + 60].strip().split("\n")[0]
        raise TemplateError(f"expected a rule like 'p {{ margin: 0 }}' at {around!r}", template=_STYLES)
    return rules


def _outward_links(markup: str) -> list[str]:
    """The addresses that lead out of a mail, in order, each once."""
    return list(dict.fromkeys(html.unescape(link[2]) for link in _OUTWARD_LINK.finditer(markup)))


def _counted(markup: str, links: Sequence[str]) -> str:
    number_of = {link: number for number, link in enumerate(links)}
    return _OUTWARD_LINK.sub(lambda link: f"{link[1]}@@click:{number_of[html.unescape(link[2])]}@@{link[3]}", markup)
