"""What stands above the text: the title, who wrote it and when, its tags; and a dateline before the first sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

import regex

from distributor.domain.errors import ScheduleError
from distributor.domain.tags import Tag
from distributor.sources.bylines import (
    by_words_of_headings,
    date_of_dateline,
    is_byline,
    is_credit,
    is_date,
    is_role,
    read_byline,
    reads_like_names,
    without_mail_addresses,
)
from distributor.sources.dates import read_date
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.labels import read_label
from distributor.sources.plain.lines import MAX_WRAP_COLUMN, Line, LineBreakStyle, LineGroup
from distributor.sources.plain.notices import ReleaseNotices
from distributor.sources.plain.shapes import has_heading_shape
from distributor.sources.reading_options import ReadingOptions
from distributor.sources.tags import read_hashtags, read_labelled_tags, starts_with_tag_label

_LONGEST_LINE = 400
_MAX_TITLE_LINES = 3
_MOST_LINES = 12


@dataclass(slots=True)
class FoundMetadata:
    """What a text itself says about its article, collected line by line: what is said first holds."""

    options: ReadingOptions
    by_words_of_headings: frozenset[str] = frozenset()
    title: str | None = None
    author: str | None = None
    summary: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    publish: bool | None = None
    tags: list[Tag] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    # The first line of the body belongs to a byline, as a name or "Staff writer" below it.
    goes_on_below: bool = False

    def completed(self, front: FrontMatter) -> FrontMatter:
        """Front matter, with what it leaves open taken from the text."""
        return replace(
            front,
            author=front.author or self.author,
            summary=front.summary or self.summary,
            published_at=front.published_at or self.published_at,
            updated_at=front.updated_at or self.updated_at,
            publish=self.publish if front.publish is None else front.publish,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the author should know: what is kept nowhere, and that an embargo could not be read."""
        left_out = f"left out: {'; '.join(self.left_out)}" if self.left_out else ""
        embargo = "there is an embargo whose end could not be read: publish the article yourself when it is over"
        return tuple(filter(None, (left_out, embargo if self.publish is False else "")))

    def take(self, text: str, *, is_below_title: bool = False, is_dated: bool = False) -> bool:
        """Take what a line says, if it is metadata and nothing else; returns whether it is.

        `is_dated`: there is a date beside it.
        """
        if len(text) > _LONGEST_LINE:
            return False
        if self._take_tags(text) or self._take_labelled(text):
            return True
        return self._take_byline(text, is_below_title=is_below_title, is_dated=is_dated)

    def take_dateline(self, text: str) -> None:
        """The date before the first sentence, which stays where it is."""
        if (written := date_of_dateline(text)) and self.published_at is None:
            self.published_at = self._time(written)

    def take_notices(self, notices: ReleaseNotices) -> None:
        """The end of an embargo is the date of the article; if it cannot be read, a person has to publish it."""
        self.left_out += notices.left_out
        for written in notices.embargoes:
            until = self._time(written) if written else None
            if until is None:
                self.publish = False
            elif self.published_at is None or until > self.published_at:
                self.published_at = until

    def _take_tags(self, text: str) -> bool:
        found = read_labelled_tags(text) if starts_with_tag_label(text) else read_hashtags(text)
        self.tags += found
        return bool(found)

    def _take_labelled(self, text: str) -> bool:
        key, value = read_label(text) or ("", "")
        match key:
            case "title" if self.title is None:
                self.title = value
            case "summary":
                self.summary = self.summary or value
            case "author" if reads_like_names(value):
                self._add_author(value)
            case "date" | "updated":
                return self._take_time(value, is_update=key == "updated")
            case _:
                return False
        return True

    def _take_byline(self, text: str, *, is_below_title: bool, is_dated: bool) -> bool:
        found = read_byline(text, is_dated=is_dated)
        if found is None or found.by in self.by_words_of_headings:
            return False
        if found.date and not self._take_time(found.date, is_update=False):
            return False
        if found.updated and not self._take_time(found.updated, is_update=True):
            return False
        if found.author:
            self._add_author(found.author)
        if found.by and not is_below_title:
            self.left_out.append(text)
        self.left_out += [text for text in (found.place, found.reading_time) if text]
        return True

    def _add_author(self, names: str) -> None:
        name = without_mail_addresses(names) or names
        self.author = f"{self.author}, {name}" if self.author and name not in self.author else name

    def _take_time(self, written: str, *, is_update: bool) -> bool:
        """Whether a date could be read."""
        time = self._time(written)
        if is_update:
            self.updated_at = self.updated_at or time
        else:
            self.published_at = self.published_at or time
        return time is not None

    def _time(self, written: str) -> datetime | None:
        try:
            return read_date(_WITHOUT.sub("", written), zone=self.options.zone, language=self.options.language)
        except ScheduleError:
            return None


