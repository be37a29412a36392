"""The whole service as processes: a campaign is sent, readers open and click, and the database records it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from distributor.domain.event import EventKind
from distributor.flow.publishing.report import report
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, WEB, Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Web, workers and beat for three readers, with one campaign that has gone out on every channel."""
    with running_service(
        tmp_path_factory.mktemp("service"), people=3, parts=(WEB, EMAIL_WORKER, OTHER_WORKER, BEATS[0])
    ) as running:
        campaign_id = running.plan("email", "feed", "x", "mastodon", "bluesky")
        running.wait_for(lambda: running.is_finished(campaign_id), "the first campaign")
        running.wait_for(lambda: _is_ready(running), "a ready web server")
        yield running


def test_every_channel_has_it(service: Service) -> None:
    assert sorted(service.mails()) == [f"reader{number}@example.org" for number in range(3)]
    assert [len(service.posts(network)) for network in ("x", "mastodon", "bluesky")] == [1, 1, 1]
    for form in ("rss", "atom", "json"):
        answer = _get(service, f"/feeds/all.{form}")
        assert (answer.status_code, "Under fire" in answer.text) == (200, True)
    assert "Under fire" in _get(service, "/articles/under-fire").text


def test_mails_have_no_defects_and_both_parts(service: Service) -> None:
    for mail in service.inbox():
        assert [part.defects for part in mail.walk() if part.defects] == []
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            assert "Nobody is skipped" in part.get_content()


def test_opens_and_clicks_become_events_of_their_delivery(service: Service) -> None:
    markup = _markup(_mail_to(service, "reader0@example.org"))
    pixel = _path(re.search(r'src="([^"]+/o/[^"]+\.gif)"', markup))
    click = _path(re.search(r'href="([^"]+/c/[^"]+)"', markup))
    assert _get(service, pixel).headers["content-type"] == "image/gif"
    followed = _get(service, click)
    assert (followed.status_code, followed.headers["location"].startswith("http")) == (302, True)

    def happened() -> bool:
        events = report(service.app, 1).events
        return EventKind.OPEN in events and EventKind.CLICK in events

    service.wait_for(happened, "the events in the ledger")
    assert report(service.app, 1).events[EventKind.CLICK] == (1, 1)


def test_one_click_unsubscribes_at_once_looking_does_not_and_the_next_campaign_passes_by(service: Service) -> None:
    leaving, looking = _mail_to(service, "reader1@example.org"), _mail_to(service, "reader2@example.org")
    assert leaving["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert _get(service, _unsubscribe_path(looking)).status_code == 200
    answer = httpx.post(
        f"{service.app.site.public_url}{_unsubscribe_path(leaving)}",
        data={"List-Unsubscribe": "One-Click"},
        follow_redirects=False,
    )
    assert answer.status_code == 200
    campaign_id = service.plan("email")
    service.wait_for(lambda: service.is_finished(campaign_id), "the second campaign")
    assert service.counts(campaign_id, "email")["audience"] == 2
    assert dict(service.mails()) == {
        "reader0@example.org": 2,
        "reader1@example.org": 1,
        "reader2@example.org": 2,
    }


def test_a_campaign_without_tracking_carries_no_pixel_and_plain_links(service: Service) -> None:
    before = len(service.inbox())
    campaign_id = service.plan("email", is_tracked=False)
    service.wait_for(lambda: service.is_finished(campaign_id), "the campaign without tracking")
    for mail in service.inbox()[before:]:
        markup = _markup(mail)
        assert "/o/" not in markup
        assert "/c/" not in markup
        assert "/unsubscribe/" in markup


def _is_ready(service: Service) -> bool:
    try:
        return _get(service, "/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _get(service: Service, path: str) -> httpx.Response:
    return httpx.get(f"{service.app.site.public_url}{path}", follow_redirects=False)


def _mail_to(service: Service, address: str) -> EmailMessage:
    return next(mail for mail in service.inbox() if mail["To"].addresses[0].addr_spec == address)


def _markup(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    markup: str = part.get_content()
    return markup


def _unsubscribe_path(mail: EmailMessage) -> str:
    return _path(re.search(r"<(http[^>]+)>", mail["List-Unsubscribe"]))


def _path(found: re.Match[str] | None) -> str:
    assert found, "the mail has this address"
    return httpx.URL(found[1]).path
