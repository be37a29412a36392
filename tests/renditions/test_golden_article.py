"""The golden article, which holds every block and mark, renders on every channel as it did before.

After an intended change, check the difference and rewrite the golden files with
`UPDATE_GOLDEN=1 make test ARGS=tests/renditions`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from distributor.bootstrap import make_templates
from distributor.channels.api import Personalization, RenderContext, Site
from distributor.channels.registry import kinds, make_channel
from distributor.domain import blocks
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.flow.publishing.preview import imagine_article, preview
from distributor.settings import Settings
from distributor.sources.formats import read_manuscript
from tests.paths import ROOT

ARTICLE = ROOT / "content" / "golden.md"
# One with every block, and others that a mail of several articles shows beside it.
ARTICLES = (ARTICLE, ROOT / "content" / "the_quiet_feed.md", ROOT / "content" / "why_we_still_send_letters.md")
GOLDEN = Path(__file__).parent / "golden"
# Kinds whose renditions are kept here; a kind may keep golden files of its own beside its tests instead.
GOLDEN_KINDS = ("bluesky", "email", "feed", "mastodon", "x")


def _context() -> RenderContext:
    return RenderContext(
        site=Site(
            name="The Garden Letter",
            public_url="https://letter.example",
            postal_address="7 Orchard Lane, Greenfield",
            sender="The Garden Letter <letter@letter.example>",
        ),
        templates=make_templates(Settings(_env_file=None)),
    )


def _render(name: str) -> dict[str, bytes]:
    return dict(preview(read_manuscript(ARTICLE), [name], _context()).files)


def _render_layouts() -> dict[str, bytes]:
    """The pages and texts of mails in the other layouts: of one article, and of several."""
    files: dict[str, bytes] = {}
    for layout in (MailLayout.TEASER, MailLayout.DIGEST):
        words = MessageOptions(layout=layout, greeting="Dear reader,", closing="Until next time")
        context = replace(_context(), personalization=Personalization(parse_markdown=read_markdown, options=words))
        for count, name in ((1, "one"), (len(ARTICLES), "several")):
            channel = make_channel("email", {})
            articles = [imagine_article(read_manuscript(file)) for file in ARTICLES[:count]]
            made = channel.files(channel.render(articles, context))
            files |= {f"{layout}_{name}.{suffix}": made[f"email.{suffix}"] for suffix in ("html", "txt")}
    return files


def _assert_golden(files: Mapping[str, bytes]) -> None:
    assert files
    for file, body in files.items():
        kept = GOLDEN / file
        if os.environ.get("UPDATE_GOLDEN") == "1":
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(body)
        assert body.decode() == kept.read_bytes().decode(), f"{file} differs; see the docstring of this module"


@pytest.mark.parametrize("name", GOLDEN_KINDS)
def test_a_channel_renders_what_it_rendered_before(name: str) -> None:
    _assert_golden(_render(name))


def test_teasers_and_lists_of_articles_are_mails_as_they_were_before() -> None:
    _assert_golden(_render_layouts())


def test_there_are_no_other_golden_files() -> None:
    assert set(GOLDEN_KINDS) <= set(kinds())
    made = {file for name in GOLDEN_KINDS for file in _render(name)}
    assert {file.name for file in GOLDEN.iterdir()} == made | set(_render_layouts())


def test_the_golden_article_holds_every_block_and_the_common_marks() -> None:
    body = read_manuscript(ARTICLE).body
    found = {type(block) for block in blocks.walk(body)}
    assert found == {
        *(blocks.Heading, blocks.Paragraph, blocks.List, blocks.Quote),
        *(blocks.Image, blocks.Code, blocks.Table, blocks.Divider),
    }
    runs = [run for block in blocks.walk(body) for held in blocks.runs_of(block) for run in held]
    common = {blocks.Mark.STRONG, blocks.Mark.EMPHASIS, blocks.Mark.CODE, blocks.Mark.STRIKE}
    assert {mark for run in runs for mark in run.marks} == common
    assert any(run.href for run in runs)
    assert any("\n" in run.text for run in runs)
