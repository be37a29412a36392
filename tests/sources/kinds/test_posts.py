"""Threads: which posts belong together, in which order, and what is dropped of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributor.sources.kinds.posts import Post, threads_of, without_counters
from distributor.sources.reading_options import DEFAULT_OPTIONS

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def post(number: int, parent: int | str = "", html: str = "<p>Text.</p>") -> Post:
    at = START + timedelta(minutes=number)
    return Post(key=str(number), ref=f"ref-{number}", parent=str(parent), html=html, published_at=at)


def keys(*posts: Post) -> list[list[str]]:
    return [[one.key for one in thread.posts] for thread in threads_of(posts)]


def test_posts_that_go_on_from_one_another_are_one_thread_also_where_it_branches() -> None:
    assert keys(post(6), post(5, 1), post(4, 2), post(3), post(2, 1), post(1)) == [["6"], ["3"], ["1", "2", "4", "5"]]


def test_a_thread_whose_beginning_is_elsewhere_says_so() -> None:
    [thread] = threads_of([post(3, 2), post(2, 1)])
    assert (thread.ref, thread.parent) == ("ref-2", "1")


def test_posts_that_claim_to_go_on_from_one_another_in_a_circle_and_twins_do_no_harm() -> None:
    assert sorted(key for thread in keys(post(1, 2), post(2, 1), post(3, 3)) for key in thread) == ["1", "2", "3"]
    assert keys(post(1), post(1)) == [["1"]]


def test_a_long_thread_is_followed_without_recursion() -> None:
    posts = [post(number, number - 1 if number else "") for number in range(3000)]
    [thread] = threads_of(posts[::-1])
    assert len(thread.posts) == 3000


@pytest.mark.parametrize(
    ("parts", "bare"),
    [
        (["<p>One 1/3</p>", "<p>Two (2/3)</p>", "<p>Three [3/3]</p>"], ["<p>One</p>", "<p>Two</p>", "<p>Three</p>"]),
        (["<p>1/ One</p>", "<p>2/ Two</p>", "<p>End</p>"], ["<p>One</p>", "<p>Two</p>", "<p>End</p>"]),
        (["<p>One<br>1/n</p>", "<p>Two<br />2/n</p>"], ["<p>One</p>", "<p>Two</p>"]),
        # What is no place in the thread stays.
        (["<p>We won 3/1</p>", "<p>They lost 1/3</p>"], ["<p>We won 3/1</p>", "<p>They lost 1/3</p>"]),
        (["<p>On page 1/3</p>", "<p>More</p>"], ["<p>On page 1/3</p>", "<p>More</p>"]),
        (["<p>Only one 1/1</p>"], ["<p>Only one 1/1</p>"]),
    ],
)
def test_counters_of_threads_are_dropped_where_most_posts_have_theirs(parts: list[str], bare: list[str]) -> None:
    assert without_counters(parts) == bare


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<p>The bridge is open. It is long.</p>", "The bridge is open"),
        ("<p>Read this: <a href='https://a.example/b'>a.example/b…</a></p>", "Read this"),
        ("<p><a href='https://a.example/b'>a.example/b…</a></p>", "a.example/b…"),
        ("<p>Hi.</p>", "Hi"),
        ("<p><a href='https://a.example/'>A page of mine</a> is new</p>", "A page of mine is new"),
        ("<figure><img src='https://a.example/1.png' alt='A heron'></figure>", "A heron"),
        ("<figure><img src='https://a.example/1.png'></figure>", "2026-06-01 12:01"),
        ("<p>One line<br>and another</p>", "One line"),
    ],
)
def test_the_title_is_the_first_words_else_what_an_image_shows_else_the_date(html: str, title: str) -> None:
    [thread] = threads_of([post(1, html=html)])
    assert thread.manuscript(DEFAULT_OPTIONS).title == title
