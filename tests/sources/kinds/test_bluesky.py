"""How accounts on Bluesky are written, and how its facets make HTML of a text."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.described_settings import InvalidSettingsError
from distributor.sources.kinds.bluesky import BlueskySource
from distributor.sources.kinds.bluesky_text import FacetText, html_of
from distributor.sources.kinds.registry import make_source

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("account", "address"),
    [
        ("ada.bsky.social", "https://bsky.app/profile/ada.bsky.social"),
        ("@Ada.Example", "https://bsky.app/profile/ada.example"),
        ("ada.example", "https://bsky.app/profile/ada.example"),
        ("https://bsky.app/profile/ada.example/", "https://bsky.app/profile/ada.example"),
        (f"https://bsky.app/profile/{DID}", f"https://bsky.app/profile/{DID}"),
        (DID, f"https://bsky.app/profile/{DID}"),
        ("did:web:ada.example", "https://bsky.app/profile/did:web:ada.example"),
    ],
)
def test_an_account_is_written_as_handle_did_or_the_address_of_its_profile(account: str, address: str) -> None:
    assert make_source("bluesky", {"account": account}).address == address


@pytest.mark.parametrize("account", ["ada", "ada@example.org", "https://bsky.app/", "did:plc:short", "a..b", ""])
def test_what_is_no_account_is_refused(account: str) -> None:
    with pytest.raises(InvalidSettingsError, match=r"write a handle such as name\.bsky\.social"):
        make_source("bluesky", {"account": account})


@pytest.mark.parametrize(
    "address",
    ["ada.example", "https://bsky.app/profile/ada.example/post/1", "https://ada.example/", "@ada@host.example"],
)
def test_what_may_be_something_else_is_not_recognized(address: str) -> None:
    assert BlueskySource.recognize(address) is None


def facet(start: int, end: int, kind: str = "link", **values: str) -> dict[str, Any]:
    values = values or {"uri": "https://a.example/"}
    feature = {"$type": f"app.bsky.richtext.facet#{kind}", **values}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


@pytest.mark.parametrize(
    ("text", "facets", "html"),
    [
        ("One\n\n\nTwo\nlines & <b>", [], "<p>One</p><p>Two<br>lines &amp; &lt;b&gt;</p>"),
        # Offsets are in bytes.
        ("é🌉 x", [facet(7, 8)], '<p>é🌉 <a href="https://a.example/">x</a></p>'),
        # Within a character, beyond the end, empty, reversed and overlapping ones are passed over.
        ("é x", [facet(1, 3)], "<p>é x</p>"),
        ("é x", [facet(0, 1)], "<p>é x</p>"),
        ("x", [facet(0, 9), facet(0, 0), facet(1, 0), facet(-1, 1)], "<p>x</p>"),
        ("xy", [facet(0, 1), facet(0, 2)], '<p><a href="https://a.example/">x</a>y</p>'),
        ("x", [facet(0, 1, uri="javascript:alert(1)")], "<p>x</p>"),
        (
            "x",
            [facet(0, 1, uri='https://a.example/"><b>')],
            '<p><a href="https://a.example/&quot;&gt;&lt;b&gt;">x</a></p>',
        ),
        ("x", [facet(0, 1, kind="future", uri="https://a.example/")], "<p>x</p>"),
        ("@b", [facet(0, 2, kind="mention", did=DID)], f'<p><a href="https://bsky.app/profile/{DID}">@b</a></p>'),
    ],
)
def test_facets_make_links_of_the_bytes_that_they_are_about(text: str, facets: list[Any], html: str) -> None:
    assert html_of(FacetText.model_validate({"text": text, "facets": facets})).html == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Open.\n\n#a #b", "<p>Open.</p>"),
        ("Open.\n#a\n#b", "<p>Open.</p>"),
        # In a sentence they are words, and alone they are all there is.
        (
            "Open #a #b",
            '<p>Open <a href="https://bsky.app/hashtag/a">#a</a> <a href="https://bsky.app/hashtag/b">#b</a></p>',
        ),
        ("#a #b", '<p><a href="https://bsky.app/hashtag/a">#a</a> <a href="https://bsky.app/hashtag/b">#b</a></p>'),
    ],
)
def test_lines_of_tags_at_the_end_are_dropped(text: str, html: str) -> None:
    facets = [facet(text.index(tag), text.index(tag) + 2, kind="tag", tag=tag[1]) for tag in ("#a", "#b")]
    found = html_of(FacetText.model_validate({"text": text, "facets": facets}))
    assert (found.html, found.tags) == (html, ("a", "b"))


def test_a_line_that_looks_like_tags_and_has_none_stays() -> None:
    assert html_of(FacetText(text="We are\n#1")).html == "<p>We are<br>#1</p>"
