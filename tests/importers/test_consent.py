"""Consent is never guessed: for every importer, no row that says no in any of its words ends as subscribed."""

from __future__ import annotations

import csv
import importlib
import io
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.subscriber import Membership
from distributor.domain.subscriber_import import IGNORE, SUBSCRIBED, ColumnSource, ImportRow, ImportSettings
from distributor.importers import csv_file
from distributor.importers.consent import ANY, is_consent_target
from distributor.importers.headers import header_key
from distributor.importers.reader import detect_settings, scan_file
from distributor.importers.registry import all_importers
from tests.importers.files import addresses, people, read, reasons
from tests.importers.test_origins import EXPORTS, Export, states

# Written down here once more, so that a word or header that gets lost in the tables is missed.
YES = (
    "yes",
    "TRUE",
    "1",
    "on",
    "x",
    "ja",
    "WAHR",
    "oui",
    "VRAI",
    "sí",
    "VERDADERO",
    "sì",
    "VERO",
    "sim",
    "tak",
    "да",
    "✓",
    "✔\ufe0f",
    "Yes.",
    "ja!",
    "'1",
    "１",
    "1\u200b",
    "1,0",
)
NO = (
    "no",
    "FALSE",
    "0",
    "off",
    "nein",
    "FALSCH",
    "non",
    "FAUX",
    "FALSO",
    "nee",
    "ONWAAR",
    "não",
    "nie",
    "нет",
    "いいえ",
    "No.",
    "nein!",
    "'0",
    "０",
    "0\u200b",
    "0,0",
)
TIMES = (
    *("2024-03-01", "2024-03-01 10:00:00 UTC", "2024-03-01T10:00:00.000Z", "01.03.2024", "03/01/2024 10:00"),
    *("20240301", "20240301103000", "01-Mar-24", "1. März 2024, 10:00 Uhr", "Fri, 1 Mar 2024 10:00:00 +0000"),
    *("5 de enero de 2024", "12 août 2024", "1 marca 2024", "1 марта 2024 г.", "2024年3月1日", "3/1/24 10:15 PM"),
    *("2024-03-01 10:00 Europe/Berlin", "Fri Mar 01 2024 10:00:00 GMT+0100 (Central European Standard Time)"),
)
NOTHING = ("", " ", "NULL", "-", "#N/A", "0000-00-00 00:00:00")
NO_STATES = (
    *("unsubscribed", "Unsubscribed", "UNSUBSCRIBED", "opted out", "opted_out", "Opt-Out", "never subscribed"),
    *("non-subscribed", "not_subscribed", "inactive", "cancelled", "canceled", "deleted", "removed", "archived"),
    *("bounced", "hard bounce", "soft_bounced", "cleaned", "undeliverable", "invalid", "complained", "spam", "junk"),
    *("marked as spam", "blocked", "blocklisted", "blacklisted", "suppressed", "disabled", "Non-marketing contact"),
    *("Redacted", "pending", "unconfirmed", "abgemeldet", "ausgetragen", "gelöscht", "gesperrt", "unzustellbar"),
    *("unbestätigt", "désabonné", "désinscrit", "dado de baja", "cancelado", "disiscritto", "uitgeschreven"),
    *("descadastrado", "wypisany", "отписан", "no", "nein", "0", "FALSCH"),
)
YES_STATES = ("subscribed", "Subscribed", "active", "confirmed", "aktiv", "abonné", "yes", "ja", "1", "TRUE")
# For each target, the cells that say no, and the cells that do not.
SAYS_NO: Mapping[str, tuple[str, ...]] = {
    "status": NO_STATES,
    "subscribed": (*NO, *NOTHING),
    "confirmed": (*NO, *NOTHING),
    "unsubscribed": (*YES, *TIMES),
    "bounced": (*YES, *TIMES, "3"),
    "complained": (*YES, *TIMES, "3"),
    "blocklisted": (*YES, *TIMES),
    "disabled": (*YES, *TIMES),
}
SAYS_YES: Mapping[str, tuple[str, ...]] = {
    "status": YES_STATES,
    "subscribed": (*YES, *TIMES),
    "confirmed": (*YES, *TIMES),
    **dict.fromkeys(("unsubscribed", "bounced", "complained", "blocklisted", "disabled"), (*NO, *NOTHING)),
}
ORIGINS = sorted(all_importers().keys() - {"distributor", "jsonl"})


