"""Mails with the logo, colour, fonts and links of a site."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest

from distributor.channels.email.checks import check_mail
from distributor.channels.email.rendering.rendition import render_confirmation
from distributor.channels.email.settings import EmailSettings
from distributor.domain.brand import Brand, FooterLink, Logo, parse_fonts
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import MailingList
from distributor.rendering.colours import contrast
from tests.channels.email.rendering.rendition_samples import context, page_of, rendered

LOGO = Logo(url="/assets/logo-1a2b.png", media_type="image/png", width=200, height=40, body=b"\x89PNG the logo")
LINKS = (FooterLink("Imprint <GmbH>", "https://example.org/imprint?a=1&b=2"), FooterLink("About", "/articles/about"))


def branded(*, settings: EmailSettings | None = None, **brand: Any) -> Rendition:
    return rendered(given=context(brand=Brand(**brand)), settings=settings)


def confirmation(**brand: Any) -> Rendition:
    list_ = MailingList(id=1, slug="letter", name="The letter")
    return render_confirmation(list_, context(brand=Brand(**brand)), EmailSettings(), language="en")


@pytest.mark.parametrize("make", [branded, confirmation], ids=["article", "confirmation"])
def test_the_logo_stands_at_the_top_in_its_size_and_says_the_name(make: Any) -> None:
    (logo,) = page_of(make(logo=LOGO)).xpath("//img[@class='logo']")
    assert logo.get("src") == "https://tideline.example/assets/logo-1a2b.png"
    assert (logo.get("alt"), logo.get("width"), logo.get("height")) == ("Tideline", "200", "40")


def test_a_logo_of_unknown_size_is_not_higher_than_its_place() -> None:
    (logo,) = page_of(branded(logo=Logo(url="https://cdn.example/logo"))).xpath("//img[@class='logo']")
    assert (logo.get("src"), logo.get("width"), logo.get("height")) == ("https://cdn.example/logo", None, "48")
    assert "max-width:100%" in logo.get("style")


@pytest.mark.parametrize("media_type", ["image/svg+xml", "image/webp"])
def test_a_logo_that_mail_programs_do_not_show_gives_way_to_the_name(media_type: str) -> None:
    page = page_of(branded(logo=Logo(url="/assets/logo", media_type=media_type)))
    assert page.xpath("//img[@class='logo']") == []
    assert page.xpath("//td[contains(@class, 'ink')]//span/text()")[0] == "Tideline"


def test_a_mail_that_contains_its_images_contains_the_logo() -> None:
    payload = branded(logo=LOGO, settings=EmailSettings(inline_images=True)).payload
    (image,) = payload["inline_images"]
    assert image["url"] in payload["html"]
    assert (image["name"], b64decode(image["content"])) == ("logo-1a2b.png", LOGO.body)


@pytest.mark.parametrize("brand", [Brand(), Brand(logo=LOGO)], ids=["name", "logo"])
def test_a_name_is_shown_as_it_is_written(brand: Brand) -> None:
    name = '<b>Tide & "line"</b> @@email@@'
    page = page_of(rendered(given=context(name=name, brand=brand)))
    assert page.xpath("//b") == []
    shown = [*page.xpath("//img[@class='logo']/@alt"), *page.xpath("//td//span/text()")][0]
    assert shown.replace("\u2060", "").replace("\u200b", "") == name


def test_links_and_buttons_have_the_accent() -> None:
    page = branded(accent="#8a1f4b").payload["html"]
    assert ".body a { color: #8a1f4b;" in page
    assert 'bgcolor="#8a1f4b"' in page
    assert "#1a56b8" not in page


def test_a_pale_accent_has_dark_ink_on_its_button_and_darker_links() -> None:
    rendition = branded(accent="#ffe680")
    (button,) = page_of(rendition).xpath("//td[@bgcolor and .//a]")
    ground = button.get("bgcolor")
    assert contrast(ground, "#ffffff") >= 1.5
    assert "color:#000000" in button.xpath(".//a/@style")[0]
    (link,) = re.findall(r"\.body a \{ color: (#\w+)", rendition.payload["html"])
    assert contrast(link, "#ffffff") >= 4.5
    assert contrast(link, "#f3f4f6") >= 4.5


def test_text_has_the_fonts_of_the_brand() -> None:
    fonts, safe_fonts = parse_fonts("Source Serif 4, serif")
    page = branded(fonts=fonts, safe_fonts=safe_fonts).payload["html"]
    assert "font-family:'Source Serif 4', Georgia, 'Times New Roman', serif" in page
    assert "Segoe UI" not in page
    # Outlook for Windows takes Times New Roman for a font that it does not have.
    assert "th,a{font-family:Georgia, 'Times New Roman', serif!important}" in page


@pytest.mark.parametrize("make", [branded, confirmation], ids=["article", "confirmation"])
def test_both_parts_end_with_the_links_of_the_footer(make: Any) -> None:
    rendition = make(footer_links=LINKS)
    links = page_of(rendition).xpath("//a[contains(text(), 'Imprint') or text()='About']")
    assert [link.text for link in links] == ["Imprint <GmbH>", "About"]
    assert rendition.payload["text"].endswith(
        "\n\nImprint <GmbH>:\nhttps://example.org/imprint?a=1&b=2\n\nAbout:\nhttps://tideline.example/articles/about\n"
    )


def test_a_brand_adds_no_problem_to_a_mail() -> None:
    fonts, safe_fonts = parse_fonts("Inter")
    given: dict[str, Any] = {
        "logo": LOGO,
        "accent": "#ffffff",
        "fonts": fonts,
        "safe_fonts": safe_fonts,
        "footer_links": LINKS,
    }
    assert check_mail(branded(**given)) == check_mail(rendered())
