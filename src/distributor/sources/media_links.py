"""Films and sounds embedded in pages: where people watch or hear them, since no mail and no feed reader plays them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import regex

# From the path and the query of a URL.
_HostReader: TypeAlias = "Callable[[str, Mapping[str, list[str]]], MediaLink | None]"
_ID = regex.compile(r"[\w-]{1,64}", regex.ASCII)


@dataclass(frozen=True, slots=True)
class MediaLink:
    """A page or file with a film or sound, and what a link to it says if it has no title."""

    url: str
    name: str


def youtube(identifier: str) -> MediaLink | None:
    """The page of a video on YouTube, None for what is no id of one."""
    return _page("https://www.youtube.com/watch?v=", identifier, "YouTube")


def vimeo(identifier: str) -> MediaLink | None:
    """The page of a video on Vimeo, None for what is no id of one."""
    return _page("https://vimeo.com/", identifier, "Vimeo")


def video_page(src: str) -> MediaLink | None:
    """The page of a video whose player an iframe shows; None if its host is not known."""
    try:
        parts = urlsplit(src if "//" in src else f"https://{src}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    reader = _HOSTS.get(host)
    return reader(parts.path, parse_qs(parts.query)) if reader else None


def media_file(src: str) -> MediaLink | None:
    """A film or sound on the web, with the name of its file; None for a file without an address of its own."""
    try:
        parts = urlsplit(src)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return MediaLink(src, unquote(PurePosixPath(parts.path).name) or parts.netloc)


def _page(start: str, identifier: str, name: str) -> MediaLink | None:
    return MediaLink(f"{start}{identifier}", name) if _ID.fullmatch(identifier) else None


def _youtube(path: str, query: Mapping[str, list[str]]) -> MediaLink | None:
    last = PurePosixPath(path).name
    if last == "videoseries":
        return _page("https://www.youtube.com/playlist?list=", query.get("list", [""])[0], "YouTube")
    return youtube(query.get("v", [last])[0])


def _last_of_path(reader: Callable[[str], MediaLink | None]) -> _HostReader:
    return lambda path, query: reader(PurePosixPath(path).name)


_HOSTS: Mapping[str, _HostReader] = {
    **dict.fromkeys(("youtube.com", "m.youtube.com", "youtube-nocookie.com", "youtu.be"), _youtube),
    **dict.fromkeys(("vimeo.com", "player.vimeo.com"), _last_of_path(vimeo)),
    **dict.fromkeys(
        ("dailymotion.com", "geo.dailymotion.com"),
        _last_of_path(lambda name: _page("https://www.dailymotion.com/video/", name, "Dailymotion")),
    ),
    "loom.com": _last_of_path(lambda name: _page("https://www.loom.com/share/", name, "Loom")),
    "open.spotify.com": lambda path, query: MediaLink(
        f"https://open.spotify.com{path.removeprefix('/embed')}", "Spotify"
    ),
}