def columns_of(origin: str) -> dict[str, str]:
    """The headers that an importer knows, as they are written, and their targets."""
    modules = (importlib.import_module(f"distributor.importers.{origin}"),) if origin != csv_file.NAME else ()
    written = {**csv_file.COLUMNS, **{header: to for module in modules for header, to in module.COLUMNS.items()}}
    known = all_importers()[origin].columns
    return {header: known[header_key(header)] for header in written}


def consent_columns(origin: str) -> list[tuple[str, str]]:
    """The headers of an importer that say who wants mail."""
    return [(header, target) for header, target in columns_of(origin).items() if is_consent_target(target)]


def cells_that_say(origin: str, target: str, *, yes: bool) -> list[str]:
    """The cells of a column that say yes, or no, with the importer's own words."""
    importer = all_importers()[origin]
    own = importer.statuses if target == "status" else importer.column_statuses.get(target, {})
    words = [
        "any text at all" if word == ANY else word for word, status in own.items() if (status == SUBSCRIBED) == yes
    ]
    if target in importer.optional:
        words = [word for word in words if word]
    # A column with words of its own is read as yes or no as well, unless any text means something in it.
    answers = () if ANY in own else (YES if yes else NO)
    return [*(SAYS_YES if yes else SAYS_NO).get(target, answers), *words]


