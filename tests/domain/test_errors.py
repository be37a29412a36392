from __future__ import annotations

from pathlib import Path

import pytest

from distributor.domain import errors
from distributor.domain.errors import (
    AddressError,
    DistributorError,
    InputError,
    NotFoundError,
    SourceError,
    TemplateError,
)

EVERY_ERROR = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, DistributorError)]


@pytest.mark.parametrize(
    ("path", "line", "text"),
    [
        (Path("a/b.md"), 3, "a/b.md:3: wrong"),
        ("b.md", None, "b.md: wrong"),
        (None, 3, "3: wrong"),
        (None, None, "wrong"),
    ],
)
def test_a_source_error_names_its_place(path: Path | str | None, line: int | None, text: str) -> None:
    assert str(SourceError("wrong", path=path, line=line)) == text


def test_messages_name_what_is_meant() -> None:
    assert str(AddressError("a b", "there is a space in it")) == "'a b' is not an email address: there is a space in it"
    assert str(TemplateError("no such name", template="x.j2", line=4)) == "template x.j2, line 4: no such name"
    assert str(TemplateError("no such file", template="x.j2")) == "template x.j2: no such file"
    assert str(NotFoundError("list", "all", hint="there are a, b")) == "there is no list 'all'; there are a, b"


def test_every_error_ends_the_command_line_with_a_failure() -> None:
    assert all(error.exit_code > 0 for error in EVERY_ERROR)
    assert {error.exit_code for error in EVERY_ERROR if issubclass(error, InputError)} == {2}
