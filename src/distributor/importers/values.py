"""Parses the text of a cell: numbers, booleans, dates, JSON, and lists in one cell."""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import AttributeType

# The characters that start a formula in a spreadsheet (OWASP, CSV injection); an apostrophe before them makes it text.
_FORMULA_START = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)
# Yes and no as spreadsheets and people write them. A symbol stands for itself, a letter for a word.
_YES_WORDS = (
    "1 on y j t s v x ok true yes checked ja wahr oui vrai sí si verdadero sì vero waar sim verdadeiro tak prawda да "
    "истина так da ano áno igen kyllä evet doğru dogru ναι αληθής jah jā taip はい 是 예 네 כן نعم có ya cert ✓ ✔ ☑ ✅"
)
_NO_WORDS = (
    "0 off n f false no unchecked nein falsch non faux falso nee onwaar não nao nie fałsz falsz нет ложь ні nu ne nem "
    "nej ei hayır hayir yanlış yanlis όχι ψευδής nē いいえ 否 아니요 아니오 לא لا không tidak fals ✗ ✘ ☐ ❌"
)
# What may stand around such a word, invisible characters included: one marks emoji.
_AROUND_WORD = ".! '\"“”„\u00a0\ufe0f\u200b\u200e\u200f\u2060\ufeff"
_EMPTY_WORDS = (
    r"- -- – — . null none nil nan n/a na undefined (blank) (empty) (leer) \n "
    "#n/a #nv #ref! #bezug! #value! #wert! #name? #null! #div/0! #num! #error!"
)
_YES = frozenset(_YES_WORDS.split())
_NO = frozenset(_NO_WORDS.split())
_EMPTY = frozenset({"", *_EMPTY_WORDS.split()})
# What databases write for a missing time.
_NO_TIME = re.compile(r"(0000|0001)[-/.]0?[01][-/.]0?[01]\b.*", re.ASCII)
_TIME_LIKE = re.compile(
    r".*(?<!\d)(19|20)\d\d(?!\d).*|.*\b\d{1,2}[./-]\d{1,2}[./-]\d{2}\b.*|\d{1,2}[ -][^\W\d_]{3,9}\.?[ -]\d{2}\b.*|"
    r"(19|20)\d\d[01]\d[0-3]\d(\d{4}|\d{6})?|\d{5}(\.\d+)?|\d{10}|\d{13}",
    re.DOTALL,
)
# What most of them are; they have no words to look up.
_NUMERIC_TIME = re.compile(r"[0-9 :./+TZ-]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ZONE_NAME = re.compile(
    r"\b(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)/[A-Za-z_/+-]+|"
    # As JavaScript writes it.
    r"(?<=GMT[+-]\d{4} )\([\w ]+\)$"
)
# The words that a date may have, without accents, in English, German, French, Spanish, Italian, Dutch, Portuguese,
# Polish, Czech, Nordic languages and Russian. With any other it is a sentence, which may say no: `nein seit 2024`.
_DATE_WORDS = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "januar janner februar marz mrz mai juni juli oktober dezember okt dez "
    "janvier janv fevrier fevr fev mars avril avr juin juillet juil aout octobre novembre decembre "
    "enero ene febrero marzo abril abr mayo junio julio agosto ago septiembre setiembre octubre oct noviembre "
    "diciembre dic gennaio gen febbraio aprile maggio mag giugno giu luglio lug settembre set ottobre ott "
    "dicembre januari februari maart mrt mei augustus janeiro fevereiro marco maio junho julho setembro outubro "
    "novembro dezembro stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika "
    "listopada grudnia ledna unora brezna dubna kvetna cervna cervence srpna zari rijna prosince "
    "desember augusti maj sty lut kwi cze lip sie wrz paz lis gru "
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря янв фев мар апр июн июл авг "
    "сен сент окт ноя нояб дек г "
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim mie jue vie sab dom gio "
    "st nd rd th er at of the de del di le den um a h uhr am pm m p t z utc gmt cet cest mez mesz est edt cst "
    "cdt mst mdt pst pdt bst ist msk jst "
    "年 月 日 時 时 分 秒 午前 午後 上午 下午 년 월 일 시 분 초 오전 오후"
)
_TIME_WORDS = frozenset(_DATE_WORDS.split())
# The format of Go's time.String: 2024-03-01 12:00:00.123456 +0000 UTC
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4}) \S+")


def escape_formula(cell: str) -> str:
    """Prepend an apostrophe if the cell starts like a formula, or like a formula that is escaped already."""
    return f"'{cell}" if _FORMULA_START.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The inverse of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA_START.match(cell) else cell


