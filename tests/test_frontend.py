"""The scripts of the web app: the lock file of their packages, and how they are built and get into a wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import needs_scripts, thorough
from tests.paths import ROOT

FRONTEND = ROOT / "frontend"
LOCK = json.loads((FRONTEND / "package-lock.json").read_text(encoding="utf-8"))["packages"]
WANTED = json.loads((FRONTEND / "package.json").read_text(encoding="utf-8"))


def test_the_lock_file_has_a_hash_for_every_package_and_no_address() -> None:
    packages = {name: one for name, one in LOCK.items() if name}
    assert packages
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in packages.items() if "resolved" in one] == []


def test_the_packages_are_wanted_in_one_version_which_is_the_locked_one() -> None:
    wanted = {**WANTED["dependencies"], **WANTED["devDependencies"]}
    assert [version for version in wanted.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert {name: LOCK[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert {**LOCK[""]["dependencies"], **LOCK[""]["devDependencies"]} == wanted


class Checkout:
    """A copy of what builds the scripts, with the packages that this checkout has installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundles = folder / "src" / "distributor" / "web" / "bundles"
        shutil.copytree(FRONTEND, folder / "frontend", symlinks=True)
        (folder / "requirements").mkdir()
        shutil.copy(ROOT / "requirements" / "node.txt", folder / "requirements" / "node.txt")

    def build(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (sys.executable, "frontend/bundle.py", *arguments),
            cwd=self.folder,
            env={**os.environ, "DISTRIBUTOR_TEST_INSIST": "", **environment},
            capture_output=True,
            text=True,
        )

    def manifest(self) -> dict[str, dict[str, str]]:
        return json.loads((self.bundles / "manifest.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture
def make_checkout(tmp_path: Path) -> Callable[[str], Checkout]:
    if not (FRONTEND / "node_modules" / ".complete").exists():
        needs_scripts()
    return lambda name: Checkout(tmp_path / name)


def test_the_same_sources_give_the_same_bytes_wherever_they_are(make_checkout: Callable[[str], Checkout]) -> None:
    one, other = make_checkout("here"), make_checkout("elsewhere with a space")
    assert one.build("--insist").returncode == other.build("--insist").returncode == 0
    assert one.manifest()["files"]["team.js"].startswith("team-")
    assert {file.name: file.read_bytes() for file in one.bundles.iterdir()} == {
        file.name: file.read_bytes() for file in other.bundles.iterdir()
    }


def test_what_is_built_is_built_again_only_when_a_source_or_a_bundle_has_changed(
    make_checkout: Callable[[str], Checkout],
) -> None:
    checkout = make_checkout("checkout")
    assert "are built" in checkout.build().stdout
    again = checkout.build()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    before = checkout.manifest()["files"]
    with (checkout.folder / "frontend" / "team.js").open("a", encoding="utf-8") as source:
        source.write("console.info(1);\n")
    assert "are built" in checkout.build().stdout
    after = checkout.manifest()["files"]
    assert after["team.js"] != before["team.js"]
    # The former one is gone.
    assert {file.name for file in checkout.bundles.glob("team*")} == {after["team.js"]}
    (checkout.bundles / after["team.js"]).unlink()
    assert "are built" in checkout.build().stdout


def test_without_npm_the_app_works_without_scripts_and_one_line_says_so(
    make_checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    checkout = make_checkout("checkout")
    shutil.rmtree(checkout.folder / "frontend" / "node_modules")
    (tools := tmp_path / "tools").mkdir()
    (tools / "npm").write_text("#!/bin/sh\necho 'npm error network nothing answers' >&2\nexit 1\n")
    (tools / "node").write_text("#!/bin/sh\necho v22.0.0\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.defpath}"
    failed = checkout.build(PATH=path)
    assert failed.returncode == 0
    (line,) = failed.stderr.splitlines()
    assert "works without scripts" in line
    assert "nothing answers" in line
    assert checkout.build("--insist", PATH=path).returncode == 1
    assert checkout.build(PATH=path, DISTRIBUTOR_TEST_INSIST="1").returncode == 1


def test_the_licences_of_everything_in_the_bundles_are_beside_them(make_checkout: Callable[[str], Checkout]) -> None:
    checkout = make_checkout("checkout")
    checkout.build("--insist")
    text = (checkout.bundles / "licences.txt").read_text(encoding="utf-8")
    assert "htmx.org 4.0.1 (" in text
    assert "Zero-Clause BSD" in text


@thorough
def test_a_wheel_holds_the_bundles_and_their_licences(tmp_path: Path) -> None:
    built = subprocess.run(
        (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT),
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        place = "distributor/web/bundles/"
        manifest = json.loads(archive.read(f"{place}manifest.json"))
        inside = {name.removeprefix(place) for name in archive.namelist() if name.startswith(place)}
    assert inside == {"manifest.json", "licences.txt", *manifest["files"].values()}
