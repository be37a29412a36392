"""The exports of each service, with its real headers and its own words: who may get mail, and what else comes in.

The people are made up.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import pytest

from distributor.domain.subscriber_import import ImportedStatus, ImportRow, ImportSettings
from distributor.importers.reader import detect_settings, scan_file
from distributor.importers.registry import detect_importer
from distributor.importers.statuses import STATUSES
from tests.importers.files import people, read, reasons


def state_of(status: ImportedStatus) -> str:
    """The word of `STATUSES` for a status."""
    return next(word for word, known in STATUSES.items() if known == replace(status, unsubscribed_at=None))


def states(text: str, **options: object) -> dict[str, str]:
    """The state of each person in a file, by the local part of the address."""
    rows = people(read(text, **options))  # type: ignore[arg-type]
    return {row.person.email.partition("@")[0]: state_of(row.status) for row in rows}


def one(text: str, **options: object) -> ImportRow:
    (row,) = people(read(text, **options))  # type: ignore[arg-type]
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export of `service`: a header, and for each row the state that it means here.

    In a row, ``@`` stands for an address with the number of the row.
    """

    service: str
    header: str
    rows: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The file."""
        lines = (row.replace("@", f"p{number}@example.org", 1) for number, (row, _) in enumerate(self.rows))
        return "\n".join((self.header, *lines)) + "\n"

    @property
    def expected(self) -> dict[str, str]:
        """The state of each person."""
        return {f"p{number}": state for number, (_, state) in enumerate(self.rows)}


KIT_DASHBOARD = Export(
    service="kit",
    header="First Name,Email,Status,Created At,Subscriber Score,Tags",
    rows=(
        ("Ada,@,Confirmed,2024-03-01 10:00:00 UTC,5,reader", "subscribed"),
        ("Bo,@,Cold,2024-03-01 10:00:00 UTC,1,", "subscribed"),
        ("Cy,@,Unconfirmed,2024-03-01 10:00:00 UTC,0,", "pending"),
        ("Di,@,Canceled,2024-03-01 10:00:00 UTC,0,", "unsubscribed"),
        ("Ed,@,Bounced,2024-03-01 10:00:00 UTC,0,", "bounced"),
        ("Flo,@,Complained,2024-03-01 10:00:00 UTC,0,", "complained"),
    ),
)
KIT_API = Export(
    service="kit",
    header="id,first_name,email_address,state,created_at,fields,referrer,utm_source",
    rows=(
        ("1,Ada,@,active,2024-03-01T10:00:00Z,{},,", "subscribed"),
        ("2,Bo,@,inactive,2024-03-01T10:00:00Z,{},,", "pending"),
        ("3,Cy,@,cancelled,2024-03-01T10:00:00Z,{},,", "unsubscribed"),
        ("4,Di,@,bounced,2024-03-01T10:00:00Z,{},,", "bounced"),
        ("5,Ed,@,complained,2024-03-01T10:00:00Z,{},,", "complained"),
    ),
)
BEEHIIV = Export(
    service="beehiiv",
    header="email,First Name,Last Name,status,tier,created_at,stripe_customer_id,Free Tier,Premium Tier,utm_source,"
    "referral_code,unsubscribed_at,Subscription Date (Substack)",
    rows=(
        ("@,Ada,Ash,active,free,2024-03-01 10:00:00 UTC,,Yes,No,web,XyV,,", "subscribed"),
        ("@,Bo,,active,premium,2024-03-01 10:00:00 UTC,cus_1,No,Yes,,XyW,,2022-03-12 11:43:23 UTC", "subscribed"),
        ("@,,,inactive,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyX,,", "unsubscribed"),
        ("@,,,active,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyX,2024-05-01 10:00:00 UTC,", "unsubscribed"),
        ("@,,,paused,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyX,,", "unsubscribed"),
        ("@,,,pending,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyY,,", "pending"),
        ("@,,,validating,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyY,,", "pending"),
        ("@,,,needs_attention,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyY,,", "pending"),
        ("@,,,Needs Approval,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyY,,", "pending"),
        ("@,,,invalid,free,2024-03-01 10:00:00 UTC,,Yes,No,,XyZ,,", "bounced"),
    ),
)
BUTTONDOWN = Export(
    service="buttondown",
    header="id,email_address,type,creation_date,tags,notes,metadata,source,referrer_url,ip_address,"
    "unsubscription_date,undeliverability_date,undeliverability_reason,last_bounce_date,churn_date",
    rows=(
        ('u1,@,regular,2024-03-01,"vip,blog",met at a fair,"{""city"": ""Wien""}",form,,192.0.2.7,,,,,', "subscribed"),
        ("u2,@,premium,2024-03-01,,,,import,,,,,,2024-04-01,", "subscribed"),
        ("u3,@,gifted,2024-03-01,,,,,,,,,,,", "subscribed"),
        ("u4,@,trialed,2024-03-01,,,,,,,,,,,", "subscribed"),
        ("u5,@,unpaid,2024-03-01,,,,,,,,,,,2024-05-05", "subscribed"),
        ("u6,@,churning,2024-03-01,,,,,,,,,,,", "subscribed"),
        ("u7,@,paused,2024-03-01,,,,,,,,,,,", "subscribed"),
        ("u8,@,past_due,2024-03-01,,,,,,,,,,,", "subscribed"),
        ("u9,@,unactivated,2024-03-01,,,,,,,,,,,", "pending"),
        ("u10,@,unsubscribed,2024-03-01,,,,,,,2024-05-01,,,,", "unsubscribed"),
        ("u11,@,regular,2024-03-01,,,,,,,2024-05-01,,,,", "unsubscribed"),
        ("u12,@,removed,2024-03-01,,,,,,,,,,,", "unsubscribed"),
        ("u13,@,undeliverable,2024-03-01,,,,,,,,2024-05-01,does_not_exist,,", "bounced"),
        ("u14,@,regular,2024-03-01,,,,,,,,2024-05-01,out_of_storage,,", "bounced"),
        ("u15,@,malformed,2024-03-01,,,,,,,,,,,", "bounced"),
        ("u16,@,complained,2024-03-01,,,,,,,,,,,", "complained"),
        ("u17,@,spammy,2024-03-01,,,,,,,,,,,", "blocklisted"),
        ("u18,@,blocked,2024-03-01,,,,,,,,,,,", "blocklisted"),
        ("u19,@,disposable,2024-03-01,,,,,,,,,,,", "blocklisted"),
    ),
)
BUTTONDOWN_OLD = Export(
    service="buttondown",
    header="email,notes,tags,subscriber_type,creation_date,secondary_id",
    rows=(("@,,,regular,2020-03-01,1", "subscribed"), ("@,,,unactivated,2020-03-01,2", "pending")),
)
MAILERLITE = Export(
    service="mailerlite",
    header="Subscriber,Name,Last name,Company,Country,City,State,Status,Sent,Opened,Clicked,Subscribed,Unsubscribed,"
    "Opt-in date,Opt-in IP,Location,Groups",
    rows=(
        ('@,Mia,Long,Co,DE,Ulm,BW,Active,4,3,1,2024-03-01 10:00:00,,2024-03-01,192.0.2.7,,"A,B"', "subscribed"),
        ("@,Max,,,,,,Unsubscribed,4,3,1,2024-03-01 10:00:00,2024-05-01 10:00:00,,,,", "unsubscribed"),
        ("@,May,,,,,,Active,4,3,1,2024-03-01 10:00:00,2024-05-01 10:00:00,,,,", "unsubscribed"),
        ("@,Mo,,,,,,Unconfirmed,0,0,0,,,,,,", "pending"),
        ("@,Mu,,,,,,Bounced,4,0,0,2024-03-01 10:00:00,,,,,", "bounced"),
        ("@,My,,,,,,Junk,4,3,1,,,,,,", "complained"),
    ),
)
MAILERLITE_API = Export(
    service="mailerlite",
    header="id,email,status,source,sent,opens_count,clicks_count,subscribed_at,unsubscribed_at,created_at,opted_in_at,"
    "optin_ip,ip_address",
    rows=(
        ("1,@,active,api,1,1,0,2024-03-01 10:00:00,,2024-03-01 10:00:00,2024-03-01 10:01:00,192.0.2.7,", "subscribed"),
        ("2,@,unsubscribed,api,1,1,0,2024-03-01 10:00:00,2024-04-01 10:00:00,,,,", "unsubscribed"),
        ("3,@,junk,api,1,1,0,2024-03-01 10:00:00,,,,,", "complained"),
    ),
)
SENDY = Export(
    service="sendy",
    header='"Name","Email","Joined","Last activity","Added via","Opt-in method","IP address","Country","Country code",'
    '"Signed up from","Status","GDPR","Birthday"',
    rows=(
        (
            '"Ada Ash","@","2024-03-01","","API","Double opt-in","192.0.2.7","Austria","AT","","Active","Yes",""',
            "subscribed",
        ),
        ('"","@","2024-03-01","","App interface","","","","","","Active","No",""', "pending"),
        ('"","@","2024-03-01","","API","Single opt-in","","","","","Unconfirmed","Yes",""', "pending"),
        ('"","@","2024-03-01","","API","Single opt-in","","","","","Unsubscribed","Yes",""', "unsubscribed"),
        ('"","@","2024-03-01","","API","Single opt-in","","","","","Bounced","Yes",""', "bounced"),
        ('"","@","2024-03-01","","API","Single opt-in","","","","","Marked as spam","Yes",""', "complained"),
    ),
)
PHPLIST_PAGE = Export(
    service="phplist",
    header="id\tEmail\tIs this subscriber confirmed\tIs this subscriber blacklisted\t"
    "Did this subscriber manually confirm\tNumber of bounces\tEntered\tLast Modified\t"
    "Send this subscriber HTML emails\tRSS Frequency\tPassword\t"
    "Is this account disabled?\tAdditional data\tForeign Key\tList Membership",
    rows=(
        ("1\t@\t1\t0\t0\t2\t2024-03-01\t2024-03-01\t1\t\tsecret\t0\t\tk1\tWeekly News ", "subscribed"),
        ("2\t@\t1\t1\t1\t0\t2024-03-01\t2024-03-01\t1\t\t\t0\t\t\tWeekly News ", "blocklisted"),
        ("3\t@\t0\t0\t0\t0\t2024-03-01\t2024-03-01\t1\t\t\t0\t\t\tWeekly News ", "pending"),
        ("4\t@\t1\t0\t1\t0\t2024-03-01\t2024-03-01\t1\t\t\t1\t\t\tWeekly News ", "disabled"),
        ("5\t@\t1\t0\t1\t0\t2024-03-01\t2024-03-01\t1\t\t\t0\t\t\tNo Lists", "unsubscribed"),
    ),
)
PHPLIST_TABLE = Export(
    service="phplist",
    header="id,email,confirmed,blacklisted,optedin,bouncecount,htmlemail,disabled",
    rows=(
        ("1,@,1,0,0,0,1,0", "subscribed"),
        ("2,@,1,1,0,0,1,0", "blocklisted"),
        ("3,@,0,0,0,0,1,0", "pending"),
        ("4,@,1,0,0,0,1,1", "disabled"),
    ),
)
HUBSPOT = Export(
    service="hubspot",
    header='"Record ID","First Name","Last Name",Email,"Lead Status","Marketing contact status",'
    '"Unsubscribed from all email","Opted out of email: Marketing Information","Opted out of email: One to One",'
    '"Invalid email address","Email hard bounce reason","Email Address Quarantined","Email address quarantine reason",'
    '"Marketing email confirmation status","Legal basis for processing contact\'s data","Create Date","State/Region"',
    rows=(
        (
            "11,Hal,One,@,Open,Marketing contact,false,No,,false,,false,,,Freely given consent,2024-03-01,CA",
            "subscribed",
        ),
        ("12,Hue,,@,,Marketing contact,,,,,,,,Confirmed,,2024-03-01,", "subscribed"),
        ("13,,,@,,Non-marketing contact,false,,,false,,false,,,,2024-03-01,", "unsubscribed"),
        ("14,,,@,,Marketing contact,true,,,false,,false,,,,2024-03-01,", "unsubscribed"),
        ("15,,,@,,Marketing contact,false,Yes,,false,,false,,,,2024-03-01,", "unsubscribed"),
        ("16,,,@,,Marketing contact,false,,Yes,false,,false,,,,2024-03-01,", "unsubscribed"),
        ("17,,,@,,Marketing contact,false,,,true,,false,,,,2024-03-01,", "bounced"),
        ("18,,,@,,Marketing contact,false,,,false,550 5.1.1 unknown,false,,,,2024-03-01,", "bounced"),
        ("19,,,@,,Marketing contact,false,,,false,,true,,,,2024-03-01,", "blocklisted"),
        ("20,,,@,,Marketing contact,false,,,false,,,High hard bounce rate,,,2024-03-01,", "blocklisted"),
        ("21,,,@,,Marketing contact,false,,,false,,false,,Confirmation Pending,,2024-03-01,", "pending"),
    ),
)
HUBSPOT_INTERNAL = Export(
    service="hubspot",
    header="hs_object_id,email,firstname,lastname,hs_email_optout,hs_email_optout_6871816,hs_marketable_status,"
    "hs_email_bad_address,hs_email_quarantined,hs_email_bounce,hs_email_hard_bounce_reason_enum,state",
    rows=(
        ("11,@,Hal,One,false,,true,false,,3,,CA", "subscribed"),
        ("12,@,Hue,,true,,true,false,,0,,", "unsubscribed"),
        ("13,@,,,false,true,true,false,,0,,", "unsubscribed"),
        ("14,@,,,false,,false,false,,0,,", "unsubscribed"),
        ("15,@,,,,,true,true,,0,,", "bounced"),
        ("16,@,,,,,true,,true,0,,", "blocklisted"),
        ("17,@,,,,,true,,,1,UNKNOWN_USER,", "bounced"),
    ),
)
SHOPIFY = Export(
    service="shopify",
    header="Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
    "Default Address Address1,Default Address City,Default Address Country Code,Default Address Phone,Phone,"
    "Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags,Accepts WhatsApp Marketing",
    rows=(
        ("'123,Sh,One,@,yes,Co,Street 1,Wien,AT,,'+43,no,10.00,1,,no,\"vip, blog\",no", "subscribed"),
        ("'124,Sh,Two,@,no,,,,,,,yes,10.00,1,,no,,yes", "unsubscribed"),
        ("'125,Sh,Six,@,,,,,,,,yes,10.00,1,,no,,", "unsubscribed"),
    ),
)
SHOPIFY_OLD = Export(
    service="shopify",
    header="First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,"
    "Phone,Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt",
    rows=(
        ("Sh,One,@,,,,Ottawa,Ontario,ON,Canada,CA,a1b,,yes,100,1,,,yes", "subscribed"),
        ("Sh,Two,@,,,,Ottawa,Ontario,ON,Canada,CA,a1b,,no,100,1,,,yes", "unsubscribed"),
    ),
)
MATRIXIFY = Export(
    service="shopify",
    header="ID,Email,Command,First Name,Last Name,Phone,State,Email Marketing: Status,Email Marketing: Level,"
    "Email Marketing: Updated At,SMS Marketing: Status,Verified Email,Tax Exempt,Tags",
    rows=(
        ("1,@,MERGE,Sh,One,,DISABLED,subscribed,confirmed_opt_in,2024-03-01,not_subscribed,TRUE,FALSE,", "subscribed"),
        ("2,@,MERGE,Sh,,,ENABLED,not_subscribed,,,subscribed,TRUE,FALSE,", "unsubscribed"),
        ("3,@,MERGE,Sh,,,ENABLED,unsubscribed,,,subscribed,TRUE,FALSE,", "unsubscribed"),
        ("4,@,MERGE,Sh,,,ENABLED,NOT_SUBSCRIBED,,,,TRUE,FALSE,", "unsubscribed"),
        ("5,@,MERGE,Sh,,,ENABLED,redacted,,,,TRUE,FALSE,", "unsubscribed"),
        ("6,@,MERGE,Sh,,,ENABLED,pending,,,,TRUE,FALSE,", "pending"),
        ("7,@,MERGE,Sh,,,ENABLED,invalid,,,,TRUE,FALSE,", "bounced"),
        ("8,@,MERGE,Sh,,,INVITED,subscribed,,,,FALSE,FALSE,", "pending"),
    ),
)
BREVO = Export(
    service="brevo",
    header="CONTACT ID;EMAIL;FIRSTNAME;LASTNAME;SMS;WHATSAPP;EMAIL_BLACKLISTED;SMS_BLACKLISTED;OPT_IN;DOUBLE_OPT-IN;"
    "ADDED_TIME;MODIFIED_TIME",
    rows=(
        ("1;@;Bea;Bell;;;0;1;;;01-03-2024 10:00:00;01-03-2024 10:00:00", "subscribed"),
        ("2;@;Ben;;;;false;;Yes;1;01-03-2024 10:00:00;01-03-2024 10:00:00", "subscribed"),
        ("3;@;;;;;1;0;Yes;Yes;01-03-2024 10:00:00;01-03-2024 10:00:00", "blocklisted"),
        ("4;@;;;;;0;0;No;;01-03-2024 10:00:00;01-03-2024 10:00:00", "unsubscribed"),
        ("5;@;;;;;0;0;Yes;2;01-03-2024 10:00:00;01-03-2024 10:00:00", "pending"),
        ("6;@;;;;;0;0;;No;01-03-2024 10:00:00;01-03-2024 10:00:00", "pending"),
    ),
)
BREVO_STATUS = Export(
    service="brevo",
    header="EMAIL,PRENOM,NOM,email_marketing,sms_marketing,ADDED_TIME,MODIFIED_TIME",
    rows=(
        ("@,Bea,Bell,Subscribed,Blocklisted,01-03-2024,01-03-2024", "subscribed"),
        ("@,Ben,,Unsubscribed,,01-03-2024,01-03-2024", "unsubscribed"),
        ("@,Bo,,Never subscribed,,01-03-2024,01-03-2024", "unsubscribed"),
        ("@,Bu,,Blocklisted,,01-03-2024,01-03-2024", "blocklisted"),
    ),
)
MAILCHIMP_CLEANED = (
    "Email Address,First Name,Company,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,"
    "GMTOFF,DSTOFF,TIMEZONE,CC,REGION,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID,NOTES,TAGS\n"
    "ada@example.org,Ada,,1,2018-02-05 19:28:23,,2018-02-05 19:28:23,,,,,,,,,2020-03-23 17:30:05,News,c1,,,,\n"
)
MAILCHIMP_UNSUBSCRIBED = (
    "Email Address,First Name,Company,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,"
    "GMTOFF,DSTOFF,TIMEZONE,CC,REGION,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,"
    "UNSUB_REASON_OTHER,LEID,EUID,NOTES,TAGS\n"
    "ada@example.org,Ada,,,2018-02-12 10:54:27,,2018-02-12 10:54:27,,,,,,,,,2018-07-23 12:19:27,News,c1,NORMAL,,,,,\n"
)
EXPORTS = (
    *(KIT_DASHBOARD, KIT_API, BEEHIIV, BUTTONDOWN, BUTTONDOWN_OLD, MAILERLITE, MAILERLITE_API, SENDY),
    *(PHPLIST_PAGE, PHPLIST_TABLE, HUBSPOT, HUBSPOT_INTERNAL, SHOPIFY, SHOPIFY_OLD, MATRIXIFY, BREVO, BREVO_STATUS),
)
every_export = pytest.mark.parametrize("export", EXPORTS, ids=lambda export: f"{export.service}-{export.header[:20]}")


@every_export
def test_each_word_and_column_that_says_no_is_heard(export: Export) -> None:
    assert states(export.text) == export.expected


@every_export
def test_an_export_is_detected_by_its_header(export: Export) -> None:
    delimiter = max("\t;,", key=export.header.count)
    assert detect_importer(cell.strip('"') for cell in export.header.split(delimiter)).name == export.service


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("weekly-letter-unsubscribed.csv", "unsubscribed"),
        ("weekly-letter-bounced (1).csv", "bounced"),
        ("weekly-letter-marked-as-spam.csv", "complained"),
        ("weekly-letter-unconfirmed.csv", "pending"),
        ("weekly-letter-active.csv", "subscribed"),
        ("unsubscribers.csv", "unsubscribed"),
        ("cancelled_subscribers.csv", "unsubscribed"),
        ("Canceled Subscribers.csv", "unsubscribed"),
    ],
)
def test_the_name_of_a_file_of_one_state_counts(name: str, state: str) -> None:
    assert states("Name,Email\nAda,ada@example.org\n", name=name) == {"ada": state}


def test_who_signs_up_at_kit_keeps_name_and_tags() -> None:
    row = one(
        'First Name,Email,Status,Created At,Subscriber Score,Tags\nAda,ada@example.org,Confirmed,2024-03-01,5,"a, b"\n'
    )
    assert (row.person.name, row.person.tags) == ("Ada", ("a", "b"))
    assert row.evidence == {"created_at": "2024-03-01"}


def test_metadata_and_tags_of_buttondown_are_imported() -> None:
    row = people(read(BUTTONDOWN.text))[0]
    assert row.person.attributes == {"city": "Wien", "notes": "met at a fair"}
    assert (row.person.tags, row.ip_address) == (("vip", "blog"), "192.0.2.7")


def test_the_names_of_mailerlite_and_the_times_of_opting_in_are_imported() -> None:
    row = people(read(MAILERLITE.text))[0]
    assert row.person.name == "Mia Long"
    assert (row.evidence["subscribed_at"], row.evidence["opted_in_from"]) == ("2024-03-01 10:00:00", "192.0.2.7")
    left = people(read(MAILERLITE.text))[1]
    assert left.status.unsubscribed_at is not None


def test_a_password_of_phplist_is_never_kept() -> None:
    row = people(read(PHPLIST_PAGE.text, attributes_from_rest=True))[0]
    assert "secret" not in repr((row.person, row.evidence))


def test_an_export_of_all_properties_of_hubspot_asks_nothing() -> None:
    unused = (
        "Is a contact,Contact unworked,Currently in Sequence,Clicked Facebook ad,Created By Conversations,"
        "Last marketing email name,First marketing email open date,Time to move from subscriber to customer,"
        "Became a Subscriber Date,Marketing contact status source type,Marketing contact until next update,"
        "Marketing emails bounced,Membership status,IP State/Region,All owner ids,Military status"
    )
    cells = "true,false,false,true,false,News,2024-03-01,3,2024-03-01,Form,No,2,,CA,7,"
    text = f"Record ID,Email,Unsubscribed from all email,{unused}\n1,ada@example.org,false,{cells}\n"
    assert states(text) == {"ada": "subscribed"}
    assert states(text.replace(",2,,CA", ",2,Inactive,CA")) == {"ada": "unsubscribed"}


def test_the_consent_that_hubspot_recorded_is_evidence() -> None:
    row = people(read(HUBSPOT.text))[0]
    assert (row.person.name, row.evidence["legal_basis"]) == ("Hal One", "Freely given consent")


def test_an_attribute_of_brevo_that_is_no_yes_or_no_refuses_its_row_alone() -> None:
    rows = read("EMAIL,OPT_IN,DOUBLE_OPT-IN\nada@example.org,perhaps,\nbo@example.org,Yes,\n")
    assert "'perhaps' is not a word that is understood" in reasons(rows)[2]
    assert len(rows) == 2


@pytest.mark.parametrize("header", ["Marketing Permissions", "Erlaubnis zum Marketing", "Permisos de marketing"])
def test_who_ticked_no_box_at_mailchimp_is_pending_if_the_file_has_people_who_did(header: str) -> None:
    start = f"Email Address,{header},MEMBER_RATING,OPTIN_TIME,LEID\n"
    asked = f'{start}ada@example.org,"E-Mail, Brief",4,,1\nbo@example.org,,4,,2\ncy@example.org,nein,4,,3\n'
    assert states(asked) == {"ada": "subscribed", "bo": "pending", "cy": "unsubscribed"}
    assert states(f"{start}ada@example.org,,4,,1\nbo@example.org,,4,,2\n") == {"ada": "subscribed", "bo": "subscribed"}


def test_who_left_mailchimp_because_of_spam_is_suppressed() -> None:
    assert states(MAILCHIMP_UNSUBSCRIBED.replace("NORMAL", "SPAM")) == {"ada": "complained"}


def test_the_free_text_of_a_reason_is_not_reported() -> None:
    copy = io.BytesIO(HUBSPOT.text.encode())
    complete = detect_settings(copy, ImportSettings(), name="people.csv")
    _, scan = scan_file(copy, complete, name="people.csv")
    reported = {word.word for word in scan.words if word.header == "Email hard bounce reason"}
    assert reported == {"", "(other words)"}


@pytest.mark.parametrize(
    "text",
    [
        "email,status,tier\nada@example.org,perhaps,free\n",
        "email_address,state,created_at\nada@example.org,perhaps,2024-03-01\n",
        "email_address,type,creation_date\nada@example.org,perhaps,2024-03-01\n",
        "Subscriber,Status,Subscribed\nada@example.org,perhaps,2024-03-01\n",
        "Email,Joined,Last activity,Status\nada@example.org,2024-03-01,,perhaps\n",
        "Email,Record ID,Marketing contact status\nada@example.org,1,perhaps\n",
        "Email,Email Marketing: Status\nada@example.org,perhaps\n",
        "EMAIL,email_marketing,ADDED_TIME,MODIFIED_TIME\nada@example.org,perhaps,,\n",
    ],
)
def test_an_unknown_word_of_a_service_is_refused_because_it_may_mean_no(text: str) -> None:
    assert "'perhaps' is not a word that is understood" in reasons(read(text))[2]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (MAILCHIMP_CLEANED, "bounced"),
        (MAILCHIMP_UNSUBSCRIBED, "unsubscribed"),
        ("Emailadresse,MEMBER_RATING,OPTIN_TIME,LEID\nada@example.org,4,2023-02-12 17:59:31,1\n", "subscribed"),
        ("Email Address,OPTIN_TIME,LEID,EUID,UNSUB_TIME\nada@example.org,,1,x,2023-02-12 17:59:31\n", "unsubscribed"),
        ("email,email_disabled\nada@example.org,true\n", "unsubscribed"),
        ("email,email_disabled\nada@example.org,false\n", "subscribed"),
        (
            "Email,Stripe plan,Cancel date,Subscription source (free),State/Province\nada@example.org,,,web,CA\n",
            "subscribed",
        ),
        ("email,subscribed_to_emails,status\nada@example.org,true,free\n", "subscribed"),
        ("email,subscribed_to_emails,status\nada@example.org,false,paid\n", "unsubscribed"),
        ("email,subscribed_to_emails,email_disabled\nada@example.org,true,1\n", "blocklisted"),
        ("email,subscribed_to_emails,deleted_at\nada@example.org,true,2024-05-01\n", "unsubscribed"),
        ("email,uuid,status\nada@example.org,u1,enabled\n", "subscribed"),
        ("email,uuid,status\nada@example.org,u1,disabled\n", "disabled"),
        ("email,uuid,status\nada@example.org,u1,blocklisted\n", "blocklisted"),
    ],
)
def test_an_export_with_fewer_columns_says_the_same(text: str, state: str) -> None:
    assert states(text) == {"ada": state}
