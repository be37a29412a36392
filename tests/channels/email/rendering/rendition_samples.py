"""Articles, a site and functions that render them, for the tests of renditions of mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lxml.html

from distributor.channels.api import RenderContext, Site, TrackingOptions
from distributor.channels.email.rendering.rendition import render_email
from distributor.channels.email.settings import EmailSettings
from distributor.domain.article import Article
from distributor.domain.blocks import (
    Alignment,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Table,
)
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.rendering.environment import Templates, shipped_templates

SITE = Site(
    name="Tideline",
    public_url="https://tideline.example",
    postal_address="Vesterhavsvej 12\n6792 Rømø, Denmark",
    sender="Tideline <news@tideline.example>",
)
# Of a site, as its masthead has to show them.
LONG_NAMES = {
    "no spaces": "Donaudampfschiffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschafts",
    "Chinese": "每周新闻简报与深度评论选集" * 6,
    "Arabic": "النشرة الأسبوعية لأخبار العلوم والصحة والبيئة في العالم العربي وما حوله من بلدان",
    "words": "The weekly letter of the society for the study of tides, birds and other visitors",
}
PUBLISHED = datetime(2026, 11, 20, 8, tzinfo=UTC)


def run(text: str, *marks: Mark, href: str | None = None) -> Run:
    return Run(text, frozenset(marks), href)


def paragraph(*runs: str | Run) -> Paragraph:
    return Paragraph(tuple(run(each) if isinstance(each, str) else each for each in runs))


def bullets(*lines: Paragraph | str, ordered: bool = False, start: int = 1) -> List:
    items = (ListItem((line if isinstance(line, Paragraph) else paragraph(line),)) for line in lines)
    return List(tuple(items), ordered, start)


def row(*cells: str | Run) -> tuple[tuple[Run, ...], ...]:
    return tuple((run(cell) if isinstance(cell, str) else cell,) for cell in cells)


BODY = (
    paragraph(
        "The Wadden Sea keeps no calendar, but it keeps time. Twice a day ",
        run("twelve thousand square kilometres", Mark.STRONG),
        " of mud and eelgrass change owners, and people have learned to read the ",
        run("turning of the tide", href="https://example.org/tides?year=2026&lang=en"),
        " the way others read a clock.",
    ),
    paragraph(
        "We spent a week with the wardens. Here is what they told us, and ", run("what nobody knows", Mark.EMPHASIS)
    ),
    Heading(2, (run("What the wardens count"),)),
    List(
        (
            ListItem((paragraph(run("Waders", Mark.STRONG), ", counted at high water by two people"),)),
            ListItem(
                (
                    paragraph("Eelgrass along a fixed line"),
                    bullets("in summer, by foot", paragraph("in winter, from ", run("images", href="/data/winter"))),
                )
            ),
        )
    ),
    Image(
        "images/flats.png",
        "Mudflats at low water, wardens walking towards the horizon",
        (run("Low water at Koresand. Photograph: "), run("Wadden Archive", href="https://example.org/archive")),
    ),
    Heading(2, (run("Seven years in one table"),)),
    Table(
        row("Year", "Waders", "Remarks"),
        (
            row("2020", "41,200", "first full season"),
            row("2026", "47,650", run("new method", href="https://example.org/notes")),
        ),
        (Alignment.LEFT, Alignment.RIGHT, Alignment.LEFT),
    ),
    Quote((paragraph("You do not protect a tide. You protect the room it needs."), paragraph("Inge Dahl, warden"))),
    Heading(3, (run("How to read the data"),)),
    paragraph("A line of ", run("awk", Mark.CODE), " is enough; the price is ", run("12 €", Mark.STRIKE), " nothing:"),
    Code("awk -F, 'NR > 1 { n += $3 }\n  END { print n }' counts.csv  # \"all\" & more", "sh"),
    Heading(2, (run("What happens next"),)),
    bullets(
        "The census is open to volunteers.",
        paragraph("Questions? Write to ", run("census@example.org", href="mailto:census@example.org"), "."),
        ordered=True,
        start=3,
    ),
    Divider(),
    paragraph("Thank you for reading.\nPass it on."),
)


def article(**changes: Any) -> Article:
    """An article with every kind of block, or with other content where `changes` say so."""
    sample = Article(
        guid="urn:example:tide",
        slug="the-tide-keeps-time",
        revision=1,
        title="The tide keeps time, and so do those who count its birds",
        body=BODY,
        tags=(Tag("Wadden Sea"), Tag("Birds & bees")),
        summary="A week with the wardens of Mandø: what seven years of counting say about a coast on the move.",
        author="Marte Olsen",
        language="en",
        image=Image("/media/dawn.png", "Dawn over the tidal flats"),
        published_at=PUBLISHED,
        updated_at=PUBLISHED,
    )
    return replace(sample, **changes)


def context(
    *, own_templates: Path | None = None, tracking: TrackingOptions | None = None, **changes: Any
) -> RenderContext:
    """What rendering is given; `changes` are to the site."""
    folders = [folder for folder in (own_templates, shipped_templates()) if folder]
    return RenderContext(
        site=replace(SITE, **changes), templates=Templates(folders), tracking=tracking or TrackingOptions()
    )


def rendered(
    *articles: Article, given: RenderContext | None = None, settings: EmailSettings | None = None
) -> Rendition:
    return render_email(articles or [article()], given or context(), settings or EmailSettings())


def changed(rendition: Rendition, changes: Mapping[str, Any]) -> Rendition:
    return Rendition(rendition.kind, {**rendition.payload, **changes})


def page_of(rendition: Rendition) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(rendition.payload["html"])


def hrefs(rendition: Rendition) -> Sequence[str]:
    return [str(link) for link in page_of(rendition).xpath("//a/@href")]
