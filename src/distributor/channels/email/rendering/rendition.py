"""Renditions of mails: subject, HTML and text, rendered once for all recipients."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from markupsafe import Markup

from distributor.channels.api import AccountMail, Personalization, RenderContext
from distributor.channels.email.personalization.literal import keep_literal, literal_in_html, literal_in_text
from distributor.channels.email.personalization.merge_blocks import MergeBlockWriter
from distributor.channels.email.rendering.article_view import article_view, preheader_of, teaser_view
from distributor.channels.email.rendering.greeting import (
    RenderedText,
    effective_options,
    merge_constants,
    preheader_in,
    render_part,
    render_subject,
)
from distributor.channels.email.rendering.sender_identity import SenderIdentity, sender_identity_of
from distributor.channels.email.rendering.template_context import base_variables, origin_payload
from distributor.channels.email.settings import EmailSettings
from distributor.domain.article import Article
from distributor.domain.campaign import CampaignPurpose
from distributor.domain.errors import InputError, TemplateError
from distributor.domain.message_options import Attachment, MailLayout, MessageOptions
from distributor.domain.rendition import Json, Rendition
from distributor.domain.subscriber import MailingList
from distributor.rendering.environment import Templates
from distributor.rendering.mjml import html_of_mjml
from distributor.rendering.sanitize import printable, resolver_for

KIND = "email"

_HTML = "email/article.mjml.j2"
_TEXT = "email/article.txt.j2"
_SUBJECT = "email/subject.txt.j2"
_SHEET = "email/body.css.j2"
_STYLES = "email/inline.css.j2"
_CONFIRMATION_LANGUAGE = "email/spoken.txt.j2"
_CONFIRMATION_HTML = "email/confirmation.mjml.j2"
_CONFIRMATION_TEXT = "email/confirmation.txt.j2"
_CONFIRMATION_SUBJECT = "email/confirmation_subject.txt.j2"
_CONFIRMATION_PREHEADER = "email/confirmation_preheader.txt.j2"
_ACCOUNT_HTML = "email/account.mjml.j2"
_ACCOUNT_TEXT = "email/account.txt.j2"

_BODY = re.compile(r"<body\b[^>]*>|\A(?!.*<body\b)", re.DOTALL)
_TEST_NOTE = (
    "This is a test of campaign {}. It shows what @@email@@ would get. Its links to unsubscribe and to preferences "
    "change nothing."
)
_TEST_NOTE_HTML = (
    '<div style="margin:0;padding:12px 16px;background-color:#fff3c4;color:#3d2f00;font-family:Arial,sans-serif;'
    'font-size:14px;line-height:20px;text-align:center">{}</div>'
)
_CSS_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
# Only in a start tag can an unescaped quotation mark follow an unescaped "<a".
_EXTERNAL_LINK = re.compile(r'(<a\b[^<>]*?\shref=")(https?://[^"]*)(")')


def render_email(articles: Sequence[Article], context: RenderContext, settings: EmailSettings) -> Rendition:
    """The mail with these articles, one after another, between the greeting and the closing if there are any.

    Every external link in the HTML becomes ``@@click:N@@``, where N is its index in `links`, if clicks are tracked.
    Raises TemplateError, and InputError if there is no article or the message options are invalid.
    """
    if not articles:
        raise InputError("a mail needs at least one article")
    templates, site, personalization = context.templates, context.site, context.personalization
    identity = sender_identity_of(site, settings, context.list)
    blocks = MergeBlockWriter(
        merge_constants(
            article=articles[0].title,
            list_name=identity.name,
            campaign=personalization.campaign if personalization else "",
            site=site.name,
        )
    )
    options = effective_options(personalization.options, settings) if personalization else MessageOptions()
    layout = options.layout or MailLayout.WHOLE
    variables = _template_variables(articles, context, identity, cut_after=options.cut_after, layout=layout)
    if own_preheader := preheader_in(options):
        variables["preheader"] = keep_literal(own_preheader)
    for part, source in (("greeting", options.greeting), ("closing", options.closing)):
        variables[part] = _render_part(source, blocks, variables, personalization, part=part)
    in_text = variables | {"personal": _PersonalFunction(blocks, is_html=False)}
    in_html = variables | {"personal": _PersonalFunction(blocks, is_html=True)}
    own_subject = render_subject(options, blocks)
    subject = own_subject[0] if own_subject else " ".join(templates.render(_SUBJECT, in_text).split())
    in_text["subject"], in_html["subject"] = subject, own_subject[1] if own_subject else subject
    markup = literal_in_html(html_of_mjml(templates.render(_HTML, in_html), template=_HTML))
    text = literal_in_text(templates.render(_TEXT, in_text)).strip("\n") + "\n"
    web_markup = ""
    if any(view.is_cut for view in variables["articles"]):
        whole = _template_variables(articles, context, identity, cut_after=None, layout=MailLayout.WHOLE)
        in_browser = in_html | {name: whole[name] for name in ("articles", "layout")}
        web_markup = literal_in_html(html_of_mjml(templates.render(_HTML, in_browser), template=_HTML))
    links = _external_links(f"{markup}\n{web_markup}\n{blocks.html}")
    if context.tracking.clicks:
        markup, web_markup = _track_clicks(markup, links), _track_clicks(web_markup, links)
        blocks.change_html(lambda source: _track_clicks(source, links))
    embeds_images = settings.inline_images or context.embeds_images
    inline_images = _inline_images(markup, articles, context) if embeds_images else []
    payload = {
        "subject": literal_in_text(subject),
        "preheader": literal_in_text(variables["preheader"]),
        "language": variables["language"],
        "html": markup,
        "text": text,
        "links": links,
        "tracking": variables["tracking"],
        **({"web_html": web_markup} if web_markup else {}),
        **blocks.payload(),
        **_files_payload("attachments", [_file_payload(one) for one in options.attachments]),
        **_files_payload("inline_images", inline_images),
        **origin_payload(identity, site, settings),
    }
    return Rendition(KIND, payload if context.test_of is None else _as_test(payload, context.test_of))


def render_confirmation(
    list_: MailingList, context: RenderContext, settings: EmailSettings, *, language: str
) -> Rendition:
    """The mail that asks a subscriber to confirm (double opt-in), in `language` or else in English.

    It is rendered once for all who get it in one language, and nothing in it is tracked. Raises TemplateError.
    """
    templates, site = context.templates, context.site
    identity = sender_identity_of(site, settings, list_)
    template_language = templates.render(_CONFIRMATION_LANGUAGE, {"language": language}).strip()
    variables = {**base_variables(identity, site, template_language), "sheet": {}}
    variables["subject"] = " ".join(templates.render(_CONFIRMATION_SUBJECT, variables).split())
    variables["preheader"] = " ".join(templates.render(_CONFIRMATION_PREHEADER, variables).split())
    return _untracked_mail(
        CampaignPurpose.CONFIRMATION, (_CONFIRMATION_HTML, _CONFIRMATION_TEXT), variables, identity, context, settings
    )


def render_account_mail(mail: AccountMail, context: RenderContext, settings: EmailSettings) -> Rendition:
    """The mail to a user of the team's app; nothing in it is tracked. Raises TemplateError."""
    identity = sender_identity_of(context.site, settings, None)
    words: dict[str, Json] = {
        "subject": keep_literal(mail.subject),
        "preheader": keep_literal(mail.sentences[0]),
        "title": keep_literal(mail.title),
        "sentences": [keep_literal(sentence) for sentence in mail.sentences],
        "button": keep_literal(mail.button),
        "otherwise": keep_literal(mail.otherwise),
        "link": keep_literal(mail.url) or "@@account@@",
    }
    variables = {**base_variables(identity, context.site, "en"), "sheet": {}, **words}
    rendition = _untracked_mail(
        CampaignPurpose.ACCOUNT, (_ACCOUNT_HTML, _ACCOUNT_TEXT), variables, identity, context, settings
    )
    return replace(rendition, payload={**rendition.payload, "is_notice": True}) if mail.url else rendition


