"""Finds tags at the end of a text, and merges labels that are the same tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import regex

from distributor.domain.tags import Tag

_TAG_LABEL = regex.compile(
    r"(?:tags?|keywords?|key words|schlagw[oö]rter|stichw[oö]rter|mots[- ]cl[eé]s|palabras clave|etiquetas)\s*:\s*",
    regex.IGNORECASE,
)
_SEPARATORS = regex.compile(r"\s*[,;，；、،]\s*")
_HASHTAGS = regex.compile(r"#[^\s#,;]++(?:[\s,;]++#[^\s#,;]++)++[\s,;]*")
_HASHTAG = regex.compile(r"#[^\s#,;]*[^\s#,;.]")
_MAX_LABEL_LENGTH = 40
_MAX_LABEL_WORDS = 5
_MIN_UNLABELLED = 6

# How sentences start and how their last part is joined; a list of tags does neither.
_SENTENCE_START = regex.compile(
    r"(?:We|I|You|They|He|She|It|This|These|Those|There|Here|Our|My|Your|Their|If|When|While|Because|Although|In|On|At"
    r"|With|From|After|Before|As|Some|Many|Most|All|Wir|Ich|Sie|Er|Es|Nous|Vous|Ils|Elles|Il|Elle)\s"
)
_CONJUNCTION = regex.compile(r"(?:and|or|but|und|oder|et|ou|y|o|e)\s.*")
_SENTENCE_END = regex.compile(r"[.!?…:]\s|[!?…:]$")


@dataclass(frozen=True, slots=True)
class MergedTags:
    """Tags without duplicates, and warnings for the author about those that were changed."""

    tags: tuple[Tag, ...]
    warnings: tuple[str, ...] = ()


def read_tag_line(text: str) -> tuple[Tag, ...]:
    """The tags that a last paragraph lists, or none if it does not list tags.

    Any number after "Tags:" or "Keywords:", at least two hashtags, or else at least six short labels that do not read
    like a sentence.
    """
    line = " ".join(text.split())
    label = _TAG_LABEL.match(line)
    if label:
        line = line[label.end() :]
    if _HASHTAGS.fullmatch(line):
        return tuple(Tag(label) for label in _HASHTAG.findall(line))
    labels = [label for label in _SEPARATORS.split(line.removesuffix(".")) if label]
    if not labels or not all(_is_short(label) for label in labels):
        return ()
    if label or (len(labels) >= _MIN_UNLABELLED and not _reads_like_a_sentence(line, labels)):
        return tuple(Tag(label) for label in labels)
    return ()


def starts_with_tag_label(text: str) -> bool:
    """Whether a line starts with "Tags:" or an equivalent."""
    return _TAG_LABEL.match(text.lstrip()) is not None


def merge_tags(tags: Iterable[Tag]) -> MergedTags:
    """Each tag once: a label that differs only in case is dropped, another one with the same slug becomes a synonym."""
    first: dict[str, Tag] = {}
    warnings: list[str] = []
    for written in tags:
        tag = replace(written, label=written.label.lstrip("#").strip())
        if not tag.slug:
            warnings.append(f"the tag {written.label!r} contains no letter or digit and was left out")
        elif tag.slug not in first:
            first[tag.slug] = tag
        else:
            first[tag.slug] = _merge(first[tag.slug], tag, warnings)
    return MergedTags(tuple(first.values()), tuple(warnings))


def _merge(kept: Tag, other: Tag, warnings: list[str]) -> Tag:
    if other.label.casefold() != kept.label.casefold():
        warnings.append(f"the tags {kept.label!r} and {other.label!r} are the same; the second is now a synonym")
    names = dict.fromkeys([*kept.synonyms, other.label, *other.synonyms])
    return replace(kept, synonyms=tuple(name for name in names if name.casefold() != kept.label.casefold()))


def _is_short(label: str) -> bool:
    return len(label) <= _MAX_LABEL_LENGTH and len(label.split()) <= _MAX_LABEL_WORDS


def _reads_like_a_sentence(line: str, labels: list[str]) -> bool:
    if _SENTENCE_END.search(line) or _SENTENCE_START.match(line) or _CONJUNCTION.fullmatch(labels[-1]):
        return True
    return line.endswith(".") and line[0].isupper() and any(label[0].islower() for label in labels)
