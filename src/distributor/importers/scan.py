"""Reads a file once before it is imported: what its columns and words mean, and which that may say no are not known.

A column may say no by its name, such as `Werbung ok`, or by its cells, such as `ja` and `nein`. If it is not known, the
file is refused until the user says what the column holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import IGNORE, SUBSCRIBED, ColumnSource, ColumnUse, FileScan, WordUse
from distributor.importers.columns import ColumnMapping
from distributor.importers.consent import CONSENT_TARGETS, STATUS, ConsentColumn, cell_text, is_consent_target
from distributor.importers.headers import KEYS_OF_OTHER_MATTERS, asks_something_else, header_key, is_consent_like
from distributor.importers.statuses import STATUS_WORDS, normalize_word
from distributor.importers.values import is_empty_word, is_time_like, parse_boolean, storable_text

# An unknown column with more different words is not one of states.
_MAX_STATES = 24
# Different words of one consent column that are counted, and that are reported.
_MAX_COUNTED = 2000
_MAX_REPORTED = 50
_LONGEST_STATE = 60
_LONGEST_SHOWN = 200
_MAX_ANSWERS = 2
_MAX_ASKED = 8
_UNKNOWN = frozenset({ColumnSource.PASSED_OVER, ColumnSource.REST})
_OFFERED = frozenset({STATUS, "subscribed", "unsubscribed"})
_FILE_NAME = "(name of the file)"
_TIMES = "(times)"
_OTHERS = "(other words)"

# Parts of states of a subscription that are words of nothing else.
_OF_MAIL_ONLY = re.compile("subscri|bounce|complain|blacklist|blocklist|abgemeldet|desabonn|desinscri|disiscri|отпис")


class FileScanner:
    """Counts the words in the consent columns of a file, and looks at the cells of the columns that are not known.

    `unused` are the headers of columns that say nothing because no row of the file has anything there.
    """

    def __init__(self, columns: ColumnMapping) -> None:
        self._columns = columns
        consent = dict(columns.consent_columns)
        self._cells = [self._cells_of(use, consent.get(place)) for place, use in enumerate(columns.uses)]
        self._watched = [(place, cells) for place, cells in enumerate(self._cells) if cells.is_watched]
        self._by_name: dict[str, _Cells] = {}
        self._rows = 0
        self.unused: list[str] = []

    def add_cells(self, cells: Sequence[str]) -> None:
        """Look at a row of cells."""
        self._rows += 1
        values = self._columns.unescape(cells)
        is_watched = True
        for place, watched in self._watched:
            watched.add(values[place])
            is_watched &= watched.is_watched
        if not is_watched:
            self._watched = [(place, watched) for place, watched in self._watched if watched.is_watched]

    def add_object(self, values: Mapping[str, Json]) -> None:
        """Look at a JSON object."""
        self._rows += 1
        for name, value in values.items():
            if name not in self._by_name:
                use, setter = self._columns.use_of_name(name)
                self._by_name[name] = self._cells_of(use, setter if isinstance(setter, ConsentColumn) else None)
            watched = self._by_name[name]
            watched.objects += 1
            if watched.is_watched:
                watched.add(cell_text(value))
            if isinstance(value, dict | list) and watched.use.source in _UNKNOWN:
                watched.has_consent_inside |= any(map(self._says_consent, _names_in(value)))

    def _says_consent(self, name: str) -> bool:
        return is_consent_like(name) or is_consent_target(self._columns.importer.target(name))

    def _cells_of(self, use: ColumnUse, column: ConsentColumn | None) -> _Cells:
        key = header_key(use.header)
        return _Cells(
            use,
            column,
            is_ambiguous=use.source is ColumnSource.KNOWN and key in self._columns.importer.ambiguous,
            is_watched=column is not None
            or use.target == "email"
            or (use.source in _UNKNOWN and key not in KEYS_OF_OTHER_MATTERS),
        )

    def _word_of_file_name(self) -> WordUse:
        name, meaning = _shown(self._columns.file_name), self._columns.file_status.outcome.value
        return WordUse(header=_FILE_NAME, word=name, rows=self._rows, meaning=meaning)

    def finish(self) -> FileScan:
        """How the file is understood. Raises InputError for columns that may say no and are not known."""
        for cells in self._by_name.values():
            if cells.column is not None:
                cells.add("", rows=self._rows - cells.objects)
        found = [*self._cells, *self._by_name.values()]
        if unclear := [cells for cells in found if cells.is_unclear]:
            raise InputError(_question(unclear))
        optional = self._columns.importer.optional
        for cells in self._cells:
            if cells.use.target in optional and all(map(is_empty_word, cells.counts)):
                self.unused.append(cells.use.header)
                cells.use = replace(cells.use, target=IGNORE, source=ColumnSource.PASSED_OVER)
                cells.column = None
        words = [] if self._columns.file_status is SUBSCRIBED else [self._word_of_file_name()]
        words += [word for cells in found if cells.column is not None for word in cells.words(cells.column)]
        uses = (
            replace(use, header=_shown(use.header), target=_shown(use.target)) for use in (one.use for one in found)
        )
        return FileScan(columns=tuple(uses), words=tuple(words))


class _Cells:
    """The different cells of one column, and how many rows have each; of a column without a question, none.

    `column` is set for consent columns, which are `is_ambiguous` if their header has another meaning as well; `objects`
    counts the JSON objects that have this name, and `has_consent_inside` says that one of its values is an object with
    a name that may say who wants mail.
    """

    __slots__ = ("column", "counts", "has_consent_inside", "is_ambiguous", "is_watched", "objects", "times", "use")

    def __init__(self, use: ColumnUse, column: ConsentColumn | None, *, is_ambiguous: bool, is_watched: bool) -> None:
        self.use = use
        self.is_ambiguous = is_ambiguous
        self.column = column
        self.is_watched = is_watched
        self.counts: dict[str, int] = {}
        self.times = 0
        self.has_consent_inside = False
        self.objects = 0

    def add(self, cell: str, rows: int = 1) -> None:
        if cell in self.counts:
            self.counts[cell] += rows
        elif self.column is None:
            self.counts[cell] = rows
            # Neither yes and no, nor one of a few states.
            self.is_watched = len(self.counts) <= _MAX_STATES and len(cell) <= _LONGEST_STATE
        elif rows and self.column.target != STATUS and is_time_like(cell):
            self.times += rows
        elif rows:
            word = cell if len(self.counts) < _MAX_COUNTED else _OTHERS
            self.counts[word] = self.counts.get(word, 0) + rows

    @property
    def is_unclear(self) -> bool:
        """Whether the user must say what the column holds."""
        if self.column is not None:
            return self.is_ambiguous and not self._is_understood(self.column)
        may_say_no = self.is_watched and (self._says_yes_or_no or self._says_states)
        if self.use.target == "email":
            # `Mail?`, beside the column of the addresses.
            return may_say_no
        return self.use.source in _UNKNOWN and (
            is_consent_like(self.use.header) or self.has_consent_inside or may_say_no
        )

    def _is_understood(self, column: ConsentColumn) -> bool:
        """Whether one cell at least is, if there are any."""
        words = [word for word in self.counts if not is_empty_word(word)]
        return not words or self.times > 0 or any(_meaning_of(column, word) for word in words)

    @property
    def _says_yes_or_no(self) -> bool:
        answers = [None if is_empty_word(word) else parse_boolean(word) for word in self.counts]
        if asks_something_else(self.use.header):
            return False
        given = [answer for word, answer in zip(self.counts, answers, strict=True) if not is_empty_word(word)]
        if not given or None in given or len(given) > _MAX_ANSWERS:
            return False
        # That all say yes, or 1, may be about anything; but `true` or `ja` answers a question.
        is_answer = len(given) == 1 and all(is_empty_word(word) or len(word.strip()) > 1 for word in self.counts)
        return is_answer or False in given or None in answers

    @property
    def _says_states(self) -> bool:
        words = {normalize_word(word) for word in self.counts} - {""}
        states = words & STATUS_WORDS.keys()
        says_no = {word for word in states if STATUS_WORDS[word] != SUBSCRIBED}
        return bool(says_no) and (len(states) * 2 >= len(words) or any(map(_OF_MAIL_ONLY.search, says_no)))

    def words(self, column: ConsentColumn) -> Iterable[WordUse]:
        """The words in a consent column, the most frequent first."""
        found: dict[tuple[str, str], int] = {}
        if self.times:
            found[_TIMES, column.outcome_of_yes] = self.times
        for word, rows in sorted(self.counts.items(), key=lambda item: -item[1]):
            is_shown = len(found) < _MAX_REPORTED and column.names(word)
            shown = _shown(word.strip()) if is_shown else _OTHERS
            key = (shown, _meaning_of(column, word) if word != _OTHERS else "")
            found[key] = found.get(key, 0) + rows
        for (word, meaning), rows in found.items():
            yield WordUse(header=_shown(self.use.header), word=word, rows=rows, meaning=meaning)


def _names_in(value: Json) -> Iterator[str]:
    """The names in the objects in a value, however deep."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield from one
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)


