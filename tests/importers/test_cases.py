"""Small files as people really have them: everyone comes in, with the name, and who says no is not subscribed."""

from __future__ import annotations

import pytest

from distributor.domain.subscriber_import import ImportRow, SkippedRow
from tests.importers.files import read, reasons

# A file, and the name and outcome of everyone in it.
CASES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "Ghost, trimmed to four columns": (
        "email,name,subscribed_to_emails,labels\nyes@example.org,Yes,true,vip\nno@example.org,No,false,vip\n",
        {"yes@example.org": ("Yes", "subscribed"), "no@example.org": ("No", "unsubscribed")},
    ),
    "HubSpot": (
        '"Record ID","First Name","Last Name",Email,"Unsubscribed from all email","Marketing contact status"\n'
        "11,Hal,One,yes@example.org,false,Marketing contact\n12,Hue,Two,no@example.org,true,Non-marketing contact\n",
        {"yes@example.org": ("Hal One", "subscribed"), "no@example.org": ("Hue Two", "unsubscribed")},
    ),
    "an opt-in and a time of leaving": (
        "email,name,opted_in,unsubscribed_at\nyes@example.org,Yes,1,\nno@example.org,No,0,2025-05-01\n"
        "left@example.org,Left,1,2025-05-01\n",
        {
            "yes@example.org": ("Yes", "subscribed"),
            "no@example.org": ("No", "unsubscribed"),
            "left@example.org": ("Left", "unsubscribed"),
        },
    ),
    "phpList": (
        "id,email,confirmed,blacklisted,optedin,bouncecount,htmlemail,disabled\n1,ok@example.org,1,0,0,0,1,0\n"
        "2,black@example.org,1,1,0,0,1,0\n3,unconfirmed@example.org,0,0,0,0,1,0\n4,off@example.org,1,0,0,0,1,1\n",
        {
            "ok@example.org": ("", "subscribed"),
            "black@example.org": ("", "blocklisted"),
            "unconfirmed@example.org": ("", "pending"),
            "off@example.org": ("", "disabled"),
        },
    ),
    "Shopify": (
        "First Name,Last Name,Email,Accepts Email Marketing,Company,Total Spent\nSh,One,yes@example.org,yes,,10\n"
        "Sh,Two,no@example.org,no,,10\n",
        {"yes@example.org": ("Sh One", "subscribed"), "no@example.org": ("Sh Two", "unsubscribed")},
    ),
    "MailerLite": (
        'Subscriber,Name,"Last name",Status,Sent,Opened,Clicked,Subscribed\nml.a@example.org,Mia,Long,Active,4,3,1,'
        "2024-03-01\nml.b@example.org,Max,,Unsubscribed,4,3,1,2024-03-01\nml.c@example.org,Mo,,Junk,4,3,1,\n",
        {
            "ml.a@example.org": ("Mia Long", "subscribed"),
            "ml.b@example.org": ("Max", "unsubscribed"),
            "ml.c@example.org": ("Mo", "complained"),
        },
    ),
    "a first round of bad rows of beehiiv, with their reasons": (
        "line,reason,email,status,tier,created_at,name\n"
        "4,\"'validating' is not understood\",c@example.org,active,free,2024-03-01,\n"
        "5,\"'invalid' is not understood\",d@example.org,invalid,free,2024-03-01,\n"
        "6,\"'needs_attention' is not understood\",e@example.org,needs_attention,free,2024-03-01,\n",
        {
            "c@example.org": ("", "subscribed"),
            "d@example.org": ("", "bounced"),
            "e@example.org": ("", "pending"),
        },
    ),
    "a doubled header": (
        "email,name,email,tags,tags\na@example.org,Dup,b@example.org,x,y\n,Two,c@example.org,,\n",
        {"a@example.org": ("Dup", "subscribed"), "c@example.org": ("Two", "subscribed")},
    ),
    "headers in German": (
        "E-Mail-Adresse;Vorname;Nachname;Newsletter erlaubt;Abgemeldet am\nja@example.org;Jo;Ja;ja;\n"
        "nein@example.org;Ni;Nein;nein;\nweg@example.org;Wo;Weg;ja;01.05.2025\n",
        {
            "ja@example.org": ("Jo Ja", "subscribed"),
            "nein@example.org": ("Ni Nein", "unsubscribed"),
            "weg@example.org": ("Wo Weg", "unsubscribed"),
        },
    ),
    "headers in French, Spanish and Italian": (
        "Adresse e-mail,Prénom,Apellidos,Iscritto\noui@example.org,Ana,Uno,oui\nnon@example.org,Eva,Dos,non\n",
        {"oui@example.org": ("Ana Uno", "subscribed"), "non@example.org": ("Eva Dos", "unsubscribed")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_everyone_comes_in_with_the_name_and_only_who_says_yes_is_subscribed(case: str) -> None:
    text, expected = CASES[case]
    rows = [row for row in read(text) if isinstance(row, ImportRow)]
    assert {row.person.email: (row.person.name, row.status.outcome.value) for row in rows} == expected


def test_tags_of_two_columns_are_united() -> None:
    rows = [row for row in read(CASES["a doubled header"][0]) if isinstance(row, ImportRow)]
    assert rows[0].person.tags == ("x", "y")


def test_what_a_spreadsheet_mangled_stays_text_and_rows_of_errors_are_refused() -> None:
    rows = read(
        "email,name,member_no,joined\na@example.org,Ex A,1.23457E+11,45000\n#N/A,#REF!,,\n"
        "b@example.org,#REF!,,03/04/2024\n",
        attributes_from_rest=True,
    )
    good = [row for row in rows if isinstance(row, ImportRow)]
    assert [row.person.name for row in good] == ["Ex A", ""]
    assert good[0].person.attributes == {"member_no": "1.23457E+11", "joined": "45000"}
    assert list(reasons(rows)) == [3]


def test_an_address_that_stands_for_no_one_is_passed_over_in_every_format() -> None:
    text = "email,active_subscription,email_disabled\ndeleted-1@deletion-request.substack.com,false,false\n"
    for format_ in ("", "csv"):
        columns = {"active_subscription": "ignore"} if format_ else {}
        (row,) = read(text, format=format_, columns=columns)
        assert isinstance(row, SkippedRow)
