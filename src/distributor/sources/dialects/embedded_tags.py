"""What shortcodes and components stand for, as HTML: one table for Hugo, Liquid and MDX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from distributor.sources.dialects.callouts import CALLOUTS
from distributor.sources.media_links import MediaLink, video_page, vimeo, youtube

_TITLES = ("title", "label", "header", "summary", "heading")
_TARGETS = ("href", "to", "url", "link", "relref", "path")
_SOURCES = ("src", "image_path", "url", "image", "file", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTag:
    """A tag with its values, in order and by name in lower case. `is_paired` means that the text has its other half."""

    name: str
    values: Sequence[str] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False
    is_paired: bool = False

    def value(self, *names: str) -> str:
        """The first of these that it has, empty if it has none."""
        return next((self.named[name] for name in names if self.named.get(name)), "")

    @property
    def first(self) -> str:
        return self.values[0] if self.values else ""

    @property
    def title(self) -> str:
        return self.value(*_TITLES)


def html_of_tag(tag: EmbeddedTag) -> str | None:
    """The HTML that a tag stands for; None if its name means nothing here."""
    name = tag.name.lower().removesuffix(".html").replace("_", "-").rpartition("/")[2]
    if name in CALLOUTS or name in _CALLOUT_TAGS:
        return _callout(tag, name)
    reader = _READERS.get(name)
    return reader(tag) if reader else None


def titled(title: str, target: str = "") -> str:
    """A line of its own with a title, which may be a link; nothing without a title."""
    text = f'<a href="{escape(target)}">{escape(title)}</a>' if target else escape(title)
    return f"<p><strong>{text}</strong></p>" if title else ""


def _figure(tag: EmbeddedTag) -> str:
    src = tag.value(*_SOURCES) or tag.first
    if tag.closes or not src:
        return ""
    image = f'<img src="{escape(src)}" alt="{escape(tag.value("alt"))}">'
    target = tag.value("link", "href")
    linked = f'<a href="{escape(target)}">{image}</a>' if target else image
    words = [tag.value(name) for name in ("title", "caption", "attr")]
    caption = " ".join(dict.fromkeys(escape(word) for word in words if word))
    return f"<figure>{linked}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"


def _player(page: Callable[[str], MediaLink | None]) -> Callable[[EmbeddedTag], str]:
    def written(tag: EmbeddedTag) -> str:
        given = tag.value("id", "videoid", "video", "src", "url") or tag.first
        found = video_page(given) if "/" in given else page(given)
        if tag.closes or found is None:
            return ""
        return f'<p><a href="{escape(found.url)}">▶ {escape(tag.value("title", "alt") or found.name)}</a></p>'

    return written


def _video(tag: EmbeddedTag) -> str:
    if tag.value("provider") in ("youtube", "vimeo"):
        return _player(youtube if tag.value("provider") == "youtube" else vimeo)(tag)
    src = tag.value("src", "url", "mp4", "webm") or tag.first
    return "" if tag.closes else f'<video src="{escape(src)}" title="{escape(tag.title)}"></video>'


def _post(tag: EmbeddedTag) -> str:
    """A post on X, by its URL, or by its account and number."""
    user, number = tag.value("user") or tag.first, tag.value("id") or (tag.values[1] if len(tag.values) > 1 else "")
    url = user if "://" in user else f"https://x.com/{user if number else 'i'}/status/{number or user}"
    return "" if tag.closes or not (user or number) else f'<p><a href="{escape(url)}">{escape(url)}</a></p>'


def _gist(tag: EmbeddedTag) -> str:
    url = "https://gist.github.com/" + "/".join(tag.values[:2])
    return "" if tag.closes or not tag.values else f'<p><a href="{escape(url)}">{escape(url)}</a></p>'


def _link(tag: EmbeddedTag) -> str:
    target = tag.value(*_TARGETS) or (tag.first if tag.is_paired else "")
    if tag.closes:
        return "</a>"
    text = "" if tag.is_paired else escape(tag.value("text", "label", "title") or target)
    return f'<a href="{escape(target)}">{text}{"" if tag.is_paired else "</a>"}'


def _reference(tag: EmbeddedTag) -> str:
    """The address of another article, where one is not the target of a link already."""
    target = tag.value("path") or tag.first
    return "" if tag.closes else f'<a href="{escape(target)}">{escape(target)}</a>'


def _callout(tag: EmbeddedTag, name: str) -> str:
    kind = tag.value("type", "style", "kind", "variant") or (tag.first if tag.is_paired else "")
    word = name if name in CALLOUTS else kind.lower()
    if tag.closes:
        return "</blockquote>"
    heading = titled(tag.title or (word.capitalize() if word in CALLOUTS else ""))
    if tag.is_paired:
        return f"<blockquote>{heading}"
    text = tag.value("text", "content") or " ".join(tag.values)
    return f"<blockquote>{heading}<p>{escape(text)}</p></blockquote>" if text or heading else ""


def _details(tag: EmbeddedTag) -> str:
    return "" if tag.closes else titled(tag.title or tag.first, tag.value("href", "to", "link"))


def _nothing(tag: EmbeddedTag) -> str:
    return ""


_CALLOUT_TAGS = frozenset(("admonition", "alert", "aside", "callout", "notice"))
_READERS: Mapping[str, Callable[[EmbeddedTag], str]] = {
    **dict.fromkeys(("figure", "image", "img", "picture", "responsive-image", "screenshot", "staticimage"), _figure),
    **dict.fromkeys(("youtube", "youtubelite", "youtubeembed", "yt", "lite-youtube"), _player(youtube)),
    **dict.fromkeys(("vimeo", "vimeoembed"), _player(vimeo)),
    "video": _video,
    **dict.fromkeys(("tweet", "twitter", "x"), _post),
    "gist": _gist,
    **dict.fromkeys(("button", "btn", "link", "linkbutton", "linkcard"), _link),
    **dict.fromkeys(("ref", "relref"), _reference),
    **dict.fromkeys(
        ("accordion", "accordionitem", "card", "collapse", "details", "expand", "spoiler", "step", "tab", "tabitem"),
        _details,
    ),
    **dict.fromkeys(
        ("accordiongroup", "br", "cardgrid", "cardgroup", "cards", "center", "div", "fragment", "steps", "tabs", "toc"),
        _nothing,
    ),
}
