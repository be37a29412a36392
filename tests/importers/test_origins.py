"""The exports of other services, with the headers they really have, and what they say of mail to somebody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.importing import SourceValues
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.suppression import SuppressionReason
from distributor.importers.registry import origin_of, origins
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


def one(text: str, **more: object) -> SourceValues:
    (told,) = people(read(text, **more))  # type: ignore[arg-type]
    return told


def test_every_origin_is_found() -> None:
    assert list(origins()) == ["csv", "distributor", "ghost", "jsonl", "listmonk", "mailchimp", "substack"]


@pytest.mark.parametrize(
    ("header", "name"),
    [(LISTMONK, "listmonk"), (MAILCHIMP.replace('"', ""), "mailchimp"), (GHOST, "ghost"), (SUBSTACK, "substack")],
)
def test_an_export_is_known_by_its_header(header: str, name: str) -> None:
    assert name == origin_of(header.strip().split(",")).NAME


def test_listmonk_tells_of_attributes_and_of_who_is_blocklisted() -> None:
    enabled, disabled, blocked = people(
        read(
            LISTMONK
            + 'u1,ada@example.org,Ada,"{""city"": ""Wien"", ""age"": 36}",enabled,2024-01-02 03:04:05 +0000 UTC,\n'
            "u2,bo@example.org,Bo,{},disabled,,\nu3,cy@example.org,Cy,{},blocklisted,,\n"
        )
    )
    assert enabled.person.attributes == {"city": "Wien", "age": 36}
    assert enabled.standing.state is Membership.SUBSCRIBED
    assert enabled.evidence["created_at"] == "2024-01-02 03:04:05 +0000 UTC"
    assert (disabled.standing.status, disabled.standing.state) == (SubscriberStatus.DISABLED, Membership.UNSUBSCRIBED)
    assert blocked.standing.reasons == (SuppressionReason.IMPORTED,)
    assert blocked.standing.state is Membership.UNSUBSCRIBED


def mailchimp(*, more: str = "", filled: str = "") -> str:
    return (
        f"{MAILCHIMP}{more}\n"
        'ada@example.org,Ada,Lovelace,4,"2020-02-03 04:05:06",192.0.2.7,"2020-02-03 04:06:00",192.0.2.8,48.2,16.3,1,2,'
        f'Europe/Vienna,AT,9,"2021-01-01 00:00:00",1,abc,,"""VIP"",""Blog, weekly"""{filled}\n'
    )


def test_mailchimp_tells_of_names_tags_zones_and_the_opt_in() -> None:
    told = one(mailchimp(), name="subscribed_email_audience_export_1.csv")
    assert (told.person.name, told.person.tags, told.person.zone) == (
        "Ada Lovelace",
        ("VIP", "Blog, weekly"),
        "Europe/Vienna",
    )
    assert told.standing.state is Membership.SUBSCRIBED
    assert told.evidence["optin_time"] == "2020-02-03 04:05:06"
    assert told.evidence["confirm_ip"] == "192.0.2.8"


@pytest.mark.parametrize("name", ["unsubscribed_email_audience_export_1.csv", "anything.csv"])
def test_who_has_left_at_mailchimp_is_not_subscribed(name: str) -> None:
    told = one(mailchimp(more=",UNSUB_TIME,UNSUB_REASON", filled=',"2022-03-04 05:06:07",NORMAL'), name=name)
    assert told.standing.state is Membership.UNSUBSCRIBED
    assert told.standing.left_at == datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert told.standing.reasons == ()


def test_who_bounced_at_mailchimp_is_suppressed() -> None:
    told = one(mailchimp(more=",CLEAN_TIME", filled=',"2022-03-04 05:06:07"'))
    assert (told.standing.state, told.standing.reasons) == (Membership.UNSUBSCRIBED, (SuppressionReason.HARD_BOUNCE,))


def test_the_name_of_a_cleaned_file_is_enough() -> None:
    told = one(mailchimp(), name="cleaned_email_audience_export_1.csv")
    assert told.standing.reasons == (SuppressionReason.HARD_BOUNCE,)


def test_who_never_subscribed_at_mailchimp_is_refused() -> None:
    assert "never subscribed" in reasons(read(mailchimp(), name="nonsubscribed_audience_export_1.csv"))[2]


def test_ghost_tells_of_labels_and_of_who_wants_no_mail() -> None:
    ada, bo, cy = people(
        read(
            GHOST + 'g1,ada@example.org,Ada,"early, kind",true,false,cus_1,2024-01-15T10:00:00.000Z,,"vip,beta",Gold\n'
            "g2,bo@example.org,Bo,,false,false,,2024-01-15T10:00:00.000Z,,,\n"
            "g3,cy@example.org,Cy,,true,false,,2024-01-15T10:00:00.000Z,2024-02-01T00:00:00.000Z,,\n"
        )
    )
    assert (ada.person.tags, ada.standing.state) == (("vip", "beta"), Membership.SUBSCRIBED)
    assert ada.person.attributes == {"note": "early, kind", "tiers": "Gold"}
    assert bo.standing.state is cy.standing.state is Membership.UNSUBSCRIBED


def test_substack_tells_of_plans_and_of_who_has_switched_mail_off() -> None:
    ada, bo = people(
        read(
            SUBSTACK
            + "ada@example.org,true,2027-01-01,yearly,false,2026-06-01T00:00:00.000Z,2026-07-15T00:00:00.000Z\n"
            "bo@example.org,false,,other,true,2026-05-01T00:00:00.000Z,\n"
        )
    )
    assert (ada.person.attributes, ada.standing.state) == ({"plan": "yearly"}, Membership.SUBSCRIBED)
    assert bo.standing.state is Membership.UNSUBSCRIBED


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
def test_a_status_column_of_plain_csv_is_heeded(
    word: str, state: Membership, suppressed: tuple[SuppressionReason, ...]
) -> None:
    told = one(f"email,status\nada@example.org,{word}\n")
    assert (told.standing.state, told.standing.reasons) == (state, suppressed)


def test_a_status_that_nobody_knows_is_refused_because_it_may_mean_no() -> None:
    assert "'perhaps' is no state that is known" in reasons(read("email,status\nada@example.org,perhaps\n"))[2]
