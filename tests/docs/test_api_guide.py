"""The guide to the API is correct: every command in it works, with the response that is printed below it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.api_token import SCOPES, TokenScope, secret_of
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import add_file
from distributor.flow.people.import_people import run_import
from distributor.storage import api_tokens, channels, subscribers
from distributor.web.app import serving
from tests.conftest import needs_package
from tests.paths import ROOT

DOCS = ROOT / "docs" / "reference"
GUIDE = (DOCS / "api.md").read_text(encoding="utf-8")
COMMANDS = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:```json\n(?P<answer>.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(app: AppContext) -> Iterator[dict[str, str]]:
    """A running service, and a token for everything, as the guide names them."""
    if shutil.which("curl") is None:
        needs_package("curl", "the guide is written for curl")
    secret = secret_of(bytes(32))
    with app.database.begin() as connection:
        api_tokens.add(
            connection,
            secret,
            name="guide",
            scopes={TokenScope.EVERYTHING},
            expires_at=None,
            now=app.clock(),
        )
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    add_file(app, ROOT / "content" / "the_quiet_feed.md")
    with serving(app) as address:
        yield {"PATH": os.environ["PATH"], "API": f"{address}/api/v1", "TOKEN": secret}


def test_every_command_works_and_answers_as_it_says(
    environment: dict[str, str], app: AppContext, tmp_path: Path
) -> None:
    tried = 0
    for found in COMMANDS.finditer(GUIDE):
        if "curl" not in found["commands"]:
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", found["commands"]],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, found["commands"] + done.stdout + done.stderr
        if found["answer"]:
            assert last_of(done.stdout) == json.loads(found["answer"])
        tried += found["commands"].count("curl ")
    assert tried == GUIDE.count("curl --fail-with-body")
    run_import(app, 1)
    with app.database.begin() as connection:
        assert subscribers.find(connection, "bo@example.org").attributes == {"city": "Linz"}
    assert "ada@example.org" in (tmp_path / "people.csv").read_text()
    assert json.loads((tmp_path / "ada.json").read_text())["subscriber"]["name"] == "Ada Lovelace"


def test_it_names_every_scope_and_the_type_of_every_problem() -> None:
    described = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    problems = [
        media["example"]["type"].rpartition(":")[2]
        for answer in described["components"]["responses"].values()
        for media in answer["content"].values()
        if "example" in media
    ]
    assert len(problems) > 5
    not_worth_telling = {"bad-request", "method-not-allowed", "internal"}
    assert [name for name in {*SCOPES, *problems} - not_worth_telling if f"`{name}`" not in GUIDE] == []


def last_of(printed: str) -> Any:
    """The last of the JSON documents that commands have printed one behind the other."""
    document, place = None, 0
    while printed[place:].strip():
        document, place = json.JSONDecoder().raw_decode(printed, place)
    return document
