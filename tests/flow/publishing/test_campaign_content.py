"""Campaigns with words of their own around the articles: from the plan to the mails, and when they do not go out."""

from __future__ import annotations

import email
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.article import Manuscript, Media
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Image
from distributor.domain.campaign import CampaignPlan, Dispatch, DispatchState
from distributor.domain.errors import BlockedError, InputError, NotFoundError
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.person import person_of
from distributor.flow.people import privacy
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import create_campaign, plan
from distributor.flow.publishing.preview import measure_campaign, preview_campaign
from distributor.storage import articles, channels, memberships, subscribers
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness
from tests.flow.delivery.test_paused_routes import Provider


class Letters:
    """A harness whose mails go to an SMTP server, and the mails that arrive there."""

    def __init__(self, harness: CampaignHarness, provider: Provider) -> None:
        self.harness = harness
        self._server = provider.server
        self.url = provider.server.url
        with harness.app.database.begin() as connection:
            settings = {"smtp_url": self.url, "connections": 1}
            channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)

    def know(self, name: str, **attributes: Any) -> None:
        """Set attributes of a subscriber."""
        person = person_of(f"{name}@example.org", name=name.title(), attributes=attributes)
        with self.harness.app.database.begin() as connection:
            number = connection.execute(text("SELECT id FROM lists WHERE slug = 'readers'")).scalar_one()
            memberships.subscribe(connection, number, [person], EVIDENCE, now=self.harness.app.clock())

    def plan(self, *, hours: int = 0, **options: Any) -> int:
        return plan(
            self.harness.app,
            CampaignPlan(
                name="Autumn",
                article_slugs=("hello",),
                channel_names=("mail",),
                audience=AudiencePlan(lists=("readers",), repeats=True),
                starts_at=self.harness.app.clock() + timedelta(hours=hours),
                message_options=MessageOptions(**options),
            ),
        )

    def dispatch(self, campaign_id: int) -> Dispatch:
        return self.harness.report(campaign_id).dispatches[0].dispatch

    @property
    def mails(self) -> Mapping[str, EmailMessage]:
        """What has arrived, by the name before the @."""
        found = {}
        for taken in self._server.taken:
            message = email.message_from_bytes(taken.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            found[message["To"].addresses[0].username] = message
        return found

    def words_to(self, name: str) -> str:
        body = self.mails[name].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def fields(self, campaign_id: int) -> list[dict[str, str]]:
        with self.harness.app.database.begin() as connection:
            query = "SELECT fields FROM deliveries WHERE dispatch_id = :dispatch ORDER BY recipient"
            rows = connection.execute(text(query), {"dispatch": self.dispatch(campaign_id).id})
            return list(rows.scalars())


@pytest.fixture
def letters(harness: CampaignHarness) -> Iterator[Letters]:
    with Provider() as provider:
        yield Letters(harness, provider)


def test_everybody_is_spoken_to_in_their_own_words(letters: Letters) -> None:
    letters.know("ada", city="Graz", vip=True, plan="pro", seats=3)
    campaign = letters.plan(
        subject="{{ subscriber.name | default('You') }}: {{ article.title }}",
        greeting="From {{ subscriber.city | default('somewhere') }}{% if subscriber.vip %}, VIP{% endif %}"
        "{% if subscriber.plan == 'pro' %} with {{ subscriber.seats }} seats{% endif %}",
    )
    letters.harness.run()
    assert letters.harness.counts(campaign) == {"audience": 3, "sent": 3}
    assert letters.mails["ada"]["Subject"] == "Ada: Hello"
    assert letters.words_to("ada").startswith("From Graz, VIP with 3 seats")
    assert letters.words_to("bo").startswith("From somewhere\r\n")


def test_a_delivery_keeps_exactly_what_its_mail_says(letters: Letters) -> None:
    letters.know("ada", city="Graz", secret="x", empty="", nothing=None, no=False, some=[1])
    letters.know("cy", empty="a", nothing=2, no=True, some="b")
    campaign = letters.plan(
        greeting="".join(
            f"{{{{ subscriber.{name} | default('-') }}}}" for name in ("city", "empty", "nothing", "no", "some")
        )
    )
    letters.harness.run()
    first, second, third = letters.fields(campaign)
    assert first == {"name": "Ada", "email": "ada@example.org", "attributes.city": "Graz"}
    assert second == {"name": "bo", "email": "bo@example.org"}
    assert third["attributes.nothing"] == "2"
    plain = letters.plan()
    letters.harness.run()
    assert [set(fields) for fields in letters.fields(plain)] == [{"name", "email"}] * 3


def test_nobody_gets_anything_while_somebody_lacks_what_the_mail_says(letters: Letters) -> None:
    letters.know("ada", city="Graz")
    campaign = letters.plan(greeting="How is {{ subscriber.city }}?")
    letters.harness.run()
    dispatch = letters.dispatch(campaign)
    assert dispatch.state is DispatchState.PAUSED
    assert "mail: 2 subscribers of the audience have no subscriber.city" in dispatch.reason
    assert "default" in dispatch.reason
    assert letters.mails == {}
    assert letters.harness.counts(campaign) == {}

    letters.know("bo", city="Linz")
    letters.know("cy", city="Wien")
    campaign_control.resume(letters.harness.app, campaign)
    letters.harness.run()
    assert letters.words_to("cy").startswith("How is Wien?")
    assert letters.harness.counts(campaign) == {"audience": 3, "sent": 3}


def test_who_lacks_something_is_told_long_before_the_release(letters: Letters) -> None:
    letters.know("ada", city="Graz", plan="pro")
    campaign = letters.plan(hours=5, greeting="{{ subscriber.city }}{% if subscriber.plan == 'x' %}!{% endif %}")
    letters.harness.run()
    dispatch = letters.dispatch(campaign)
    assert dispatch.state is DispatchState.SCHEDULED
    (found,) = [problem for problem in dispatch.problems if problem.code == "field-missing"]
    assert found.message.startswith("2 subscribers of the audience have no subscriber.city")


def test_only_who_meets_a_condition_has_to_have_what_it_says(letters: Letters) -> None:
    letters.know("ada", plan="pro", seats=3)
    letters.know("bo", plan="free")
    words = "{% if subscriber.plan == 'pro' %}{{ subscriber.seats }} seats{% else %}none{% endif %}"
    letters.plan(greeting=words)
    letters.harness.run()
    assert letters.words_to("bo").startswith("none")

    letters.know("cy", plan="pro")
    campaign = letters.plan(greeting=words)
    letters.harness.run()
    assert "1 subscribers of the audience have no subscriber.seats" in letters.dispatch(campaign).reason


def test_a_condition_may_also_ask_what_somebody_does_not_have(letters: Letters) -> None:
    letters.know("ada", plan="pro", seats=3)
    letters.know("bo", plan="pro")
    campaign = letters.plan(
        greeting="{% if not subscriber.plan %}none{% else %}{{ subscriber.seats }} seats{% endif %}"
    )
    letters.harness.run()
    assert letters.mails == {}
    assert "1 subscribers of the audience have no subscriber.seats" in letters.dispatch(campaign).reason


def test_a_field_that_nobody_has_stops_a_campaign_long_before(letters: Letters) -> None:
    letters.know("ada", city="Graz", home={"town": "Graz"})
    with pytest.raises(BlockedError, match=r"no subscriber has subscriber\.citty; did you mean subscriber\.city\?"):
        letters.plan(hours=5, greeting="{{ subscriber.citty | default('x') }} {{ subscriber.home.town or 'x' }}")
    assert letters.harness.report_ids() == []


def test_words_that_cannot_be_said_are_refused_when_they_are_planned(letters: Letters) -> None:
    with pytest.raises(InputError, match="greeting, line 2: "):
        letters.plan(greeting="Hello\n{{ subscriber.name | }}")
    assert letters.harness.report_ids() == []


def test_who_is_erased_leaves_nothing_of_what_was_said_to_them(letters: Letters) -> None:
    letters.know("ada", city="Graz-Umgebung")
    campaign = letters.plan(greeting="{{ subscriber.city | default('-') }}")
    letters.harness.run()
    assert letters.fields(campaign)[0]["attributes.city"] == "Graz-Umgebung"
    with letters.harness.app.database.begin() as connection:
        ada = subscribers.find(connection, "ada@example.org")
    privacy.erase(letters.harness.app, ada.id, requested_by="person")
    assert {} in letters.fields(campaign)
    assert "Graz-Umgebung" not in str(letters.fields(campaign))


def test_a_campaign_can_be_looked_at_as_somebody_before_it_goes_out(letters: Letters) -> None:
    letters.know("ada", city="Graz")
    campaign = letters.plan(hours=5, greeting="Hello {{ subscriber.name }} in {{ subscriber.city }}")
    shown = preview_campaign(letters.harness.app, campaign, email="Ada@example.org")
    assert shown.files["mail/email.txt"].decode().startswith("Hello Ada in Graz\n")
    assert b"To: ada@example.org" in shown.files["mail/email.eml"]
    letters.harness.run()
    frozen = preview_campaign(letters.harness.app, campaign)
    assert frozen.files["mail/email.txt"].decode().startswith("Hello Alex Reader in [city]\n")
    assert measure_campaign(letters.harness.app, campaign) == frozen.sizes
    with pytest.raises(InputError, match=r"subscriber\.city has no value"):
        preview_campaign(letters.harness.app, campaign, email="bo@example.org")
    with pytest.raises(NotFoundError):
        preview_campaign(letters.harness.app, campaign, email="nobody@example.org")


def test_files_go_along_with_every_mail_and_images_travel_inside(letters: Letters) -> None:
    app = letters.harness.app
    picture = Attachment(name="0123.png", media_type="image/png", content=b"\x89PNG\r\n\x1a\n")
    with app.database.begin() as connection:
        articles.add_media(connection, [Media(name="0123.png", media_type="image/png", body=picture.content)])
        stored = articles.find_by_slug(connection, "hello")
        illustrated = Manuscript(title="Hello", body=(*stored.article.body, Image("/media/0123.png", "A picture")))
        articles.revise(connection, stored.id, illustrated, content_hash="1", now=app.clock())
        channels.save(
            connection,
            name="mail",
            kind="email",
            settings={"smtp_url": letters.url, "inline_images": True},
            sealed=None,
        )
    letters.plan(attachments=(Attachment(name="Größen.txt", media_type="text/plain", content=b"1\n2\n"),))
    letters.harness.run()
    for message in letters.mails.values():
        found = {part.get_filename(): part.get_payload(decode=True) for part in message.walk() if part.get_filename()}
        assert found == {"0123.png": picture.content, "Größen.txt": b"1\n2\n"}
    assert len(letters.mails) == 3


def test_a_channel_may_have_words_of_its_own(harness: CampaignHarness) -> None:
    for name, kind in (("mail", "email"), ("partners", "email"), ("x", "x"), ("feed", "feed")):
        with harness.app.database.begin() as connection:
            channels.save(connection, name=name, kind=kind, settings={}, sealed=None)
    asked = CampaignPlan(
        name="Autumn",
        article_slugs=("hello",),
        channel_names=("mail", "partners", "x"),
        audience=AudiencePlan(lists=("readers",), repeats=True),
        starts_at=harness.app.clock() + timedelta(hours=1),
        message_options=MessageOptions(subject="For all", closing="Bye"),
        channel_options={"partners": MessageOptions(subject="For partners"), "x": MessageOptions(text="In short")},
    )
    files = preview_campaign(harness.app, create_campaign(harness.app, asked)).files
    assert b"Subject: For all" in files["mail/email.eml"]
    assert b"Subject: For partners" in files["partners/email.eml"]
    assert b"Bye" in files["partners/email.txt"]
    assert b"In short" in files["x/x.json"]
    for name, own, reason in (
        ("x", MessageOptions(subject="No"), "channel x does not use subject: it uses .*text"),
        ("mail", MessageOptions(text="No"), "channel mail does not use text: it uses .*subject"),
        ("feed", MessageOptions(text="No"), "texts for channel feed, which the campaign does not have"),
    ):
        with pytest.raises(InputError, match=reason):
            plan(harness.app, replace(asked, channel_options={name: own}))
