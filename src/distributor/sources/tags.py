"""Finds tags in a line of text, and merges labels that are the same tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import regex

from distributor.domain.tags import Tag
from distributor.sources.labels import key_of

# A label ends in a colon, or a dash or bar between blanks; it may stand in brackets with its tags.
_LABELLED = regex.compile(
    r"[\[(]?(?P<label>#?[^\W\d_][\p{L}\p{M} \u200c-]{1,30}?)(?:\s*[:：]|\s+[–—|-](?=\s))\s*(?P<rest>.*)", regex.DOTALL
)
_SEPARATORS = regex.compile(r"\s*(?:[,;|·•，；、،؛]|\s/\s|\t|\n)\s*")
# Only those between which there is no doubt: blanks and lines end a sentence too.
_SEPARATORS_WITHOUT_LABEL = regex.compile(r"\s*[,;|·•，；、،؛]\s*")
_HASHTAGS = regex.compile(r"[#＃][^\s#＃,;|]++(?:[\s,;|]++[#＃][^\s#＃,;|]++)++[\s,;|.]*")
_HASHTAG = regex.compile(r"[#＃][^\s#＃,;|]*[^\s#＃,;|.]")
_QUOTATION_MARKS = "\"“”„«»‚‘’'"
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

    Any number after "Tags:" or its equivalent in another language, at least two hashtags, or else at least six short
    labels that do not read like a sentence.
    """
    if starts_with_tag_label(text):
        return read_labelled_tags(text)
    line = " ".join(text.split())
    labels = [label for label in _SEPARATORS_WITHOUT_LABEL.split(line.removesuffix(".")) if label]
    if len(labels) < _MIN_UNLABELLED or not all(map(_is_short, labels)) or _reads_like_a_sentence(line, labels):
        return read_hashtags(line)
    return read_hashtags(line) or tuple(map(Tag, labels))


def read_hashtags(text: str) -> tuple[Tag, ...]:
    """The tags of a text that consists of at least two hashtags, else none."""
    return tuple(map(Tag, _HASHTAG.findall(text))) if _HASHTAGS.fullmatch(text.strip()) else ()


def read_labelled_tags(text: str) -> tuple[Tag, ...]:
    """The tags after "Tags:" or its equivalent, however they are separated: by commas, bars or lines."""
    found = _LABELLED.match(text.strip())
    if found is None:
        return ()
    rest = found["rest"].strip()
    if text.lstrip()[:1] in "[(":
        rest = rest.rstrip("])")
    return read_hashtags(rest) or read_labels(_SEPARATORS.split(rest.removesuffix(".")))


def read_labels(labels: Iterable[str]) -> tuple[Tag, ...]:
    """These labels as tags; none if one of them is too long for a tag."""
    found = [label for label in (one.strip().strip(_QUOTATION_MARKS).strip() for one in labels) if label]
    return tuple(map(Tag, found)) if all(map(_is_short, found)) else ()


def starts_with_tag_label(text: str, *, without_doubt: bool = False) -> bool:
    """Whether a line starts with "Tags:" or an equivalent; "Topics:" is one that leaves a doubt."""
    found = _LABELLED.match(text.lstrip())
    key = key_of(found["label"].lstrip("#")) if found else None
    return key == "tags" or (key == "topics" and not without_doubt)


def is_tag_label(text: str) -> bool:
    """Whether a line is nothing but "Tags" or an equivalent."""
    return key_of(text.strip(" :：")) == "tags"


def merge_tags(tags: Iterable[Tag]) -> MergedTags:
    """Each tag once: a label that differs only in case is dropped, another one with the same key becomes a synonym."""
    first: dict[str, Tag] = {}
    warnings: list[str] = []
    for written in tags:
        tag = replace(written, label=written.label.lstrip("#＃").strip())
        if not tag.key:
            warnings.append(f"the tag {written.label!r} has nothing that can be seen and was left out")
        elif tag.key not in first:
            first[tag.key] = tag
        else:
            first[tag.key] = _merge(first[tag.key], tag, warnings)
    return MergedTags(tuple(first.values()), tuple(warnings))


def _merge(kept: Tag, other: Tag, warnings: list[str]) -> Tag:
    if other.label.casefold() != kept.label.casefold():
        warnings.append(f"the tags {kept.label!r} and {other.label!r} are the same; the second is now a synonym")
    names = dict.fromkeys([*kept.synonyms, other.label, *other.synonyms])
    return replace(kept, synonyms=tuple(name for name in names if name.casefold() != kept.label.casefold()))


def _is_short(label: str) -> bool:
    words = len(label.split())
    is_sentence = words > 2 and label.endswith((".", "!", "?"))
    return len(label) <= _MAX_LABEL_LENGTH and words <= _MAX_LABEL_WORDS and not is_sentence


def _reads_like_a_sentence(line: str, labels: list[str]) -> bool:
    if _SENTENCE_END.search(line) or _SENTENCE_START.match(line) or _CONJUNCTION.fullmatch(labels[-1]):
        return True
    return line.endswith(".") and line[0].isupper() and any(label[0].islower() for label in labels)
