"""Reads the cells that say whether a person may get mail; a row may have several, and the strictest wins.

A cell is never guessed: a word that is not understood refuses its row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus, ImportOutcome
from distributor.importers.statuses import (
    BLOCKLISTED,
    BOUNCED,
    COMPLAINED,
    DISABLED,
    PENDING,
    STATUSES,
    UNSUBSCRIBED,
    normalize_word,
    words_of,
)
from distributor.importers.values import is_empty_word, is_time_like, parse_boolean, parse_count, parse_time

# A column of words such as `unsubscribed`, by the tables of `statuses` and of the importer.
STATUS = "status"
# The other targets of consent columns hold yes or no, or a time, which is a yes: what a yes means, and what a no or an
# empty cell means. A no to a question such as "bounced?" is no objection.
_MEANINGS: Mapping[str, tuple[ImportedStatus, ImportedStatus]] = {
    "subscribed": (SUBSCRIBED, UNSUBSCRIBED),
    "confirmed": (SUBSCRIBED, PENDING),
    "unsubscribed": (UNSUBSCRIBED, SUBSCRIBED),
    "bounced": (BOUNCED, SUBSCRIBED),
    "complained": (COMPLAINED, SUBSCRIBED),
    "blocklisted": (BLOCKLISTED, SUBSCRIBED),
    "disabled": (DISABLED, SUBSCRIBED),
}
# Targets with columns that hold the time of the opt-in, which is kept as evidence.
_OPT_IN = frozenset({"subscribed", "confirmed"})
# Targets whose cells may count: 3 complaints are a yes.
_COUNTED = frozenset({"bounced", "complained"})
CONSENT_TARGETS = (STATUS, *_MEANINGS)
# Those whose yes says no.
NEGATIVE_TARGETS = frozenset(target for target, (yes, _) in _MEANINGS.items() if yes is not SUBSCRIBED)
# In the words of one column, what every other word means.
ANY = "*"

# Words in the name of a file; others, such as `active`, may mean anything there.
# fmt: off
_FILE_NAME_WORDS = words_of(
    (UNSUBSCRIBED, (
        "unsubscribed", "unsubscribe", "unsubscribes", "unsubscribers", "unsub", "unsubs", "nonsubscribed",
        "non subscribed", "not subscribed", "opted out", "opt out", "opt outs", "optout", "optouts", "deleted",
        "inactive", "cancelled", "canceled", "bajas",
    )),
    (BOUNCED, ("cleaned", "bounced", "bounces", "undeliverable", "invalid", "ungültig")),
    (COMPLAINED, ("complained", "complaints", "complaint", "spam", "junk")),
    (BLOCKLISTED, ("suppressed", "suppression", "suppressions", "blocked", "blocklist", "blocklisted", "blacklist",
                   "blacklisted", "sperrliste", "do not mail", "do not email", "do not contact")),
    (PENDING, ("unconfirmed", "pending")),
)
# fmt: on
# How words of those who left begin, with the endings of many languages: `Abgemeldete`, `désinscrits`, `cancelados`.
_FILE_NAME_OF_LEAVERS = re.compile(
    r"abgemeldet|abmeldung|abbestell|ausgetragen|gekundigt|geloscht|inaktiv|desabonn|desinscri|desuscri|descadastra|"
    r"cancelad|cancellat|disiscri|uitgeschreven|afgemeld|wypisan|отпис"
)

_STRICTNESS = (Membership.SUBSCRIBED, Membership.PENDING, Membership.UNSUBSCRIBED)
_MAX_REMEMBERED = 1000


class ConsentColumn:
    """One consent column of a file: what its cells mean."""

    def __init__(self, header: str, target: str, words: Mapping[str, ImportedStatus | None]) -> None:
        self.header = header
        self.target = target
        self.is_opt_in = target in _OPT_IN
        self._words = words
        self._meanings: dict[str, ImportedStatus | None] = {}

    def read(self, cell: Json) -> ImportedStatus | None:
        """The status that a cell means; None if the row is to be passed over. Raises InputError for an unknown word."""
        text = cell if isinstance(cell, str) else cell_text(cell)
        try:
            return self._meanings[text]
        except KeyError:
            meaning = self._meaning(text)
        if len(self._meanings) < _MAX_REMEMBERED:
            self._meanings[text] = meaning
        return meaning

    def names(self, cell: str) -> bool:
        """Whether a cell is a word; otherwise it is free text, such as the reason of a bounce."""
        return ANY not in self._words or is_empty_word(cell) or normalize_word(cell) in self._words

    @property
    def outcome_of_yes(self) -> ImportOutcome:
        """What a yes means, and so a time, in a column that does not hold words."""
        return _MEANINGS[self.target][0].outcome

    def _meaning(self, text: str) -> ImportedStatus | None:
        if self.target == STATUS:
            return self._status(text)
        yes, no = _MEANINGS[self.target]
        answer = False if is_empty_word(text) else parse_boolean(text)
        if answer is None and self.target in _COUNTED and (number := parse_count(text)) is not None:
            answer = number > 0
        if answer is not None:
            return yes if answer else no
        if normalize_word(text) in self._words:
            return self._words[normalize_word(text)]
        if is_time_like(text):
            return replace(yes, unsubscribed_at=parse_time(text)) if yes.state is Membership.UNSUBSCRIBED else yes
        raise self._unknown(text)

    def _status(self, text: str) -> ImportedStatus | None:
        word = "" if is_empty_word(text) else normalize_word(text)
        if word in self._words:
            return self._words[word]
        if ANY in self._words:
            return self._words[ANY]
        answer = None if is_empty_word(text) else parse_boolean(text)
        if answer is not None:
            return SUBSCRIBED if answer else UNSUBSCRIBED
        raise self._unknown(text)

    def _unknown(self, text: str) -> InputError:
        shown = text.strip()[:40]
        what = f"{shown!r} is not a word that is understood" if shown else "the cell is empty"
        return InputError(
            f"column {self.header[:60]!r}: {what}, and it may mean no; say what it means with "
            f'--map-status "{shown}=STATUS" (in the API map_status), one of {", ".join(STATUSES)}'
        )


def is_consent_target(target: str) -> bool:
    """Whether a column with this target says whether people get mail: ``status``, or ``status.NAME`` of an importer."""
    return target.partition(".")[0] in CONSENT_TARGETS


def cell_text(cell: Json) -> str:
    """A value of JSON as the text in a cell. That of a list or an object is no word that is understood."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool() | int() | float():
            return json.dumps(cell)
        case _:
            return "(list or object)"


