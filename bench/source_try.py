"""Real Markdown as a source: what of it is accepted, noted and refused, and whether a word of it is lost.

Without FOLDER, npm fetches packages that ship documentation in Markdown. Words are compared with the text that GitHub's
renderer, cmark-gfm, makes of the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lxml.html
from cmarkgfm import cmark

from distributor.domain.blocks import List, plain_text, walk
from distributor.domain.errors import SourceError
from distributor.flow.articles.folder_trial import TrialOutcome, try_folder
from distributor.sources.folder import scan_folder
from distributor.sources.formats import parse_manuscript
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.reading_options import DEFAULT_OPTIONS

_PACKAGES = ("aframe@0.8.2", "fastify@5.12.8", "mithril@2.0.4", "pino@10.4.0", "undici@7.30.2")
_WORD = re.compile(r"[^\W_]+")
_NEVER_SHOWN = re.compile(
    r"<(script|style|iframe|template|svg|textarea|title|noscript)\b.*?</\1>|<!--.*?-->", re.DOTALL | re.IGNORECASE
)
_BLOCK = re.compile(r"</?(?:br|dd|div|dt|h\d|hr|img|li|ol|p|pre|summary|table|td|th|tr|ul)\b", re.IGNORECASE)
_EXTENSIONS = ("table", "strikethrough", "autolink", "tasklist")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with Markdown, instead of packages")
    parser.add_argument("--files", type=int, default=4000, help="how many files the timed run has")
    parser.add_argument("--unchanged", type=int, default=10_000, help="how many unchanged files are scanned")
    parser.add_argument("--show", type=int, default=10, help="how many files that lose words are named")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or _public_markdown(Path(temporary) / "public")
        _judge(folder, show=given.show)
        _time(folder, Path(temporary), files=given.files, unchanged=given.unchanged)


def _public_markdown(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("there is no npm to fetch packages with: name a folder with Markdown")
    folder.mkdir()
    for package in _PACKAGES:
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), package]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            print(f"{package} could not be fetched: {done.stderr.strip()[-200:]}")
    for archive in sorted(folder.glob("*.tgz")):
        for path, data in _markdown_in(archive):
            target = folder / archive.stem / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return folder


def _markdown_in(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and _is_markdown(member.name):
                file = packed.extractfile(member)
                yield member.name, file.read() if file else b""


def _is_markdown(name: str) -> bool:
    return name.lower().endswith((".md", ".markdown", ".mdx")) and ".." not in name and not name.startswith("/")


def _judge(folder: Path, *, show: int) -> None:
    """What becomes of each file, and the words that GitHub's renderer shows and the article does not have."""
    began = time.perf_counter()
    tried = list(try_folder(folder, options=DEFAULT_OPTIONS))
    seconds = time.perf_counter() - began
    counts = Counter(one.outcome for one in tried)
    print(f"{len(tried)} files of {folder.name} in {seconds:.1f} s: ", end="")
    print(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in TrialOutcome))
    for one in tried:
        if one.outcome is TrialOutcome.REFUSED:
            print(f"  refused {one.path}: {one.reasons[0]}")
    losing = [(one.path, lost) for one in tried if (lost := _lost(folder / one.path, one.path))]
    judged = len(tried) - counts[TrialOutcome.REFUSED]
    whole = judged - len(losing)
    print(f"{whole} of {len(tried)} came in without losing a word ({whole / max(len(tried), 1):.1%})")
    for path, lost in sorted(losing, key=lambda one: -one[1].total())[:show]:
        print(f"  {path} loses {lost.total()}: {' '.join(list(lost)[:12])}")


def _lost(file: Path, name: str) -> Counter[str]:
    """Words on which the article and GitHub's renderer differ, to the loss of the article."""
    try:
        manuscript = parse_manuscript(file.read_bytes(), name=name)
    except SourceError:
        return Counter()
    text = file.read_text(encoding="utf-8", errors="replace")
    _, below = split_front_matter(text.replace("\r\n", "\n"), path=name, options=DEFAULT_OPTIONS)
    numbers = [
        str(block.start + at)
        for block in walk(manuscript.body)
        if isinstance(block, List) and block.ordered
        for at in range(len(block.items))
    ]
    tags = [label for tag in manuscript.tags for label in (tag.label, *tag.synonyms)]
    said = " ".join([manuscript.title, plain_text(manuscript.body), *numbers, *tags])
    return _words(_text_by_cmark(below)) - _words(said)


def _words(text: str) -> Counter[str]:
    """In lower case: `[!NOTE]` is the title Note here."""
    return Counter(_WORD.findall(text.lower()))


def _text_by_cmark(text: str) -> str:
    options = cmark.Options.CMARK_OPT_UNSAFE | cmark.Options.CMARK_OPT_FOOTNOTES
    html = cmark.markdown_to_html_with_extensions(text, options, extensions=_EXTENSIONS)
    page = lxml.html.fragment_fromstring(_BLOCK.sub(r"\n\g<0>", _NEVER_SHOWN.sub(" ", html)), create_parent="div")
    for reference in page.xpath("//sup[contains(@class, 'footnote')] | //a[contains(@class, 'footnote')]"):
        reference.clear(keep_tail=True)
    return str(page.text_content())


def _time(folder: Path, temporary: Path, *, files: int, unchanged: int) -> None:
    sources = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_markdown(path.name)]
    if not sources:
        return
    for label, count in (("tried", files), ("scanned unchanged", unchanged)):
        copies = temporary / label
        copies.mkdir()
        for at in range(count):
            source = sources[at % len(sources)]
            shutil.copyfile(source, copies / f"{at:05}-{source.stem[:60]}{source.suffix}")
        size = sum(path.stat().st_size for path in copies.iterdir())
        if label == "tried":
            began = time.perf_counter()
            list(try_folder(copies, options=DEFAULT_OPTIONS))
        else:
            known = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in copies.iterdir()}
            began = time.perf_counter()
            list(scan_folder(copies, known))
        seconds = time.perf_counter() - began
        print(f"{count} files ({size / 1e6:.0f} MB) {label} in {seconds:.1f} s on {os.cpu_count()} cores")
        shutil.rmtree(copies)


if __name__ == "__main__":
    main()
