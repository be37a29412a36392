"""The tracking pixel, the counted links, and the web version of a mail."""

from __future__ import annotations

import struct
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html
from redis import Redis
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.channels.api import RenderContext
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.settings import EmailSettings
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.event import EventKind
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.flow.publishing import article_control
from distributor.storage import articles, deliveries, subscribers
from distributor.storage.database import Database
from distributor.web.app import create_app
from distributor.web.public.tracking import PIXEL_URL

from .samples import LINKS, SentMail, WriteArticle, send_mail

NOWHERE = "127.0.0.1:1"
STRANGER = TokenSigner(b"the key of some other app")


def is_pixel(content: bytes) -> bool:
    return content[:6] == b"GIF89a" and struct.unpack("<HH", content[6:10]) == (1, 1)


def test_an_open_is_counted_with_the_name_of_the_program_and_nothing_else(client: TestClient, sent_mail: SentMail):
    response = client.get(f"/o/{sent_mail.token(Purpose.OPEN)}.gif", headers={"User-Agent": "Mailer/1", "DNT": "1"})
    assert is_pixel(response.content)
    assert response.headers["content-type"] == "image/gif"
    assert response.headers["cache-control"] == "no-store"
    [event] = sent_mail.events()
    assert (event.kind, event.detail) == (EventKind.OPEN, {"user_agent": "Mailer/1"})


def test_the_name_of_a_program_is_cut_and_cleaned(client: TestClient, sent_mail: SentMail):
    client.get(f"/o/{sent_mail.token(Purpose.OPEN)}.gif", headers={b"User-Agent": b"a\tb" + b"x" * 500})
    [event] = sent_mail.events()
    assert event.detail["user_agent"] == "a b" + "x" * 197


def test_a_pixel_that_is_not_ours_is_a_pixel_and_counts_nothing(client: TestClient, sent_mail: SentMail):
    forged = STRANGER.mint(Purpose.OPEN, sent_mail.delivery_id)
    for token in (forged, "nonsense", sent_mail.token(Purpose.CLICK)):
        response = client.get(f"/o/{token}.gif")
        assert response.status_code == 200
        assert is_pixel(response.content)
    assert sent_mail.events() == []


def test_to_ask_for_the_head_of_anything_counts_nothing(client: TestClient, sent_mail: SentMail):
    assert client.head(f"/o/{sent_mail.token(Purpose.OPEN)}.gif").status_code == 200
    response = client.head(f"/c/{sent_mail.token(Purpose.CLICK)}")
    assert (response.status_code, response.headers["location"]) == (302, LINKS[0])
    assert sent_mail.events() == []


def test_without_redis_an_open_goes_straight_to_the_ledger(app: AppContext, sent_mail: SentMail):
    alone = replace(app, connect_redis=lambda: Redis.from_url(f"redis://{NOWHERE}"))
    with TestClient(create_app(alone)) as client:
        assert is_pixel(client.get(f"/o/{sent_mail.token(Purpose.OPEN)}.gif").content)
    assert [event.kind for event in sent_mail.events()] == [EventKind.OPEN]


def test_without_any_server_a_mail_still_gets_its_pixel(app: AppContext, sent_mail: SentMail):
    cut_off = replace(
        app,
        connect_redis=lambda: Redis.from_url(f"redis://{NOWHERE}"),
        database=Database(f"postgresql://nobody@{NOWHERE}/nothing"),
    )
    with TestClient(create_app(cut_off)) as client:
        response = client.get(f"/o/{sent_mail.token(Purpose.OPEN)}.gif")
    assert response.status_code == 200
    assert is_pixel(response.content)


def test_a_click_leads_to_the_stored_target_and_is_counted(client: TestClient, sent_mail: SentMail):
    response = client.get(f"/c/{sent_mail.token(Purpose.CLICK, 0)}", headers={"User-Agent": "Browser/2"})
    assert (response.status_code, response.headers["location"]) == (302, LINKS[0])
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    [event] = sent_mail.events()
    assert (event.kind, event.detail) == (EventKind.CLICK, {"user_agent": "Browser/2", "url": LINKS[0]})


def test_a_target_is_sent_in_ascii_and_cannot_add_headers(client: TestClient, sent_mail: SentMail):
    umlaut = client.get(f"/c/{sent_mail.token(Purpose.CLICK, 1)}")
    assert umlaut.headers["location"] == "https://shop.example/%C3%BCber"
    split = client.get(f"/c/{sent_mail.token(Purpose.CLICK, 3)}")
    assert "set-cookie" not in split.headers
    assert split.headers["location"].startswith("https://shop.example/%0D%0ASet-Cookie")


def test_only_the_links_of_the_mail_lead_anywhere(client: TestClient, sent_mail: SentMail):
    not_a_page, beyond = sent_mail.token(Purpose.CLICK, 2), sent_mail.token(Purpose.CLICK, len(LINKS))
    of_nothing = sent_mail.app.tokens.mint(Purpose.CLICK, 4711)
    forged = STRANGER.mint(Purpose.CLICK, sent_mail.delivery_id)
    for token in (not_a_page, beyond, of_nothing, forged, "https://evil.example", sent_mail.token(Purpose.VIEW)):
        response = client.get(f"/c/{quote(token, safe='')}", params={"url": "https://evil.example"})
        assert response.status_code == 404
        assert "location" not in response.headers
    assert sent_mail.events() == []


