"""Articles as they are stored, also by earlier versions."""

from __future__ import annotations

from typing import Any

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Image, Paragraph, Run
from distributor.storage.json_codec import manuscript_from_json, manuscript_to_json

BADGE = Image("/media/1.gif", "Award", width=88, height=31)


def test_an_article_is_read_as_it_was_stored() -> None:
    body = (Paragraph((Run("Won: "), Run("Award", href="https://a.example", image=BADGE))), BADGE)
    manuscript = Manuscript(title="An award", body=body, image=BADGE)
    assert manuscript_from_json(manuscript_to_json(manuscript)) == manuscript


def test_an_article_that_was_stored_before_images_had_sizes_can_be_read() -> None:
    image = {"src": "/media/1.gif", "alt": "Award", "caption": []}
    runs: list[dict[str, Any]] = [{"text": "Text", "marks": [], "href": None}]
    stored = {
        "title": "An award",
        "body": [{"block": "paragraph", "runs": runs}, {"block": "image", **image}],
        "image": image,
    }
    known = Image("/media/1.gif", "Award")
    assert manuscript_from_json(stored) == Manuscript(
        title="An award", body=(Paragraph((Run("Text"),)), known), image=known
    )
