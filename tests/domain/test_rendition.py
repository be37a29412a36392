from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.rendition import Rendition

_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)
_payloads = st.dictionaries(st.text(), _values, max_size=5)


@given(_payloads)
@settings(deadline=None, derandomize=True)
def test_the_order_of_keys_does_not_change_the_digest(payload: dict[str, object]) -> None:
    turned = dict(reversed(payload.items()))

    assert Rendition("x", turned).digest == Rendition("x", payload).digest


@given(_payloads)
@settings(deadline=None, derandomize=True)
def test_a_rendition_that_went_through_json_has_the_same_digest(payload: dict[str, object]) -> None:
    rendition = Rendition("x", payload)

    assert Rendition("x", json.loads(rendition.canonical())).digest == rendition.digest


@given(_payloads, _payloads)
@settings(deadline=None, derandomize=True)
def test_other_words_have_another_digest(one: dict[str, object], other: dict[str, object]) -> None:
    same_text = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (Rendition("x", one).digest == Rendition("x", other).digest) == same_text


def test_the_kind_is_part_of_the_digest() -> None:
    assert Rendition("x", {"text": "hi"}).digest != Rendition("mastodon", {"text": "hi"}).digest


def test_the_digest_stays_the_same_from_release_to_release() -> None:
    rendition = Rendition("x", {"posts": [{"text": "Grüße 🌱"}], "n": 1})

    assert rendition.canonical() == '{"n":1,"posts":[{"text":"Grüße 🌱"}]}'
    assert rendition.digest == "154c7e3b7e9320706e7866326b806faae6e9fd48b335dfc0afe29d25d852eafd"