def _untracked_mail(
    purpose: CampaignPurpose,
    page_and_text: tuple[str, str],
    variables: Mapping[str, Json],
    identity: SenderIdentity,
    context: RenderContext,
    settings: EmailSettings,
) -> Rendition:
    """A mail that is not a newsletter, of two templates: no list, and nothing in it is tracked."""
    page, text = page_and_text
    payload = {
        "purpose": purpose.value,
        "subject": literal_in_text(variables["subject"]),
        "preheader": literal_in_text(variables["preheader"]),
        "language": variables["language"],
        "html": literal_in_html(html_of_mjml(context.templates.render(page, variables), template=page)),
        "text": literal_in_text(context.templates.render(text, variables)).strip("\n") + "\n",
        "links": [],
        "tracking": {"opens": False, "clicks": False},
        **origin_payload(identity, context.site, settings),
    }
    return Rendition(KIND, payload)


def _as_test(payload: Mapping[str, Json], test_of: int) -> dict[str, Json]:
    """The same mail, with the remark that it is a test in the subject and above the text.

    It is added to what the templates gave, which may be anyone's own.
    """
    note = _TEST_NOTE.format(test_of)
    marked = {
        name: _BODY.sub(lambda body: f"{body[0]}{_TEST_NOTE_HTML.format(note)}", payload[name], count=1)
        for name in ("html", "web_html")
        if name in payload
    }
    return {
        **payload,
        **marked,
        "purpose": CampaignPurpose.TEST.value,
        "subject": f"[Test] {payload['subject']}",
        "text": f"{note}\n\n{payload['text']}",
    }


