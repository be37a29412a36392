"""Composing whole messages, read back by the standard library and by fast-mail-parser."""

from __future__ import annotations

import email
import html
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.checks import check_composition
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.composition.samples import compose_sample
from distributor.domain.delivery import Delivery
from distributor.domain.errors import AddressError, InputError
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import Purpose, TokenSigner
from tests.channels.email.mailing import SITE, TOKENS, a_delivery, a_rendition

ROOT = SITE.public_url


def compose(rendition: Rendition, delivery: Delivery | None = None) -> bytes:
    return prepare_mail(rendition).message_for(delivery or a_delivery(), TOKENS)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(raw: bytes, kind: str) -> str:
    part = read(raw).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def token(purpose: Purpose, number: int = 0) -> str:
    return TOKENS.mint(purpose, 1, number)


def test_a_whole_message() -> None:
    rendition = a_rendition(subject="Grüße, @@name@@", html="<p>Hi @@name@@</p>\n", text="Hi @@name@@\n", links=[])
    assert compose(rendition, a_delivery(fields={"name": "Zoë & Co"})).decode("ascii").split("\r\n") == [
        "From: Example News <news@example.org>",
        "To: reader1@example.net",
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe=2C_Zo=C3=AB_=26_Co?=",
        "Date: Sun, 22 Nov 2026 12:00:00 +0000",
        "Feedback-ID: 3:" + rendition.digest[:12] + ":newsletter:exampleorg",
        "Message-ID: <bQEAvGSfpx8QA8V3UQK3@example.org>",
        f"List-Unsubscribe: <https://news.example.org/unsubscribe/{token(Purpose.UNSUBSCRIBE)}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Id: Example News <newsletter.example.org>",
        "List-Help: <mailto:news@example.org?subject=help>",
        "List-Archive: <https://news.example.org/>",
        "List-Post: NO",
        "Precedence: bulk",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        ' boundary="=_' + rendition.digest[:32] + '"',
        "Content-Language: en",
        "",
        "--=_" + rendition.digest[:32],
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Hi =",
        "Zo=C3=AB & Co=",
        "",
        "",
        "--=_" + rendition.digest[:32],
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "<p>Hi =",
        "Zo=C3=AB &amp; Co=",
        "</p>",
        "",
        "--=_" + rendition.digest[:32] + "--",
        "",
    ]


def test_the_same_delivery_gives_the_same_bytes_on_every_attempt() -> None:
    again = replace(a_delivery(), attempt=4, epoch=12)
    assert compose(a_rendition(), again) == compose(a_rendition(), a_delivery())


def test_each_token_becomes_its_own_signed_address() -> None:
    text = "@@click:1@@ @@view@@ @@preferences@@ @@unsubscribe@@\n"
    raw = compose(
        a_rendition(text=text, html='<img src="@@open@@">\n', links=["https://a.example", "https://b.example"])
    )
    assert body(raw, "plain").split() == [
        f"{ROOT}/c/{token(Purpose.CLICK, 1)}",
        f"{ROOT}/view/{token(Purpose.VIEW)}",
        f"{ROOT}/preferences/{token(Purpose.PREFERENCES)}",
        f"{ROOT}/unsubscribe/{token(Purpose.UNSUBSCRIBE)}",
    ]
    assert body(raw, "html") == f'<img src="{ROOT}/o/{token(Purpose.OPEN)}.gif">\n'


def test_personal_values_are_escaped_in_html_only() -> None:
    raw = compose(
        a_rendition(subject="Hi @@name@@", text="Hi @@name@@\n", html="<p>@@name@@</p>\n"),
        a_delivery(fields={"name": '<b>Ann & "Bob"</b> @@view@@'}),
    )
    assert body(raw, "plain") == 'Hi <b>Ann & "Bob"</b> @@view@@\n'
    assert body(raw, "html") == "<p>&lt;b&gt;Ann &amp; &quot;Bob&quot;&lt;/b&gt; @@view@@</p>\n"
    assert read(raw)["Subject"] == 'Hi <b>Ann & "Bob"</b> @@view@@'


