"""Attachments and inline images, read back by the standard library and by fast-mail-parser."""

from __future__ import annotations

import email
import re
from base64 import b64encode
from dataclasses import replace
from email import policy
from email.message import EmailMessage

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.api import InMemoryMedia, Media, Personalization
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.settings import EmailSettings
from distributor.domain.blocks import Image
from distributor.domain.errors import InputError
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.mail.dkim.keys import Algorithm, make_key
from distributor.mail.dkim.signer import DkimSigner, SigningIdentity
from distributor.mail.mime.header_fields import parameter_field
from tests.channels.email.mailing import NOW, TOKENS, a_delivery, a_rendition
from tests.channels.email.rendering.rendition_samples import article, context, paragraph

PNG = Media(name="ab12.png", media_type="image/png", body=b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3)
PDF = Attachment(name="Preisliste für Zoë.pdf", media_type="application/pdf", content=b"%PDF-1.7\n" + bytes(500))


def a_file(name: str = "list.pdf", content: bytes = b"%PDF", media_type: str = "application/pdf") -> dict[str, str]:
    return {"name": name, "media_type": media_type, "content": b64encode(content).decode()}


def compose(rendition: Rendition) -> bytes:
    return prepare_mail(rendition).message_for(a_delivery(), TOKENS)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def rendered(*attachments: Attachment, inline: bool = True) -> Rendition:
    illustrated = article(
        image=None, body=(paragraph("Look:"), Image("/media/ab12.png", "A bird"), Image("/media/no.png", "x"))
    )
    personalization = Personalization(parse_markdown=read_markdown, options=MessageOptions(attachments=attachments))
    return EmailChannel(EmailSettings(inline_images=inline)).render(
        [illustrated], replace(context(), media=InMemoryMedia([PNG]), personalization=personalization)
    )


def test_images_and_files_stand_around_the_alternatives() -> None:
    message = read(compose(rendered(PDF)))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert [part.defects for part in message.walk()] == [[]] * 7
    related = next(part for part in message.walk() if part.get_content_type() == "multipart/related")
    assert related.get_param("type") == "multipart/alternative"
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == (PDF.name, PDF.content)


def test_an_image_inside_is_shown_by_its_content_id_and_on_the_web_by_its_address() -> None:
    rendition = rendered()
    message = read(compose(rendition))
    assert message.get_content_type() == "multipart/related"
    html = message.get_body(("html",))
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture.get_content() == PNG.body
    assert picture["Content-Disposition"].startswith("inline")
    assert html is not None
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in html.get_content()
    assert "https://tideline.example/media/no.png" in html.get_content()
    page = EmailChannel(EmailSettings()).render_web_version(rendition, a_delivery(), TOKENS, pixel_url="/p.gif")
    assert 'src="https://tideline.example/media/ab12.png"' in page
    assert "cid:" not in page


def test_images_stay_on_the_web_if_no_one_asks_for_them() -> None:
    rendition = rendered(inline=False)
    assert "inline_images" not in rendition.payload
    assert read(compose(rendition)).get_content_type() == "multipart/alternative"


def test_the_second_parser_finds_the_same() -> None:
    found = fast_mail_parser.parse_email(compose(a_rendition(attachments=[a_file(content=PNG.body)])))
    assert [(one.filename, one.content) for one in found.attachments] == [("list.pdf", PNG.body)]
    assert len(found.text_plain) == len(found.text_html) == 1


def test_lines_stay_within_limits_and_none_begins_with_a_dot() -> None:
    raw = compose(rendered(PDF))
    assert raw.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert all(len(line) <= 78 and not line.startswith(b".") for line in raw.split(b"\r\n"))


def test_the_opening_that_is_hashed_once_is_how_every_body_begins() -> None:
    prepared = prepare_mail(rendered(PDF))
    signer = DkimSigner([SigningIdentity(domain="tideline.example", selector="a", key=make_key(Algorithm.ED25519))])
    raw = prepared.message_for(a_delivery(), TOKENS)
    assert signer.sign(raw, at=NOW, body_prefix=prepared.body_prefix) == signer.sign(raw, at=NOW)
    _, known = prepared.body_prefix.hash_of(raw, raw.index(b"\r\n\r\n") + 4)
    assert known > raw.index(b"multipart/alternative")


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=120)


@given(names.map(lambda name: " ".join(name.split())).filter(bool))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_the_name_of_a_file_comes_back_whatever_it_is(name: str) -> None:
    field = parameter_field("Content-Disposition", "attachment", {"filename": name})
    message = read(field + b"\r\n")
    assert message.get_filename() == name
    assert message["Content-Disposition"].defects == ()
    assert all(len(line) <= 76 for line in field.split(b"\r\n"))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (a_file(name="a\r\nBcc: x@example.org"), r"Content-Disposition: the control character U\+000D"),
        (a_file(media_type="pdf"), "is not a media type such as application/pdf"),
        (a_file(media_type="a/b\r\nBcc: x"), "is not a media type"),
    ],
)
def test_a_file_that_would_spoil_the_header_is_refused(file: dict[str, str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        compose(a_rendition(attachments=[file]))


def test_a_mail_as_an_attachment_is_bytes() -> None:
    (part,) = read(compose(a_rendition(attachments=[a_file("a.eml", media_type="message/rfc822")]))).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"


@pytest.mark.parametrize(
    ("enclosure", "severity", "code"),
    [
        (replace(PDF, content=bytes(1_000_000)), Severity.WARN, "attachments-large"),
        (replace(PDF, content=bytes(7_000_000)), Severity.BLOCK, "attachments-too-large"),
        (replace(PDF, name="Setup.EXE"), Severity.BLOCK, "attachment-refused"),
    ],
)
def test_what_weighs_too_much_or_is_refused_by_others_is_reported_in_words(
    enclosure: Attachment, severity: Severity, code: str
) -> None:
    channel = EmailChannel(EmailSettings())
    assert [problem for problem in channel.check(rendered(PDF)) if problem.where == PDF.name] == []
    found = {problem.code: problem for problem in channel.check(rendered(enclosure))}
    assert found[code].severity is severity
    assert "link" in found[code].message
