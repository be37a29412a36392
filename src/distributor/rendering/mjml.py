"""The adapter around the MJML engine (mjml-python, built on mrml): MJML in, HTML for mail clients out.

The engine silently accepts what it does not support. This module refuses it instead.
"""

from __future__ import annotations

import re
from typing import cast

from lxml import etree
from mjml import mjml2html

from distributor.domain.errors import TemplateError

_COMPONENTS = frozenset(
    {
        *("mj-head", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-preview", "mj-style"),
        *("mj-title", "mj-body", "mj-section", "mj-wrapper", "mj-column", "mj-group", "mj-hero", "mj-text", "mj-image"),
        *("mj-button", "mj-divider", "mj-spacer", "mj-table", "mj-raw", "mj-social", "mj-social-element", "mj-navbar"),
        *("mj-navbar-link", "mj-carousel", "mj-carousel-image", "mj-accordion", "mj-accordion-element"),
        *("mj-accordion-title", "mj-accordion-text"),
    }
)
_IMAGE_TAGS = frozenset({"mj-image", "mj-social-element", "mj-carousel-image", "img"})

_START_TAG = re.compile(r"<[A-Za-z][\w.:-]*(?:\s+[\w.:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))+\s*/?>")
_VALUE = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_TITLE = re.compile(r"<mj-title>[^<]*<")
_GAP = re.compile(r"</?(?!mj)[A-Za-z][^<>]*>[^\S\n]*\n\s*+(?=</?(?!mj)[A-Za-z])")
_LINE_END = "&#10;"
_ESCAPED_BY_ENGINE = re.compile(r"[^ -\[\]-~]")
_REFERENCE = re.compile(r"&#(\d{1,7});")


def html_of_mjml(mjml: str, *, template: str) -> str:
    """The HTML document for an MJML document that is well-formed XML; placeholders like ``@@name@@`` stay as they are.

    `template` names the source of the MJML in errors. Web fonts are never fetched. Raises TemplateError.
    """
    for line, reason in _faults_of(_parsed(mjml, template)):
        raise TemplateError(f"{reason} ({_quoted(mjml, line)})", template=template)
    try:
        return _decoded(mjml2html(_encoded(mjml), fonts={}))
    except ValueError as error:
        raise TemplateError(f"the MJML engine failed: {error}", template=template) from error


def _encoded(mjml: str) -> str:
    """The same document with character references for what the engine would change.

    The engine writes attributes in the debug format of Rust: quotation marks and backslashes get another backslash,
    and a joiner between emoji or a Hindi vowel sign becomes ``\\u{…}``; the title becomes an attribute of the page. It
    also removes line ends between elements, which separate the words of two links on different lines.
    """
    tags = _START_TAG.sub(lambda tag: _VALUE.sub(_encoded_value, tag[0]), mjml)
    titles = _TITLE.sub(lambda title: _ESCAPED_BY_ENGINE.sub(_as_reference, title[0]), tags)
    return _GAP.sub(lambda gap: gap[0].replace("\n", _LINE_END), titles)


def _encoded_value(value: re.Match[str]) -> str:
    inner = (value[1] or value[2] or "").replace('"', "&quot;").replace(">", "&gt;")
    return f'"{_ESCAPED_BY_ENGINE.sub(_as_reference, inner)}"'


def _as_reference(character: re.Match[str]) -> str:
    # XML reads a line end or a tab in an attribute as a space (XML 1.0, section 3.3.3).
    return " " if character[0] in "\n\t" else f"&#{ord(character[0])};"


def _decoded(html: str) -> str:
    """The references as characters again, which is shorter and equivalent."""
    return _REFERENCE.sub(
        lambda found: chr(int(found[1])) if _ESCAPED_BY_ENGINE.match(chr(int(found[1]))) else found[0], html
    )


def _parsed(mjml: str, template: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        # As bytes, because lxml rejects a str with an encoding declaration.
        return etree.fromstring(mjml.encode(), parser)
    except etree.XMLSyntaxError as error:
        reason = error.msg.partition(", line ")[0]
        place = _quoted(mjml, error.lineno or 0)
        raise TemplateError(f"the result is not well-formed XML: {reason} ({place})", template=template) from error


def _faults_of(root: etree._Element) -> list[tuple[int, str]]:
    """What the engine would accept and render wrongly: the line in the MJML, and the reason."""
    faults: list[tuple[int, str]] = []
    if root.tag != "mjml" or not root.get("lang") or not root.get("dir"):
        faults.append((1, "the root element must be <mjml lang=… dir=…>, or screen readers guess the language"))
    for element in root.iter("*"):
        tag = str(element.tag)
        line = cast("int | None", element.sourceline) or 0
        if tag == "mj-include":
            faults.append((line, "mj-include loses the page width in this engine; use {% include %}"))
        elif tag.startswith("mj-") and tag not in _COMPONENTS:
            faults.append((line, f"the MJML engine does not know <{tag}>"))
        elif tag == "mj-style" and element.get("inline"):
            faults.append((line, 'this engine ignores <mj-style inline="inline">; put the style on the element'))
        elif tag in _IMAGE_TAGS and element.get("alt") is None and not _is_default(element):
            faults.append((line, f'<{tag}> has no alt; write alt="" if it is decorative'))
    return faults


def _is_default(element: etree._Element) -> bool:
    """Whether it only sets defaults, for all components with this tag."""
    return any(ancestor.tag == "mj-attributes" for ancestor in element.iterancestors())


def _quoted(mjml: str, line: int) -> str:
    """The line of the MJML, for authors who see only the template that it was rendered from."""
    lines = mjml.split("\n")
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return f"line {line} of the MJML: {text[:120]}"
