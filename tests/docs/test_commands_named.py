"""Every command that the README and the pages name exists, with every option that they give it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import pytest
import typer

from distributor.cli.app import app
from tests.paths import ROOT

PAGES = ("README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# A block with its continued lines joined, or code within a sentence, which may run over the end of a line.
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
CALL = re.compile(r"(?:^|[ /(])(distributor|make) +([a-z].*)")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_is_there(page: str) -> None:
    calls = list(_calls((ROOT / page).read_text()))
    assert [f"{program} {call}" for program, call in calls if not _is_there(program, call)] == []


def test_the_pages_name_commands() -> None:
    named = [call for page in PAGES for call in _calls((ROOT / page).read_text())]
    assert {program for program, _ in named} == {"distributor", "make"}
    assert len(named) > 50


@pytest.mark.parametrize(
    "wrong", ["campaing list", "campaign lists", "campaign create --lists news", "restore --replce"]
)
def test_a_command_that_is_not_there_would_be_found(wrong: str) -> None:
    assert not _is_there("distributor", wrong)


def _calls(text: str) -> Iterator[tuple[str, str]]:
    blocks = BLOCK.findall(text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for code in (*lines, *(" ".join(code.split()) for code in INLINE.findall(BLOCK.sub("", text)))):
        if found := CALL.search(code):
            yield found[1], found[2]


def _is_there(program: str, call: str) -> bool:
    words = list(takewhile(lambda word: word[0] not in "|<>&;()", _words(call)))
    return words[0] in TARGETS if program == "make" else _has(typer.main.get_command(app), words)


def _has(command: Any, words: list[str]) -> bool:
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name, *words = words
        if name not in command.commands:
            return False
        # What is on the list only stands for the command itself.
        command = command.commands[name].make_context(name, [], resilient_parsing=True).command
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return known.issuperset(word.split("=")[0] for word in words if word.startswith("--"))


def _words(call: str) -> list[str]:
    reader = shlex.shlex(call, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    return list(reader)