def test_a_personal_value_cannot_bring_in_a_header_or_a_line() -> None:
    raw = compose(
        a_rendition(subject="Hi @@name@@"), a_delivery(fields={"name": "Ann\r\nBcc: all@example.org\u2028\0.\r\n"})
    )
    assert read(raw)["Bcc"] is None
    assert read(raw)["Subject"] == "Hi Ann  Bcc: all@example.org  .  "
    assert body(raw, "plain").startswith("Dear Ann  Bcc: all@example.org  .  ,\n")


def test_the_address_of_the_recipient_is_a_personal_field() -> None:
    assert body(compose(a_rendition(text="to @@email@@\n")), "plain") == "to reader1@example.net\n"


def test_a_slot_may_end_a_body() -> None:
    raw = compose(a_rendition(text="bye @@name@@", html="<p>@@name@@"))
    assert (body(raw, "plain"), body(raw, "html")) == ("bye Ann\n", "<p>Ann\n")


def test_what_only_looks_like_a_slot_stays_as_it_is() -> None:
    text = "@@ -30,6 +30,7 @@ and a@@b and @@ name @@\n"
    assert body(compose(a_rendition(text=text)), "plain") == text


visible = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n=.-@ "), max_size=300)


@given(text=visible, markup=visible, subject=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
@settings(deadline=None, derandomize=True)
def test_both_parsers_get_back_exactly_what_was_rendered(text: str, markup: str, subject: str) -> None:
    text, markup, subject = text.replace("@@", "@"), markup.replace("@@", "@"), subject.replace("@@", "@")
    raw = compose(a_rendition(text=text, html=markup, subject=subject))
    message = read(raw)
    for part in message.walk():
        assert part.defects == []
        assert all(not value.defects for value in part.values())
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert message["Subject"] == subject
    assert (body(raw, "plain"), body(raw, "html")) == (text, markup)
    other = fast_mail_parser.parse_email(raw)
    assert [one.replace("\r\n", "\n") for one in other.text_plain] == [text]
    assert [one.replace("\r\n", "\n") for one in other.text_html] == [markup]


@given(text=visible, name=visible)
@settings(deadline=None, derandomize=True)
def test_no_line_of_a_message_is_too_long_or_ends_with_half_a_line_end(text: str, name: str) -> None:
    raw = compose(a_rendition(text=f"{text}@@name@@{text}", subject="Hi @@name@@"), a_delivery(fields={"name": name}))
    assert raw.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))


def test_the_message_id_can_only_be_made_with_the_key() -> None:
    prepared = prepare_mail(a_rendition())
    others = TokenSigner(b"another key for tests")
    ids = {prepared.message_id(a_delivery(number), key) for number in range(50) for key in (TOKENS, others)}
    assert len(ids) == 100


def test_the_message_id_does_not_give_away_a_token() -> None:
    assert TOKENS.mint(Purpose.VIEW, 1) not in prepare_mail(a_rendition()).message_id(a_delivery(), TOKENS)


def test_answers_go_where_they_should() -> None:
    assert read(compose(a_rendition(reply_to="Desk <desk@example.org>")))["Reply-To"] == "Desk <desk@example.org>"
    assert read(compose(a_rendition()))["Reply-To"] is None


def test_a_list_may_have_a_name_of_its_own() -> None:
    assert read(compose(a_rendition(list_name="Weekly")))["List-Id"] == "Weekly <newsletter.example.org>"


def test_a_program_may_also_write_to_leave_where_bounces_are_received() -> None:
    raw = compose(a_rendition(bounce_domain="bounces.example.org"))
    ways = read(raw)["List-Unsubscribe"].split(", ")
    assert ways[0] == f"<{ROOT}/unsubscribe/{token(Purpose.UNSUBSCRIBE)}>"
    found = re.fullmatch(r"<mailto:unsubscribe\+([a-z2-7]+)@bounces\.example\.org\?subject=unsubscribe>", ways[1])
    assert found is not None
    claim = TOKENS.read_from_address(Purpose.UNSUBSCRIBE, found[1])
    assert claim is not None
    assert claim.delivery_id == 1
    assert read(raw)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "mailto" not in read(compose(a_rendition()))["List-Unsubscribe"]


