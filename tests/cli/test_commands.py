"""The list of commands is there at once, and every command on it can be called."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from distributor.cli.app import app
from distributor.cli.commands import COMMANDS

# What `distributor --help` has imported of the project by its end.
LOADED_BY_HELP = """
import sys
sys.argv = ["distributor", "--help"]
from distributor.cli.app import main
try:
    main()
finally:
    print(*(name for name in sys.modules if name.startswith("distributor.")), file=sys.stderr)
"""


def test_the_list_of_commands_names_all_of_them_and_imports_none() -> None:
    result = subprocess.run([sys.executable, "-c", LOADED_BY_HELP], capture_output=True, text=True, check=True)
    assert [name for name in COMMANDS if f" {name} " not in result.stdout] == []
    assert sorted(result.stderr.split()) == [
        "distributor.cli",
        "distributor.cli.app",
        "distributor.cli.commands",
        "distributor.domain",
        "distributor.domain.errors",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_the_list_can_be_called(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], prog_name="distributor")
    assert result.exit_code == 0
    assert f"Usage: distributor {name} " in result.output


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(app, ["campain", "list"])
    assert result.exit_code == 2
    assert "Did you mean 'campaign'?" in result.output
