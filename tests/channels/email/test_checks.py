from __future__ import annotations

from typing import Any

import pytest

from distributor.channels.email.checks import check_mail
from distributor.channels.email.settings import EmailSettings
from distributor.domain.blocks import Code, Heading, Image, Mark, Paragraph
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from tests.channels.email.rendering.rendition_samples import (
    article,
    changed,
    context,
    page_of,
    paragraph,
    rendered,
    run,
)


def codes(rendition: Rendition, severity: Severity | None = None) -> set[str]:
    return {problem.code for problem in check_mail(rendition) if severity in (None, problem.severity)}


def without(token: str, part: str) -> Rendition:
    whole = rendered()
    return changed(whole, {part: whole.payload[part].replace(token, "")})


def filled(size: int) -> tuple[Paragraph, ...]:
    """A body of about so many bytes of HTML."""
    return tuple(paragraph("x" * 950) for _ in range(size // 1000))


def test_a_good_mail_has_no_problem() -> None:
    assert check_mail(rendered()) == []


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_mail_that_one_cannot_leave_is_blocked(part: str) -> None:
    assert "unsubscribe-missing" in codes(without("@@unsubscribe@@", part), Severity.BLOCK)


def test_a_mail_without_a_postal_address_is_blocked() -> None:
    assert codes(rendered(given=context(postal_address=" ")), Severity.BLOCK) == {"postal-address-missing"}


@pytest.mark.parametrize(
    ("sender", "is_local"),
    [
        ("news@localhost.localdomain", True),
        ("News <news@mailhost>", True),
        ("news@gazette.local", True),
        ("news@gazette.org", False),
        ("news@local.org", False),
    ],
)
def test_a_sender_that_no_other_server_accepts_is_named(sender: str, is_local: bool) -> None:
    found = [one for one in check_mail(rendered(given=context(sender=sender))) if one.code == "sender-local"]
    assert [one.message.split()[:4] for one in found] == (
        [["mails", "from", sender.split("<")[-1].rstrip(">"), "are"]] if is_local else []
    )


def test_the_postal_address_of_the_channel_takes_precedence_over_that_of_the_site() -> None:
    own = rendered(settings=EmailSettings(postal_address="3 Own Street\\n12345 Brandtown"))
    assert check_mail(own) == []
    assert "3 Own Street" in page_of(own).text_content() and "Rømø" not in page_of(own).text_content()
    assert (
        check_mail(rendered(given=context(postal_address=""), settings=EmailSettings(postal_address="3 Own Street")))
        == []
    )
    assert "postal-address-missing" in codes(
        rendered(given=context(postal_address=""), settings=EmailSettings(postal_address=" "))
    )


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_template_that_hides_the_postal_address_is_blocked(part: str) -> None:
    assert codes(without("6792 Rømø, Denmark", part)) == {"postal-address-hidden"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": " "}, "subject-empty"),
        ({"text": " \n"}, "text-empty"),
        ({"from": "nobody"}, "composition"),
        ({"from": ""}, "composition"),
    ],
)
def test_what_no_mail_can_do_without_is_blocked(changes: dict[str, Any], code: str) -> None:
    assert code in codes(changed(rendered(), changes), Severity.BLOCK)


@pytest.mark.parametrize("token", ["@@first_name@@", "@@first-name@@"])
def test_a_token_that_nothing_fills_in_is_blocked_once(token: str) -> None:
    problems = check_mail(changed(rendered(), {"subject": f"Hello {token}"}))
    assert [(problem.severity, problem.where) for problem in problems] == [(Severity.BLOCK, token)]


@pytest.mark.parametrize("field", ["{{ name }}", "{% if x %}", "*|FNAME|*"])
def test_a_merge_field_of_another_program_is_blocked(field: str) -> None:
    assert codes(rendered(article(body=(paragraph(f"Dear {field},"),))), Severity.BLOCK) == {"merge-field"}


def test_code_may_be_about_templates() -> None:
    assert codes(rendered(article(body=(Code("{{ name }} {% if x %}"), paragraph("It says Dear."))))) == set()


def test_a_text_about_tokens_is_no_problem() -> None:
    assert codes(rendered(article(title="@@name@@ and @@x@@", body=(paragraph("Write @@unknown@@ there."),)))) == set()


def test_a_mail_that_gmail_would_cut_is_blocked() -> None:
    assert codes(rendered(article(body=filled(98_000)))) == {"html-too-large"}
    (reason,) = (one.message for one in check_mail(rendered(article(body=filled(98_000)))))
    assert "Gmail shows about 102 and hides the rest" in reason
    assert "cut_after" in reason


def test_a_large_mail_is_a_warning() -> None:
    assert codes(rendered(article(body=filled(78_000))), Severity.WARN) == {"html-large"}


def test_the_size_counts_the_signed_links_and_not_their_tokens() -> None:
    many = article(body=tuple(paragraph(run("a link of a list", href=f"https://e.org/{n}")) for n in range(600)))
    short, long = rendered(many), rendered(many, given=context(public_url="https://" + "x" * 90))
    assert "html-too-large" not in codes(short)
    assert "html-too-large" in codes(long)


def test_a_text_part_that_says_less_is_a_warning() -> None:
    whole = rendered()
    bare = changed(whole, {"text": "Hi. @@unsubscribe@@ Vesterhavsvej 12 6792 Rømø, Denmark"})
    assert codes(bare) == {"text-short"}


@pytest.mark.parametrize(
    ("changes", "code"), [({"subject": "word " * 20}, "subject-long"), ({"preheader": ""}, "preheader-empty")]
)
def test_what_an_inbox_shows_badly_is_a_warning(changes: dict[str, Any], code: str) -> None:
    assert codes(changed(rendered(), changes), Severity.WARN) == {code}


def test_an_image_without_alternative_text_is_a_warning() -> None:
    problems = check_mail(rendered(article(body=(Image("/chart.png"), paragraph("x")))))
    assert [(problem.code, problem.where) for problem in problems] == [
        ("alt-missing", "https://tideline.example/chart.png")
    ]


def test_a_skipped_heading_level_is_a_warning() -> None:
    problems = check_mail(rendered(article(body=(Heading(2, (run("A"),)), Heading(4, (run("B"),))))))
    assert [(problem.code, problem.where) for problem in problems] == [("heading-skipped", "B")]


@pytest.mark.parametrize("words", ["here", "Click here!", "Read more »"])
def test_a_vague_link_is_a_warning(words: str) -> None:
    assert codes(rendered(article(body=(paragraph("See ", run(words, href="/x")),)))) == {"link-vague"}


def test_public_links_without_https_are_a_warning() -> None:
    assert codes(rendered(given=context(public_url="http://127.0.0.1:8000"))) == {"links-not-https"}


def test_what_blocks_comes_first() -> None:
    problems = check_mail(changed(rendered(given=context(postal_address="")), {"preheader": ""}))
    assert [problem.severity for problem in problems] == [Severity.BLOCK, Severity.WARN]


def test_code_of_an_article_never_blocks_wherever_its_text_is_repeated() -> None:
    shown = Paragraph((run("Write "), run("{{ name }}", Mark.CODE), run(" into the template.")))
    about_code = article(title="What {{ name }} means", summary="", body=(shown,))
    assert "merge-field" not in codes(rendered(about_code))
    assert "merge-field" not in codes(rendered(about_code, article(title="Next", summary="Of {{ name }}")))
    beside = article(title="What it means", summary="", body=(shown, paragraph("Dear {{ name }},")))
    assert "merge-field" in codes(rendered(beside), Severity.BLOCK)
