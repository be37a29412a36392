"""The list of commands is printed without importing them, and every command on it can be called."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from distributor.cli.app import app
from distributor.cli.commands import COMMANDS, load_command

# Runs a command and prints the names of all modules that were imported by its end.
IMPORTED_BY = """
import sys
sys.argv = ["distributor", *sys.argv[1:]]
from distributor.cli.app import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_the_list_of_commands_names_all_of_them_and_imports_none() -> None:
    result = subprocess.run([sys.executable, "-c", IMPORTED_BY, "--help"], capture_output=True, text=True, check=True)
    assert [name for name in COMMANDS if f" {name} " not in result.stdout] == []
    assert sorted(name for name in result.stderr.split() if name.startswith("distributor.")) == [
        "distributor.cli",
        "distributor.cli.app",
        "distributor.cli.commands",
        "distributor.domain",
        "distributor.domain.errors",
        "distributor.domain.problems",
        "distributor.domain.retention",
        "distributor.validation_messages",
    ]


def test_a_command_that_lists_rows_imports_nothing_large_that_it_does_not_need(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORTED_BY, "list", "list", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
    imported = {name.partition(".")[0] for name in result.stderr.split()}
    assert "sqlalchemy" in imported
    assert imported.isdisjoint(
        {
            "alembic",
            "celery",
            "fastapi",
            "feedgen",
            "httpx",
            "mammoth",
            "mjml",
            "pypdf",
            "redis",
            "trafilatura",
            "tweepy",
            "uvicorn",
        }
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_the_list_can_be_called(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], prog_name="distributor")
    assert result.exit_code == 0
    assert f"Usage: distributor {name} " in result.output


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(app, ["campain", "list"])
    assert result.exit_code == 2
    assert "Did you mean 'campaign'?" in result.output


def every_command(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of a command and of all below it."""
    yield names
    for name, command in getattr(group, "commands", {}).items():
        yield from every_command(command, *names, name)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_no_command_names_a_type_of_python(name: str) -> None:
    """Seen: `--to <str>`, `--yes <bool>`, `--tag <list[str]>`."""
    for names in every_command(load_command(name), name):
        shown = CliRunner().invoke(app, [*names, "--help"], prog_name="distributor")
        assert shown.exit_code == 0
        words = re.findall(r"<\w+\W|\blist\[|\bNone\b|\bTrue\b|\bFalse\b|\bEnum\b|``|:\w+:`|\bPath\(", shown.output)
        assert words == [], f"{' '.join(names)}: {words}"


def test_a_value_of_the_wrong_form_is_refused_in_plain_words() -> None:
    """Seen: "Input should be a valid integer, unable to parse string as an integer"."""
    wrong = CliRunner().invoke(app, ["campaign", "show", "first"], env={"COLUMNS": "200"})
    assert (wrong.exit_code, "must be a whole number." in wrong.output) == (2, True)
    wrong = CliRunner().invoke(app, ["channel", "dkim", "create", "mail", "--selector", "a", "--algorithm", "md5"])
    assert (wrong.exit_code, "Value error" in wrong.output, "'md5' is not one of" in wrong.output) == (2, False, True)