_WITHOUT = regex.compile(r"^(?i:the|den|le|el|il|op|am|on|vom|del)\s+|[.,]$|\s+г\.?$")


def take_head(
    line_groups: Sequence[LineGroup], style: LineBreakStyle, known_title: str | None, found: FoundMetadata
) -> tuple[str | None, list[LineGroup]]:
    """The title, and the groups below the head. A first line that differs from the known title stays in the body."""
    found.by_words_of_headings = by_words_of_headings(line.text for group in line_groups for line in group)
    head = _Head(style, known_title, found)
    for at, group in enumerate(line_groups):
        rest = head.rest_of(group, line_groups[at + 1 : at + 3])
        if rest:
            found.goes_on_below = head.goes_on_in(rest, is_same_group=rest != group)
            return head.title, [rest, *line_groups[at + 1 :]]
    return head.title, []


class _Head:
    """Reads the lines of the head one by one."""

    def __init__(self, style: LineBreakStyle, known_title: str | None, found: FoundMetadata) -> None:
        self._style = style
        self._known_title = known_title
        self._found = found
        self._title: str | None = None
        self._lines_left = _MOST_LINES
        self._last_taken = self._last_line = ""

    @property
    def title(self) -> str | None:
        return self._known_title or self._title or self._found.title

    def rest_of(self, group: LineGroup, below: Sequence[LineGroup]) -> LineGroup:
        """The lines of a group that are below the head: none if all of them are in it."""
        lines = group
        while lines:
            if lines[0].is_rule:
                lines = lines[1:]
            elif self._takes(lines, below):
                self._last_taken = self._last_line = lines[0].text
                lines = lines[1:]
                self._lines_left -= 1
            elif length := self._count_title_lines(lines):
                self._title = self._last_line = " ".join(line.text for line in lines[:length])
                lines = lines[length:]
            else:
                break
        return lines

    def goes_on_in(self, lines: LineGroup, *, is_same_group: bool) -> bool:
        """Whether a single line directly below a byline belongs to it, and is no heading."""
        if len(lines) > 1 or not is_byline(self._last_taken):
            return False
        return (is_same_group and self._last_line == self._last_taken) or is_role(lines[0].text)

    def _takes(self, lines: LineGroup, below: Sequence[LineGroup]) -> bool:
        line = lines[0]
        if (
            not self._lines_left
            or (line.is_marked and not is_byline(line.text))
            or (len(lines) > 1 and self._style.continues(line, lines[1]))
        ):
            return False
        is_title = line.level is not None and self._title is None
        if is_title or (self.title is None and not self._has_title_below(line, lines[1:], below)):
            return False
        if self.title is not None and _is_of_other_matter(lines):
            return False
        beside = [self._last_taken, *(one.text for one in _next_line(lines[1:], below))]
        return self._found.take(line.text, is_below_title=self.title is not None, is_dated=any(map(is_date, beside)))

    def _has_title_below(self, line: Line, lines: LineGroup, below: Sequence[LineGroup]) -> bool:
        """Whether a first line leaves the title to another one: "By Any Means" is one, if there is only text below."""
        if (read_label(line.text) or ("",))[0] == "title":
            return True
        if (byline := read_byline(line.text)) and byline.place:
            # "Minutes, 4 May 2026" looks like a place as well.
            return not lines and len(below) > 1 and len(below[0]) == 1 and has_heading_shape(below[0][0].text)
        following = _next_line(lines, below)
        return any(has_heading_shape(one.text) or read_label(one.text[:_LONGEST_LINE]) for one in following)

    def _count_title_lines(self, lines: LineGroup) -> int:
        """The lines of the title: one, unless an editor wrapped it; none if there is a title, or another is known."""
        if self._title is not None or self._found.title is not None:
            return 0
        count = 1
        while count < min(len(lines), _MAX_TITLE_LINES) and self._style.continues(lines[count - 1], lines[count]):
            count += 1
        title = " ".join(line.text for line in lines[:count])
        if self._known_title is not None and title.casefold() != self._known_title.casefold():
            return 0
        return count


def _next_line(lines: LineGroup, below: Sequence[LineGroup]) -> Sequence[Line]:
    return [*lines, *(group[0] for group in below)][:1]


def _is_of_other_matter(lines: LineGroup) -> bool:
    """Whether a date is that of an event: what stands below it in its group is no metadata, as in "Place: Hall"."""
    if (read_label(lines[0].text[:_LONGEST_LINE]) or ("",))[0] != "date":
        return False
    # A long line is a paragraph.
    beside = takewhile(lambda line: not line.is_rule and line.length <= MAX_WRAP_COLUMN, lines[1:])
    return not all(map(_is_metadata, beside))


def _is_metadata(line: Line) -> bool:
    return bool(read_label(line.text) or is_byline(line.text) or is_credit(line.text) or read_hashtags(line.text))
