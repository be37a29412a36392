"""The list of commands is printed without importing them, and every command on it can be called."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from distributor.cli.app import app
from distributor.cli.commands import COMMANDS

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
        {"alembic", "celery", "fastapi", "feedgen", "httpx", "mjml", "redis", "tweepy", "uvicorn"}
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
