"""A Git working copy of this machine: it is brought up to date, and read as a folder if anything in it has changed.

The program `git` is used, so that its settings and credentials apply; hooks are not run, and nobody is asked anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field

from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.sources.folder import read_folder
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import Reading
from distributor.sources.reading_options import FileSettings

_SECONDS = 100
_MOST_SAID = 300
# Git never asks on a terminal, never starts a program that an address names, and runs no hook of the repository.
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "LC_ALL": "C"}
_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")


class GitSettings(FileSettings):
    """Settings of a Git working copy."""

    path: Path = Field(title="Working copy", description="its folder, on the machine of the workers")
    repository: str = Field(
        "", title="Repository", description="cloned into that folder if there is nothing in it", max_length=2000
    )
    branch: str = Field("", title="Branch", description="of the clone; default: that of the repository", max_length=200)
    subfolder: Path = Field(Path(), title="Subfolder", description="with the articles, such as content/posts")


class GitSource:
    """A Git working copy, which is pulled before it is read."""

    kind: ClassVar[str] = "git"
    title: ClassVar[str] = "Git working copy"
    sentence: ClassVar[str] = "The files of a Git repository, pulled before they are read."
    settings_model: ClassVar[type[BaseModel]] = GitSettings
    interval: ClassVar[timedelta] = timedelta(minutes=5)
    is_local: ClassVar[bool] = True

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """A folder of this machine with a repository in it."""
        path = Path(address).expanduser()
        return {"path": str(path.absolute())} if (path / ".git").exists() else None

    @property
    def address(self) -> str:
        return str(self.folder())

    def folder(self) -> Path:
        return self._settings.path / self._settings.subfolder

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        path = self._settings.path
        if self._settings.repository and not (path / ".git").exists():
            branch = ["--branch", self._settings.branch] if self._settings.branch else []
            _git(path.parent, "clone", "--quiet", "--depth=1", *branch, "--", self._settings.repository, str(path))
        elif _git(path, "remote"):
            _git(path, "pull", "--quiet", "--ff-only")
        commit, changed_here = _git(path, "rev-parse", "HEAD"), _git(path, "status", "--porcelain")
        if commit == reading.cursor.get("commit") and not changed_here:
            return
        reading.cursor_after = {} if changed_here else {"commit": commit}
        if not self.folder().resolve().is_relative_to(path.resolve()):
            raise SourceError("the subfolder leads out of the working copy", path=self.folder())
        yield from read_folder(self.folder(), reading.known, self._settings.applied_to(reading.options))


KIND = GitSource


def _git(folder: Path, *arguments: str) -> str:
    """What git says. Raises SourceError with its last words if it fails, or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, but for addresses behind --
            ["git", *_OPTIONS, "-C", str(folder), *arguments],  # noqa: S607 - the one of the operator
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise SourceError("the program git is not installed: install the package git") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"git {arguments[0]} has not ended after {_SECONDS} seconds", path=folder) from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-_MOST_SAID:]
        raise SourceError(f"git {arguments[0]} fails: {said}", path=folder)
    return done.stdout.decode("utf-8", "replace").strip()
