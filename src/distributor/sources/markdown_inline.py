"""Inline Markdown: from a line's tokens to runs, and to the images between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from markdown_it.tree import SyntaxTreeNode

from distributor.domain.blocks import Image, Mark, Run, Runs
from distributor.sources.web_addresses import link_bare

_MARKS = {"strong": Mark.STRONG, "em": Mark.EMPHASIS, "s": Mark.STRIKE}
_WHITE_SPACE = " \t\n"

Part: TypeAlias = Runs | Image


@dataclass(frozen=True, slots=True)
class _Style:
    """What applies to all text inside: the marks, and the target of the link around it."""

    marks: frozenset[Mark] = frozenset()
    href: str | None = None


def read_parts(node: SyntaxTreeNode) -> list[Part]:
    """The runs of an inline node, cut wherever an image stands. No part is empty."""
    parts: list[Part] = []
    runs: list[Run] = []
    for atom in _atoms(node, _Style()):
        if isinstance(atom, Run):
            runs.append(atom)
            continue
        parts.extend(_tidy(runs))
        parts.append(atom)
        runs = []
    parts.extend(_tidy(runs))
    return parts


def read_runs(node: SyntaxTreeNode) -> Runs:
    """All of an inline node as runs, where no image can stand: it becomes a link with its alternative text."""
    return next(iter(_tidy([_without_image(atom) for atom in _atoms(node, _Style())])), ())


def _atoms(node: SyntaxTreeNode, style: _Style) -> Iterator[Run | Image]:
    for child in node.children:
        match child.type:
            case "strong" | "em" | "s":
                yield from _atoms(child, replace(style, marks=style.marks | {_MARKS[child.type]}))
            case "link":
                yield from _link(child, style)
            case "image":
                yield _image(child, style)
            case "code_inline":
                yield Run(child.content, style.marks | {Mark.CODE}, style.href)
            case "softbreak":
                yield Run(" ", style.marks, style.href)
            case "hardbreak":
                yield Run("\n", style.marks, style.href)
            case _:
                # Text, and whatever a later parser may bring: shown as it was written.
                yield Run(child.content, style.marks, style.href)


def _link(node: SyntaxTreeNode, style: _Style) -> Iterator[Run | Image]:
    """The content of a link; one without any shows its address, which would be lost otherwise."""
    href = str(node.attrs["href"])
    inside = list(_atoms(node, replace(style, href=href or None)))
    yield from inside or [Run(href, style.marks, href)]


def _image(node: SyntaxTreeNode, style: _Style) -> Image:
    """The image with its title as caption. A link around it goes to the caption, where the reader can follow it."""
    src = str(node.attrs["src"])
    alt = " ".join("".join(_without_image(atom).text for atom in _atoms(node, _Style())).split())
    caption = str(node.attrs.get("title", ""))
    if style.href:
        caption = caption or alt or style.href
    return Image(src, alt, (Run(caption, href=style.href),) if caption else ())


def _without_image(atom: Run | Image) -> Run:
    return atom if isinstance(atom, Run) else Run(atom.alt or atom.src, href=atom.src)


def _tidy(atoms: Sequence[Run]) -> Iterator[Runs]:
    """The runs with neighbours of one style joined, bare addresses linked and no white space around: one or none."""
    runs = [
        Run("".join(run.text for run in group), marks, href)
        for (marks, href), group in groupby((run for run in atoms if run.text), key=lambda run: (run.marks, run.href))
    ]
    shown = [at for at, run in enumerate(runs) if run.text.strip(_WHITE_SPACE) or Mark.CODE in run.marks]
    if shown:
        runs = runs[shown[0] : shown[-1] + 1]
        runs[0] = _change_prose(runs[0], runs[0].text.lstrip(_WHITE_SPACE))
        runs[-1] = _change_prose(runs[-1], runs[-1].text.rstrip(_WHITE_SPACE))
        yield link_bare(runs)


def _change_prose(run: Run, text: str) -> Run:
    return run if Mark.CODE in run.marks else replace(run, text=text)
