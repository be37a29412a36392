"""Links from one article of a source to another one, as authors write them: by the path or the name of its file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from distributor.domain.blocks import Block, Runs, links_of, replace_runs
from distributor.sources.markdown import SUFFIXES

_INDEXES = ("index", "_index")


@dataclass(slots=True)
class SourceIndex:
    """The articles of a source: the slug of each by the path of its file, relative to the source and with slashes."""

    slugs: dict[str, str] = field(default_factory=dict)
    _by_name: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, slugs: Mapping[str, str]) -> SourceIndex:
        """The index of these articles."""
        index = cls()
        for path, slug in slugs.items():
            index.add(path, slug)
        return index

    def add(self, path: str, slug: str) -> None:
        """One more article, or another slug of one that is known."""
        if path not in self.slugs:
            self._by_name.setdefault(_name_of(path), []).append(path)
        self.slugs[path] = slug

    def find(self, target: str, *, beside: str) -> str | None:
        """The path that a link in the file `beside` means: as it is written, below the root, or by its name alone."""
        written = unquote(target).lstrip("/")
        folder = "" if target.startswith("/") else posixpath.dirname(beside)
        for place in dict.fromkeys((posixpath.normpath(posixpath.join(folder, written)), written)):
            for path in _spellings(place):
                if path in self.slugs:
                    return path
        ending = f"/{PurePosixPath(written).with_suffix('') if _suffix(written) else written.rstrip('/')}".casefold()
        found = [one for one in self._by_name.get(_name_of(written), []) if _without_suffix(one).endswith(ending)]
        # A relative path that leads nowhere does not mean another file of the same name in another folder.
        named = found if "/" in target[1:] and target[0] != "/" else found or self._by_name.get(_name_of(written), [])
        return named[0] if len(named) == 1 else None

    def lacks(self, body: Sequence[Block], *, beside: str) -> bool:
        """Whether a link of this body leads to an article that is not known."""
        return any(_is_named(path) and self.find(path, beside=beside) is None for path in _relative(links_of(body)))

    def settle(self, body: tuple[Block, ...], *, beside: str) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """The body with links to the pages of the articles, and a note for each link that leads to none and is text."""
        targets: dict[str, str | None] = {}
        for href in links_of(body):
            path = next(_relative([href]), "")
            found = self.find(path, beside=beside) if path else None
            if found is not None:
                place = f"#{urlsplit(href).fragment}" if urlsplit(href).fragment else ""
                targets[href] = f"/articles/{quote(self.slugs[found], safe='')}{place}"
            elif path and _is_named(path):
                targets[href] = None
        if not targets:
            return body, ()

        def settled(runs: Runs) -> Runs:
            return tuple(replace(run, href=targets.get(run.href or "", run.href)) for run in runs)

        notes = (f"the link to {href} leads to no article of this source: its text was kept" for href in targets)
        lost = [note for note, target in zip(notes, targets.values(), strict=True) if target is None]
        return replace_runs(body, settled), tuple(lost)


def _relative(hrefs: Iterable[str]) -> Iterator[str]:
    """The paths of links that name no host."""
    for href in hrefs:
        try:
            parts = urlsplit(href)
        except ValueError:
            continue
        if (
            not parts.scheme
            and not parts.netloc
            and parts.path
            and not parts.path.startswith(("/articles/", "/media/"))
        ):
            yield parts.path


def _suffix(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def _is_named(path: str) -> bool:
    """Whether it is the file of an article in Markdown: anything else may be a page that is there."""
    return bool(_suffix(path))


def _spellings(place: str) -> Iterator[str]:
    yield place
    stem = place[: -len(_suffix(place))] if _suffix(place) else place.rstrip("/")
    for suffix in SUFFIXES:
        yield f"{stem}{suffix}"
        yield from (f"{stem}/{name}{suffix}" for name in _INDEXES)


def _without_suffix(path: str) -> str:
    bare = path[: -len(_suffix(path))] if _suffix(path) else path
    parts = f"/{bare}".casefold()
    return next((parts.removesuffix(f"/{name}") for name in _INDEXES if parts.endswith(f"/{name}")), parts)


def _name_of(path: str) -> str:
    return PurePosixPath(_without_suffix(path)).name
