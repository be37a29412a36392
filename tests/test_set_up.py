"""The set-up of a new machine, with an interpreter that only records its arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

# It makes an environment by putting itself there, and fails where a file `fail` names its step.
PYTHON = """\
#!/bin/sh
calls="{calls}"
case "$*" in
*version_info*) exit 0 ;;
*sys.version*) echo "{version}"; exit 0 ;;
--version) echo "Python {version}"; exit 0 ;;
esac
echo "$*" >>"$calls"
if [ -e "{fail}" ] && echo "$*" | grep -q -F -e "$(cat "{fail}")"; then
    echo "no space left"
    exit 1
fi
if [ "$1 $2" = "-m venv" ]; then
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
fi
"""


class Machine:
    """A checkout in a folder with a space in its name, and an interpreter."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "my checkout"
        self._calls = folder / "calls"
        self._fail = folder / "fail"
        self.python = self.interpreter("3.99")
        (self.checkout / "requirements").mkdir(parents=True)
        for name in ("pyproject.toml", "requirements/set_up.sh", "requirements/build.txt", "requirements/dev.txt"):
            shutil.copy(ROOT / name, self.checkout / name)

    def interpreter(self, version: str) -> Path:
        path = self._calls.with_name(f"python{version}")
        path.write_text(PYTHON.format(calls=self._calls, fail=self._fail, version=version))
        path.chmod(0o755)
        return path

    def set_up(self, python: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("sh", "requirements/set_up.sh"),
            cwd=self.checkout,
            env={"PATH": os.defpath, "PYTHON": str(python or self.python)},
            capture_output=True,
            text=True,
        )

    def fail_at(self, step: str | None) -> None:
        self._fail.unlink(missing_ok=True)
        if step is not None:
            self._fail.write_text(step)

    def calls(self) -> list[str]:
        """What the interpreter was asked to do since the last look."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_first_set_up_installs_pip_then_the_locked_packages_then_the_project(machine: Machine) -> None:
    assert machine.set_up().returncode == 0
    venv, pip, packages, project = machine.calls()
    assert venv == "-m venv .venv"
    assert pip.endswith("--require-hashes -r requirements/build.txt")
    assert packages.endswith("--require-hashes -r requirements/dev.txt")
    assert project.endswith("--no-build-isolation --no-deps -e .")


def test_a_second_set_up_has_nothing_to_do_and_nothing_to_say(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    again = machine.set_up()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.calls() == []


@pytest.mark.parametrize("step", ["build.txt", "dev.txt"])
def test_a_set_up_that_was_interrupted_is_done_from_the_beginning(machine: Machine, step: str) -> None:
    machine.fail_at(step)
    interrupted = machine.set_up()
    assert interrupted.returncode == 1
    assert "no space left" in interrupted.stderr
    machine.calls()
    machine.fail_at(None)
    assert machine.set_up().returncode == 0
    assert machine.calls()[0] == "-m venv .venv"


def test_a_change_of_the_lock_makes_the_environment_anew(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    with (machine.checkout / "requirements" / "dev.txt").open("a") as lock:
        lock.write("another==1.0\n")
    machine.set_up()
    assert machine.calls()[0] == "-m venv .venv"


def test_a_change_of_the_project_file_alone_installs_only_the_project(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    with (machine.checkout / "pyproject.toml").open("a") as project:
        project.write("\n")
    machine.set_up()
    (call,) = machine.calls()
    assert call.endswith("-e .")


def test_a_checkout_that_was_moved_is_set_up_anew(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("elsewhere"))
    machine.set_up()
    assert machine.calls()[0] == "-m venv .venv"


def test_another_interpreter_is_used_when_it_is_asked_for(machine: Machine) -> None:
    machine.set_up()
    machine.calls()
    assert machine.set_up(machine.interpreter("3.100")).returncode == 0
    assert machine.calls()[0] == "-m venv .venv"


def test_a_python_without_ensurepip_lends_its_own_pip(machine: Machine) -> None:
    machine.fail_at("-m venv .venv")
    assert machine.set_up().returncode == 0
    calls = machine.calls()
    assert "-m venv --without-pip .venv" in calls
    assert any(call.startswith("-m pip --python .venv/bin/python install") for call in calls)


def test_a_python_that_is_none_is_named(machine: Machine) -> None:
    refused = machine.set_up(Path("/nowhere/python"))
    assert refused.returncode == 1
    assert "there is no /nowhere/python of version 3.11 or newer" in refused.stderr
    assert machine.calls() == []
