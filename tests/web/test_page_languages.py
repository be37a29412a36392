"""Every page for subscribers speaks their language, and the consent that is kept is the text that was shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.article import ArticleStatus
from distributor.domain.blocks import Code, Paragraph, Run
from distributor.domain.consent import ConsentAction
from distributor.domain.subscriber import Membership, OptIn
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tags import Tag
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.confirm import confirm
from distributor.rendering.environment import Templates, shipped_templates
from distributor.web.app import create_app
from distributor.web.config import WebConfig
from tests.flow.subscriptions.sign_up_harness import NETWORK, SignUpHarness, make_sign_up_harness
from tests.rendering.test_words import ENGLISH, OTHERS, own_file

from .samples import PublishFeed, WriteArticle
from .sign_ups import ADA, AT_ONCE, link, press

BO, CY, ED = "bo@example.org", "cy@example.org", "ed@example.org"
FORM = "application/x-www-form-urlencoded"
# What pages show that is not ours to translate: names, addresses, numbers, names of formats.
DATA = (
    "The Test Gazette|1 Test Street, Testville|Weekly, The weekly letter|The weekly letter|The daily letter"
    "|boats|Ada Reporter|Local news|The news|What happened|It happened|x = 1|RSS|Atom|JSON Feed|ada@example.org"
    "|bo@example.org|[a-z]•••@example.org|new@example.org"
)


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly", topics=("boats",))
    made.add_list("daily", opt_in=OptIn.SINGLE)
    return made


@contextmanager
def visiting(sign_ups: SignUpHarness, language: str, config: WebConfig = AT_ONCE) -> Iterator[TestClient]:
    asgi = create_app(sign_ups.app, config)
    with TestClient(asgi, follow_redirects=False, raise_server_exceptions=False) as client:
        client.headers["Accept-Language"] = language
        yield client


def strangers_pages(client: TestClient) -> Iterator[tuple[str, httpx.Response]]:
    form = {"list": "weekly", "email": "new@example.org", "language": "en"}
    for path in ("/subscribe", "/subscribe/weekly", "/subscribe/weekly/embed"):
        yield f"GET {path}", client.get(path)
    for email in ("", "nobody", "no body@example.org", "x@y@z"):
        faulty = {"list": "gone", "email": email, "language": "??", "name": "<b>" if email else "x" * 300}
        yield f"faulty {email}", client.post("/subscribe", data=faulty)
    yield "nothing chosen", client.post("/subscribe", data={})
    yield "signed up", client.post("/subscribe", data=form)
    yield "signed up at once", client.post("/subscribe", data={**form, "list": "daily"})
    yield "too many", client.post("/subscribe", data=form)
    yield "404", client.get("/nothing")
    yield "link", client.get("/confirm/none")
    yield "feed", client.get("/feeds/none.rss")
    yield "405", client.put("/subscribe")
    yield "400", client.post("/subscribe", data={"email": "\0"})
    # Of no declared length: one that is declared and too large is refused before there is a page.
    yield "413", client.post("/subscribe", content=[b"x" * 10_000] * 10, headers={"Content-Type": FORM})


def subscribers_pages(client: TestClient, sign_ups: SignUpHarness) -> Iterator[tuple[str, httpx.Response]]:
    """The pages of four people: Ada has yet to confirm, Bo is subscribed, Cy unsubscribes, and Ed was too late."""
    yield "question", client.get(link(sign_ups, Purpose.CONFIRM))
    yield "confirmed", client.post(link(sign_ups, Purpose.CONFIRM, CY), data={"button": "confirm"})
    yield "too late", client.get(link(sign_ups, Purpose.CONFIRM, ED))
    leaving = link(sign_ups, Purpose.UNSUBSCRIBE, CY)
    yield "unsubscribe?", client.get(leaving)
    yield "unsubscribed", client.post(leaving, data={"button": "unsubscribe"})
    yield "reason", client.post(f"{leaving}/reason", data={"reason": "other"})
    yield "back", client.post(f"{leaving}/resubscribe")
    choices = link(sign_ups, address=BO)
    yield "preferences", client.get(choices)
    faulty = {"shown": "weekly", "list": "weekly", "scope:weekly": "some", "name": "<b>", "language": "%"}
    yield "faulty preferences", client.post(choices, data=faulty)
    same = {"shown": "weekly", "list": "weekly", "language": person_language(sign_ups, BO)}
    yield "paused", client.post(choices, data={**same, "pause": "week"})
    for step in ("data", "erase"):
        yield step, client.get(f"{choices}/{step}")
        yield f"faulty {step}", client.post(f"{choices}/{step}", data={"email": "wrong", "sure": "yes"})
    yield "not sure", client.post(f"{choices}/erase", data={"email": BO})
    for reason in (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT):
        sign_ups.suppress(BO, reason)
    yield "left everything", client.post(f"{choices}/unsubscribe")
    yield "erased", client.post(f"{choices}/erase", data={"email": BO, "sure": "yes"})


def person_language(sign_ups: SignUpHarness, address: str) -> str:
    person = sign_ups.person(address)
    assert person is not None
    return person.language


def people(sign_ups: SignUpHarness, language: str) -> None:
    for address in (ADA, BO, CY):
        sign_ups.sign_up(address, "weekly", language=language)
    confirm(sign_ups.app, sign_ups.token(Purpose.CONFIRM, BO), NETWORK)
    sign_ups.later(timedelta(days=-40)).sign_up(ED, "weekly", language=language)


def shown(response: httpx.Response) -> list[str]:
    """The texts of a page and of the attributes that are read out or shown, without the names of languages."""
    page = html.document_fromstring(response.text)
    for element in page.xpath("//style | //script | //option[@lang]"):
        element.drop_tree()
    texts = page.xpath("//text() | //@aria-label | //@placeholder | //@alt | //meta[@name='description']/@content")
    return [" ".join(str(text).split()) for text in texts if str(text).strip()]


@pytest.mark.parametrize("language", OTHERS)
def test_every_page_is_in_the_language_of_its_reader_and_in_no_other(
    sign_ups: SignUpHarness, language: str, fresh_language_of_site: None
):
    people(sign_ups, language)
    own = {text for text in own_texts(language) if text in ENGLISH.values()}
    sentences = {key: text for key, text in ENGLISH.items() if "%" not in text and text not in own}
    wrong: list[str] = []
    with visiting(sign_ups, f"{language}-XX, en;q=0.5", replace(AT_ONCE, sign_ups_per_address=2)) as client:
        for name, response in [*strangers_pages(client), *subscribers_pages(client, sign_ups)]:
            page = html.document_fromstring(response.text)
            direction = "rtl" if language in {"ar", "he"} else "ltr"
            if (page.get("lang"), page.get("dir")) != (language, direction):
                wrong.append(f"{name}: lang={page.get('lang')} dir={page.get('dir')}")
            if (response.headers["content-language"], response.headers["vary"]) != (language, "Accept-Language"):
                wrong.append(f"{name}: headers")
            wrong += [f"{name}: {text}" for text in shown(response) if text in sentences.values()]
    assert wrong == []


@pytest.fixture
def fresh_language_of_site(sign_ups: SignUpHarness) -> None:
    """The language of the site is another one than those that are tried."""
    sign_ups.app = replace(sign_ups.app, configured_site=replace(sign_ups.app.site, language="en-GB"))


def own_texts(language: str) -> Iterator[str]:
    def texts(table: dict[str, Any]) -> Iterator[str]:
        for value in table.values():
            yield from texts(value) if isinstance(value, dict) else [value] if isinstance(value, str) else value

    return texts(own_file(language))


def in_brackets(table: dict[str, Any]) -> dict[str, Any]:
    """A table with every text in brackets that no page has of its own."""
    return {
        name: in_brackets(value)
        if isinstance(value, dict)
        else [f"‹{one}›" for one in value]
        if isinstance(value, list)
        else f"‹{value}›"
        for name, value in table.items()
    }


def as_toml(table: dict[str, Any], section: str = "") -> str:
    lines = [f"[{section}]"] if section else []
    lines += [f"{name} = {value!r}" for name, value in table.items() if not isinstance(value, dict)]
    parts = [
        as_toml(value, f"{section}.{name}" if section else name)
        for name, value in table.items()
        if isinstance(value, dict)
    ]
    return "\n".join(lines + parts)


@pytest.fixture
def marked(sign_ups: SignUpHarness, tmp_path: Path) -> SignUpHarness:
    """A site with a language `zz` whose every text is in brackets, which is that of the site too."""
    folder = tmp_path / "templates" / "web" / "words"
    folder.mkdir(parents=True)
    (folder / "zz.toml").write_text(as_toml(in_brackets(own_file("en"))), encoding="utf-8")
    templates = Templates([tmp_path / "templates", shipped_templates()])
    app = replace(sign_ups.app, templates=templates, configured_site=replace(sign_ups.app.site, language="zz"))
    return SignUpHarness(app)


def not_of_the_table(response: httpx.Response) -> str:
    """What a page says in no text of the table."""
    page = html.document_fromstring(response.text)
    rest = " ".join([*page.xpath("//@aria-label | //meta[@name='description']/@content"), *shown_text(page)])
    while (shorter := re.sub("‹[^‹›]*›", " ", rest)) != rest:
        rest = shorter
    return " ".join(re.findall(r"[^\W\d_]{2,}", re.sub(DATA, " ", rest)))


def shown_text(page: html.HtmlElement) -> list[str]:
    for element in page.xpath("//style | //script | //option[@lang]"):
        element.drop_tree()
    return [page.text_content(), page.xpath("string(//title)")]


def test_no_text_of_a_page_is_outside_the_tables(marked: SignUpHarness):
    people(marked, "zz")
    with visiting(marked, "zz", replace(AT_ONCE, sign_ups_per_address=2)) as client:
        pages = [*strangers_pages(client), *subscribers_pages(client, marked)]
    assert {name: rest for name, response in pages if (rest := not_of_the_table(response))} == {}
    assert len(pages) > 30


def test_the_pages_of_articles_are_in_the_language_of_the_site(
    marked: SignUpHarness, write_article: WriteArticle, publish_feed: PublishFeed
):
    with visiting(marked, "fr") as client:
        empty = client.get("/")
        write_article(body=(Paragraph((Run("It happened."),)), Code("x = 1")), language="de")
        publish_feed()
        pages = [empty, *(client.get(path) for path in ("/", "/tags/local-news", "/articles/the-news"))]
    assert [not_of_the_table(page) for page in pages] == ["", "", "", "Quelltext"]
    assert {html.document_fromstring(page.text).get("lang") for page in pages} == {"zz"}
    assert "fr" not in {page.headers.get("content-language") for page in pages}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en;q=0.4, nl;q=0.8, fr ; q = 0.6", "nl"),
        ("xx, it", "it"),
        ("de;q=0, it;q=0.1", "it"),
        ("PT-BR", "pt"),
        ("*", "es"),
        ("", "es"),
        ("xx", "es"),
        ("de;q=nonsense", "es"),
        (",;=", "es"),
        ("," * 5000 + "de", "es"),
        ("de\xe4", "es"),
    ],
)
def test_a_stranger_is_spoken_to_in_the_language_that_the_browser_asks_for_else_of_the_site(
    sign_ups: SignUpHarness, header: str, language: str
):
    sign_ups.app = replace(sign_ups.app, configured_site=replace(sign_ups.app.site, language="es-MX"))
    with visiting(sign_ups, "") as client:
        for path in ("/subscribe", "/nothing"):
            response = client.get(path, headers={b"Accept-Language": header.encode("latin-1")})
            assert (response.headers["content-language"], response.headers["vary"]) == (language, "Accept-Language")


@pytest.mark.parametrize(("chosen", "language"), [("de", "de"), ("de-CH", "de"), ("", "es"), ("xx", "es")])
def test_a_subscriber_is_spoken_to_in_the_chosen_language_else_in_that_of_the_site_whatever_the_browser_asks_for(
    sign_ups: SignUpHarness, chosen: str, language: str
):
    sign_ups.app = replace(sign_ups.app, configured_site=replace(sign_ups.app.site, language="es"))
    people(sign_ups, chosen)
    with visiting(sign_ups, "fr") as client:
        for purpose in (Purpose.CONFIRM, Purpose.UNSUBSCRIBE, Purpose.PREFERENCES):
            assert client.get(link(sign_ups, purpose)).headers["content-language"] == language


def test_the_form_offers_the_languages_that_are_spoken_and_has_chosen_that_of_the_page(sign_ups: SignUpHarness):
    with visiting(sign_ups, "fr") as client:
        page = html.document_fromstring(client.get("/subscribe").text)
    assert page.xpath("//option/@value") == sorted([*OTHERS, "en"])
    assert page.xpath("//option[@selected]/@value") == ["fr"]


def test_a_language_that_was_imported_stays_chosen_though_it_is_not_spoken(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA, language="hu")
    sign_ups.sign_up(ADA, "weekly", language="hu")
    people(sign_ups, "de-AT")
    with visiting(sign_ups, "") as client:
        page = client.get(link(sign_ups, address=BO))
        assert "Deutsch (AT)" in page.text
        press(client, page, "Speichern")
    assert person_language(sign_ups, BO) == "de-AT"


def test_the_consent_that_is_kept_is_the_text_that_was_shown_in_its_language(sign_ups: SignUpHarness):
    with visiting(sign_ups, "de") as client:
        form = client.get("/subscribe/weekly")
        # On the way from the form to the answer, the browser has changed its mind.
        press_in_french = {"Accept-Language": "fr"}
        client.headers.update(press_in_french)
        press(client, form, "Abonnieren", email=ADA)
        question = client.get(link(sign_ups, Purpose.CONFIRM))
        press(client, question, "Ja, bitte anmelden")
        left = press(client, client.get(link(sign_ups, Purpose.UNSUBSCRIBE)), "Abmelden")
        press(client, left, "Wieder anmelden")
        client.post(f"{link(sign_ups)}/unsubscribe")
    records = sign_ups.consents(ADA)
    assert [record.action for record in records] == [
        ConsentAction.REQUESTED,
        ConsentAction.CONFIRMED,
        ConsentAction.WITHDRAWN,
        ConsentAction.GRANTED,
        ConsentAction.WITHDRAWN,
    ]
    for record, page in zip(records, (form, question, None, left, None), strict=True):
        seen = " ".join(html.document_fromstring(page.text).text_content().split()) if page else ""
        if page:
            assert "Ich möchte von The Test Gazette E-Mails der Listen erhalten" in record.text
            assert all(line in seen for line in record.text.splitlines())
    assert [records[2].text, records[4].text] == ["Abmelden", "Von allem abmelden"]
    assert person_language(sign_ups, ADA) == "de"


def test_a_form_on_another_site_has_the_english_text_unless_it_names_the_language_it_shows(sign_ups: SignUpHarness):
    with visiting(sign_ups, "de") as client:
        client.post("/subscribe", data={"list": "weekly", "email": ADA})
        client.post("/subscribe", data={"list": "weekly", "email": BO, "shown_in": "it"})
        client.post("/subscribe", data={"list": "weekly", "email": CY, "shown_in": "nonsense"})
    [ada], [bo], [cy] = (sign_ups.consents(one) for one in (ADA, BO, CY))
    assert "I would like The Test Gazette" in ada.text
    assert "Desidero che The Test Gazette" in bo.text
    assert cy.text == ada.text


def test_a_mail_program_that_unsubscribes_pressed_no_button_of_a_page(sign_ups: SignUpHarness):
    people(sign_ups, "de")
    with visiting(sign_ups, "de") as client:
        client.post(link(sign_ups, Purpose.UNSUBSCRIBE, BO), data={"List-Unsubscribe": "One-Click"})
    assert sign_ups.places(BO) == {"weekly": Membership.UNSUBSCRIBED}
    assert sign_ups.consents(BO)[-1].text == "One-click unsubscribe in a mail program (RFC 8058)"


def test_an_article_that_was_withdrawn_and_a_fault_of_ours_are_told_in_the_language_of_the_browser(
    sign_ups: SignUpHarness, write_article: WriteArticle
):
    write_article(status=ArticleStatus().published(sign_ups.now(), at=None, dated=None).withdrawn(sign_ups.now()))
    with visiting(sign_ups, "nl") as client:
        assert "Dit artikel is ingetrokken" in client.get("/articles/the-news").text


def test_the_tag_of_an_article_is_no_word_of_ours(marked: SignUpHarness, write_article: WriteArticle):
    write_article(tags=(Tag("Neueste Artikel"),))
    with visiting(marked, "") as client:
        assert "‹Latest articles›" not in client.get("/tags/neueste-artikel").text
