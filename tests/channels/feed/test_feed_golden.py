"""The three documents of two articles, byte for byte. UPDATE_GOLDEN=1 rewrites the files: read the diff."""

from __future__ import annotations

import os

import pytest

from .samples import ALL_SETTINGS, article_with_every_block, files_of, golden, numbered


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_the_documents_are_those_on_file(name: str) -> None:
    hebrew = numbered(1, title="תאי גזע & <i>", language="he", author="", summary="")
    written = files_of(hebrew, article_with_every_block(), settings=ALL_SETTINGS)[name]
    if os.environ.get("UPDATE_GOLDEN"):
        golden(name).write_bytes(written)
    assert written.decode() == golden(name).read_text("utf-8")
