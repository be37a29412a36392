"""The confirmation mail of a double opt-in: its text, its header fields, and what keeps it from being sent."""

from __future__ import annotations

import email
import os
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import fast_mail_parser
import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.api import ConfirmationChannel
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.settings import EmailSettings
from distributor.channels.registry import kinds
from distributor.domain.delivery import Delivery
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList
from distributor.domain.tokens import Purpose
from tests.channels.email.mailing import TOKENS, a_delivery
from tests.channels.email.rendering.rendition_samples import changed, context, page_of

GOLDEN = Path(__file__).parent / "golden"
LIST = MailingList(id=1, slug="wadden-weekly", name="Wadden Weekly")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "ar", "he")


def channel(**values: Any) -> EmailChannel:
    return EmailChannel(EmailSettings(**values))


def asked(list_: MailingList = LIST, *, language: str = "en", **site: Any) -> Rendition:
    return channel().render_confirmation(list_, context(**site), language=language)


def composed(rendition: Rendition, delivery: Delivery | None = None) -> bytes:
    return prepare_mail(rendition).message_for(delivery or a_delivery(7), TOKENS)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(raw: bytes, kind: str) -> str:
    part = read(raw).get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_email_is_the_kind_that_can_ask() -> None:
    assert [name for name, kind in kinds().items() if issubclass(kind, ConfirmationChannel)] == ["email"]


@pytest.mark.parametrize("file", ["email.html", "email.txt", "email.eml"])
def test_it_looks_as_it_did_before(file: str) -> None:
    """To update: `UPDATE_GOLDEN=1 make test ARGS=tests/channels/email/rendering/test_confirmation.py`."""
    list_ = replace(LIST, sender="Wadden Weekly <weekly@tideline.example>", footer="Edited by Inge Dahl & friends.")
    made = channel().files(asked(list_))[file]
    kept = GOLDEN / file.replace("email", "confirmation")
    if os.environ.get("UPDATE_GOLDEN") == "1":
        kept.write_bytes(made)
    assert made.decode() == kept.read_bytes().decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wrong_with_it_in_any_language(language: str) -> None:
    rendition = asked(language=language)
    assert channel().check(rendition) == []
    assert rendition.payload["language"] == language
    assert "Wadden Weekly" in rendition.payload["subject"]
    assert page_of(rendition).get("lang") == language


def test_a_language_without_words_of_ours_is_written_to_in_english() -> None:
    rendition = asked(language="fa-IR")
    assert (rendition.payload["language"], page_of(rendition).get("dir")) == ("en", "ltr")
    assert rendition == asked(language="en")


def test_a_region_does_not_change_the_language() -> None:
    assert asked(language="de-AT") == asked(language="de")


def test_it_names_the_list_and_the_address_that_was_entered() -> None:
    raw = composed(asked(), a_delivery(7, recipient="ann&b@example.net", fields={}))
    assert "the address ann&b@example.net to subscribe to Wadden Weekly" in " ".join(body(raw, "plain").split())
    assert "ann&amp;b@example.net" in body(raw, "html")


def test_the_name_that_a_stranger_may_have_entered_is_nowhere() -> None:
    raw = composed(asked(), a_delivery(7, fields={"name": "BUY NOW", "email": "x@example.net"}))
    assert "BUY NOW" not in body(raw, "plain") + body(raw, "html") + str(read(raw)["To"])


def test_button_and_address_lead_to_the_page_of_this_delivery() -> None:
    raw = composed(asked())
    link = f"https://tideline.example/confirm/{TOKENS.mint(Purpose.CONFIRM, 7)}"
    page = lxml.html.document_fromstring(body(raw, "html"))
    assert page.xpath("//a/@href") == [link, link]
    assert [(anchor.text or "").strip() for anchor in page.iter("a")] == ["Confirm subscription", link]
    assert link in body(raw, "plain").split()


def test_it_is_marked_as_an_automatic_mail_and_not_as_one_of_a_list() -> None:
    message = read(composed(asked()))
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message.keys() if name.startswith("List-") or name == "Precedence"]  # noqa: SIM118
    assert re.fullmatch(r"3:[0-9a-f]{12}:confirmation:tidelineexample", message["Feedback-ID"])
    assert message["Message-ID"] == f"<{TOKENS.mint(Purpose.MESSAGE, 7)}@tideline.example>"


def test_no_one_is_watched_by_it() -> None:
    rendition = asked()
    assert rendition.payload["tracking"] == {"opens": False, "clicks": False}
    assert page_of(rendition).xpath("//img") == []
    assert "@@click" not in rendition.payload["html"]


def test_two_parsers_read_it_without_defects() -> None:
    raw = composed(asked(replace(LIST, name="Wöchentlich: <Watt> & mehr", footer="Übrigens:\nnichts."), language="de"))
    message = read(raw)
    for part in message.walk():
        assert part.defects == []
        assert all(not value.defects for value in part.values())
    assert message["Subject"] == "Bitte bestätigen Sie Ihr Abonnement: Wöchentlich: <Watt> & mehr"
    other = fast_mail_parser.parse_email(raw)
    assert [one.replace("\r\n", "\n") for one in other.text_plain] == [body(raw, "plain").replace("\r\n", "\n")]
    assert [one.replace("\r\n", "\n") for one in other.text_html] == [body(raw, "html").replace("\r\n", "\n")]
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))


def test_it_is_no_complaint_that_links_are_not_https_since_none_is_for_one_click() -> None:
    assert channel().check(asked(public_url="http://127.0.0.1:8000")) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"html": "<h1>Hello</h1>"}, "confirm-missing"),
        ({"text": "Hello\n"}, "confirm-missing"),
        ({"html": '<h1>Hello</h1><a href="@@confirm@@">yes</a> <a href="@@unsubscribe@@">no</a>'}, "token-unknown"),
        ({"site": {"name": "x", "public_url": "https://x.example", "postal_address": ""}}, "postal-address-missing"),
        ({"from": "nobody"}, "composition"),
    ],
)
def test_what_would_make_it_useless_stops_it(changes: dict[str, object], code: str) -> None:
    found = channel().check(changed(asked(), changes))
    assert code in [problem.code for problem in found if problem.severity is Severity.BLOCK]


def test_a_mail_with_articles_has_no_link_that_confirms() -> None:
    rendition = changed(asked(), {"purpose": "articles"})
    assert "token-unknown" in [problem.code for problem in channel().check(rendition)]


@given(name=st.text(min_size=1, max_size=80), footer=st.text(max_size=200))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_whatever_a_list_is_called_the_mail_can_be_made(name: str, footer: str) -> None:
    rendition = asked(replace(LIST, name=name, footer=footer))
    assert not [one for one in channel().check(rendition) if one.code in {"composition", "unknown-field"}]
    assert read(composed(rendition))["Auto-Submitted"] == "auto-generated"
