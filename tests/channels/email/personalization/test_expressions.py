"""The expressions of merge fields: what they allow, what they refuse, and that values are never code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.personalization.expressions import MergeBlock, MissingFieldError, expressions_of
from distributor.domain.errors import InputError

CONSTANTS = {"article": {"title": "Bread & <Rye>"}, "list": {"name": "Weekly"}}


def passage(source: str, *, is_html: bool = False) -> MergeBlock:
    return MergeBlock(source, is_html=is_html, constants=CONSTANTS, part="greeting")


def evaluate(source: str, **fields: str) -> str:
    """The text for one subscriber; a field that is not built in is an attribute."""
    keys = {name: name if name in ("name", "email") else f"attributes.{name}" for name in fields}
    return passage(source).render_for({keys[name]: value for name, value in fields.items()})


@pytest.mark.parametrize(
    ("source", "to_ada", "without_fields"),
    [
        ("Hello {{ subscriber.name | default('reader') }}!", "Hello Ada Lovelace!", "Hello reader!"),
        ("Hello {{ subscriber.name | default('reader', true) }}!", "Hello Ada Lovelace!", "Hello reader!"),
        ("{{ subscriber.name or 'you' }}", "Ada Lovelace", "you"),
        ("{% if subscriber.city %}in {{ subscriber.city }}{% endif %}!", "in Graz!", "!"),
        ("{% if subscriber.city is defined %}a{% else %}b{% endif %}", "a", "b"),
        ("{% if subscriber.city == 'Graz' %}a{% elif subscriber.city != 'Linz' %}b{% endif %}", "a", "b"),
        ("{{ 'a' if subscriber.city in ['Graz', 'Linz'] else 'b' }}", "a", "b"),
        ("{{ (subscriber.name | first_word) if subscriber.name else '' }}", "Ada", ""),
        ("{{ subscriber['city'] | default('x') | upper }}", "GRAZ", "X"),
        ("{{ subscriber.attributes.city | default('x') | capitalize }}", "Graz", "X"),
        ("{{ subscriber.visits | default('0') | int > 2 }}", "True", "False"),
        ("{{ article.title }} · {{ list.name | upper }}", "Bread & <Rye> · WEEKLY", "Bread & <Rye> · WEEKLY"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}", "{{ as it is }}"),
    ],
)
def test_what_can_be_said(source: str, to_ada: str, without_fields: str) -> None:
    assert evaluate(source, name="Ada Lovelace", city="Graz", visits="3") == to_ada
    assert evaluate(source) == without_fields
    assert evaluate(source, name="", city="", visits="") == without_fields


@pytest.mark.parametrize(
    "source",
    [
        "Hello {{ subscriber.name }}",
        "{{ subscriber.name | upper }}",
        "{{ subscriber.name | first_word }}",
        "{{ 'Hello ' ~ subscriber.name }}",
        "{{ subscriber.city | default(subscriber.name) }}",
        "{% if not subscriber.city %}{{ subscriber.name }}{% endif %}",
        "{{ subscriber.name | int }}",
        "{% if subscriber.name < 'b' %}a{% endif %}",
    ],
)
def test_no_one_is_called_none(source: str) -> None:
    for fields in ({}, {"name": ""}):
        with pytest.raises(MissingFieldError, match=r"subscriber\.name has no value") as caught:
            passage(source).render_for(fields)
        assert caught.value.field == "name"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("one\n{{ subscriber.name", "greeting, line 2: "),
        ("{% if subscriber.name %}", "greeting, line 1: "),
        ("{{ subscribr.name }}", "no 'subscribr',.* did you mean 'subscriber'"),
        ("{{ article.titel }}", r"no article\.titel, only article\.title"),
        ("{{ subscriber }}", r"name a field of subscriber, as in \{\{ subscriber\.name }}"),
        ("{{ subscriber.name.upper }}", "has no fields of its own"),
        ("{{ subscriber['a.b'] }}", "not have a dot"),
        ("{{ subscriber.name | replace('a', 'b') }}", "No filter named 'replace'"),
        ("{{ 'a' if subscriber.name }}", "needs an `else`"),
        ("{% for a in 'abc' %}{% endfor %}", "`for` is not supported"),
        ("{% set a = 1 %}", "`assign` is not supported"),
        ("{% include 'x' %}", "`include` is not supported"),
        ("{{ 'a' * 1000000000 }}", "`mul` is not supported"),
        ("{{ 9 ** 9 ** 9 }}", "`pow` is not supported"),
        ("{{ subscriber.name.__class__() }}", "`call` is not supported"),
        ("{{ ''.__class__ }}", "a field is named as in"),
        ("{{ self }}", "no 'self', only"),
        ("{{" + "(" * 900 + "1" + ")" * 900 + "}}", "nested too deeply"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_place(source: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        passage(source)


@pytest.mark.parametrize("source", ["{{ subscriber.name > 3 }}", "{{ subscriber.name | truncate(1) }}"])
def test_an_expression_that_makes_no_sense_is_an_error_and_not_a_crash(source: str) -> None:
    with pytest.raises(InputError, match="cannot be evaluated"):
        evaluate(source, name="Ada")


def test_a_passage_knows_what_it_asks_for_and_what_decides() -> None:
    merge_fields = passage(
        "{% if subscriber.plan == 'pro' %}{{ subscriber.seats }}{% endif %}{% if subscriber.city %}x{% endif %}"
        "{{ subscriber.name or 'y' }}{{ subscriber.address.zip | default('') }}"
    ).merge_fields
    assert merge_fields.decisive == {"attributes.plan"}
    assert merge_fields.fields == {
        "attributes.plan",
        "attributes.seats",
        "attributes.city",
        "name",
        "attributes.address.zip",
    }


def test_a_paragraph_that_a_condition_leaves_empty_is_gone() -> None:
    one = passage("<p>a</p>\n<p style='x'>{% if subscriber.city %}b{% endif %}</p>\n<p>c</p>", is_html=True)
    assert one.render_for({}) == "<p>a</p>\n<p>c</p>"
    text = passage("a\n\n{% if subscriber.city %}\nb\n{% endif %}\n\nc")
    assert text.render_for({}) == "a\n\nc"
    assert text.render_for({"attributes.city": "x"}) == "a\n\nb\n\nc"


@given(st.text(max_size=60))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_a_value_is_only_ever_text(value: str) -> None:
    html = passage("<p>{{ subscriber.name | default('-') }}</p>", is_html=True).render_for({"name": value})
    assert "<" not in html[3:-4]
    assert '"' not in html
    assert "@@" not in html
    text = passage("{{ subscriber.name | default('-') }}").render_for({"name": value})
    assert not any(sign in text for sign in "\r\n\0\x1b\u2028")


@given(st.text(st.sampled_from("{}%# ab\n'|.-"), max_size=40))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_any_text_is_rendered_or_refused(source: str) -> None:
    try:
        passage(source).render_for({})
    except InputError:
        return


def test_a_text_is_separated_from_its_expressions() -> None:
    assert list(expressions_of("a {{ x }} b{% if y %}{# c #} d", part="x")) == [
        ("a ", False),
        ("{{ x }}", True),
        (" b", False),
        ("{% if y %}", True),
        ("{# c #}", True),
        (" d", False),
    ]


@pytest.mark.parametrize(
    "chain",
    ["first_word", "title", "capitalize", "upper", "lower", "trim", "truncate(3)", "int", "first_word | upper"],
)
def test_every_filter_hands_a_missing_value_on(chain: str) -> None:
    assert evaluate(f"{{{{ subscriber.name | {chain} or 'Hello' }}}}") == "Hello"
    assert evaluate(f"{{{{ subscriber.name | {chain} | default('Hello') }}}}") == "Hello"
    assert evaluate("{{ subscriber.name | first_word or 'Hello' }}", name="Ada Lovelace") == "Ada"


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "1e999", "9" * 5000 + ".5"])
@pytest.mark.parametrize(
    "source",
    ["{{ NUMBER }}", "{{ subscriber.name | truncate(NUMBER) }}", "{% if subscriber.age == NUMBER %}a{% endif %}"],
)
def test_a_number_of_thousands_of_digits_is_an_error_in_words(source: str, number: str) -> None:
    with pytest.raises(InputError, match=r"greeting.*a number (in an expression has too many digits|is larger than)"):
        passage(source.replace("NUMBER", number))
