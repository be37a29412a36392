"""Someone who has nothing but the README and the guides: commands are entered as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from tests.paths import ROOT

from .running_up import Running

README = "README.md"
COMMAND_LINE = "docs/guides/command_line.md"


def section(title: str, page: str = README) -> str:
    """The text of a page below a heading of the second level."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"## {title}\n" in text, title
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str) -> list[str]:
    """The fenced blocks in a text, in which no line is indented."""
    found = re.findall(r"^( *)```\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


TOUR = section("A tour of five minutes", COMMAND_LINE)
ALIAS = re.search(r"`(alias distributor=[^`]+)`", TOUR)


def prepare_folder(folder: Path) -> None:
    """What a clone has: the samples, and the program in `.venv`."""
    shutil.copytree(ROOT / "content", folder / "content")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "distributor").symlink_to(Path(sys.executable).parent / "distributor")


def enter(folder: Path, environment: Mapping[str, str], *commands: str, typed: str = "", expected: int = 0) -> str:
    """What commands print in a folder, one entered after another; the last has to end with the `expected` status."""
    assert ALIAS
    script = "\n".join(["shopt -s expand_aliases", "set -eu", ALIAS[1], *commands])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**environment},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, f"{done.stdout}\n{done.stderr}"
    return done.stdout


class Visitor:
    """Someone who enters commands in the folder of a running service."""

    def __init__(self, service: Running, folder: Path) -> None:
        self.service = service
        self._folder = folder

    def enter(self, *commands: str, typed: str = "", expected: int = 0) -> str:
        return enter(self._folder, self.service.environment, *commands, typed=typed, expected=expected)

    def enter_json(self, command: str) -> Any:
        return json.loads(self.enter(f"{command} --json"))

    def on_sandbox(self, kind: str) -> Any:
        return httpx.get(f"{self.service.sandbox_url}/export/{kind}.json").json()

    def mail(self) -> EmailMessage:
        """The mail that the sandbox received first."""
        number = self.on_sandbox("inbox")[0]["number"]
        raw = httpx.get(f"{self.service.sandbox_url}/inbox/{number}/raw").content
        return message_from_bytes(raw, policy=default)
