from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from distributor.domain.errors import SourceError
from distributor.sources import parse_manuscript, read_manuscript
from distributor.sources.decoding import MAX_BYTES
from distributor.sources.formats import formats, is_readable, known_suffixes, read_bytes

TEXT = b"A Title\n\nA paragraph."


def test_formats_of_text_are_found_by_their_suffixes() -> None:
    assert list(formats()) == [".htm", ".html", ".markdown", ".md", ".mdx", ".text", ".txt", ".xhtml"]


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "b/c.d.Text"])
def test_the_suffix_decides_in_any_case(name: str) -> None:
    assert is_readable(name)
    assert parse_manuscript(TEXT, name=name).title == "A Title"


@pytest.mark.parametrize("name", ["a.doc", "a", ".txt", "txt", "a.txt~", ""])
def test_an_unknown_suffix_is_refused_and_the_known_ones_are_named(name: str) -> None:
    assert not is_readable(name)
    with pytest.raises(SourceError, match=rf"(unknown|no) suffix.*; use {', '.join(known_suffixes())}"):
        parse_manuscript(TEXT, name=name)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)

    assert read_manuscript(file) == parse_manuscript(TEXT, name="a.txt")


def test_warnings_about_the_encoding_come_first(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("Café\n\nTrès bien, déjà vu à l’été.".encode("cp1252"))

    assert read_manuscript(file).warnings[0].startswith("not in UTF-8")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "missing.md"

    with pytest.raises(SourceError) as caught:
        read_manuscript(file)

    assert str(caught.value) == f"{file}: there is no such file"
    assert caught.value.path == str(file)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.md"
    folder.mkdir()

    with pytest.raises(SourceError, match="not a file; give an article"):
        read_manuscript(folder)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)

    with pytest.raises(SourceError, match="not a file"):
        read_manuscript(pipe)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # addresses of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.md")
        with pytest.raises(SourceError, match="not a file"):
            read_manuscript(Path("socket.md"))


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret.md"
    file.write_bytes(TEXT)
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(SourceError, match="permission denied; check the permissions"):
        read_manuscript(file)


@pytest.mark.parametrize("name", ["a\0b.md", f"{'a' * 5000}.md"])
def test_an_impossible_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError):
        read_manuscript(tmp_path / name)


def test_of_a_huge_file_one_byte_more_than_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    with file.open("wb") as huge:
        huge.truncate(10 * MAX_BYTES)

    assert len(read_bytes(file)) == MAX_BYTES + 1
    with pytest.raises(SourceError, match="larger than 5 MB"):
        read_manuscript(file)


@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"\xff\xfe\0", b"---\ntitle: just a title\n---\n"])
@pytest.mark.parametrize("suffix", [".md", ".txt"])
def test_data_that_is_not_an_article_is_refused_with_its_path(tmp_path: Path, suffix: str, data: bytes) -> None:
    file = tmp_path / f"odd{suffix}"
    file.write_bytes(data)

    with pytest.raises(SourceError) as caught:
        read_manuscript(file)

    assert caught.value.path == str(file)
