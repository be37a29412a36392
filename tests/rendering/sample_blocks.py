"""Blocks for the tests of what is made from them: short ways to write them, and a strategy for any of them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from distributor.domain.blocks import (
    Alignment,
    Block,
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
from distributor.rendering.sanitize import printable

WORDS = [
    *("Æsop", "&", "<b>sons</b>", "said:", '"1', "<", '2",', "isn't", "@@name@@", "{{", "x", "}}"),
    *("café", "שלום", "https://example.org/?a=1&b=2"),
]


def run(text: str, *marks: Mark, href: str | None = None) -> Run:
    return Run(text, frozenset(marks), href)


def paragraph(*runs: str | Run) -> Paragraph:
    return Paragraph(tuple(run(each) if isinstance(each, str) else each for each in runs))


def item(*blocks: Block | str) -> ListItem:
    return ListItem(tuple(paragraph(block) if isinstance(block, str) else block for block in blocks))


def squashed(text: str) -> str:
    """The text without white space, which every rendering arranges in its own way."""
    return re.sub(r"\s+", "", printable(text))


def all_blocks(words: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Block, ...]]:
    """Any blocks whose texts come from `words`."""
    runs = st.lists(
        st.builds(
            Run,
            words,
            st.frozensets(st.sampled_from([mark for mark in Mark if mark is not Mark.NOTE])),
            st.none() | st.sampled_from(["https://example.org/a?b=1&c=2", "/relative", "javascript:alert(1)", "//["]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple)
    columns = st.integers(min_value=1, max_value=3)
    leaves = st.one_of(
        st.builds(Heading, st.integers(min_value=2, max_value=6), runs),
        st.builds(Paragraph, runs),
        st.builds(Image, st.just("https://example.org/i.png"), words, runs | st.just(())),
        st.builds(Code, words, st.sampled_from(["", "python", 'c++ "x"'])),
        columns.flatmap(
            lambda count: st.builds(
                Table,
                st.tuples(*[runs] * count),
                st.lists(st.tuples(*[runs] * count), max_size=3).map(tuple),
                st.tuples(*[st.sampled_from(Alignment)] * count),
            )
        ),
        st.just(Divider()),
    )

    def nested(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
        several = st.lists(inner, min_size=1, max_size=2).map(tuple)
        items = st.lists(st.builds(ListItem, several), min_size=1, max_size=2).map(tuple)
        return st.builds(Quote, several) | st.builds(List, items, st.booleans(), st.integers(0, 1200))

    return st.lists(st.recursive(leaves, nested, max_leaves=4), min_size=1, max_size=3).map(tuple)
