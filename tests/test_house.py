"""Rules of the repository: import layers, unique class names, lock files, documented settings, top-level files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from distributor.settings import PROCESS_KINDS, Settings, readers
from tests.paths import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "src",
    "templates",
    "content",
    "frontend",
    "worker",
    "tests",
    "bench",
    "docs",
    "requirements",
    ".ci",
    ".env.example",
    ".gitignore",
    ".dockerignore",
    ".editorconfig",
    ".pre-commit-config.yaml",
    "Makefile",
    "Dockerfile",
    "docker-compose.yml",
}


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_a_class_name_stands_for_one_thing() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for file in (*(ROOT / "src").rglob("*.py"), *(ROOT / "worker").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file.relative_to(ROOT)))
    used_twice = {name: files for name, files in places.items() if len(files) > 1}
    assert len(used_twice) < 0.03 * len(places), used_twice


def test_the_top_of_the_repository_holds_only_what_was_agreed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name.split("/")[0] for name in listed.split("\0") if name} - TOP_LEVEL == set()


def test_there_are_lock_files_for_running_for_developing_and_for_building() -> None:
    assert [lock.name for lock in LOCKS] == ["build.txt", "dev.txt", "node.txt", "runtime.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_names_no_address_and_steers_no_installer(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert [
        line for line in text.splitlines() if not re.match(r"[A-Za-z0-9]|    --hash=sha256:[0-9a-f]{64}", line)
    ] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_requirement_has_one_version_and_a_hash(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", "")
    lines = text.splitlines()
    assert lines
    assert [line for line in lines if "==" not in line.split(" ")[0] or "--hash=sha256:" not in line] == []


def test_what_is_tested_is_what_runs() -> None:
    developing = locked("dev.txt")
    assert locked("runtime.txt").items() <= developing.items()
    assert {name: pin for name, pin in locked("build.txt").items() if name in developing} == {
        name: pin for name, pin in developing.items() if name in locked("build.txt")
    }


def test_the_lock_files_were_made_after_the_last_change_of_the_dependencies() -> None:
    wanted = {"runtime.txt": PYPROJECT["project"]["dependencies"], "dev.txt": PYPROJECT["dependency-groups"]["dev"]}
    late = [
        f"{line} is not in {lock}: run `make lock`"
        for lock, lines in wanted.items()
        for line in lines
        if not satisfied(Requirement(line), locked(lock))
    ]
    assert late == []


def test_the_example_of_an_environment_names_every_setting_with_its_meaning_and_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    entries = [
        f"# {field.description}\n{_read_by(name)}"
        f"# DISTRIBUTOR_{name.upper()}={'' if field.default is None else field.default}\n"
        for name, field in Settings.model_fields.items()
    ]
    assert [entry for entry in entries if entry not in example] == []


def _read_by(name: str) -> str:
    """The line of the example about a setting that only some processes read."""
    return "" if readers(name) == PROCESS_KINDS else f"# read by: {', '.join(readers(name))}\n"


def test_the_example_of_an_environment_names_no_setting_that_is_none() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"\bDISTRIBUTOR_([A-Z_]+)", example)
    assert set(named) <= {name.upper() for name in Settings.model_fields}


def locked(name: str) -> dict[str, tuple[str, ...]]:
    """The pins of a lock file by canonical name: several where they depend on the Python version."""
    pins: dict[str, tuple[str, ...]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            requirement = Requirement(line.removesuffix("\\").strip())
            (pin,) = requirement.specifier
            key = canonicalize_name(requirement.name)
            pins[key] = (*pins.get(key, ()), pin.version)
    return pins


def satisfied(requirement: Requirement, pins: dict[str, tuple[str, ...]]) -> bool:
    versions = pins.get(canonicalize_name(requirement.name), ())
    return bool(versions) and all(requirement.specifier.contains(Version(version)) for version in versions)