def parse_text(value: Json) -> str:
    """A string, or a number as a string; null is empty. Raises InputError."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"expected text, not {json.dumps(value)[:40]}")


def storable_text(text: str) -> str:
    """The text with signs in place of what PostgreSQL cannot store: NUL and halves of characters."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def parse_list(value: Json) -> list[str]:
    """A list of strings, or a cell of comma-separated values that may be quoted. Raises InputError."""
    if isinstance(value, list | tuple):
        return [parse_text(item) for item in value]
    cell = parse_text(value)
    if '"' not in cell:
        return cell.split(",")
    try:
        return next(csv.reader([cell], skipinitialspace=True, strict=True))
    except csv.Error:
        raise InputError(f"{cell[:40]!r} is not a comma-separated list") from None


def join_list(values: tuple[str, ...]) -> str:
    """The inverse of `parse_list`."""
    return ",".join(f'"{value.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(value) else value for value in values)


def parse_object(value: Json) -> Mapping[str, Json]:
    """A JSON object, or one that is given as text. Raises InputError."""
    found = _parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise InputError('attributes must be a JSON object such as {"city": "Vienna"}')
    return found


def parse_time(value: Json) -> datetime | None:
    """A timestamp as exports write it, as aware UTC (also if it names no zone); None if it cannot be parsed."""
    text = parse_text(value).strip()
    go_time = _GO_TIME.fullmatch(text)
    try:
        found = datetime.fromisoformat(f"{go_time[1]}{go_time[3]}" if go_time else text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_boolean(text: str) -> bool | None:
    """The meaning of a word such as ``yes``, ``nein`` or ``0``; None if it is not a boolean."""
    word = unicodedata.normalize("NFKC", text.strip().casefold()).strip(_AROUND_WORD)
    if word in {"1.0", "0.0", "1,0", "0,0"}:
        word = word[0]
    return True if word in _YES else False if word in _NO else None


def is_empty_word(text: str) -> bool:
    """Whether a cell is empty, or holds what databases and spreadsheets write for nothing: ``NULL``, ``#N/A``."""
    word = text.strip(" \u00a0").casefold()
    return word in _EMPTY or _NO_TIME.fullmatch(word) is not None


def is_time_like(text: str) -> bool:
    """Whether a text is a date and nothing else, in whatever format; `parse_time` reads some of them."""
    if len(text) > 80 or not _TIME_LIKE.fullmatch(text.strip()):
        return False
    if _NUMERIC_TIME.fullmatch(text):
        return True
    words = _LETTERS.findall(_plain(_ZONE_NAME.sub("", text.strip())))
    return _TIME_WORDS.issuperset(words)


def _plain(text: str) -> str:
    """The text in lower case without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(sign for sign in decomposed if not unicodedata.combining(sign)))


def parse_count(text: str) -> float | None:
    """A number; None if the text is none."""
    try:
        return float(_parse_number(text.strip()))
    except InputError:
        return None


def _parse_number(text: str) -> Json:
    if not _NUMBER.fullmatch(text):
        raise InputError(f"{text[:40]!r} is not a number such as 12 or 3.5")
    if text.lstrip("+-").isdigit():
        return int(text)
    found = float(text)
    if not math.isfinite(found):
        raise InputError(f"{text[:40]!r} is too large for a number")
    return found


def _parse_boolean_strictly(text: str) -> Json:
    found = parse_boolean(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is neither true nor false")
    return found


def _parse_date(text: str) -> Json:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    found = parse_time(text)
    if found is None:
        raise InputError(f"{text[:40]!r} is not a date such as 2026-11-22")
    return found.isoformat()


def _parse_json(text: str) -> Json:
    try:
        return read_json(text)
    except InputError as error:
        raise InputError(f"{text[:40]!r} is not JSON: {error}") from None


def read_json(text: str) -> Json:
    """The value of a JSON text. Raises InputError with the reason."""
    try:
        found: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(str(error)) from None
    except RecursionError:
        raise InputError("nested too deeply") from None
    except ValueError:
        # Python reads whole numbers of up to 4300 digits.
        raise InputError("a number in it has too many digits") from None
    return found


def _keep_text(text: str) -> Json:
    return text


def _needs_quotes(value: str) -> bool:
    return "," in value or '"' in value or value != value.strip()


PARSERS: Mapping[AttributeType, Callable[[str], Json]] = {
    AttributeType.TEXT: _keep_text,
    AttributeType.NUMBER: _parse_number,
    AttributeType.BOOLEAN: _parse_boolean_strictly,
    AttributeType.DATE: _parse_date,
    AttributeType.JSON: _parse_json,
}
