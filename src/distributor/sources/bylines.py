"""Bylines, dates and datelines: who wrote an article, when and where, as it is written above the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import regex

from distributor.sources.labels import key_of, read_label

# A line of them is short; what is longer is not looked at.
_LONGEST = 160
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th|er|[.ºª])?"
_MONTH = r"(?:de\s+|of\s+)?(?=\p{L}{3})[\p{L}\p{M}]{3,14}\.?"
_YEAR = r"(?:de\s+|del\s+)?(?:19|20)[0-9]{2}"
_TIME = (
    r"(?i:,?\s+(?:(?:at|um|à|a\s+las|alle|às|kl\.?|klo|om|o|в)\s+)?[0-9]{1,2}(?:[:.h][0-9]{2}(?::[0-9]{2})?)?"
    r"(?:\s*(?:[ap]\.?m\.?|Uhr|h|hrs?)(?!\p{L}))?(?:\s+\(?(?:[A-Z]{2,5}|[+-][0-9]{2}:?[0-9]{2})\)?)?)?"
)
_NUMERIC = "|".join(
    rf"(?:19|20)[0-9]{{2}}{sign}[0-9]{{1,2}}{sign}[0-9]{{1,2}}|[0-9]{{1,2}}{sign}[0-9]{{1,2}}{sign}(?:19|20)[0-9]{{2}}"
    for sign in (r"\.", "/", "-")
)
_WORDED = rf"(?:{_MONTH}\s+{_DAY},?\s+{_YEAR}|{_DAY}\s*{_MONTH},?\s+{_YEAR}|{_YEAR}[.,]?\s+{_MONTH}\s+{_DAY})"
_CJK = r"[0-9]{4}\s*[年년]\s*[0-9]{1,2}\s*[月월]\s*[0-9]{1,2}\s*[日일]"
_ARTICLE = r"(?i:(?:the|le|den|el|il|op|am|on|vom|lørdag|del)\s+)?"
# In full, and as they are shortened.
_WEEKDAY = (
    r"(?i:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|tues|wed|thu|thurs|fri|sat|sun"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|mo|di|mi|do|fr|sa|so"
    r"|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
    r"|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?|(?:lune|marte|mercole|giove|vener)dì|sabato|domenica"
    r"|(?:maan|dins|woens|donder|vrij|zater|zon)dag|(?:mån|tis|ons|tors|fre|lör|sön|man|tirs|lør|søn)dag(?:en)?"
    r"|(?:maanan|tiis|keskiviik|tors|perjan|lauan|sunnun)\p{L}{2,4}|poniedziałek|wtorek|środa|czwartek|piątek|sobota"
    r"|niedziela"
    r"|pondělí|úterý|středa|čtvrtek|pátek|neděle|pazartesi|salı|çarşamba|perşembe|cuma|cumartesi|pazar"
    r"|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|понеділок|вівторок|середа|четвер|пʼятниця|субота"
    r"|неділя)"
)
DATE = rf"(?:{_WEEKDAY}\.?,?\s+)?{_ARTICLE}(?:{_NUMERIC}|{_WORDED}|{_CJK})(?:\s+г\.?)?"
_WHOLE_DATE = regex.compile(rf"(?P<date>(?:{DATE}){_TIME})\.?")
_LABELLED_DATE = regex.compile(
    rf"(?P<label>[\p{{L}}\p{{M}}][\p{{L}}\p{{M}}\s]{{2,30}}?)\s*[:：]?\s+(?:(?i:on|am|vom|le|el|il|em|op|den)\s+)?"
    rf"(?P<date>(?:{DATE}){_TIME})\.?"
)
_DATE_AT_END = regex.compile(
    rf"(?P<before>.+?)(?:\s*[,|·•–—/]\s*|\s+-\s+|\s+(?i:on|am|vom|le|el|il|em|op|den)\s+"
    rf"|\s*\()(?P<date>(?:{DATE}){_TIME})\)?\.?"
)
_HAS_YEAR = regex.compile(r"(?:19|20)[0-9]{2}")
_BETWEEN = regex.compile(r"\s*[|·•]\s*|\s+[–—/-]\s+")

_NAME = r"[\p{Lu}\p{Lo}\p{Lt}][\p{L}\p{M}.'’-]*"
_PARTICLE = (
    r"and|und|et|y|e|och|og|ja|en|i|&|\+"
    r"|de|van|von|vom|der|den|da|di|del|della|do|dos|das|du|la|le|ter|zu|bin|al|el|ibn"
)
_NAMES = rf"{_NAME}(?:\s*,\s*{_NAME}|\s+(?:{_PARTICLE}|{_NAME})){{0,11}}"
_ROLE = r"(?:,\s[^.!?:]{2,60}|\s\([^()]{2,60}\))?"
_BY = (
    r"(?:(?:written|words|text|story|posted|reported|published|interview)\s+)?by|(?:text\s+)?von|par|por|di"
    r"|a\s+cura\s+di|door|av|af"
    r"|från|napsala?|írta|yazan|kirjoittanut|автор|от|文|文／|作者"
)
_BYLINE = regex.compile(rf"(?P<by>(?i:{_BY}))(?:\s+|(?P<colon>\s*[:：]\s*))(?P<names>(?P<people>{_NAMES}){_ROLE})")
_BETWEEN_PEOPLE = regex.compile(r"\s*,\s*|\s+(?:and|und|et|y|e|och|og|ja|en|i|&|\+)\s+")
_FEWEST_WORDS_OF_NAME, _MOST_WORDS_OF_NAME = 2, 4
_UNSPACED_NAME = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]{2,}")
# "Posted on May 4, 2026 by Ida Crane"
_DATE_AND_AUTHOR = regex.compile(rf"(?P<date>.+?)(?:\s*,)?\s+(?P<author>(?i:{_BY})(?:\s+|\s*[:：]\s*)\S.*)")
_MAIL_ADDRESS = regex.compile(r"[\s,;]*[<(]?[^\s<>()@,;|]+@[^\s<>()@,;|]+[>)]?")
_JUST_NAMES = regex.compile(rf"[—–-]*\s*(?P<names>{_NAME}(?:\s+(?:{_PARTICLE}|{_NAME})){{1,5}})")
_READING_TIME_LABEL = r"reading time|lesezeit|temps de lecture|tiempo de lectura|tempo di lettura|leestijd|lästid"
_READING_TIME = regex.compile(
    rf"(?:(?:{_READING_TIME_LABEL})\s*[:：]?\s*)?"
    r"(?:ca\.?\s*|about\s+|~)?[0-9]{1,3}[\s-]*(?:min(?:ute[sn]?|uti|uto|uut|\.)?)(?:\s+(?:read|lesezeit|de lecture"
    r"|de lectura))?",
    regex.IGNORECASE,
)
_PERSON = regex.compile(r"[\p{Lu}\p{Lo}\p{Lt}][^\d:!?]{1,78}")
_MOST_WORDS_OF_NAMES = 10

_CREDIT = regex.compile(
    r"(?:photos?|photograph|image|picture|illustration|graphic|credits?|source|foto|bild|grafik|quelle|crédit|imagen"
    r"|fuente|immagine|fonte|kuva|zdjęcie|фото|источник"
    r"|table of contents|contents|inhalt(?:sverzeichnis)?|sommaire|índice|indice|advertisement|anzeige|sponsored"
    rf"|{_READING_TIME_LABEL})\b\s*(?:[:©(]|by\b|$).*",
    regex.IGNORECASE,
)
# What an author is, in a line of its own.
_ROLE_ALONE = regex.compile(
    r"(?:(?:staff|senior|guest|chief|deputy|freelance|contributing|political|science|foreign|managing|news)\s+){0,2}"
    r"(?:writer|reporter|editor|correspondent|contributor|columnist|journalist|redakteur(?:in)?|korrespondent(?:in)?"
    r"|journalistin|rédact(?:eur|rice)|journaliste|redactora?|periodista|redat(?:tore|trice)|giornalista|jornalista"
    r"|redacteur|redaktör|redaktør|toimittaja|dziennikar(?:z|ka)|журналист(?:ка)?)",
    regex.IGNORECASE,
)
_PLACE_NAME = r"\p{Lu}[\p{L}\p{M}.'’-]+(?:\s+(?:\p{Lu}[\p{L}\p{M}.'’-]*|am|an|der|de|do|la|sur|upon|on)){0,3}"
_PLACE = rf"{_PLACE_NAME}(?:\s*[,/]\s*{_PLACE_NAME}){{0,2}}"
_AGENCY = r"(?:\([^()\n]{2,40}\)|/[^/\n]{2,40}/)"
_DASH = r"(?:--|[–—-])"
_DATELINE = regex.compile(
    rf"\(?(?:(?P<place>{_PLACE})(?:,\s*(?:le\s+|den\s+|am\s+)?|\s+\(?"
    rf"|\s*/\s*)(?P<date>(?:{DATE}))(?:\)?\.?\s*{_AGENCY}?\s*{_DASH}|\.(?=\s+\p{{Lu}}))"
    rf"|{_PLACE}\s*{_AGENCY}\s*{_DASH}|{_PLACE}(?<=\p{{Lu}}{{3}}(?:,\s\p{{Lu}}[\p{{L}}\p{{M}}. ]+)?)\s+(?:--"
    rf"|[–—])(?=\s+\p{{Lu}}))\)?\s+"
)
# Two words before a date are a person, unless the first is that of many places.
_PLACE_ALONE = (
    r"(?:\p{Lu}[\p{L}\p{M}'’-]+|(?:New|San|Santa|São|Saint|St\.|Los|Las|La|Le|El|Den|Bad|Rio|Buenos|Cape|Port|Fort"
    r"|Hong|Tel|Abu"
    r"|Kuala|Mexico|Salt|Washington|Frankfurt|Ciudad|Sankt|Ho)\s+\p{Lu}[\p{L}\p{M}.'’ -]{1,30})"
)
_PLACE_AND_DATE = regex.compile(
    rf"(?P<place>{_PLACE_ALONE}(?:\s*[,/]\s*{_PLACE_NAME}){{0,2}}),\s*(?:le\s+|den\s+|am\s+)?(?P<date>(?:{DATE}))\.?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Byline:
    """What a line above the text says; empty where it says nothing. `place` is that of a dateline.

    `by` is the word before the names where only it says that they are names: "By Night Train" could be a heading.
    """

    author: str = ""
    date: str = ""
    updated: str = ""
    place: str = ""
    reading_time: str = ""
    by: str = field(default="", compare=False)


def read_byline(text: str, *, is_dated: bool = False) -> Byline | None:
    """What a line says about the author, the date and the place, if it says nothing else.

    `is_dated`: there is a date in the line above or below, so that it needs not look like the name of a person.
    """
    if len(text) > _LONGEST:
        return None
    if "@" in text:
        text = without_mail_addresses(text)
    has_date = _HAS_YEAR.search(text) is not None
    whole = has_date and (_read_date(text) or _read_place(text) or _read_dated_author(text))
    whole = whole or _read_author(text, is_dated=is_dated)
    return whole or _read_parts(_BETWEEN.split(text))


def is_date(text: str) -> bool:
    """Whether a line says when a text was written or changed, and perhaps by whom."""
    found = read_byline(text)
    return found is not None and bool(found.date or found.updated)


def is_byline(text: str) -> bool:
    """Whether a line names an author or a date, and nothing else."""
    return read_byline(text) is not None


def by_words_of_headings(lines: Iterable[str]) -> frozenset[str]:
    """What several of these lines begin with that could name an author: "By Train" and "By Bus" are headings.

    Bylines one below the other, and one that is repeated, are none.
    """
    found = [_BYLINE.fullmatch(line) for line in lines]
    authors = [(each["by"].casefold(), each["people"].casefold()) if each else ("", "") for each in found]
    blocks = dict.fromkeys((by, frozenset(block)) for by, block in groupby(authors, key=itemgetter(0)) if by)
    words = [by for by, _ in blocks]
    return frozenset(by for by in words if words.count(by) > 1)


def without_mail_addresses(text: str) -> str:
    """Names without addresses of mail, which are never published unasked."""
    return _MAIL_ADDRESS.sub("", text).strip(" ,;")


def is_credit(text: str) -> bool:
    """Whether a line names whose picture it is, or is otherwise about the page and not of the text."""
    return _CREDIT.fullmatch(text) is not None


def is_role(text: str) -> bool:
    """Whether a line says what an author is, as "Staff writer", and nothing else."""
    return _ROLE_ALONE.fullmatch(text) is not None


def without_dateline(text: str) -> str:
    """A paragraph without "HAMBURG, May 4, 2026 —" before its first sentence."""
    found = _DATELINE.match(text, endpos=_LONGEST)
    return text[found.end() :] if found else text


def date_of_dateline(text: str) -> str:
    """The date before the first sentence of a paragraph, empty if there is none."""
    found = _DATELINE.match(text, endpos=_LONGEST)
    return (found["date"] or "") if found else ""


def reads_like_names(text: str) -> bool:
    """Whether it can be the names of people: a label before it says that it is."""
    return len(text.split()) <= _MOST_WORDS_OF_NAMES and _PERSON.fullmatch(text) is not None


def _read_date(text: str) -> Byline | None:
    if found := _WHOLE_DATE.fullmatch(text.strip("()")):
        return Byline(date=found["date"])
    found = _LABELLED_DATE.fullmatch(text)
    key = key_of(found["label"]) if found else None
    if found is None or key not in ("date", "updated"):
        return None
    return Byline(date=found["date"]) if key == "date" else Byline(updated=found["date"])


def _read_author(text: str, *, is_dated: bool) -> Byline | None:
    """The names after "by"; without a colon or a date beside them they have to look like those of people."""
    if found := _BYLINE.fullmatch(text):
        is_sure = is_dated or found["colon"] is not None
        if is_sure or _look_like_people(found["people"]):
            return Byline(author=found["names"], by="" if is_sure else found["by"].casefold())
        return None
    key, value = read_label(text) or ("", "")
    return Byline(author=value) if key == "author" and reads_like_names(value) else None


def _read_dated_author(text: str) -> Byline | None:
    found = _DATE_AT_END.fullmatch(text)
    author = found and (_read_author(found["before"], is_dated=True) or _read_name(found["before"]))
    if found and author:
        return Byline(author=author.author, date=found["date"])
    found = _DATE_AND_AUTHOR.fullmatch(text)
    date = _read_date(found["date"]) if found else None
    author = _read_author(found["author"], is_dated=True) if found and date else None
    return _united(date, author) if date and author else None


def _look_like_people(names: str) -> bool:
    """Whether each name has at most four words besides particles, all with capitals, and one of them at least two."""
    counts = [
        sum(not regex.fullmatch(_PARTICLE, word) for word in name.split()) for name in _BETWEEN_PEOPLE.split(names)
    ]
    is_usual = max(counts) <= _MOST_WORDS_OF_NAME and max(counts) >= _FEWEST_WORDS_OF_NAME
    return is_usual or _UNSPACED_NAME.fullmatch(names) is not None


def _read_name(text: str) -> Byline | None:
    """Names without "by", which only a date beside them tells from other words."""
    found = _JUST_NAMES.fullmatch(text)
    return Byline(author=found["names"]) if found else None


def _read_place(text: str) -> Byline | None:
    found = _PLACE_AND_DATE.fullmatch(text)
    return Byline(place=found["place"], date=found["date"]) if found else None


def _read_parts(parts: list[str]) -> Byline | None:
    """The parts of one line, between bars or dots: "Ida Crane | 4 May 2026 | 5 min read"."""
    found = Byline()
    if len(parts) == 1:
        return Byline(reading_time=parts[0]) if _READING_TIME.fullmatch(parts[0]) else None
    names: list[str] = []
    has_year = any(map(_HAS_YEAR.search, parts))
    for part in parts:
        one = _read_date(part) or _read_author(part, is_dated=has_year)
        if one is None and _READING_TIME.fullmatch(part):
            one = Byline(reading_time=part)
        if one is None and (name := _read_name(part)):
            names.append(name.author)
            continue
        if one is None:
            return None
        found = _united(found, one)
    has_date = bool(found.date or found.updated)
    if names and (not has_date or found.author or len(names) > 1):
        return None
    return _united(found, Byline(author=names[0])) if names else found


def _united(one: Byline, other: Byline) -> Byline:
    return Byline(
        author=", ".join(filter(None, (one.author, other.author))),
        date=one.date or other.date,
        updated=one.updated or other.updated,
        place=one.place or other.place,
        reading_time=one.reading_time or other.reading_time,
    )
