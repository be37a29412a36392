"""The last step of document formats: what was converted to HTML becomes a manuscript with its images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from distributor.domain.article import Manuscript, Media
from distributor.domain.blocks import Image, replace_images, set_large_images_apart
from distributor.domain.errors import SourceError
from distributor.domain.image_file import ImageFile
from distributor.sources.assembly import build_manuscript, take_tag_line, take_title
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.html import read_html
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.tags import read_tag_line
from distributor.sources.uploaded_image import read_uploaded_image

_HEADING = re.compile(r"<(/?)h([1-6])\b([^>]*)>")
TITLE = ' class="title"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProperties:
    """What a document says about itself, by Dublin Core; empty where it says nothing."""

    title: str = ""
    author: str = ""
    summary: str = ""
    keywords: str = ""
    language: str = ""


@dataclass(slots=True)
class EmbeddedImages:
    """The images inside a document, as the article will have them; each only once, whatever its name.

    `warnings` say which could not be kept, each of them once.
    """

    media: dict[str, Media] = field(default_factory=dict)
    files: dict[str, ImageFile] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)

    def add(self, body: bytes, *, name: str) -> str:
        """The address of an image within the article; empty for one that mail programs do not show."""
        try:
            kept, found = read_uploaded_image(body)
        except SourceError as error:
            self.warnings[f"the image {name} is left out: {error.reason}"] = None
            return ""
        media = Media(name=hashlib.sha256(kept).hexdigest()[:32] + found.suffix, media_type=found.media_type, body=kept)
        self.media[media.src], self.files[media.src] = media, found
        return media.src


def read_properties(values: Mapping[str, Sequence[str]]) -> DocumentProperties:
    """The properties out of texts by the names of Dublin Core, with `keywords` for those of office programs."""

    def line(name: str, separator: str = ", ") -> str:
        texts = (" ".join(normalize_text(text).split()) for text in values.get(name, ()))
        return separator.join(dict.fromkeys(text for text in texts if text))

    try:
        language = checked_language(line("language", "").replace("_", "-"))
    except ValueError:
        language = ""
    return DocumentProperties(
        title=line("title", " "),
        author=line("creator"),
        summary=line("description", " "),
        keywords=line("keywords"),
        language=language,
    )


def read_converted(
    html: str,
    properties: DocumentProperties,
    images: EmbeddedImages,
    *,
    warnings: Sequence[str] = (),
    path: str,
    options: ReadingOptions,
) -> Manuscript:
    """The manuscript of a document that was converted to HTML; its images are in `media`.

    The title is the heading of level 1 that the text begins with, else that of the properties. Raises SourceError if
    there is no text.
    """
    body = read_html(settle_levels(html), path=path, is_page=False)
    title, body = take_title(body, None)
    body, tags = take_tag_line(body, len(body) - 1)
    if not tags and properties.keywords:
        tags = read_tag_line(f"Tags: {properties.keywords}")
    front = FrontMatter(
        author=properties.author or None,
        language=properties.language or None,
        summary=properties.summary or None,
    )
    notes = (*images.warnings, *warnings)
    manuscript = build_manuscript(
        front, body, title=title or properties.title, tags=tags, warnings=notes, path=path, options=options
    )

    def sized(image: Image) -> Image:
        found = images.files.get(image.src)
        return replace(image, width=found.width, height=found.height) if found else image

    illustrated = set_large_images_apart(replace_images(manuscript.body, sized))
    return replace(manuscript, body=illustrated, media=tuple(images.media.values()))


def settle_levels(html: str) -> str:
    """The HTML with its title as the only heading of level 1: others move down by one with all below them.

    Word processors have a style for the title beside that for chapters; the first heading is the title without one.
    """
    opening = [found for found in _HEADING.finditer(html) if not found[1] and found[2] == "1"]
    if len(opening) < 2:
        return html
    title = next((found for found in opening if TITLE in found[3]), opening[0]).start()
    is_in_title = False

    def settled(found: re.Match[str]) -> str:
        nonlocal is_in_title
        if found.start() == title:
            is_in_title = True
            return found[0]
        if is_in_title:
            is_in_title = False
            return found[0]
        return f"<{found[1]}h{min(int(found[2]) + 1, 6)}{found[3]}>"

    return _HEADING.sub(settled, html)
