"""The exports of other services, with their real headers: detected, and read with attributes and status."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.subscriber_import import ImportRow
from distributor.domain.suppression import SuppressionReason
from distributor.importers.registry import all_importers, detect_importer
from tests.importers.files import people, read, reasons

LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"
MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,'
    "LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers\n"
)
SUBSTACK = "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"


def one(text: str, **options: object) -> ImportRow:
    (row,) = people(read(text, **options))  # type: ignore[arg-type]
    return row


def test_every_importer_is_found() -> None:
    assert list(all_importers()) == [
        *("beehiiv", "brevo", "buttondown", "csv", "distributor", "ghost", "hubspot", "jsonl", "kit", "listmonk"),
        *("mailchimp", "mailerlite", "phplist", "sendy", "shopify", "substack"),
    ]


@pytest.mark.parametrize(
    ("header", "name"),
    [(LISTMONK, "listmonk"), (MAILCHIMP.replace('"', ""), "mailchimp"), (GHOST, "ghost"), (SUBSTACK, "substack")],
)
def test_an_export_is_detected_by_its_header(header: str, name: str) -> None:
    assert name == detect_importer(header.strip().split(",")).name


def test_listmonk_attributes_and_statuses_are_imported() -> None:
    enabled, disabled, blocked = people(
        read(
            LISTMONK
            + 'u1,ada@example.org,Ada,"{""city"": ""Wien"", ""age"": 36}",enabled,2024-01-02 03:04:05 +0000 UTC,\n'
            "u2,bo@example.org,Bo,{},disabled,,\nu3,cy@example.org,Cy,{},blocklisted,,\n"
        )
    )
    assert enabled.person.attributes == {"city": "Wien", "age": 36}
    assert enabled.status.state is Membership.SUBSCRIBED
    assert enabled.evidence["created_at"] == "2024-01-02 03:04:05 +0000 UTC"
    assert (disabled.status.status, disabled.status.state) == (SubscriberStatus.DISABLED, Membership.UNSUBSCRIBED)
    assert blocked.status.reasons == (SuppressionReason.IMPORTED,)
    assert blocked.status.state is Membership.UNSUBSCRIBED


def mailchimp(*, more: str = "", filled: str = "") -> str:
    return (
        f"{MAILCHIMP}{more}\n"
        'ada@example.org,Ada,Lovelace,4,"2020-02-03 04:05:06",192.0.2.7,"2020-02-03 04:06:00",192.0.2.8,48.2,16.3,1,2,'
        f'Europe/Vienna,AT,9,"2021-01-01 00:00:00",1,abc,,"""VIP"",""Blog, weekly"""{filled}\n'
    )


def test_mailchimp_names_tags_zones_and_opt_in_times_are_imported() -> None:
    row = one(mailchimp(), name="subscribed_email_audience_export_1.csv")
    assert (row.person.name, row.person.tags, row.person.zone) == (
        "Ada Lovelace",
        ("VIP", "Blog, weekly"),
        "Europe/Vienna",
    )
    assert row.status.state is Membership.SUBSCRIBED
    assert row.evidence["optin_time"] == "2020-02-03 04:05:06"
    assert row.evidence["confirm_ip"] == "192.0.2.8"


@pytest.mark.parametrize("name", ["unsubscribed_email_audience_export_1.csv", "anything.csv"])
def test_a_contact_unsubscribed_at_mailchimp_is_imported_as_unsubscribed(name: str) -> None:
    row = one(mailchimp(more=",UNSUB_TIME,UNSUB_REASON", filled=',"2022-03-04 05:06:07",NORMAL'), name=name)
    assert row.status.state is Membership.UNSUBSCRIBED
    assert row.status.unsubscribed_at == datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert row.status.reasons == ()


def test_a_contact_cleaned_at_mailchimp_is_suppressed() -> None:
    row = one(mailchimp(more=",CLEAN_TIME", filled=',"2022-03-04 05:06:07"'))
    assert (row.status.state, row.status.reasons) == (Membership.UNSUBSCRIBED, (SuppressionReason.HARD_BOUNCE,))


def test_the_file_name_alone_marks_contacts_as_cleaned() -> None:
    row = one(mailchimp(), name="cleaned_email_audience_export_1.csv")
    assert row.status.reasons == (SuppressionReason.HARD_BOUNCE,)


def test_a_contact_never_subscribed_at_mailchimp_is_not_subscribed_here() -> None:
    assert one(mailchimp(), name="nonsubscribed_audience_export_1.csv").status.state is Membership.UNSUBSCRIBED


def test_ghost_labels_and_statuses_are_imported() -> None:
    ada, bo, cy = people(
        read(
            GHOST + 'g1,ada@example.org,Ada,"early, kind",true,false,cus_1,2024-01-15T10:00:00.000Z,,"vip,beta",Gold\n'
            "g2,bo@example.org,Bo,,false,false,,2024-01-15T10:00:00.000Z,,,\n"
            "g3,cy@example.org,Cy,,true,false,,2024-01-15T10:00:00.000Z,2024-02-01T00:00:00.000Z,,\n"
        )
    )
    assert (ada.person.tags, ada.status.state) == (("vip", "beta"), Membership.SUBSCRIBED)
    assert ada.person.attributes == {"note": "early, kind", "tiers": "Gold"}
    assert bo.status.state is cy.status.state is Membership.UNSUBSCRIBED


def test_substack_plans_and_statuses_are_imported() -> None:
    ada, bo = people(
        read(
            SUBSTACK
            + "ada@example.org,true,2027-01-01,yearly,false,2026-06-01T00:00:00.000Z,2026-07-15T00:00:00.000Z\n"
            "bo@example.org,false,,other,true,2026-05-01T00:00:00.000Z,\n"
        )
    )
    assert (ada.person.attributes, ada.status.state) == ({"plan": "yearly"}, Membership.SUBSCRIBED)
    assert bo.status.state is Membership.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("word", "state", "suppressed"),
    [
        ("Subscribed", Membership.SUBSCRIBED, ()),
        ("unconfirmed", Membership.PENDING, ()),
        ("unsubscribed", Membership.UNSUBSCRIBED, ()),
        ("bounced", Membership.UNSUBSCRIBED, (SuppressionReason.HARD_BOUNCE,)),
        ("complained", Membership.UNSUBSCRIBED, (SuppressionReason.COMPLAINT,)),
    ],
)
def test_a_status_column_of_plain_csv_is_imported(
    word: str, state: Membership, suppressed: tuple[SuppressionReason, ...]
) -> None:
    row = one(f"email,status\nada@example.org,{word}\n")
    assert (row.status.state, row.status.reasons) == (state, suppressed)


def test_an_unknown_status_is_refused_because_it_may_mean_no() -> None:
    reason = reasons(read("email,status\nada@example.org,perhaps\n"))[2]
    assert "column 'status': 'perhaps' is not a word that is understood" in reason
    assert '--map-status "perhaps=STATUS"' in reason
