"""Greeting and closing of a mail: Markdown and merge fields, personal to each reader, escaped everywhere."""

from __future__ import annotations

import email
import json
from dataclasses import replace
from email import policy
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.api import Personalization
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.settings import EmailSettings
from distributor.domain.errors import InputError
from distributor.domain.merge_fields import FieldGroup, ReaderFields
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import Purpose
from distributor.flow.publishing.campaign_content import read_markdown
from tests.channels.email.mailing import TOKENS, a_delivery

from .rendition_samples import article, context, rendered

GREETING = """Hello **{{ subscriber.name | default('dear reader') }}**,

{% if subscriber.city %}
How is {{ subscriber.city }}? Our [shop](https://shop.example/?a=1&b=2) is near.
{% endif %}
"""


def covered(channel: EmailChannel | None = None, **cover: Any) -> Rendition:
    personalization = Personalization(parse_markdown=read_markdown, options=MessageOptions(**cover), campaign="Autumn")
    return (channel or EmailChannel(EmailSettings())).render(
        [article()], replace(context(), personalization=personalization)
    )


def mail_to(rendition: Rendition, **fields: str) -> email.message.EmailMessage:
    keys = {name: name if name in ("name", "language", "zone") else f"attributes.{name}" for name in fields}
    delivery = a_delivery(fields={keys[name]: value for name, value in fields.items()})
    message = email.message_from_bytes(prepare_mail(rendition).message_for(delivery, TOKENS), policy=policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def part(message: email.message.EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_each_reader_is_greeted_in_both_parts() -> None:
    rendition = covered(greeting=GREETING, closing="Yours, *{{ list.name }}*")
    ada, unnamed = mail_to(rendition, name="Ada", city="Graz"), mail_to(rendition)
    assert part(ada, "plain").startswith(
        "Hello *Ada*,\n\nHow is Graz? Our shop <https://shop.example/?a=1&b=2> is near"
    )
    assert part(unnamed, "plain").startswith("Hello *dear reader*,\n\nThe tide keeps time")
    assert ">Hello <strong>Ada</strong>,</p>" in part(ada, "html")
    assert "How is" not in part(unnamed, "html")
    for message in (ada, unnamed):
        assert "Yours, _Tideline_" in part(message, "plain")
        assert "Yours, <em>Tideline</em>" in part(message, "html")


def test_a_subject_is_shown_to_each_reader_and_stands_in_the_title_of_the_page() -> None:
    rendition = covered(subject="{{ subscriber.name | first_word }},  {{ article.title }}")
    message = mail_to(rendition, name="Zoë <b>\r\nBcc: x@example.org")
    assert message["Subject"] == "Zoë, The tide keeps time, and so do those who count its birds"
    assert message["Bcc"] is None
    assert "<title>Zoë, The tide" in part(message, "html")
    assert "<title>&lt;b&gt;" in part(mail_to(rendition, name="<b>x</b>"), "html")


def test_a_value_brings_neither_markup_nor_tokens_nor_lines() -> None:
    rendition = covered(
        subject="Hi {{ subscriber.name }}", greeting="Hi {{ subscriber.name }} **{{ subscriber.city }}**"
    )
    message = mail_to(rendition, name="<script>x</script> @@view@@ [a](https://evil.example)", city="*\r\n.\r\n{{ 7 }}")
    html = part(message, "html")
    assert "<script>" not in html
    assert "https://evil.example" in html
    assert 'href="https://evil.example' not in html
    assert f"{TOKENS.mint(Purpose.VIEW, 1)}" in html, "the template's own link"
    assert html.count(TOKENS.mint(Purpose.VIEW, 1)) == part(mail_to(rendition, name="a", city="b"), "html").count(
        TOKENS.mint(Purpose.VIEW, 1)
    )
    assert "<strong>*" in html
    assert "{{ 7 }}" in html


def test_links_in_a_greeting_are_counted_like_all_others() -> None:
    rendition = covered(greeting=GREETING)
    number = rendition.payload["links"].index("https://shop.example/?a=1&b=2")
    html = part(mail_to(rendition, city="Graz"), "html")
    assert f"/c/{TOKENS.mint(Purpose.CLICK, 1, number)}" in html
    assert "https://shop.example" not in html


def test_without_a_cover_nothing_is_personal_and_nothing_is_kept() -> None:
    rendition = covered()
    assert "personal" not in rendition.payload
    assert rendition.digest == rendered(article()).digest


def test_words_that_are_the_same_for_everyone_are_no_passage() -> None:
    rendition = covered(subject="News: {{ article.title }}", greeting="{{ campaign.name }} at {{ site.name }} {x}")
    assert "personal" not in rendition.payload
    assert rendition.payload["subject"].startswith("News: The tide")
    assert rendition.payload["text"].startswith("Autumn at Tideline {x}\n")


def test_the_channel_speaks_where_the_campaign_is_silent() -> None:
    channel = EmailChannel(EmailSettings(greeting="Dear {{ subscriber.name | default('all') }},", closing="Bye!"))
    assert part(mail_to(covered(channel), name="Bo"), "plain").startswith("Dear Bo,")
    assert part(mail_to(covered(channel, greeting="Hi!"), name="Bo"), "plain").startswith("Hi!")


def test_a_rendition_is_plain_json_and_comes_back_as_it_was() -> None:
    rendition = covered(greeting=GREETING, subject="{{ subscriber.name | default('x') }} @@name@@")
    assert json.loads(rendition.canonical()) == rendition.payload
    again = Rendition(rendition.kind, json.loads(rendition.canonical()))
    assert mail_to(again, name="Ada").as_bytes() == mail_to(rendition, name="Ada").as_bytes()


def test_what_a_subscriber_sees_in_the_browser_is_what_they_were_sent() -> None:
    rendition = covered(greeting=GREETING)
    delivery = a_delivery(fields={"name": "Ada & co", "attributes.city": "Graz"})
    page = EmailChannel(EmailSettings()).render_web_version(rendition, delivery, TOKENS, pixel_url="/pixel.gif")
    assert "<strong>Ada &amp; co</strong>" in page
    assert "How is Graz?" in page


def test_no_one_is_sent_a_mail_that_lacks_what_it_says() -> None:
    with pytest.raises(InputError, match=r"subscriber\.city has no value"):
        mail_to(covered(greeting="How is {{ subscriber.city }}?"), name="Ada")


@pytest.mark.parametrize(
    ("cover", "reason"),
    [
        ({"greeting": "one\n\n{{ subscriber.name }"}, "greeting, line 3: "),
        ({"closing": "{% if subscriber.name %}x"}, "closing, line 1: "),
        ({"subject": "{{ subscriber.name | shout }}"}, "subject, line 1: No filter named 'shout'"),
        ({"greeting": "[x](https://a.example/{{ subscriber.name }})"}, "is in the URL of a link"),
        ({"greeting": "![{{ subscriber.name }}](https://a.example/x.png)"}, "is in the URL of a link or in an image"),
    ],
)
def test_a_cover_that_cannot_be_rendered_is_refused_with_its_place(cover: dict[str, Any], reason: str) -> None:
    channel = EmailChannel(EmailSettings())
    with pytest.raises(InputError, match=reason):
        channel.check_message_options(Personalization(parse_markdown=read_markdown, options=MessageOptions(**cover)))
    with pytest.raises(InputError, match=reason):
        covered(**cover)


def test_a_damaged_passage_blocks() -> None:
    payload = covered(greeting=GREETING).payload
    broken = {**payload["personal"], "blocks": [{"part": "greeting", "is_html": True, "source": "{{ x"}]}
    (problem,) = EmailChannel(EmailSettings()).check(Rendition("email", {**payload, "personal": broken}))
    assert (problem.severity, problem.code) == (Severity.BLOCK, "personal")


def test_more_fields_than_a_delivery_keeps_block() -> None:
    words = "".join(f"{{{{ subscriber.a{number} | default('') }}}}" for number in range(41))
    problems = EmailChannel(EmailSettings()).check(covered(greeting=words))
    assert [problem.code for problem in problems] == ["fields-too-many"]


def test_the_channel_knows_whom_it_cannot_speak_to() -> None:
    channel = EmailChannel(EmailSettings())
    rendition = covered(greeting="{% if subscriber.plan == 'pro' %}You have {{ subscriber.seats }} seats.{% endif %}")
    assert channel.merge_fields_of(rendition).fields == {"attributes.plan", "attributes.seats"}
    has_plan = frozenset({"attributes.plan"})
    assert channel.missing_field_for(rendition, FieldGroup(count=1, held=frozenset(), values={})) is None
    assert (
        channel.missing_field_for(rendition, FieldGroup(count=1, held=has_plan, values={"attributes.plan": "free"}))
        is None
    )
    pro = FieldGroup(count=1, held=has_plan, values={"attributes.plan": "pro"})
    assert channel.missing_field_for(rendition, pro) == "attributes.seats"


def test_files_show_what_one_reader_gets() -> None:
    channel = EmailChannel(EmailSettings())
    rendition = covered(subject="For {{ subscriber.name }}", greeting=GREETING)
    shown = channel.files_for(rendition, ReaderFields(email="bo@example.net", fields={"name": "Bo"}))
    assert b"<strong>Bo</strong>" in shown["email.html"]
    assert b"How is" not in shown["email.html"]
    assert b"Subject: For Bo\r\n" in shown["email.eml"]
    assert b"To: bo@example.net\r\n" in shown["email.eml"]
    imagined = channel.files(rendition)
    assert "How is [city]?" in imagined["email.txt"].decode()
    assert "Alex Reader" in channel.preview(rendition)


def test_the_size_counts_what_is_shown() -> None:
    channel = EmailChannel(EmailSettings())
    assert channel.measure(covered(greeting="{{ subscriber.name }} " + "word " * 2000)).html > (
        channel.measure(covered()).html + 10_000
    )
    problems = channel.check(covered(greeting="{{ subscriber.name }} " + "word " * 20000))
    assert [problem.code for problem in problems] == ["html-too-large"]


def test_a_template_can_speak_to_each_reader_too(tmp_path: Path) -> None:
    own = tmp_path / "email"
    own.mkdir()
    (own / "subject.txt.j2").write_text(
        "{{ personal(\"{{ subscriber.name | default('News') }}\") }}: {{ articles[0].title }}"
    )
    parts = own / "parts"
    parts.mkdir()
    (parts / "list_footer.mjml.j2").write_text(
        "{% call personal() %}{% raw %}"
        "<p>For <b>{{ subscriber.city | default('you') }}</b></p>{% endraw %}{% endcall %}"
    )
    rendition = rendered(article(), given=context(own_templates=tmp_path))
    message = mail_to(rendition, name="Ada", city="<Graz>")
    assert message["Subject"].startswith("Ada: The tide")
    assert "<p>For <b>&lt;Graz&gt;</b></p>" in part(message, "html")
    assert "<p>For <b>you</b></p>" in part(mail_to(rendition), "html")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Write `{{ order.total }}`, {{ subscriber.name | default('you') }}.", "{{ order.total }}"),
        ("Write ``{% for `` first.", "{% for"),
        ("```\n{{ not closed\n{% nor this\n```\n\nHello {{ subscriber.name | default('you') }}", "{{ not closed"),
        ("~~~jinja\n{{ x | no_such_filter }}\n~~~", "{{ x | no_such_filter }}"),
        ("Hello:\n\n    {# a comment #}\n\nbye", "{# a comment #}"),
        ("- one\n\n  `{{ a }}` and **`{{ b }}`**", "{{ b }}"),
        ("| a |\n|---|\n| `{{ c }}` |", "{{ c }}"),
    ],
)
def test_code_in_a_greeting_is_shown_as_it_is_written(source: str, shown: str) -> None:
    message = mail_to(covered(greeting=source), name="Ada")
    assert shown in part(message, "plain")
    assert shown.replace("'", "&#39;") in part(message, "html")
    assert "\ue002" not in part(message, "html") + part(message, "plain")
    if "subscriber.name" in source:
        assert "Ada" in part(message, "plain")


def test_an_expression_beside_code_is_still_one() -> None:
    with pytest.raises(InputError, match="greeting, line 2: there is no 'order'"):
        covered(greeting="`{{ order.id }}`\n{{ order.total }}")
