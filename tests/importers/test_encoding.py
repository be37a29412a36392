"""The encoding of a file is detected, or the one given is used."""

from __future__ import annotations

import pytest

from distributor.domain.errors import InputError
from tests.importers.files import csv_table, people, read

NAMES = ["Jürgen Müller", "Zoë Ångström", "José Núñez", "Françoise Lefèvre", "Ana"] * 20


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("cp1252", b""),
    ],
)
def test_the_encoding_is_detected(encoding: str, mark: bytes) -> None:
    rows = people(read(mark + csv_table(NAMES).encode(encoding)))
    assert [row.person.name for row in rows] == NAMES


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("shift_jis", ["山田太郎", "鈴木花子"]),
        ("koi8-r", ["Иван Петров"]),
        ("utf-16-le", ["Ada"]),
        ("gb18030", ["王小明"]),
    ],
)
def test_an_encoding_that_is_given_is_used(encoding: str, names: list[str]) -> None:
    rows = people(read(csv_table(names).encode(encoding), encoding=encoding))
    assert [row.person.name for row in rows] == names


def test_a_byte_order_mark_that_contradicts_the_given_encoding_is_refused() -> None:
    with pytest.raises(InputError, match="byte order mark of utf-16-le"):
        read(b"\xff\xfe" + csv_table(["Ada"]).encode("utf-16-le"), encoding="cp1252")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "idna", "\0"])
def test_a_codec_that_is_not_a_text_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(InputError, match=r"is not an? (text )?encoding"):
        read(csv_table(["Ada"]), encoding=encoding)
