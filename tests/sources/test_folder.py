from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from distributor.domain.errors import SourceError
from distributor.sources import scan_folder
from distributor.sources.items import SourceItem, UnreadableItem

ARTICLE = b"A Title\n\nA paragraph."


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(ARTICLE)


def test_every_article_is_found_with_its_hash_and_manuscript(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")

    (found,) = scan_folder(tmp_path)

    assert isinstance(found, SourceItem)
    assert (found.ref, found.content_hash) == ("a.txt", hashlib.sha256(ARTICLE).hexdigest())
    assert found.manuscript
    assert found.manuscript.title == "A Title"


def test_the_order_is_by_name_with_subfolders_last(tmp_path: Path) -> None:
    write(tmp_path, "z.md", "b/c.txt", "a/d.txt", "a/b/e.txt", "m.txt")

    assert [one.ref for one in scan_folder(tmp_path)] == ["m.txt", "z.md", "a/d.txt", "a/b/e.txt", "b/c.txt"]


def test_hidden_files_and_other_suffixes_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", ".b.txt", ".git/c.txt", "d.png", "e.txt~", "f")

    assert [one.ref for one in scan_folder(tmp_path)] == ["a.txt"]


def test_known_content_is_not_parsed_again(tmp_path: Path) -> None:
    write(tmp_path, "old.txt", "new.txt")
    known = {"old.txt": hashlib.sha256(ARTICLE).hexdigest(), "new.txt": "another hash"}

    manuscripts = {one.ref: one.manuscript for one in scan_folder(tmp_path, known) if isinstance(one, SourceItem)}

    assert manuscripts["old.txt"] is None
    assert manuscripts["new.txt"] is not None


def test_an_unreadable_file_affects_no_other(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "c.txt")
    (tmp_path / "b.md").write_bytes(b"---\ndate: soon\n---\nText.")

    first, unreadable, last = scan_folder(tmp_path)

    assert (first.ref, last.ref) == ("a.txt", "c.txt")
    assert isinstance(unreadable, UnreadableItem)
    assert unreadable.content_hash
    assert str(unreadable.error).startswith("b.md:2: front matter key 'date'")


def test_an_unreadable_file_that_is_known_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_bytes(b"# no text")
    (unreadable,) = scan_folder(tmp_path)
    assert isinstance(unreadable, UnreadableItem)

    (again,) = scan_folder(tmp_path, {"b.md": unreadable.content_hash})

    assert again == SourceItem(ref="b.md", content_hash=unreadable.content_hash, manuscript=None)


def test_a_link_to_a_file_inside_is_that_file(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")

    assert [type(one) for one in scan_folder(tmp_path)] == [SourceItem, SourceItem]


def test_a_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to("real")

    assert [one.ref for one in scan_folder(tmp_path / "link")] == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("out.txt", "../outside/secret.txt", "leads out of the folder"),
        ("out", "../outside", "leads out of the folder"),
        ("nowhere.txt", "missing.txt", "broken link"),
        ("circle.txt", "circle.txt", "broken link"),
    ],
)
def test_a_broken_link_or_one_that_leads_out_is_unreadable(tmp_path: Path, name: str, target: str, reason: str) -> None:
    write(tmp_path, "inside/a.txt", "outside/secret.txt")
    (tmp_path / "inside" / name).symlink_to(target)

    unreadable = [one for one in scan_folder(tmp_path / "inside") if isinstance(one, UnreadableItem)]

    assert [one.ref for one in unreadable] == [name]
    assert reason in str(unreadable[0].error)
    assert unreadable[0].content_hash == ""


def test_a_link_to_a_subfolder_finds_nothing_twice(tmp_path: Path) -> None:
    write(tmp_path, "a/b.txt")
    (tmp_path / "a" / "loop").symlink_to("..")

    assert [one.ref for one in scan_folder(tmp_path)] == ["a/b.txt"]


def test_a_name_that_is_not_utf_8_is_unreadable_and_can_be_shown(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_bytes(ARTICLE)
    except OSError:
        pytest.skip("this file system takes no such name")

    (unreadable,) = scan_folder(tmp_path)

    assert isinstance(unreadable, UnreadableItem)
    assert unreadable.ref == "caf\\xe9.txt"
    assert "the name is not in UTF-8" in str(unreadable.error)


def test_a_pipe_with_the_name_of_an_article_is_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")

    (unreadable,) = scan_folder(tmp_path)

    assert isinstance(unreadable, UnreadableItem)


def test_a_subfolder_without_permission_is_unreadable(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "locked/b.txt", "open/c.txt")
    (tmp_path / "locked").chmod(0)
    if os.access(tmp_path / "locked", os.R_OK):
        pytest.skip("this user may read everything")
    try:
        found = {one.ref: type(one) for one in scan_folder(tmp_path)}
    finally:
        (tmp_path / "locked").chmod(0o755)

    assert found == {"a.txt": SourceItem, "locked": UnreadableItem, "open/c.txt": SourceItem}


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_a_path_that_is_not_a_folder_is_refused_at_once(tmp_path: Path, name: str) -> None:
    write(tmp_path, "file.txt")

    with pytest.raises(SourceError, match="the folder cannot be read"):
        scan_folder(tmp_path / name)
