"""The guide to adding a channel is correct: its quotes are in the files, and its package is a channel that sends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from distributor.bootstrap import make_templates
from distributor.channels import registry
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.settings import Settings
from tests.flow.campaign_harness import make_campaign_harness
from tests.paths import ROOT

PAGE = ROOT / "docs" / "guides" / "adding_a_channel.md"
FILE_IN_PAGE = re.compile(r"^`(?P<name>[\w./]+)`:\n\n```\w+\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTE = re.compile(r"^From `(?P<name>[\w./]+)`:\n\n```\w+\n(?P<quote>.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY_POINT = re.compile(r'^bulletin = "(?P<target>[\w:]+)"$', re.MULTILINE)


class Board(BaseHTTPRequestHandler):
    """The bulletin board of the guide: accepts notes with the right token."""

    notes: list[str]

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        is_known = self.headers["Authorization"] == "Bearer letmein"
        if is_known:
            self.notes.append(text)
        self.send_response(201 if is_known else 401)
        self.end_headers()
        self.wfile.write(b"note-%d" % len(self.notes))

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def board() -> Iterator[tuple[str, list[str]]]:
    """A running board: its address, and the notes on it."""
    notes: list[str] = []
    handler = type("OneBoard", (Board,), {"notes": notes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", notes
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files of the page in an empty folder, with their entry point."""
    folder = tmp_path / "bulletin"
    page = PAGE.read_text()
    for found in FILE_IN_PAGE.finditer(page):
        file = folder / found["name"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found["body"])
    entry_point = ENTRY_POINT.search(page)
    assert entry_point, "the page names its entry point"
    information = folder / "bulletin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bulletin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[distributor.channels]\nbulletin = {entry_point['target']}\n")
    monkeypatch.syspath_prepend(str(folder))
    registry.kinds.cache_clear()
    yield folder
    sys.modules.pop("bulletin", None)
    registry.kinds.cache_clear()


def test_what_the_guide_quotes_is_in_the_files() -> None:
    quotes = [(found["name"], found["quote"]) for found in QUOTE.finditer(PAGE.read_text())]
    assert len(quotes) > 8
    assert [(name, quote) for name, quote in quotes if quote not in (ROOT / name).read_text()] == []


def test_it_is_one_file_one_template_and_one_test(package: Path) -> None:
    written = {file.relative_to(package).as_posix() for file in package.rglob("*") if file.is_file()}
    assert {name for name in written if "dist-info" not in name} == {
        "bulletin.py",
        "templates/social/bulletin.txt.j2",
        "test_bulletin.py",
    }


def test_its_own_test_passes(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(package)],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_campaign_goes_out_through_it(
    package: Path, board: tuple[str, list[str]], app: AppContext, tmp_path: Path
) -> None:
    address, notes = board
    harness = make_campaign_harness(replace(app, templates=make_templates(Settings(_env_file=None))), tmp_path)
    configure(harness.app, "board", "bulletin", {"board_url": address, "token": "letmein"})
    campaign_id = harness.plan("board")
    harness.run()
    assert notes == ["Hello\nhttp://gazette.example/articles/hello"]
    assert harness.counts(campaign_id) == {"audience": 1, "sent": 1}


def test_a_wrong_token_pauses_it_and_says_so(
    package: Path, board: tuple[str, list[str]], app: AppContext, tmp_path: Path
) -> None:
    address, notes = board
    harness = make_campaign_harness(replace(app, templates=make_templates(Settings(_env_file=None))), tmp_path)
    configure(harness.app, "board", "bulletin", {"board_url": address, "token": "wrong"})
    campaign_id = harness.plan("board")
    harness.run()
    assert notes == []
    assert harness.counts(campaign_id) == {"audience": 1, "pending": 1}
    assert "401" in harness.report(campaign_id).dispatches[0].dispatch.reason
