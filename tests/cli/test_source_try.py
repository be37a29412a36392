"""`distributor source try`: what would come in from a folder, which nothing changes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    folder = tmp_path / "blog"
    (folder / "_posts").mkdir(parents=True)
    for name, text in {
        "_posts/2026-05-04-rope.md": "---\nlayout: post\ntitle: Rope\ntags: rope, harbour\n---\n\nIt opens.\n",
        "_posts/2026-05-05-soup.md": "---\nlayout: post\ntitle: Soup\ntags: food\nimage: away.png\n---\n\nIt is hot.\n",
        "draft.md": "+++\ntitle = 'Later'\ndraft = true\ntags = ['a']\n+++\nNot yet.\n",
        "broken.md": "---\ntitle: A\ndate: soon\n---\n\nText.\n",
        "notes.xls": "numbers",
    }.items():
        (folder / name).write_text(text)
    return folder


def test_it_names_each_file_with_what_it_would_become_and_why_not_more(run: Run, blog: Path) -> None:
    result = run("source", "try", str(blog))
    assert result.code == 2
    lines = result.out.splitlines()
    assert [line.split()[1] for line in lines if ".md" in line] == ["refused", "draft", "accepted", "noted"]
    assert "broken.md: line 3: front matter key 'date': 'soon' cannot be understood" in " ".join(result.err.split())
    assert "2026-05-05-soup.md: image away.png cannot be read" in " ".join(result.err.split())
    assert "front matter keys that mean nothing here: layout (2)" in result.err
    assert "1 accepted, 1 noted, 1 draft, 1 refused" in result.err


def test_it_prints_json_for_programs(run: Run, blog: Path) -> None:
    (blog / "broken.md").unlink()
    result = run("source", "try", str(blog), "--zone", "Europe/Berlin", "--json")
    assert result.code == 0
    tried = json.loads(result.out)
    assert tried["counts"] == {"draft": 1, "accepted": 1, "noted": 1}
    assert tried["unused_keys"] == {"layout": 2}
    rope = next(one for one in tried["files"] if one["title"] == "Rope")
    assert (rope["slug"], rope["tags"]) == ("rope", ["rope", "harbour"])
    assert rope["published_at"].startswith("2026-05-03T22:00")


def test_strict_it_refuses_what_it_would_pass_over(run: Run, blog: Path) -> None:
    result = run("source", "try", str(blog), "--strict")
    assert "front matter has no key 'layout'" in " ".join(result.err.split())
    assert "3 refused" in result.err


def test_it_counts_images_that_would_be_fetched_and_fetches_none(run: Run, blog: Path) -> None:
    picture = "![A picture](http://127.0.0.1:1/a.png)\n"
    for name in ("one.md", "two.md"):
        (blog / name).write_text(f"---\ntitle: {name}\ntags: a\n---\n\n{picture}")
    result = run("source", "try", str(blog))
    assert "1 image elsewhere on the web would be fetched and kept" in " ".join(result.err.split())
    assert "127.0.0.1" not in result.err
    off = run("source", "try", str(blog), DISTRIBUTOR_CONTENT_FETCH_IMAGES="false")
    assert "would be fetched" not in off.err


def test_nothing_is_taken_in(run: Run, blog: Path) -> None:
    run("source", "try", str(blog))
    assert json.loads(run("article", "list", "--json").out) == []


def test_a_zip_and_a_single_file_are_tried_like_a_folder(run: Run, blog: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "blog.zip", "w") as packed:
        for path in sorted(blog.rglob("*.md")):
            packed.write(path, path.relative_to(blog))
    in_folder, in_zip = (
        json.loads(run("source", "try", str(place), "--json").out) for place in (blog, tmp_path / "blog.zip")
    )
    assert in_zip["counts"] == in_folder["counts"]
    assert sorted(one["title"] for one in in_zip["files"]) == sorted(one["title"] for one in in_folder["files"])
    assert run("source", "try", str(blog / "broken.md")).code == 2
    (one,) = json.loads(run("source", "try", str(blog / "_posts" / "2026-05-04-rope.md"), "--json").out)["files"]
    assert (one["title"], one["slug"]) == ("Rope", "rope")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    assert "no.zip" in run("source", "try", str(tmp_path / "no.zip")).message


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["nowhere"], "nowhere is no folder of this machine"), ([".", "--zone", "Mars"], "there is no time zone 'Mars'")],
)
def test_what_cannot_be_tried_is_said(run: Run, arguments: list[str], reason: str) -> None:
    result = run("source", "try", *arguments)
    assert result.code == 2
    assert reason in result.message


def test_an_empty_folder_is_said_to_be_empty(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    shown = run("source", "try", str(tmp_path / "empty")).out
    assert "holds no file in a format that can be read" in " ".join(shown.split())
