from __future__ import annotations

from pathlib import Path

import pytest

from distributor.domain.errors import TemplateError
from distributor.rendering.environment import Templates, shipped_templates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    return tmp_path


def test_markup_is_escaped_unless_the_file_is_text(folder: Path) -> None:
    for name in ("a.mjml.j2", "a.txt.j2"):
        (folder / name).write_text("{{ x }}")
    templates = Templates([folder])
    assert templates.render("a.mjml.j2", {"x": "<b>"}) == "&lt;b&gt;"
    assert templates.render("a.txt.j2", {"x": "<b>"}) == "<b>"


def test_the_first_folder_that_contains_a_template_wins(tmp_path: Path) -> None:
    for name in ("own", "shipped"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt.j2").write_text(name)
    (tmp_path / "shipped" / "b.txt.j2").write_text("b")
    templates = Templates([tmp_path / "own", tmp_path / "shipped"])
    assert (templates.render("a.txt.j2", {}), templates.render("b.txt.j2", {})) == ("own", "b")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a\n\n{{ nothing }}\n", 3, "'nothing' is undefined"),
        ("a\n{{ word.nothing }}\n", 2, "no attribute 'nothing'"),
        ("a\n{% if true %}\n{{\n  nothing }}\n{% endif %}", 4, "'nothing' is undefined"),
        ("a\n{% if %}\n", 2, "Expected an expression"),
        ("a\n{{ 1 / 0 }}", 2, "division by zero"),
        ("a\n{{ 1 + word }}", 2, "unsupported operand"),
        ("\n\n{{ word.__class__.__mro__ }}", 3, "unsafe"),
        ("\n{% for i in range(999999999) %}{% endfor %}", 2, "Range too big"),
        ("\n{% include 'parts/none.j2' %}", 2, "there is no template 'parts/none.j2' to include"),
        ("\n{% include 'main.j2' %}", 2, "recursion"),
    ],
)
def test_an_error_names_its_template_and_line(folder: Path, text: str, line: int, reason: str) -> None:
    (folder / "main.j2").write_text(text)
    with pytest.raises(TemplateError) as caught:
        Templates([folder]).render("main.j2", {"word": "w"})
    assert (caught.value.template, caught.value.line) == ("main.j2", line)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("included", "line"),
    [("one\n{% for x in [1] %}\ntwo {{ nothing }}\n{% endfor %}", 3), ("one\ntwo\nthree\n{% set %}", 4)],
)
def test_an_error_in_an_included_template_is_named_with_that_template_and_its_line(
    folder: Path, included: str, line: int
) -> None:
    (folder / "main.j2").write_text("{# a comment\nof two lines -#}\n\n{% include 'parts/inner.j2' %}")
    (folder / "parts" / "inner.j2").write_text(included)
    with pytest.raises(TemplateError) as caught:
        Templates([folder]).render("main.j2", {})
    assert (caught.value.template, caught.value.line) == ("parts/inner.j2", line)


def test_an_error_in_an_imported_macro_is_named_with_its_own_line(folder: Path) -> None:
    (folder / "main.j2").write_text("\n{% from 'parts/macros.j2' import shown %}\n\n{{ shown(5) }}")
    (folder / "parts" / "macros.j2").write_text("{% macro shown(x) %}\n\n\n{{ x.y.z }}\n{% endmacro %}")
    with pytest.raises(TemplateError) as caught:
        Templates([folder]).render("main.j2", {})
    assert (caught.value.template, caught.value.line) == ("parts/macros.j2", 4)


def test_a_missing_template_is_named(folder: Path) -> None:
    with pytest.raises(TemplateError, match=r"template nix\.j2: there is no such template"):
        Templates([folder]).render("nix.j2", {})


def test_the_shipped_templates_are_found() -> None:
    assert (shipped_templates() / "email" / "article.mjml.j2").is_file()
