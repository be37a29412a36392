"""Tags at the end of a text, and what becomes of labels that mean the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import regex

from distributor.domain.tags import Tag

_ANNOUNCED = regex.compile(
    r"(?:tags?|keywords?|key words|schlagw[oö]rter|stichw[oö]rter|mots[- ]cl[eé]s|palabras clave|etiquetas)\s*:\s*",
    regex.IGNORECASE,
)
_SEPARATORS = regex.compile(r"\s*[,;，；、،]\s*")
_HASHTAGS = regex.compile(r"#[^\s#,;]++(?:[\s,;]++#[^\s#,;]++)+[\s,;]*")
_HASHTAG = regex.compile(r"#[^\s#,;]*[^\s#,;.]")
_LONGEST_LABEL = 40
_MOST_WORDS = 5
_LEAST_UNANNOUNCED = 6

# How sentences begin and how their last part is joined on; a list of tags does neither.
_SENTENCE_BEGINS = regex.compile(
    r"(?:We|I|You|They|He|She|It|This|These|Those|There|Here|Our|My|Your|Their|If|When|While|Because|Although|In|On|At"
    r"|With|From|After|Before|As|Some|Many|Most|All|Wir|Ich|Sie|Er|Es|Nous|Vous|Ils|Elles|Il|Elle)\s"
)
_JOINED_ON = regex.compile(r"(?:and|or|but|und|oder|et|ou|y|o|e)\s.*")
_SENTENCE_ENDS = regex.compile(r"[.!?…:]\s|[!?…:]$")


@dataclass(frozen=True, slots=True)
class Labels:
    """Tags without repetition, and what the author should know about those that are not as written."""

    tags: tuple[Tag, ...]
    warnings: tuple[str, ...] = ()


def read_tag_line(text: str) -> tuple[Tag, ...]:
    """The tags that a closing paragraph lists, or none if it does not list tags.

    After "Tags:" or "Keywords:" any number, as hashtags at least two; without either at least six short labels, in
    nothing that reads like a sentence.
    """
    line = " ".join(text.split())
    announced = _ANNOUNCED.match(line)
    if announced:
        line = line[announced.end() :]
    if _HASHTAGS.fullmatch(line):
        return tuple(Tag(label) for label in _HASHTAG.findall(line))
    labels = [label for label in _SEPARATORS.split(line.removesuffix(".")) if label]
    if not labels or not all(_is_short(label) for label in labels):
        return ()
    if announced or (len(labels) >= _LEAST_UNANNOUNCED and not _reads_like_a_sentence(line, labels)):
        return tuple(Tag(label) for label in labels)
    return ()


def announces_tags(text: str) -> bool:
    """Whether a line begins with "Tags:" or the like."""
    return _ANNOUNCED.match(text.lstrip()) is not None


def unify(tags: Iterable[Tag]) -> Labels:
    """Each tag once, in order: a label that differs only in case is dropped, one that shares a slug is a synonym."""
    first: dict[str, Tag] = {}
    warnings: list[str] = []
    for written in tags:
        tag = replace(written, label=written.label.lstrip("#").strip())
        if not tag.slug:
            warnings.append(f"the tag {written.label!r} holds no letter and no digit and was left out")
        elif tag.slug not in first:
            first[tag.slug] = tag
        else:
            first[tag.slug] = _merge(first[tag.slug], tag, warnings)
    return Labels(tuple(first.values()), tuple(warnings))


def _merge(kept: Tag, other: Tag, warnings: list[str]) -> Tag:
    if other.label.casefold() != kept.label.casefold():
        warnings.append(f"the tags {kept.label!r} and {other.label!r} are the same; the second is now a synonym")
    names = dict.fromkeys([*kept.synonyms, other.label, *other.synonyms])
    return replace(kept, synonyms=tuple(name for name in names if name.casefold() != kept.label.casefold()))


def _is_short(label: str) -> bool:
    return len(label) <= _LONGEST_LABEL and len(label.split()) <= _MOST_WORDS


def _reads_like_a_sentence(line: str, labels: list[str]) -> bool:
    if _SENTENCE_ENDS.search(line) or _SENTENCE_BEGINS.match(line) or _JOINED_ON.fullmatch(labels[-1]):
        return True
    return line.endswith(".") and line[0].isupper() and any(label[0].islower() for label in labels)
