"""A mail with a sample article, for who sets up a brand and wants to see it."""

from __future__ import annotations

from datetime import datetime

from distributor.channels.api import Audience, RenderContext, Site
from distributor.channels.registry import kinds
from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, List, ListItem, Mark, Paragraph, Quote, Run
from distributor.domain.errors import StateError
from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.preview import preview

_STRONG = frozenset({Mark.STRONG})


def sample_mail(app: AppContext, site: Site) -> str:
    """The HTML of a mail from this site, which need not be as it is now. Raises StateError if no kind sends mails."""
    context = RenderContext(site=site, templates=app.templates)
    for name, kind in kinds().items():
        if kind.capabilities.audience is Audience.SUBSCRIBERS:
            files = preview(sample_manuscript(app.clock()), [name], context).files
            found = next((body for file, body in sorted(files.items()) if file.endswith(".html")), None)
            if found is not None:
                return found.decode()
    raise StateError("no kind of channel sends mails")


def sample_manuscript(now: datetime) -> Manuscript:
    """A short article in which everything stands that a brand gives its look to: links, headings, quotes, lists."""
    return Manuscript(
        title="What a letter from us looks like",
        summary="A sample article, to see the colours, the font and the logo.",
        body=(
            Paragraph(
                (
                    Run("This is a sample article. It shows how a mail looks with "),
                    Run("your colour", href="https://example.org/"),
                    Run(", your font and your logo. "),
                    Run("Nobody gets it", _STRONG),
                    Run(" until you send something yourself."),
                )
            ),
            Heading(2, (Run("What readers see"),)),
            List(
                tuple(
                    ListItem((Paragraph((Run(text),)),))
                    for text in (
                        "the name or the logo at the top, which leads to your pages",
                        "links that can be read in the light and in the dark",
                        "your postal address and the link to unsubscribe at the end",
                    )
                )
            ),
            Quote((Paragraph((Run("The eye should be led, not pushed."),)),)),
        ),
        tags=(Tag("Sample"),),
        slug="sample",
        published_at=now,
    )
