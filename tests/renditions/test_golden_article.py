"""The golden article, which holds every block and mark, renders on every channel as it did before.

After an intended change, check the difference and rewrite the golden files with
`UPDATE_GOLDEN=1 make test ARGS=tests/renditions`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distributor.bootstrap import make_templates
from distributor.channels.api import RenderContext, Site
from distributor.channels.registry import kinds
from distributor.domain import blocks
from distributor.flow.publishing.preview import preview
from distributor.settings import Settings
from distributor.sources.formats import read_manuscript
from tests.paths import ROOT

ARTICLE = ROOT / "content" / "golden.md"
GOLDEN = Path(__file__).parent / "golden"
# Kinds whose renditions are kept here; a kind may keep golden files of its own beside its tests instead.
GOLDEN_KINDS = ("bluesky", "email", "feed", "mastodon", "x")


def _render(name: str) -> dict[str, bytes]:
    context = RenderContext(
        site=Site(
            name="The Garden Letter",
            public_url="https://letter.example",
            postal_address="7 Orchard Lane, Greenfield",
            sender="The Garden Letter <letter@letter.example>",
        ),
        templates=make_templates(Settings(_env_file=None)),
    )
    return dict(preview(read_manuscript(ARTICLE), [name], context).files)


@pytest.mark.parametrize("name", GOLDEN_KINDS)
def test_a_channel_renders_what_it_rendered_before(name: str) -> None:
    files = _render(name)
    assert files
    for file, body in files.items():
        kept = GOLDEN / file
        if os.environ.get("UPDATE_GOLDEN") == "1":
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(body)
        assert body.decode() == kept.read_bytes().decode(), f"{file} differs; see the docstring of this module"


def test_there_are_no_other_golden_files() -> None:
    assert set(GOLDEN_KINDS) <= set(kinds())
    assert {file.name for file in GOLDEN.iterdir()} == {file for name in GOLDEN_KINDS for file in _render(name)}


def test_the_golden_article_holds_every_block_and_every_mark() -> None:
    body = read_manuscript(ARTICLE).body
    found = {type(block) for block in blocks.walk(body)}
    assert found == {
        *(blocks.Heading, blocks.Paragraph, blocks.List, blocks.Quote),
        *(blocks.Image, blocks.Code, blocks.Table, blocks.Divider),
    }
    runs = [run for block in blocks.walk(body) for held in blocks.runs_of(block) for run in held]
    assert {mark for run in runs for mark in run.marks} == set(blocks.Mark)
    assert any(run.href for run in runs)
    assert any("\n" in run.text for run in runs)
