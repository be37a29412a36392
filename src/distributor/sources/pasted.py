"""Texts whose format nobody named: what is pasted, and files, judged by their content rather than by their names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.domain.image_file import read_image_file
from distributor.sources.decoding import decode, normalize_text
from distributor.sources.formats import document_suffix, formats, parse_manuscript
from distributor.sources.html import looks_like_html
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

PLAIN, MARKDOWN, HTML = ".txt", ".md", ".html"

# Each of them says Markdown by itself: plain text has bullets, numbers and rules too. No part of one runs on over the
# beginning of the next, so that a long text is read once.
_MARKDOWN_SIGNS = re.compile(
    r"""
      ^\#{1,6}[ ]\S                      # a heading
    | ^---\n[A-Za-z_][\w-]*:             # front matter in YAML, and in TOML
    | \A\+\+\+\n
    | ^```                               # code
    | (?:\A|\n\n)~~~                     # below a line of text these signs make it a heading
    | !?\[[^\[\]\n]*\]\([^()\s][^()\n]*\)   # a link or an image
    | (?<![\w*])\*\*\S[^*\n]*\S\*\*      # strong
    | (?<!\w)__\S[^_\n]*\S__(?!\w)
    | ^\|?[ ]*:?-{3,}:?[ ]*\|            # the rule of a table
    """,
    re.MULTILINE | re.VERBOSE,
)
_SIGNATURES = (
    (b"PK\x03\x04", "an archive or a document of another kind"),
    (b"\xd0\xcf\x11\xe0", "an old Word document or one with a password; save it as .docx without a password"),
    (b"{\\rtf", "a document in rich text format"),
)
_INSTEAD = "copy its text and paste it, or save it as text or HTML"


def format_of(text: str) -> str:
    """The suffix of the format that a text is in: of HTML, Markdown, or else plain text."""
    if looks_like_html(text):
        return HTML
    return MARKDOWN if _MARKDOWN_SIGNS.search(text) else PLAIN


def read_pasted(text: str, *, suffix: str = "", options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """A pasted text in the format of this suffix, by default as it looks. Its title is empty if it has none.

    Raises SourceError if it cannot be read in this format.
    """
    normal = normalize_text(text)
    article_format = formats()[suffix or format_of(normal)]
    try:
        return article_format.parse(normal, path="", options=options)
    except SourceError:
        # Without a title, or without text below one. A title of its own keeps what stands first in the text.
        untitled = f"---\ntitle: '-'\n---\n{normal}"
        return replace(article_format.parse(untitled, path="", options=options), title="")


def read_uploaded(data: bytes, *, name: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """A file in the format that its content has; its name decides what the content leaves open.

    Raises SourceError, without a path, for a file that is no text, and for one that cannot be read.
    """
    # What was pasted has no name that says anything.
    stem = PurePath(name).stem if PurePath(name).suffix else "index"
    if suffix := document_suffix(data):
        return _parsed(data, name=f"{stem}{suffix}", options=options)
    for signature, noun in _SIGNATURES:
        if data.startswith(signature):
            raise SourceError(f"this is {noun}, which cannot be read here; {_INSTEAD}")
    if (image := read_image_file(data)) is not None:
        raise SourceError(f"this is an image ({image.media_type}); add it while you edit an article")
    text = decode(data, path="").text
    suffix = PurePath(name).suffix.lower()
    if looks_like_html(text):
        suffix = HTML
    elif suffix not in formats() or formats()[suffix] is formats()[HTML]:
        suffix = format_of(text)
    return _parsed(data, name=f"{stem}{suffix}", options=options)


def _parsed(data: bytes, *, name: str, options: ReadingOptions) -> Manuscript:
    try:
        return parse_manuscript(data, name=name, options=options)
    except SourceError as error:
        raise SourceError(error.reason, line=error.line) from None
