"""A file is scanned before it is imported: an unknown column that may say no refuses it; what is known is listed."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.subscriber import Membership
from distributor.domain.subscriber_import import ColumnSource, FileScan, ImportSettings
from distributor.importers import csv_file
from distributor.importers.consent import is_consent_target
from distributor.importers.headers import is_consent_like
from distributor.importers.reader import detect_settings, scan_file
from tests.importers.files import people, read


def scan(text: str, **options: object) -> FileScan:
    """How a file is understood."""
    file = io.BytesIO(text.encode())
    _, found = scan_file(file, detect_settings(file, ImportSettings(**options), name="p"), name="p")  # type: ignore[arg-type]
    return found


def table(header: str, *cells: str) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(
        [["email", header], *([f"p{place}@example.org", cell] for place, cell in enumerate(cells))]
    )
    return text.getvalue()


@pytest.mark.parametrize(
    "header",
    [
        *("Werbung ok", "Newsletter-Erlaubnis 2024", "Abmeldegrund Code", "Sperrkennzeichen", "darf Mailings", "Abo"),
        *("Marketing pref", "optin_source_flag", "MailingAllowed", "contactable", "suppression-list", "is_junk"),
        *("mail status", "Customer Status", "do not phone", "GDPR basis", "RGPD ok", "consentimiento_marketing"),
        *("Robinsonliste", "keine E-Mails", "ne pas contacter", "niet mailen", "excluded", "objected", "emails_off"),
        *(
            "accord newsletter",
            "consenso_email",
            "toestemming_mail",
            "zgoda_email",
            "согласие_на_рассылку",
            "Stop mail",
            "Kündigung",
            *(
                "odhlášen",
                "leiratkozott",
                "afmeldt",
                "退订",
                "配信停止",
                "수신거부",
                "إلغاء",
                "Διαγραφή",
                "Cancellazione",
            ),
            "Austritt",
            "cancel date",
        ),
    ],
)
def test_a_column_whose_name_may_say_no_refuses_the_file_until_it_is_mapped(header: str) -> None:
    text = table(header, "A1", "B2")
    with pytest.raises(InputError) as refused:
        scan(text)
    assert repr(header) in str(refused.value)
    assert f'"{header}=unsubscribed"' in str(refused.value)
    assert scan(text, columns={header: "ignore"}).columns[1].target == "ignore"
    assert scan(text, columns={header: "attributes.x"}).columns[1].source is ColumnSource.MAPPED


@pytest.mark.parametrize(
    "header",
    [
        *(
            "City",
            "Company",
            "Phone",
            "Birthday",
            "Option",
            "Mailing State",
            "Mailing Street",
            "billing_country",
            "Abbott",
        ),
        *("Subject", "Topic", "Statement", "Estate", "Spambot-free", "Activity", "Bandwidth", "Caption", "Notes", "ID"),
    ],
)
def test_a_column_with_another_name_is_passed_over_and_listed(header: str) -> None:
    (_, use) = scan(table(header, "A1", "B2")).columns
    assert (use.header, use.target, use.source) == (header, "ignore", ColumnSource.PASSED_OVER)


@pytest.mark.parametrize(
    "cells",
    [
        *(("yes", "no"), ("ja", "nein"), ("1", "0", "1"), ("TRUE", "FALSE"), ("x", ""), ("", "1"), ("no", "no")),
        *(("yes", "yes"), ("WAHR", "FALSCH"), ("oui", "non"), ("да", "нет"), ("✓", ""), ("NULL", "yes")),
        *(("customer", "unsubscribed"), ("bounced", "active", "active"), ("abgemeldet",)),
    ],
)
@pytest.mark.parametrize("attributes_from_rest", [False, True])
def test_an_unknown_column_whose_cells_may_say_no_refuses_the_file(
    cells: tuple[str, ...], attributes_from_rest: bool
) -> None:
    with pytest.raises(InputError, match="'Column F' with the cells"):
        scan(table("Column F", *cells), attributes_from_rest=attributes_from_rest)


@pytest.mark.parametrize(
    "cells",
    [
        *(("red", "blue"), ("1", "2", "0"), ("1", "1"), ("x", "y"), ("", ""), ("m", "f"), ("yes", "no", "perhaps")),
        *(("a lot of text in which someone unsubscribed",), ("junk", "food", "and", "more", "such", "words")),
    ],
)
def test_an_unknown_column_with_other_cells_is_passed_over(cells: tuple[str, ...]) -> None:
    assert scan(table("Column F", *cells)).columns[1].source is ColumnSource.PASSED_OVER


def test_the_whole_file_is_looked_at() -> None:
    yes = ["x"] * 20_000
    assert scan(table("Column F", *yes)).columns[1].source is ColumnSource.PASSED_OVER
    with pytest.raises(InputError, match="Column F"):
        scan(table("Column F", *yes, "no"))


def test_columns_of_other_matters_with_two_values_are_not_asked_about() -> None:
    scan(table("HTML email", "1", "0"))
    scan(table("Opens", "1", "0"))


@pytest.mark.parametrize("header", ["is_vip", "VIP", "hasOrder", "Kunde", "Ist Kunde?", "Premium", "B2B", "Discount"])
def test_a_column_that_asks_something_else_is_asked_about_only_if_it_has_words_of_a_subscription(header: str) -> None:
    assert scan(table(header, "yes", "no")).columns[1].source is ColumnSource.PASSED_OVER
    with pytest.raises(InputError, match=r"with the cells 'yes', 'unsubscribed'"):
        scan(table(header, "yes", "unsubscribed"))


@pytest.mark.parametrize("header", ["Kunde Mail", "has no order mail", "vip ok", "is"])
def test_a_column_that_may_also_ask_about_mail_is_asked_about(header: str) -> None:
    with pytest.raises(InputError, match="may say who wants no mail"):
        scan(table(header, "yes", "no"))


@pytest.mark.parametrize("header", ["Mail?", "E-Mail", "email address"])
def test_an_answer_in_a_column_that_is_called_like_the_addresses_is_no_address(header: str) -> None:
    text = f"{header},email\nja,a@example.org\nnein,b@example.org\n"
    for columns in (text, "\n".join(",".join(line.split(",")[::-1]) for line in text.split())):
        with pytest.raises(InputError, match="with the cells 'ja', 'nein'"):
            scan(columns)


def test_the_part_of_an_address_is_told_from_a_state_of_a_subscription() -> None:
    with pytest.raises(InputError, match="'State' with the cells 'CA', 'NY'"):
        scan(table("State", "CA", "NY"))
    assert scan(table("State", "active", "CA")).words[0].meaning == "subscribed"
    (row,) = people(read(table("State", "CA"), columns={"State": "ignore"}))
    assert row.status.state is Membership.SUBSCRIBED


def test_several_unknown_columns_are_asked_about_at_once() -> None:
    with pytest.raises(InputError) as refused:
        scan("email,Werbung ok,F\na@example.org,A,ja\nb@example.org,B,nein\n")
    assert "'Werbung ok' with the cells 'A', 'B'; 'F' with the cells 'ja', 'nein'" in str(refused.value)


def test_columns_and_words_are_listed_with_what_became_of_them() -> None:
    found = scan(
        "E-Mail,Opt-in,unsubscribed_at,Ort,Kunde\n"
        "a@example.org,ja,,Ulm,x\nb@example.org,ja,2024-01-02,Ulm,x\nc@example.org,vielleicht,2023-01-02,Bonn,y\n",
        columns={"Ort": "attributes.city"},
    )
    assert [(use.header, use.target, use.source) for use in found.columns] == [
        ("E-Mail", "email", ColumnSource.KNOWN),
        ("Opt-in", "subscribed", ColumnSource.KNOWN),
        ("unsubscribed_at", "unsubscribed", ColumnSource.KNOWN),
        ("Ort", "attributes.city", ColumnSource.MAPPED),
        ("Kunde", "ignore", ColumnSource.PASSED_OVER),
    ]
    assert [(word.header, word.word, word.rows, word.meaning) for word in found.words] == [
        ("Opt-in", "ja", 2, "subscribed"),
        ("Opt-in", "vielleicht", 1, ""),
        ("unsubscribed_at", "(times)", 2, "unsubscribed"),
        ("unsubscribed_at", "", 1, "subscribed"),
    ]


def test_a_mapped_word_is_listed_as_what_it_was_mapped_to() -> None:
    found = scan(
        table("status", "gold", "lapsed", "odd"),
        statuses={"gold": "subscribed", "Lapsed": "unsubscribed", "odd": "ignore"},
    )
    assert [(word.word, word.meaning) for word in found.words] == [
        ("gold", "subscribed"),
        ("lapsed", "unsubscribed"),
        ("odd", "ignore"),
    ]


def test_a_column_with_very_many_words_is_reported_in_short() -> None:
    found = scan(table("status", *(f"word {number}" for number in range(5000))))
    assert len(found.words) <= 52
    assert sum(word.rows for word in found.words) == 5000
    assert {word.meaning for word in found.words} == {""}


def test_names_in_json_lines_are_judged_in_the_same_way() -> None:
    with pytest.raises(InputError, match="'werbungOk'"):
        scan('{"email": "a@example.org"}\n{"email": "b@example.org", "werbungOk": "A"}\n')
    with pytest.raises(InputError, match="'flag' with the cells 'true', 'false'"):
        scan('{"email": "a@example.org", "flag": true}\n{"email": "b@example.org", "flag": false}\n')


def test_a_line_of_json_without_a_name_that_others_have_gives_no_consent() -> None:
    lines = (
        '{"email": "yes@example.org", "optIn": true}\n{"email": "no@example.org", "optIn": false}\n'
        '{"email": "null@example.org", "optIn": null}\n{"email": "none@example.org"}\n'
    )
    assert [row.status.state for row in people(read(lines))] == [Membership.SUBSCRIBED, *[Membership.UNSUBSCRIBED] * 3]


def test_consent_inside_the_values_of_json_is_asked_about() -> None:
    line = '{"email": "a@example.org", "lists": [{"id": 1, "subscription_status": "unsubscribed"}]}\n'
    with pytest.raises(InputError, match="'lists'"):
        scan(line)
    scan(line, columns={"lists": "ignore"})
    for depth in (100, 900, 990, 100_000):
        scan('{"email": "a@example.org"}\n{"deep": ' + "[" * depth + "]" * depth + "}\n")
    scan('{"email": "a@example.org", "visits": [{"page": "a"}]}\n')


def test_who_has_no_time_of_an_opt_in_that_others_have_is_pending() -> None:
    rows = people(read("email,opt_in_date\nyes@example.org,2024-03-01\nno@example.org,\n"))
    assert [row.status.state for row in rows] == [Membership.SUBSCRIBED, Membership.PENDING]
    assert rows[0].evidence == {"opt_in_date": "2024-03-01"}


def test_a_column_of_consent_with_another_word_in_its_header_is_asked_about() -> None:
    known = [header for header, target in csv_file.COLUMNS.items() if is_consent_target(target)]
    assert [header for header in known if not is_consent_like(f"{header} zz")] == []


@pytest.mark.parametrize(
    "header",
    [
        *("Newsletter (abgemeldet am)", "Newsletter: abgemeldet am", "Consent [revoked]", "Consent: revoked at"),
        *("Status: unsubscribed since", "E-Mail (abgemeldet)", "Name (unsubscribed)", "Tags (opt-out date)"),
    ],
)
def test_what_a_header_says_besides_may_be_a_no(header: str) -> None:
    with pytest.raises(InputError, match="may say who wants no mail"):
        scan(table(header, "", "2024-03-01"))


@pytest.mark.parametrize(
    "header", ["Newsletter (ja/nein)", "Opt-in [email]", "Newsletter (Opt-in)", "Consent (1 = yes)"]
)
def test_what_a_header_says_besides_that_is_no_no_changes_nothing(header: str) -> None:
    assert scan(table(header, "ja", "nein")).columns[1].target == "subscribed"


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        *(("unsubscribed_members.csv", "unsubscribed"), ("Kontakte-abgemeldet.csv", "unsubscribed")),
        *(
            ("optOut list.csv", "unsubscribed"),
            ("hard_bounces.csv", "bounced"),
            ("suppression-list.csv", "blocklisted"),
            ("do_not_contact.csv", "blocklisted"),
            ("ungültig.csv", "bounced"),
        ),
        *(
            (f"{word}-2024.csv", "unsubscribed")
            for word in ("Abgemeldete", "Abbestellungen", "gelöschte", "désinscrits", "désabonnées", "cancelados")
        ),
        *(
            (f"{word}.csv", "unsubscribed")
            for word in ("desuscritos", "disiscritti", "cancellati", "afgemelden", "wypisani", "отписались", "inaktive")
        ),
    ],
)
def test_what_the_name_of_a_file_says_counts_and_is_listed(name: str, meaning: str) -> None:
    file = io.BytesIO(b"email,status\nada@example.org,active\n")
    _, found = scan_file(file, detect_settings(file, ImportSettings(), name=name), name=name)
    assert (found.words[0].word, found.words[0].rows, found.words[0].meaning) == (name, 1, meaning)
    (row,) = people(read(file.getvalue(), name=name))
    assert row.status.outcome.value == meaning


WORDS = st.sampled_from(["yes", "no", "ja", "nein", "1", "0", "true", "false", "x", "", "NULL", "oui", "non"])


@settings(max_examples=200, deadline=None)
@given(
    # None of the names that are known to be of other matters, such as `age`.
    st.text(alphabet="abcdefgh _-()Ä1", max_size=12).map(lambda text: " ".join(f"zz{text}".split())),
    st.lists(WORDS, min_size=1, max_size=6),
)
def test_no_two_valued_column_of_any_name_is_passed_over_without_a_question(header: str, cells: list[str]) -> None:
    says_no = any(cell in {"no", "nein", "0", "false", "non", "", "NULL"} for cell in cells)
    given_words = {cell for cell in cells if cell not in {"", "NULL"}}
    try:
        found = scan(table(header, *cells))
    except InputError as error:
        assert repr(header)[:10] in str(error)
    else:
        is_known = found.columns[1].source is not ColumnSource.PASSED_OVER
        assert is_known or not says_no or not 0 < len(given_words) <= 2