def _inline_images(markup: str, articles: Sequence[Article], context: RenderContext) -> list[dict[str, Json]]:
    """The logo and the stored images of the articles, as far as the HTML shows them, each with its URL there."""
    sources = sorted({image.src for article in articles for image in article.images})
    files = [file for source in sources if (file := context.media.open(source))]
    logo = context.site.brand.logo
    stored = {file.src: Attachment(name=file.name, media_type=file.media_type, content=file.body) for file in files}
    if logo and logo.body:
        stored[logo.url] = Attachment(name=PurePosixPath(logo.url).name, media_type=logo.media_type, content=logo.body)
    shown = {context.site.absolute_url(source): file for source, file in stored.items()}
    return [{"url": url, **_file_payload(file)} for url, file in shown.items() if f'src="{url}"' in markup]


def _file_payload(file: Attachment) -> dict[str, Json]:
    name = " ".join(printable(file.name).split()) or "file"
    return {"name": name, "media_type": file.media_type, "content": b64encode(file.content).decode("ascii")}


def _files_payload(name: str, files: list[dict[str, Json]]) -> dict[str, Json]:
    return {name: files} if files else {}


class _PersonalFunction:
    """The template function ``{{ personal("Dear {{ subscriber.name }}") }}``, or between call and endcall."""

    def __init__(self, blocks: MergeBlockWriter, *, is_html: bool) -> None:
        self._blocks = blocks
        self._is_html = is_html

    def __call__(self, source: str = "", *, caller: Callable[[], str] | None = None) -> Markup:
        written = self._blocks.write(str(caller() if caller else source), is_html=self._is_html, part="template")
        return Markup(written)  # noqa: S704 - the template's own markup; values in it are escaped


def _render_part(
    source: str,
    blocks: MergeBlockWriter,
    variables: Mapping[str, Json],
    personalization: Personalization | None,
    *,
    part: str,
) -> RenderedText:
    if personalization is None:
        return RenderedText(Markup(), "")
    return render_part(
        source,
        blocks,
        part=part,
        read=personalization.parse_markdown,
        styles=variables["styles"],
        resolve=resolver_for(variables["site"]["public_url"]),
    )


def _template_variables(
    articles: Sequence[Article],
    context: RenderContext,
    identity: SenderIdentity,
    *,
    cut_after: int | None,
    layout: MailLayout,
) -> dict[str, Json]:
    """The variables of the templates, in which every text is safe from tokens."""
    site = context.site
    base = base_variables(identity, site, articles[0].language or site.language)
    styles = _style_rules(context.templates, _STYLES, base)
    level = 2 if len(articles) == 1 else 3
    return {
        "styles": styles,
        "sheet": _style_rules(context.templates, _SHEET, base),
        **base,
        "layout": layout.value,
        "articles": [
            article_view(article, site, styles=styles, section_level=level, cut_after=cut_after)
            if layout is MailLayout.WHOLE
            else teaser_view(article, site, styles=styles, section_level=level)
            for article in articles
        ],
        "preheader": keep_literal(preheader_of(articles[0])),
        "tracking": {"opens": context.tracking.opens, "clicks": context.tracking.clicks},
    }


def _style_rules(templates: Templates, template: str, variables: Mapping[str, Json]) -> dict[str, str]:
    """The declarations for the blocks of an article by selector, from a style sheet of plain rules."""
    sheet = templates.render(template, variables)
    rules: dict[str, str] = {}
    end = 0
    while (rule := _CSS_RULE.match(sheet, end)) and (selector := rule[1].strip()):
        rules[selector] = "; ".join(part.strip() for part in rule[2].split(";") if part.strip())
        end = rule.end()
    if sheet[end:].strip():
        around = sheet[end : end + 60].strip().split("\n")[0]
        raise TemplateError(f"expected a rule like 'p {{ margin: 0 }}' at {around!r}", template=template)
    return rules


def _external_links(markup: str) -> list[str]:
    """The URLs of the external links, in order, each once."""
    return list(dict.fromkeys(html.unescape(link[2]) for link in _EXTERNAL_LINK.finditer(markup)))


def _track_clicks(markup: str, links: Sequence[str]) -> str:
    number_of = {link: number for number, link in enumerate(links)}
    return _EXTERNAL_LINK.sub(lambda link: f"{link[1]}@@click:{number_of[html.unescape(link[2])]}@@{link[3]}", markup)
