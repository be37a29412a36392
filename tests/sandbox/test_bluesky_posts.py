"""Which records a PDS accepts as posts, and what the sandbox also refuses because readers would see it broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.sandbox.bluesky.posts import PostRecord
from distributor.sandbox.bluesky.reader import as_spans
from distributor.sandbox.service import Sandbox

from .clients import OTHER_TID, TID, BlueskyClient, png, post_record

LINK = {"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com/"}
TAG = {"$type": "app.bsky.richtext.facet#tag", "tag": "news"}


def _facet(start: int, end: int, *features: dict[str, Any]) -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": list(features or [LINK])}


def _with_card(**changes: Any) -> dict[str, Any]:
    external = {"uri": "https://example.com/", "title": "T", "description": "D", **changes}
    return post_record(embed={"$type": "app.bsky.embed.external", "external": external})


GOOD = {
    "300 graphemes": post_record("👨‍👩‍👧‍👦" * 100 + "a" * 200),
    "3000 bytes": post_record("👨‍👩‍👧‍👦" * 120),
    "a facet at the end": post_record("é link", facets=[_facet(3, 7)]),
    "facets that touch": post_record("abcd", facets=[_facet(2, 4, TAG), _facet(0, 2)]),
    "three languages": post_record(langs=["en", "de-CH", "zh-Hant"]),
    "eight tags": post_record(tags=["a", "b", "c", "d", "e", "f", "g", "ß" * 64]),
    "a time with an offset": post_record() | {"createdAt": "2026-11-22T10:00:00+01:00"},
    "an empty text": post_record(""),
    "a card": _with_card(),
    "a card without words": _with_card(title="", description=""),
    "names of its own": post_record(via="distributor"),
}

BAD = {
    "301 graphemes": post_record("a" * 301),
    "3001 bytes": post_record("👨‍👩‍👧‍👦" * 120 + "a"),
    "no text": {key: value for key, value in post_record().items() if key != "text"},
    "no type": {key: value for key, value in post_record().items() if key != "$type"},
    "another type": post_record() | {"$type": "app.bsky.feed.like"},
    "no time": {key: value for key, value in post_record().items() if key != "createdAt"},
    "a time without zone": post_record() | {"createdAt": "2026-11-22T10:00:00"},
    "a date": post_record() | {"createdAt": "2026-11-22"},
    "a time that is none": post_record() | {"createdAt": "2026-02-30T10:00:00Z"},
    "an unknown zone": post_record() | {"createdAt": "2026-11-22T10:00:00-00:00"},
    "a facet beyond the text": post_record("abc", facets=[_facet(0, 4)]),
    "a facet the wrong way round": post_record("abc", facets=[_facet(2, 1)]),
    "a facet of nothing": post_record("abc", facets=[_facet(1, 1)]),
    "a facet from inside a character": post_record("é link", facets=[_facet(1, 7)]),
    "a facet to inside a character": post_record("aé link", facets=[_facet(0, 2)]),
    "facets that overlap": post_record("abcd", facets=[_facet(0, 3), _facet(2, 4)]),
    "a facet without features": post_record("abc", facets=[{"index": {"byteStart": 0, "byteEnd": 1}, "features": []}]),
    "an unknown feature": post_record("abc", facets=[_facet(0, 1, {"$type": "x#bold"})]),
    "a link to no address": post_record("abc", facets=[_facet(0, 1, LINK | {"uri": "example.com"})]),
    "a link to a script": post_record("abc", facets=[_facet(0, 1, LINK | {"uri": "javascript:alert(1)"})]),
    "a tag with its hash sign": post_record("#ab", facets=[_facet(0, 3, TAG | {"tag": "#ab"})]),
    "four languages": post_record(langs=["en", "de", "fr", "it"]),
    "a language that is none": post_record(langs=["English (US)"]),
    "nine tags": post_record(tags=list("abcdefghi")),
    "a tag too long": post_record(tags=["a" * 65]),
    "a null": post_record(reply=None),
    "a card without description": {
        **post_record(),
        "embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://example.com/", "title": "T"}},
    },
    "a card of no address": _with_card(uri="example.com"),
    "an unknown embed": post_record(embed={"$type": "app.bsky.embed.poster"}),
    "an embed without type": post_record(embed={"external": {}}),
    "a fraction": post_record(weight=0.5),
}


@pytest.mark.parametrize("record", GOOD.values(), ids=GOOD)
def test_a_post_is_taken(bluesky: BlueskyClient, record: dict[str, Any]) -> None:
    answer = bluesky.put(record)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("record", BAD.values(), ids=BAD)
def test_a_post_is_refused(bluesky: BlueskyClient, sandbox: Sandbox, record: dict[str, Any]) -> None:
    answer = bluesky.put(record)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")
    assert sandbox.state.emulators["bluesky"].posts() == []


def test_a_reply_names_its_parent_and_the_root_of_the_thread(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    def ref(answer: dict[str, Any]) -> dict[str, str]:
        return {"uri": answer["uri"], "cid": answer["cid"]}

    root = ref(bluesky.put(post_record("root"), rkey=TID).json())
    other = ref(bluesky.put(post_record("other"), rkey="3lbn2q5kcxs2z").json())
    middle = ref(bluesky.put(post_record("middle", reply={"root": root, "parent": root}), rkey=OTHER_TID).json())
    reply = {"root": root, "parent": middle}
    for wrong in (
        reply | {"parent": middle | {"uri": middle["uri"].replace(OTHER_TID, "3lbn2q5kcxs2c")}},
        reply | {"parent": middle | {"cid": root["cid"]}},
        reply | {"root": other},
        reply | {"root": middle},
        {"parent": middle},
    ):
        answer = bluesky.put(post_record("leaf", reply=wrong), rkey="3lbn2q5kcxs2d")
        assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")
    assert bluesky.put(post_record("leaf", reply=reply), rkey="3lbn2q5kcxs2d").status_code == 200
    parents = [post.parent for post in sandbox.state.emulators["bluesky"].posts()]
    assert parents == [None, None, root["uri"], middle["uri"]]


def test_a_card_can_have_a_picture_that_was_uploaded(bluesky: BlueskyClient, sandbox: Sandbox) -> None:
    blob = bluesky.upload(png(), "image/png").json()["blob"]
    assert bluesky.put(_with_card(thumb=blob)).status_code == 200
    [shown] = sandbox.state.emulators["bluesky"].posts()
    assert shown.card is not None
    assert shown.card.image is not None
    assert shown.card.image.path == f"/media/bluesky/{blob['ref']['$link']}"


def test_a_blob_must_be_there_be_described_rightly_and_be_small(bluesky: BlueskyClient) -> None:
    blob = bluesky.upload(png(), "image/png").json()["blob"]
    large = bluesky.upload(png(1_000_000), "image/png").json()["blob"]
    absent = blob | {"ref": {"$link": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"}}
    for thumb, name in (
        (absent, "BlobNotFound"),
        (blob | {"mimeType": "image/jpeg"}, "InvalidMimeType"),
        (blob | {"size": 1}, "InvalidMimeType"),
        (large, "BlobTooLarge"),
    ):
        answer = bluesky.put(_with_card(thumb=thumb))
        assert (answer.status_code, answer.json()["error"]) == (400, name)


def test_pictures_need_words_and_are_four_at_most(bluesky: BlueskyClient) -> None:
    blob = bluesky.upload(png(), "image/png").json()["blob"]
    large = bluesky.upload(png(1_000_001), "image/png").json()["blob"]

    def put(*images: dict[str, Any]) -> int:
        embed = {"$type": "app.bsky.embed.images", "images": list(images)}
        return bluesky.put(post_record(embed=embed)).status_code

    assert put({"image": blob, "alt": ""}, {"image": large, "alt": "A pixel"}) == 200
    assert put({"image": blob}) == 400
    assert put(*[{"image": blob, "alt": ""}] * 5) == 400
    assert put() == 400


@settings(derandomize=True, deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6))
def test_what_a_reader_sees_is_the_text_cut_at_its_facets(words: list[str]) -> None:
    facets, end = [], 0
    for word in words:
        facets.append(_facet(end, end + len(word.encode())))
        end += len(word.encode())
    post = PostRecord.model_validate(post_record("".join(words), facets=facets[::2]))
    pieces = as_spans(post)
    assert "".join(piece.text for piece in pieces) == "".join(words)
    assert [piece.text for piece in pieces if piece.target] == words[::2]