def _shown(text: str) -> str:
    return storable_text(text[:_LONGEST_SHOWN])


def _meaning_of(column: ConsentColumn, word: str) -> str:
    """An ImportOutcome, `ignore`, or empty for a word that refuses its row."""
    try:
        status = column.read(word)
    except InputError:
        return ""
    return IGNORE if status is None else status.outcome.value


def _question(unclear: Sequence[_Cells]) -> str:
    shown = "; ".join(f"{cells.use.header[:60]!r} with {_sample(cells)}" for cells in unclear[:_MAX_ASKED])
    more = f" and {len(unclear) - _MAX_ASKED} more" if len(unclear) > _MAX_ASKED else ""
    header = unclear[0].use.header
    others = ", ".join(target for target in CONSENT_TARGETS if target not in _OFFERED)
    return (
        f"the meaning of these columns is not known, and they may say who wants no mail: {shown}{more}. Nothing is "
        f'imported. Map each of them (--map, in the API map): "{header}=subscribed" if yes means that they want mail, '
        f'"{header}=unsubscribed" if yes means that they do not, "{header}={STATUS}" for words such as unsubscribed, '
        f'"{header}={IGNORE}" or "{header}=attributes.NAME" if it says nothing about mail; also {others}'
    )


def _sample(cells: _Cells) -> str:
    words = [f"{word[:20]!r}" for word in cells.counts if word.strip()][:3]
    return f"the cells {', '.join(words)}" if words else "empty cells"