def test_what_stands_behind_a_token_changes_nothing_about_where_it_leads(client: TestClient, sent_mail: SentMail):
    path = f"/c/{sent_mail.token(Purpose.CLICK)}"
    assert client.get(path, params={"url": "https://evil.example"}).headers["location"] == LINKS[0]
    assert client.get(f"{path}/https://evil.example").status_code == 404


def test_a_mail_is_shown_as_its_reader_got_it(client: TestClient, sent_mail: SentMail):
    response = client.get(f"/view/{sent_mail.token(Purpose.VIEW)}")
    page = html.document_fromstring(response.text)
    assert page.xpath("//p/text()") == ["Dear Robin <R> at Robin@example.org,"]
    assert page.xpath("//a/@href") == [
        f"http://gazette.example/c/{sent_mail.token(Purpose.CLICK, 0)}",
        f"http://gazette.example/view/{sent_mail.token(Purpose.VIEW)}",
        f"http://gazette.example/unsubscribe/{sent_mail.token(Purpose.UNSUBSCRIBE)}",
    ]


def test_what_the_email_channel_sent_is_what_is_shown_except_for_the_pixel(
    client: TestClient, app: AppContext, write_article: WriteArticle
):
    slug = write_article(body=(Paragraph((Run("It happened "), Run("here", href="https://maps.example/?a=1&b=2"))),))
    with app.database.begin() as connection:
        article = articles.find_by_slug(connection, slug).article
    context = RenderContext(site=app.site, templates=app.templates)
    rendition = EmailChannel(EmailSettings()).render([article], context)
    mail = send_mail(app, rendition)
    with app.database.begin() as connection:
        [delivery] = deliveries.find_for_sending(connection, [mail.delivery_id])
    message = message_from_bytes(prepare_mail(rendition).message_for(delivery, app.tokens), policy=default)
    part = message.get_body(["html"])
    assert part is not None
    pixel = f"{app.site.public_url}/o/{mail.token(Purpose.OPEN)}.gif"
    sent_without_pixel = part.get_content().replace(pixel, PIXEL_URL)
    assert PIXEL_URL in sent_without_pixel
    assert client.get(f"/view/{mail.token(Purpose.VIEW)}").text.splitlines() == sent_without_pixel.splitlines()


def test_the_mail_of_an_erased_reader_is_no_longer_shown(client: TestClient, app: AppContext, sent_mail: SentMail):
    with app.database.begin() as connection:
        robin = subscribers.find(connection, "robin@example.org")
    privacy.erase(app, robin.id, requested_by="test")
    response = client.get(f"/view/{sent_mail.token(Purpose.VIEW)}")
    assert response.status_code == 404
    assert "This link does not work" in response.text


def test_the_web_version_of_a_mail_is_gone_with_its_article(
    client: TestClient, app: AppContext, sent_mail: SentMail, write_article: WriteArticle
):
    slug = write_article()
    with app.database.begin() as connection:
        article_id = articles.find_by_slug(connection, slug).id
        connection.execute(
            text(
                "INSERT INTO campaign_articles (campaign_id, position, article_id)"
                " SELECT id, 0, :article_id FROM campaigns"
            ),
            {"article_id": article_id},
        )
    path = f"/view/{sent_mail.token(Purpose.VIEW)}"
    assert client.get(path).status_code == 200
    article_control.withdraw(app, slug, actor="a test")
    assert client.get(path).status_code == 410


def test_to_view_a_mail_is_not_to_open_it(client: TestClient, sent_mail: SentMail):
    response = client.get(f"/view/{sent_mail.token(Purpose.VIEW)}")
    assert sent_mail.token(Purpose.OPEN) not in response.text
    assert "/o/" not in response.text
    assert html.document_fromstring(response.text).xpath("//img/@src")[0].startswith("data:image/gif;base64,")
    assert sent_mail.events() == []


def test_a_mail_in_a_browser_can_do_nothing(client: TestClient, sent_mail: SentMail):
    headers = client.get(f"/view/{sent_mail.token(Purpose.VIEW)}").headers
    policy = headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert (headers["cache-control"], headers["referrer-policy"], headers["x-robots-tag"]) == (
        "no-store",
        "no-referrer",
        "noindex",
    )


def test_a_mail_is_shown_to_no_one_without_its_own_link(client: TestClient, sent_mail: SentMail):
    for token in (
        STRANGER.mint(Purpose.VIEW, sent_mail.delivery_id),
        sent_mail.token(Purpose.OPEN),
        sent_mail.app.tokens.mint(Purpose.VIEW, 4711),
    ):
        response = client.get(f"/view/{token}")
        assert response.status_code == 404
        assert "This link does not work" in response.text


@given(text=st.text(min_size=1), place=st.sampled_from(["/c/", "/view/", "/unsubscribe/", "/preferences/"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_no_text_in_place_of_a_token_breaks_anything(client: TestClient, text: str, place: str):
    path = place + quote(text.encode(errors="replace"), safe="")
    assert client.get(path).status_code == 404
