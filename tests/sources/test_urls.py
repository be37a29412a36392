from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import Mark, Run, text_of
from distributor.sources.urls import is_allowed_image, is_allowed_link, linkify


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see www.a.example.", "www.a.example"),
        ("see https://a.example/x_y_z!", "https://a.example/x_y_z"),
        ("(https://a.example/x_(y))", "https://a.example/x_(y)"),
        ("(see https://a.example/x).", "https://a.example/x"),
        ("“https://a.example/x?a=1&b=2#c”,", "https://a.example/x?a=1&b=2#c"),
        ("'http://localhost:8000/x'", "http://localhost:8000/x"),
        ("https://a.example/watch?v=ab_cd-", "https://a.example/watch?v=ab_cd-"),
        ("HTTPS://A.example…", "HTTPS://A.example"),
        ("<https://a.example>", "https://a.example"),
        ("https://a.example/x。次", "https://a.example/x"),
        ("Read https://example.org[1] first", "https://example.org"),
        ("Ask https://example.org/?a[b]=c now", "https://example.org/?a[b]=c"),
    ],
)
def test_a_bare_url_is_linked_without_the_punctuation_around_it(text: str, url: str) -> None:
    linked = [run.text for run in linkify([Run(text)]) if run.href]

    assert linked == [url]


@pytest.mark.parametrize(
    "text", ["www.", "www.a", "https://", "http://)", "me@www.a.example", "awww.a.example", "file://a.b"]
)
def test_text_that_is_not_a_url_is_not_linked(text: str) -> None:
    assert linkify([Run(text)]) == (Run(text),)


def test_the_target_of_a_link_is_https_and_ascii() -> None:
    (link,) = linkify([Run("www.bücher.example/é")])

    assert link == Run("www.bücher.example/é", href="https://www.xn--bcher-kva.example/%C3%A9")


def test_marks_stay_and_code_and_links_are_not_changed() -> None:
    code, link = Run("www.a.example", frozenset({Mark.CODE})), Run("www.a.example", href="https://b.example")
    strong = frozenset({Mark.STRONG})

    assert linkify([code, link, Run("x www.a.example", strong)]) == (
        code,
        link,
        Run("x ", strong),
        Run("www.a.example", strong, "https://www.a.example"),
    )


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("wwwhttps://..()[]'a")), max_size=80))
@settings(deadline=None, derandomize=True)
def test_linking_changes_no_character_and_makes_only_safe_links(text: str) -> None:
    runs = linkify([Run(f"www.a.example/{text}")])

    assert text_of(runs) == f"www.a.example/{text}"
    assert all(is_allowed_link(run.href) for run in runs if run.href)


@pytest.mark.parametrize(
    "href", ["https://a.example", "mailto:a@b.example", "tel:+49", "../a:b", "/a", "#a", "?a:b", "a.md"]
)
def test_a_link_may_be_http_mailto_tel_or_relative(href: str) -> None:
    assert is_allowed_link(href)


@pytest.mark.parametrize(
    "href", ["javascript:x", " JavaScript:x", "data:text/html,x", "java\tscript:x", "file:///etc", "x:y"]
)
def test_a_link_may_have_no_other_scheme(href: str) -> None:
    assert not is_allowed_link(href)


def test_the_source_of_an_image_is_http_or_relative() -> None:
    assert [
        src
        for src in ["a.png", "https://a.example/b.png", "", "data:image/png,x", "mailto:a@b.c"]
        if is_allowed_image(src)
    ] == [
        "a.png",
        "https://a.example/b.png",
    ]