def status_of_file_name(name: str) -> ImportedStatus:
    """What the name of a file says; services write one file for each status: ``unsubscribed_audience_export.csv``."""
    words = normalize_word(name).split()
    runs = (" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 4))
    found = [status for run in runs if (status := _FILE_NAME_WORDS.get(run))]
    if any(map(_FILE_NAME_OF_LEAVERS.match, words)):
        found.append(UNSUBSCRIBED)
    return combine(found)


def combine(statuses: Iterable[ImportedStatus]) -> ImportedStatus:
    """The strictest of the statuses in one row, with all reasons, and the last time of leaving."""
    found = [status for status in statuses if status is not SUBSCRIBED]
    if len(found) < 2:
        return found[0] if found else SUBSCRIBED
    left_at: list[datetime] = [status.unsubscribed_at for status in found if status.unsubscribed_at]
    return replace(
        # The choice of topics, which at most one of them has.
        next((status for status in found if status.topics is not None), found[0]),
        state=max((status.state for status in found), key=_STRICTNESS.index),
        status=(
            SubscriberStatus.DISABLED
            if any(status.status is SubscriberStatus.DISABLED for status in found)
            else SubscriberStatus.ACTIVE
        ),
        reasons=tuple(dict.fromkeys(reason for status in found for reason in status.reasons)),
        unsubscribed_at=max(left_at, default=None),
    )
