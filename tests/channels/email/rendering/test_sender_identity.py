"""The sender, name and footer of a list in its mails."""

from __future__ import annotations

import email
from dataclasses import replace
from email import policy
from typing import Any

import pytest

from distributor.channels.email.checks import check_mail
from distributor.channels.email.composition.list_headers import list_label
from distributor.channels.email.composition.samples import compose_sample
from distributor.channels.email.rendering.rendition import render_email
from distributor.channels.email.settings import EmailSettings
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList
from tests.channels.email.rendering.rendition_samples import article, context, page_of

LIST = MailingList(
    id=1,
    slug="wadden-weekly",
    name="Wadden Weekly",
    sender="Inge Dahl <inge@weekly.example>",
    footer="Edited by Inge Dahl\n<inge@weekly.example>\n\nNo. 12 & more",
)
CHANNEL = EmailSettings(sender="Channel <channel@tideline.example>", list_name="Of the channel")


def mail(list_: MailingList | None = LIST, settings: EmailSettings = CHANNEL) -> Rendition:
    return render_email([article()], replace(context(), list=list_), settings)


def header(rendition: Rendition, name: str) -> Any:
    return email.message_from_bytes(compose_sample(rendition), policy=policy.default)[name]


def test_the_list_comes_before_the_channel_and_the_channel_before_the_site() -> None:
    silent = replace(LIST, sender="")
    senders = [
        str(header(one, "From"))
        for one in (mail(), mail(silent), mail(silent, EmailSettings()), mail(None), mail(None, EmailSettings()))
    ]
    assert senders == [
        "Inge Dahl <inge@weekly.example>",
        "Channel <channel@tideline.example>",
        "Tideline <news@tideline.example>",
        "Channel <channel@tideline.example>",
        "Tideline <news@tideline.example>",
    ]


def test_a_list_is_known_to_mail_programs_by_its_slug() -> None:
    assert header(mail(), "List-Id") == "Wadden Weekly <wadden-weekly.weekly.example>"
    assert header(mail(None), "List-Id") == "Of the channel <newsletter.tideline.example>"


def test_the_slug_of_a_list_in_another_script_is_written_in_ascii() -> None:
    assert list_label("weekly-2") == "weekly-2"
    assert list_label("новости") == "xn--b1amnebsh"
    assert header(mail(replace(LIST, slug="новости")), "List-Id") == "Wadden Weekly <xn--b1amnebsh.weekly.example>"


def test_readers_see_which_list_they_are_on() -> None:
    rendition = mail()
    assert "you subscribed to Wadden Weekly." in page_of(rendition).text_content()
    assert "you subscribed to Wadden Weekly." in rendition.payload["text"]


def test_the_footer_of_a_list_stands_above_that_of_the_site_line_by_line() -> None:
    rendition = mail()
    text = rendition.payload["text"]
    assert "-\n\nEdited by Inge Dahl\n<inge@weekly.example>\n\nNo. 12 & more\n\nYou receive this mail" in text
    paragraphs = [
        one.strip()
        for one in page_of(rendition).xpath("//p[preceding::h1]//text()")
        if one.strip() in {"Edited by Inge Dahl", "<inge@weekly.example>", "No. 12 & more", "Unsubscribe"}
    ]
    assert paragraphs == ["Edited by Inge Dahl", "<inge@weekly.example>", "No. 12 & more", "Unsubscribe"]


def test_a_footer_holds_no_markup_and_no_personal_fields() -> None:
    rendition = mail(replace(LIST, footer="<b>Dear</b> @@name@@ @@unsubscribe@@ {{ site }}"))
    page = rendition.payload["html"]
    assert "&lt;b&gt;Dear&lt;/b&gt; @&#64;name@&#64; @&#64;unsubscribe@&#64;" in page
    assert page.count("@@unsubscribe@@") == mail().payload["html"].count("@@unsubscribe@@")
    assert "@@name@@" not in rendition.payload["text"]
    assert "merge-field" in [problem.code for problem in check_mail(rendition)]


def test_nothing_is_wrong_with_a_mail_in_the_voice_of_a_list() -> None:
    assert check_mail(mail()) == []


def test_a_sender_that_is_none_stops_the_mail_and_says_whose_it_is() -> None:
    (problem,) = check_mail(mail(replace(LIST, sender="Inge without address")))
    assert problem.severity is Severity.BLOCK
    assert problem.message == (
        "the mails of list 'wadden-weekly' have no sender: 'Inge without address' is not an email address: there is "
        "no @ in it; give the list another with `distributor list update wadden-weekly --sender`"
    )


@pytest.mark.parametrize("footer", ["", "  \n\n \n"])
def test_without_a_footer_of_its_own_nothing_is_left_open(footer: str) -> None:
    bare = mail(replace(LIST, footer=footer))
    assert "-\n\nYou receive this mail because" in bare.payload["text"]
    assert "<p dir=" not in bare.payload["html"]


def test_without_a_list_a_mail_is_what_it_was() -> None:
    assert "list_slug" not in mail(None).payload
    assert "purpose" not in mail(None).payload