def file_of(*rows: list[str]) -> str:
    """A file of rows, the first of which is the header."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def spelled(header: str, spelling: int) -> str:
    """The header in one of the ways that files write it."""
    return (
        header,
        header.upper(),
        header.title(),
        re.sub(r"[ _]", "-", header),
        re.sub(r"[ -]", "_", header),
        f" {header} ",
        f"{header} (email)",
    )[spelling]


SPELLINGS = st.integers(0, 6)


@pytest.mark.parametrize("origin", ORIGINS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_row_that_says_no_in_any_way_ends_as_subscribed(origin: str, data: st.DataObject) -> None:
    columns = consent_columns(origin)
    says_no, target = data.draw(st.sampled_from(columns))
    others = data.draw(
        st.lists(st.sampled_from(columns), max_size=4, unique_by=lambda column: header_key(column[0])).map(
            lambda found: [column for column in found if header_key(column[0]) != header_key(says_no)]
        )
    )
    cells = [
        data.draw(st.sampled_from(cells_that_say(origin, target, yes=False))),
        *(data.draw(st.sampled_from(cells_that_say(origin, other, yes=True))) for _, other in others),
    ]
    headers = [spelled(header, data.draw(SPELLINGS)) for header in (says_no, *(header for header, _ in others))]
    places = data.draw(st.permutations(range(len(cells))))
    rows = read(
        file_of(
            ["email", *(headers[place] for place in places)],
            ["ada@example.org", *(cells[place] for place in places)],
        ),
        format=origin,
    )
    assert [row for row in rows if isinstance(row, ImportRow) and row.status.state is Membership.SUBSCRIBED] == []


@pytest.mark.parametrize("origin", ORIGINS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_row_that_says_yes_in_every_column_is_subscribed(origin: str, data: st.DataObject) -> None:
    found = data.draw(
        st.lists(st.sampled_from(consent_columns(origin)), max_size=5, unique_by=lambda column: header_key(column[0]))
    )
    headers = [spelled(header, data.draw(SPELLINGS)) for header, _ in found]
    cells = [data.draw(st.sampled_from(cells_that_say(origin, target, yes=True))) for _, target in found]
    (row,) = people(read(file_of(["email", *headers], ["ada@example.org", *cells]), format=origin))
    assert row.status.state is Membership.SUBSCRIBED


@pytest.mark.parametrize(
    "cell",
    [
        *("nein seit 2024", "no since 2024-01-01", "widerrufen am 01.02.2024", "revoked 2024-01-01 10:00"),
        *("No (01/02/2024)", "declined 2024-01-01", "junk 2024", "2024-01-01 (revoked)", "2024-01-01 – abgemeldet"),
        *("отписан 2024", "20240301 left", "いいえ 2024年3月1日", "never 2024"),
    ],
)
def test_a_sentence_with_a_date_is_not_a_time_of_an_opt_in(cell: str) -> None:
    for header in ("opt_in", "confirmed_at", "Einwilligung"):
        rows = read(file_of(["email", header], ["no@example.org", cell], ["yes@example.org", "2024-01-01"]))
        assert addresses(rows) == ["yes@example.org"]
        assert repr(cell) in reasons(rows)[2]


@pytest.mark.parametrize(
    "header", ["unsubscribe_reason", "Opt-out reason", "Abmeldegrund", "unsub reason", "unsubscription_reason"]
)
def test_who_has_a_reason_to_leave_has_left_and_it_is_kept(header: str) -> None:
    left, stays = people(read(file_of(["email", header], ["a@example.org", "too many"], ["b@example.org", ""])))
    assert (left.status.state, stays.status.state) == (Membership.UNSUBSCRIBED, Membership.SUBSCRIBED)
    assert list(left.evidence.values()) == ["too many"]


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: f"{export.service}-{export.header[:20]}")
def test_an_export_says_the_same_when_its_columns_are_in_another_order(export: Export) -> None:
    lines = list(csv.reader(io.StringIO(export.text), delimiter=max("\t;,", key=export.header.count)))
    turned = file_of(*(line[::-1] for line in lines))
    assert states(turned) == export.expected


def subscribed(text: str, **options: object) -> set[str]:
    """Who is subscribed by a file."""
    rows = read(text, **options)  # type: ignore[arg-type]
    return {
        row.person.email for row in rows if isinstance(row, ImportRow) and row.status.state is Membership.SUBSCRIBED
    }


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: f"{export.service}-{export.header[:20]}")
def test_a_column_that_says_no_is_not_lost_when_no_other_one_is_left(export: Export) -> None:
    lines = list(csv.reader(io.StringIO(export.text), delimiter=max("\t;,", key=export.header.count)))
    importer = all_importers()[export.service]
    address = next(place for place, header in enumerate(lines[0]) if importer.target(header) == "email")
    for place, header in enumerate(lines[0]):
        if place == address:
            continue
        trimmed = file_of(*([line[address], line[place]] for line in lines if line[place]))
        try:
            found = subscribed(trimmed)
        except InputError as error:
            assert header.casefold() in str(error).casefold()
            continue
        assert found <= subscribed(trimmed, format=export.service), header


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ORIGINS),
    st.lists(
        st.one_of(st.text(alphabet="aeionprstubl _-:", max_size=14), st.sampled_from(sorted(csv_file.COLUMNS))),
        max_size=6,
    ),
    st.data(),
)
def test_each_column_is_used_or_listed_as_passed_over_or_refuses_the_file(
    origin: str, headers: list[str], data: st.DataObject
) -> None:
    cell = st.sampled_from(("", "yes", "no", "1", "unsubscribed", "x y z", "2024-03-01", "ada@example.org"))
    rows = [
        ["ada@example.org", *(data.draw(cell) for _ in headers)],
        ["bo@example.org", *(data.draw(cell) for _ in headers)],
    ]
    file = io.BytesIO(file_of(["email", *headers], *rows).encode())
    try:
        _, scan = scan_file(
            file, detect_settings(file, ImportSettings(format=origin), name="people.csv"), name="people.csv"
        )
    except InputError as error:
        assert "Map each of them" in str(error)
        return
    assert [use.header for use in scan.columns] == ["email", *(header.strip() for header in headers)]
    assert all(
        (use.target == IGNORE) == (use.source is ColumnSource.PASSED_OVER) or use.source is ColumnSource.KNOWN
        for use in scan.columns
    )
