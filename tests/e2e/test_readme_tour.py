"""The tour of the README, command by command, by someone who has nothing but a new folder with the samples."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.paths import ROOT

from .running_up import Running, running_up, wait_for

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## A tour of five minutes\n")[2].partition("\n## ")[0]
ALIAS = re.search(r"`(alias distributor=[^`]+)`", TOUR)
COMMANDS = re.search(r"^```\n(.*?)^```$", TOUR, re.MULTILINE | re.DOTALL)
TITLE = "A Kitchen Garden in Twelve Weeks"


class Visitor:
    """Someone who enters commands in the folder of a running service."""

    def __init__(self, service: Running, folder: Path) -> None:
        self.service = service
        self._folder = folder

    def enter(self, *commands: str) -> str:
        """What the commands print. They are entered one after another, and each has to succeed."""
        assert ALIAS
        script = "\n".join(["shopt -s expand_aliases", "set -eu", ALIAS[1], *commands])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env={**self.service.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def enter_json(self, command: str) -> Any:
        return json.loads(self.enter(f"{command} --json"))

    def on_sandbox(self, kind: str) -> Any:
        return httpx.get(f"{self.service.sandbox_url}/export/{kind}.json").json()

    def mail(self) -> EmailMessage:
        """The mail that the sandbox received first."""
        number = self.on_sandbox("inbox")[0]["number"]
        raw = httpx.get(f"{self.service.sandbox_url}/inbox/{number}/raw").content
        return message_from_bytes(raw, policy=default)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor who has taken the whole tour. Nothing is configured."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copytree(ROOT / "content", folder / "content")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "distributor").symlink_to(Path(sys.executable).parent / "distributor")
    with running_up(folder, undo_seconds="2") as service:
        visitor = Visitor(service, folder)
        assert COMMANDS
        visitor.enter(COMMANDS[1])
        yield visitor


def test_the_article_is_out_on_every_channel_of_the_tour(visitor: Visitor) -> None:
    shown = visitor.enter_json("distributor campaign show 1")
    totals = {one["channel"]: one["totals"] for one in shown["dispatches"]}
    assert shown["state"] == "finished"
    assert totals.keys() == {"email", "feed", "x", "mastodon", "bluesky"}
    assert all(one["audience"] == one["sent"] > 0 for one in totals.values())
    assert visitor.mail()["Subject"].startswith(TITLE)
    for network in ("x", "mastodon", "bluesky"):
        assert TITLE in json.dumps(visitor.on_sandbox(network))
    for page in (
        "",
        "/articles/a-kitchen-garden-in-twelve-weeks",
        "/feeds/all.rss",
        "/feeds/all.atom",
        "/feeds/all.json",
    ):
        assert TITLE in httpx.get(visitor.service.url + page).text, page


def test_a_click_in_the_mail_is_counted_and_who_unsubscribes_is_not_in_the_next_audience(visitor: Visitor) -> None:
    mail = visitor.mail()
    html = mail.get_body(("html",))
    assert html
    clicked = re.search(rf'href="({re.escape(visitor.service.url)}/c/[^"]+)"', html.get_content())
    assert clicked
    assert httpx.get(clicked[1]).is_redirect
    wait_for(
        lambda: visitor.enter_json("distributor campaign show 1")["events"].get("click", {}).get("deliveries") == 1,
        "the click",
    )
    audience = "distributor campaign audience --list weekly-letter --again"
    assert visitor.enter_json(audience)["count"] == 1
    link = mail["List-Unsubscribe"].strip("<>").partition(">")[0]
    assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).is_success
    assert visitor.enter_json(audience)["count"] == 0
