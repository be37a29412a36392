"""What strangers say about a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.errors import AddressError, InputError
from distributor.domain.person import DEEPEST_ATTRIBUTES, checked_attributes, person_of


def nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


def test_what_is_told_is_kept_as_it_is() -> None:
    person = person_of(
        "Ada@Bücher.example",
        name=" Ada Lovelace ",
        language="en_GB",
        zone="Europe/London",
        attributes={"age": 36, "likes": ["engines", None, True], "at": {"city": "London"}},
        tags=["vip", " vip", "press", ""],
    )
    assert (person.key, person.email) == ("ada@xn--bcher-kva.example", "Ada@xn--bcher-kva.example")
    assert (person.name, person.language, person.zone) == ("Ada Lovelace", "en-GB", "Europe/London")
    assert person.attributes == {"age": 36, "likes": ["engines", None, True], "at": {"city": "London"}}
    assert person.tags == ("vip", "press")


@pytest.mark.parametrize("name", ["O’Neil", "Жанна д’Арк", "محمد", "בת־שבע", "Zoë 🎈", "क्षत्रिय", "A & B", "ﷺ"])
def test_names_of_all_scripts_are_taken(name: str) -> None:
    assert person_of("a@example.org", name=name).name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Ada\nBcc: x@example.org", "U+000A"),
        ("Ada\r", None),
        ("Ada\x00", "U+0000"),
        ("\u202eada", "U+202E"),
        ("ada\u2066x", "U+2066"),
        ("<b>Ada</b>", "without markup"),
        ("a" * 201, "longer than 200"),
    ],
)
def test_a_name_that_can_only_be_an_attack_is_refused(name: str, reason: str | None) -> None:
    if reason is None:
        assert person_of("a@example.org", name=name).name == "Ada"
        return
    with pytest.raises(InputError) as caught:
        person_of("a@example.org", name=name)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a@example.org\nBcc: b@example.org", "a\x00@example.org", '"a"@example.org', "a@[1.2.3.4]"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        person_of(address)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"language": "klingon!"}, "not a language tag"),
        ({"zone": "Mars/Olympus"}, "not a time zone"),
        ({"tags": ["x" * 101]}, "longer than 100"),
        ({"tags": [f"t{n}" for n in range(101)]}, "101 tags"),
        ({"tags": ["a\x07"]}, "U+0007"),
        ({"attributes": {"x": "a" * 20_000}}, "larger than 16 KiB"),
        ({"attributes": {f"n{n}": n for n in range(5_000)}}, "larger than 16 KiB"),
        ({"attributes": nested(DEEPEST_ATTRIBUTES + 1)}, "nested deeper"),
        ({"attributes": nested(10_000)}, "nested deeper"),
        ({"attributes": {"a": [[[[[[1]]]]]]}}, "nested deeper"),
        ({"attributes": {"": 1}}, "cannot be a name"),
        ({"attributes": {"a" * 65: 1}}, "cannot be a name"),
        ({"attributes": {"a": "\x00"}}, "NUL"),
        ({"attributes": {"a": "\ud800"}}, "half of a character"),
        ({"attributes": {"a": float("nan")}}, "not a number in JSON"),
        ({"attributes": {"a": 10**400}}, "more than 300 digits"),
        ({"attributes": {"a": b"bytes"}}, "JSON does not have"),
    ],
)
def test_what_is_wrong_with_the_rest_is_said(facts: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError) as caught:
        person_of("a@example.org", **facts)  # type: ignore[arg-type]
    assert reason in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_attributes_are_taken_whole_or_refused(attributes: dict[str, object]) -> None:
    try:
        taken = checked_attributes(attributes)
    except InputError:
        return
    assert taken == attributes
