"""Articles → the rendition of a mail: subject, HTML and text, rendered once for all recipients."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from distributor.channels.contract import RenderContext
from distributor.channels.email.composing.literal import keep_literal, literal_in_html, literal_in_text
from distributor.channels.email.frame import given_by_frame, payload_of_frame
from distributor.channels.email.settings import EmailSettings
from distributor.channels.email.views import preheader_of, view_of
from distributor.channels.email.voice import Voice, voice_of
from distributor.domain.article import Article
from distributor.domain.errors import InputError, TemplateError
from distributor.domain.rendition import Json, Rendition
from distributor.rendering.environment import Templates
from distributor.rendering.mjml import html_of_mjml

KIND = "email"

_HTML = "email/article.mjml.j2"
_TEXT = "email/article.txt.j2"
_SUBJECT = "email/subject.txt.j2"
_STYLES = "email/body.css.j2"

_RULE = re.compile(r"\s*([^{}]+?)\s*\{([^{}]*)\}\s*")
# Only in a start tag can a bare quotation mark follow a bare "<a": elsewhere one of them is escaped.
_OUTWARD_LINK = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"]*)(")')


def render_email(articles: Sequence[Article], context: RenderContext, settings: EmailSettings) -> Rendition:
    """The mail that carries these articles, one after another.

    Every address in the HTML that leads out becomes ``@@click:N@@``, N counting the entries of `links`, where clicks
    are measured. Raises TemplateError, and InputError if there is no article.
    """
    if not articles:
        raise InputError("a mail needs at least one article")
    templates, site = context.templates, context.site
    voice = voice_of(site, settings, context.list)
    given = _given(articles, context, voice)
    given["subject"] = " ".join(templates.render(_SUBJECT, given).split())
    markup = literal_in_html(html_of_mjml(templates.render(_HTML, given), template=_HTML))
    links = _outward_links(markup)
    payload = {
        "subject": literal_in_text(given["subject"]),
        "preheader": literal_in_text(given["preheader"]),
        "language": given["language"],
        "html": _counted(markup, links) if context.tracking.clicks else markup,
        "text": literal_in_text(templates.render(_TEXT, given)).strip("\n") + "\n",
        "links": links,
        "tracking": given["tracking"],
        **payload_of_frame(voice, site, settings),
    }
    return Rendition(KIND, payload)


def _given(articles: Sequence[Article], context: RenderContext, voice: Voice) -> dict[str, Json]:
    """What the templates may name. All of it is safe from tokens, and `subject` comes once it is rendered."""
    site = context.site
    frame = given_by_frame(voice, site, articles[0].language or site.language)
    styles = _style_rules(context.templates, {"start": frame["start"], "end": frame["end"]})
    section_level = 2 if len(articles) == 1 else 3
    return {
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
