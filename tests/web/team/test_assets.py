"""The files of scripts: how they are served, what a page weighs with them, and that pages do without them."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from distributor.web import assets
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts

from .conftest import MakeTeam, Team

# What the first page over a phone may weigh, compressed.
MOST = 150_000


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    files = {"team.js": "team-0123.js", "team.css": "team-4567.css", "gone.js": "gone-89ab.js"}
    (tmp_path / "manifest.json").write_text(json.dumps({"sources": "x", "files": files}))
    (tmp_path / "team-0123.js").write_text("console.info('hello');\n" * 100)
    (tmp_path / "team-4567.css").write_text(".x { color: red }\n")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path


@pytest.fixture
def client(team: Team, bundles: Path) -> TestClient:
    return TestClient(Starlette(routes=AssetFiles(team.clock, bundles).routes()))


def test_a_script_is_served_compressed_and_for_good(client: TestClient):
    response = client.get("/app/assets/team-0123.js", headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "gzip"
    assert response.text.startswith("console.info")
    again = client.get("/app/assets/team-0123.js", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/app/assets/team-4567.css").headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["secret.txt", "manifest.json", "gone-89ab.js", "../secret.txt", "..%2fsecret.txt", "x"]
)
def test_nothing_but_the_named_files_is_served(client: TestClient, name: str):
    assert client.get(f"/app/assets/{name}").status_code == 404


def test_a_script_that_was_not_built_has_no_address(team: Team, bundles: Path):
    files = AssetFiles(team.clock, bundles)
    assert files.script_url("team") == "/app/assets/team-0123.js"
    assert files.style_url("team") == "/app/assets/team-4567.css"
    assert (files.script_url("gone"), files.script_url("other")) == (None, None)


@pytest.mark.parametrize(
    "manifest", [None, "", "{}", "[]", '{"files": 3}', '{"files": {"team.js": "../../../etc/passwd"}}']
)
def test_no_bundles_or_broken_ones_are_no_reason_to_stop(team: Team, tmp_path: Path, manifest: str | None):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    assert AssetFiles(team.clock, tmp_path).script_url("team") is None


def test_pages_do_without_scripts(make_team: MakeTeam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assets.AssetFiles.__init__, "__defaults__", (tmp_path,))
    team = make_team()
    page = team.signed_in(team.user()).page("/app")
    assert page.xpath("//script") == []
    assert page.xpath("//h1")


def test_a_page_has_scripts_only_from_files_of_ours_and_weighs_little_with_all_of_them(team: Team):
    browser = team.signed_in(team.user())
    response = browser.get("/app")
    addresses = re.findall(r'(?:src|href)="(/(?:app/)?assets/[^"]+)"', response.text)
    if not any(address.endswith(".js") for address in addresses):
        needs_scripts()
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert (policy["script-src"], policy["connect-src"], policy["style-src-attr"]) == ("'self'", "'self'", "'none'")
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", response.text) == []
    files = [browser.get(address) for address in addresses]
    assert [file.status_code for file in files] == [200] * len(files)
    assert sum(len(gzip.compress(file.content)) for file in (response, *files)) < MOST
    # Whoever is not signed in gets them too: they hold nothing of the team's.
    assert [team.browser().get(address).status_code for address in addresses] == [200] * len(files)


def test_pages_are_compressed_and_say_so(team: Team):
    response = team.signed_in(team.user()).get("/app", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert response.text.startswith("<!doctype html>")
    plain = team.browser().get("/app/sign-in", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
