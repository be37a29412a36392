"""`distributor segment …`: conditions are saved, counted and shown, and errors show their position."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def people(run: Run) -> None:
    assert run("list", "create", "News").code == 0
    for address, language, tag in (("ada@example.org", "de-AT", "vip"), ("bo@example.org", "en", "new")):
        result = run("subscriber", "add", address, "--list", "news", "--language", language, "--tag", tag)
        assert result.code == 0, result.err


def test_a_condition_is_counted_and_its_people_are_shown(run: Run) -> None:
    assert run("segment", "count", "list = news and not tag = vip").out == "1\n"
    assert json.loads(run("segment", "count", "everyone", "--json").out) == {"count": 2}
    (shown,) = json.loads(run("segment", "sample", "language = de", "--json").out)
    assert (shown["email"], shown["tags"]) == ("ada@example.org", ["vip"])
    assert "bo@example.org" in run("segment", "sample", "tag = new").out
    assert "No subscribers match now." in run("segment", "sample", "tag = nobodys").out


def test_a_segment_is_saved_listed_shown_and_deleted(run: Run) -> None:
    assert "segment 'our-vips' matches 1 subscribers now" in run("segment", "save", "Our VIPs", "tag in (vip)").message
    (listed,) = json.loads(run("segment", "list", "--json").out)
    assert (listed["slug"], listed["name"], listed["condition"]) == ("our-vips", "Our VIPs", "tag = vip")
    assert listed["json"] == {"kind": "tag", "is": ["vip"]}
    assert "tag = vip" in run("segment", "list").out
    assert json.loads(run("segment", "show", "our-vips", "--json").out)["count"] == 1
    assert "Our VIPs" in run("segment", "show", "our-vips").out
    assert run("segment", "count", "--name", "Our VIPs").out == "1\n"
    assert run("segment", "count", "not segment = our-vips").out == "1\n"
    assert run("segment", "rename", "our-vips", "The best").code == 0
    assert "The best" in run("segment", "list").out
    assert run("segment", "delete", "our-vips").code == 0
    assert "No segments yet" in run("segment", "list").out


def test_saving_again_changes_the_segment(run: Run) -> None:
    run("segment", "save", "Loyal", "opened")
    shown = json.loads(run("segment", "save", "Loyal", "everyone", "--json").out)
    assert (shown["condition"], shown["count"]) == ("everyone", 2)
    assert len(json.loads(run("segment", "list", "--json").out)) == 1


def test_what_is_wrong_with_a_condition_is_pointed_at(run: Run) -> None:
    result = run("segment", "count", "tag = vip and\n  (lst = news or tag = x)")
    assert result.code == 2
    assert result.err.splitlines() == [
        'distributor: line 2, column 4: expected a condition but found "lst"; did you mean list?',
        "    (lst = news or tag = x)",
        "     ^^^",
    ]


def test_signs_that_take_two_places_move_the_pointer(run: Run) -> None:
    shown, pointer = run("segment", "count", "tag = '日本' oder").err.splitlines()[1:]
    assert shown == "  tag = '日本' oder"
    assert pointer == "               ^^^^"


def test_an_end_that_came_too_early_is_pointed_at(run: Run) -> None:
    assert run("segment", "count", "tag = ").err.splitlines()[1:] == ["  tag = ", "        ^"]
    assert run("segment", "count", "").err.splitlines()[1:] == ["  ", "  ^"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("count",), 2, "give either a condition or a segment"),
        (("count", "everyone", "--name", "x"), 2, "give either a condition or a segment"),
        (("count", "--name", "nothing"), 3, "there is no segment 'nothing'"),
        (("count", "list = nws"), 3, "there is no list 'nws'; did you mean news?"),
        (("save", "?!", "everyone"), 2, "no letters or digits"),
        (("save", "Me", "segment = me"), 2, "refers to itself: me → me"),
        (("show", "nothing"), 3, "there is no segment"),
        (("delete", "nothing"), 3, "there is no segment"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(run: Run, arguments: tuple[str, ...], code: int, reason: str) -> None:
    result = run("segment", *arguments)
    assert result.code == code
    assert reason in result.message
    assert "Traceback" not in result.err


def test_a_segment_that_is_part_of_another_is_not_deleted(run: Run, tmp_path: Path) -> None:
    run("segment", "save", "Base", "opened")
    run("segment", "save", "Top", "segment = base and tag = vip")
    result = run("segment", "delete", "base")
    assert (result.code, "is part of top" in result.message) == (4, True)
