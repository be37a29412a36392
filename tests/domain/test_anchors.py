"""Anchors: names of places in an article."""

from __future__ import annotations

import pytest

from distributor.domain.anchors import anchor_of, heading_anchors, with_heading_anchors
from distributor.domain.blocks import Heading, Paragraph, Quote, Run


@pytest.mark.parametrize(
    ("text", "anchor"),
    [("Set up!", "set-up"), ("What's new in 2.0?", "whats-new-in-20"), ("Über Café", "über-café"), ("…", "")],
)
def test_the_anchor_of_a_heading_is_made_of_its_text(text: str, anchor: str) -> None:
    assert anchor_of(text) == anchor


def test_each_heading_has_an_anchor_of_its_own_and_none_is_that_of_the_page() -> None:
    blocks = (
        Heading(2, (Run("A"),)),
        Quote((Heading(3, (Run("a"),)), Heading(3, (Run("Mine", anchor="own"),)))),
        Paragraph((Run("text", anchor="b"),)),
        Heading(2, (Run("B"),)),
        Heading(2, (Run("…"),)),
        Heading(2, (Run("Content"),)),
    )
    assert heading_anchors(blocks) == {0: "a", 1: "a-1", 2: "own", 3: "b-1", 5: "content-1"}
    steps = tuple(Heading(2, (Run(text),)) for text in ("Step", "Step", "Step 1", "Step"))
    assert heading_anchors(steps) == {0: "step", 1: "step-1", 2: "step-1-1", 3: "step-2"}
    anchored = with_heading_anchors(blocks)
    assert anchored[0] == Heading(2, (Run("A", anchor="a"),))
    assert anchored[2:3] == blocks[2:3]