def test_help_is_asked_of_whoever_gets_the_answers() -> None:
    raw = compose(a_rendition(reply_to="Desk <d\u00e9sk+1@b\u00fcro.example>"))
    assert read(raw)["List-Help"] == "<mailto:d%C3%A9sk+1@xn--bro-hoa.example?subject=help>"


def test_who_sends_for_someone_else_is_named_once() -> None:
    assert (
        read(compose(a_rendition(submitted_by="Office <office@example.com>")))["Sender"]
        == "Office <office@example.com>"
    )
    assert read(compose(a_rendition(submitted_by="Other name <news@example.org>")))["Sender"] is None
    assert read(compose(a_rendition()))["Sender"] is None
    assert prepare_mail(a_rendition(submitted_by="j\u00f6rg@example.org")).needs_smtputf8


def test_an_address_beyond_ascii_is_flagged() -> None:
    assert prepare_mail(a_rendition(**{"from": "jörg@example.org"})).needs_smtputf8
    assert prepare_mail(a_rendition(reply_to="jörg@example.org")).needs_smtputf8
    assert not prepare_mail(a_rendition(**{"from": "Jörg <ann@müller.example>"})).needs_smtputf8


@pytest.mark.parametrize("domain", ["a.b", "a-very-long-name.of-a.domain.example"])
def test_gmails_name_for_the_sender_has_5_to_15_characters(domain: str) -> None:
    feedback = read(compose(a_rendition(**{"from": f"ann@{domain}"})))["Feedback-ID"]
    assert re.fullmatch(r"3:[0-9a-f]{12}:newsletter:[a-z0-9]{5,15}", feedback)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "@@click:1@@"}, r"text: @@click:1@@ points to link 1, but there are 1 links"),
        ({"text": "", "html": "@@click:0@@", "links": []}, r"html: @@click:0@@ points to link 0"),
        ({"subject": "see @@view@@"}, r"subject: it has the token of a link"),
        ({"subject": "two\nlines"}, r"Subject: the control character U\+000A"),
        ({"html": "\ud800"}, r"html: character 0 is half of a surrogate pair"),
        ({"from": "nobody"}, r"'nobody' is not an email address"),
        ({"site": {"name": "x", "public_url": "https://exämple.org", "postal_address": ""}}, "List-Unsubscribe"),
    ],
)
def test_a_rendition_that_cannot_be_composed_is_found_by_the_check(changes: dict[str, object], reason: str) -> None:
    (problem,) = check_composition(a_rendition(**changes))
    assert re.search(reason, problem.message)


def test_a_rendition_that_can_be_composed_has_no_problems() -> None:
    assert check_composition(a_rendition()) == []


def test_a_personal_field_that_no_one_has_is_found_by_the_check() -> None:
    (problem,) = check_composition(a_rendition(html="<p>@@nickname@@</p>"))
    assert (problem.code, problem.where) == ("unknown-field", "@@nickname@@")


def test_nobody_is_written_to_as_none() -> None:
    with pytest.raises(InputError, match="'name'"):
        compose(a_rendition(), a_delivery(fields={}))


def test_a_recipient_that_is_no_address_is_refused() -> None:
    with pytest.raises(AddressError):
        compose(a_rendition(), a_delivery(recipient="ann@example.org\r\nDATA"))


def test_a_sample_leads_straight_to_the_targets() -> None:
    raw = compose_sample(a_rendition())
    assert read(raw)["To"] == "reader@example.org"
    assert "read https://example.com/?a=1&b=2\n" in body(raw, "plain")
    assert html.escape("https://example.com/?a=1&b=2") in body(raw, "html")
    assert "Dear Alex Reader," in body(raw, "plain")
    assert f"{ROOT}/unsubscribe/" in body(raw, "plain")
