"""Every text of the team's pages goes through gettext, so that it can be translated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from distributor.rendering.environment import Templates, shipped_templates

FOLDER = shipped_templates() / "web" / "team"
TEMPLATES = sorted(one for one in FOLDER.glob("*.j2") if ".css" not in one.name)
# Attributes that people read or hear.
_READ = re.compile(r"\b(?:aria-label|alt|placeholder|title)=\"([^\"]*[A-Za-z]{2,}[^\"]*)\"")
# Attributes may be made apart from their tag.
_MARKUP = re.compile(r"<[^>]*>|&\w+;|<!doctype html>|[\w-]+=\"[^\"]*\"")
# The name of a class.
_WIDTH = re.compile(r"{% block width %}\w+")
# A zone is the same in every language.
_NO_TEXT = {"UTC"}


def texts_outside(source: str) -> list[str]:
    """The words of a template that it writes as they are."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(_WIDTH.sub("{% block width %}", source))
    # What stands between is a value: part of a tag or not, it is no word of the template.
    written = "\0".join(
        part.data if isinstance(part, nodes.TemplateData) else "\1"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    words = re.findall(r"[^\W\d_]{2,}", _MARKUP.sub(" ", written.replace("\0", "")))
    return [*_READ.findall(written), *(word for word in words if word not in _NO_TEXT)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_no_text_of_a_page_is_outside(template: Path):
    assert texts_outside(template.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        "{% if a %}Hello{% endif %}",
        '<nav aria-label="Main parts"></nav>',
        "{{ _('Hello') }}, friend",
        "{% macro m() %}<b>Hello</b>{% endmacro %}",
    ],
)
def test_a_text_that_is_outside_is_found(source: str):
    assert texts_outside(source) != []


def test_a_text_with_a_percent_sign_is_shown_as_it_is():
    assert "100 % done" in Templates([shipped_templates()]).render(
        "web/team/message.html.j2",
        {
            "title": "100 % done",
            "sentence": "%(x)s",
            "resend": None,
            "site": {"name": "%", "brand": {"accent": "#1a56b8"}},
            "root": "",
            "style_url": "",
        },
    )
