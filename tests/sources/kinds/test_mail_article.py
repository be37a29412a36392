"""What of a mail is its article: its subject, its text without what programs add, its images, or its document."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import images_of, plain_text
from distributor.domain.errors import SourceError
from distributor.sources.kinds.mail_article import clean_subject, parse_mail, read_mail_article, unflowed
from distributor.sources.reading_options import DEFAULT_OPTIONS
from tests.storage.image_fixtures import a_png

LONG = "The bridge over the river is open again after two years of work, and everybody came to see it. " * 3


def mail(text: str | None = None, *, html: str | None = None, **fields: str) -> EmailMessage:
    """A mail as a program writes it; names of fields have _ for -."""
    made = EmailMessage()
    given = {"From": "Ann Writer <ann@example.org>", "Subject": "The bridge", "Date": "Mon, 1 Jun 2026 12:00:00 +0200"}
    for name, value in {**given, **{name.replace("_", "-"): value for name, value in fields.items()}}.items():
        made[name] = value
    if text is not None:
        made.set_content(text)
    if html is not None and text is not None:
        made.add_alternative(html, subtype="html")
    elif html is not None:
        made.set_content(html, subtype="html")
    return made


def read(made: EmailMessage | bytes) -> Manuscript:
    return read_mail_article(parse_mail(bytes(made)), options=DEFAULT_OPTIONS)


def lines(made: EmailMessage | bytes) -> list[str]:
    return plain_text(read(made).body).split("\n")


def test_subject_sender_and_date_are_title_author_and_date() -> None:
    found = read(mail("It is open.\n\nEverybody came.\n"))
    assert (found.title, found.author) == ("The bridge", "Ann Writer")
    assert found.published_at == datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    assert plain_text(found.body).split("\n") == ["It is open.", "Everybody came."]


def test_an_address_is_never_the_author() -> None:
    assert read(mail("It is open.", From="ann@example.org")).author == ""
    assert read(mail("It is open.", From='"ann@example.org" <ann@example.org>')).author == ""


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("Fwd: The bridge", "The bridge"),
        ("AW: WG: [press] Re[2]: The bridge", "The bridge"),
        ("[Press-L] The bridge", "The bridge"),
        ("Re: ", "Re:"),
        ("Regarding: the bridge", "Regarding: the bridge"),
        ("R: a language", "R: a language"),
        ("=?utf-8?q?Die_Br=C3=BCcke?=", "=?utf-8?q?Die_Br=C3=BCcke?="),
    ],
)
def test_a_subject_loses_what_says_that_it_is_an_answer_or_from_a_list(subject: str, title: str) -> None:
    assert clean_subject(subject) == title


def test_tags_front_matter_and_markdown_are_read_as_in_files() -> None:
    assert [tag.label for tag in read(mail("It is open.\n\nTags: bridges, old town\n")).tags] == ["bridges", "old town"]
    assert [tag.label for tag in read(mail("It is open.\n\n#bridges #oldtown\n")).tags] == ["bridges", "oldtown"]
    marked = read(mail("It is **very** open, see [here](https://a.example/).\n\n## And\n\nlong.\n"))
    assert plain_text(marked.body).split("\n") == ["It is very open, see here.", "And", "long."]
    fronted = read(mail("---\ntags: [a1, b2]\nauthor: Bo\n---\nIt is open.\n"))
    assert (fronted.title, fronted.author, [tag.label for tag in fronted.tags]) == ("The bridge", "Bo", ["a1", "b2"])
    assert plain_text(fronted.body) == "It is open."


def test_lines_that_only_look_like_front_matter_are_text_and_wrong_front_matter_is_named() -> None:
    assert lines(mail("Date: next week\nPlace: the town hall\n\nCome all.\n"))[-1] == "Come all."
    with pytest.raises(SourceError, match="date"):
        read(mail("---\ndate: next week\n---\nCome all.\n"))


def test_html_is_preferred_and_hidden_parts_pixels_and_signatures_are_dropped() -> None:
    html = """<html><head><style>p {color: red}</style></head><body>
    <div style="display:none">What mail programs show beside the subject</div>
    <p><a href="https://a.example/view">View this mail in your browser</a></p>
    <h1>The bridge</h1><p>It is <b>open</b>.</p><p>#bridges #oldtown</p>
    <div class="gmail_signature">Ann, 1 High Street</div>
    <img src="https://a.example/p.gif" style="width: 1px; height: 1px"><img src="https://a.example/q.gif" width="1">
    </body></html>"""
    found = read(mail("Plain.", html=html))
    assert (found.title, plain_text(found.body)) == ("The bridge", "It is open.")
    assert list(images_of(found.body)) == []


def test_a_footer_of_a_newsletter_is_dropped_and_a_text_about_unsubscribing_is_not() -> None:
    footer = '<p>You get this because you asked. <a href="https://a.example/u">Unsubscribe</a></p><p>1 High Street</p>'
    assert lines(mail(html=f"<p>It is open.</p>{footer}")) == ["It is open."]
    html = "<p>How to unsubscribe from our lists, in words.</p>" + "<p>More.</p>" * 3
    assert lines(mail(html=html))[0].startswith("How to unsubscribe")


@pytest.mark.parametrize(
    "text",
    [
        "It is open.\n-- \nAnn\n1 High Street\n",
        "It is open.\n\nSent from my iPhone\n",
        "It is open.\n\n_______________________________________________\nPress mailing list\npress@lists.example\n",
        "It is open.\n\nOn Mon, 1 Jun 2026 at 10:00, Bo <bo@example.org> wrote:\n> Is it?\n>\n> Really?\n",
        "It is open.\n\nAm 01.06.2026 um 10:00 schrieb Bo Beispiel\n<bo@example.org>:\n> Ist sie?\n",
    ],
)
def test_signatures_and_quoted_replies_of_plain_text_are_dropped(text: str) -> None:
    assert lines(mail(text)) == ["It is open."]


def test_a_quote_that_nobody_is_named_for_is_part_of_the_text() -> None:
    assert lines(mail("She said:\n\n> It is open.\n\nSo it is.\n")) == ["She said:", "It is open.", "So it is."]


@pytest.mark.parametrize(
    "html",
    [
        '<div dir="ltr">It is open.</div><div class="gmail_quote"><div class="gmail_attr">On Monday Bo wrote:</div>'
        "<blockquote>Is it?</blockquote></div>",
        '<p>It is open.</p><blockquote type="cite">Is it?</blockquote>',
        '<p>It is open.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Bo</div><p>Is it?</p>',
    ],
)
def test_quoted_replies_of_html_are_dropped(html: str) -> None:
    assert lines(mail(html=html)) == ["It is open."]


FORWARDED_TEXT = """
See below.

---------- Forwarded message ---------
From: Cy Reporter <cy@news.example>
Date: Mon, 1 Jun 2026 at 09:00
Subject: The heron is back
To: <press@example.org>,
 <other@example.org>

It was away for years.

It likes the reeds.
"""


def test_what_is_forwarded_in_plain_text_is_the_article_with_its_own_title_and_author() -> None:
    found = read(mail(FORWARDED_TEXT, Subject="Fwd: The heron is back"))
    assert (found.title, found.author) == ("The heron is back", "Cy Reporter")
    assert plain_text(found.body).split("\n") == ["It was away for years.", "It likes the reeds."]


@pytest.mark.parametrize(
    "html",
    [
        # Gmail
        '<div dir="ltr">See below<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">--------- '
        'Forwarded message ---------<br>From: <strong>Cy Reporter</strong> <span>&lt;<a href="mailto:cy@news.example">'
        "cy@news.example</a>&gt;</span><br>Date: Mon<br>Subject: The heron is back<br>To: &lt;press@example.org&gt;<br>"
        "</div><br><br><p>It was away for years.</p></div></div>",
        # Apple Mail
        '<div>Begin forwarded message:</div><br><blockquote type="cite"><div><b>From: </b>Cy Reporter '
        "&lt;cy@news.example&gt;</div><div><b>Subject: </b><b>The heron is back</b></div><div><b>Date: </b>1 June"
        "</div><br><div><p>It was away for years.</p></div></blockquote>",
        # Outlook
        "<p>See below</p><hr><div><p><b>From:</b> Cy Reporter &lt;cy@news.example&gt;<br><b>Sent:</b> Monday<br>"
        "<b>To:</b> Press<br><b>Subject:</b> The heron is back</p></div><p>It was away for years.</p>",
        # Thunderbird
        '<div class="moz-forward-container">-------- Weitergeleitete Nachricht --------<table><tbody><tr><th>Betreff: '
        "</th><td>The heron is back</td></tr><tr><th>Datum: </th><td>Mon</td></tr><tr><th>Von: </th><td>Cy Reporter "
        "&lt;cy@news.example&gt;</td></tr></tbody></table><p>It was away for years.</p></div>",
    ],
)
def test_what_mail_programs_forward_in_html_is_the_article(html: str) -> None:
    found = read(mail(html=html, Subject="Fwd: The heron is back"))
    assert plain_text(found.body).split("\n") == ["It was away for years."]
    assert (found.title, found.author) == ("The heron is back", "Cy Reporter")


def test_a_mail_that_is_attached_to_an_empty_one_is_the_article() -> None:
    outer = mail("See the attached mail.", Subject="Fwd: something")
    outer.add_attachment(mail("It was away for years.", Subject="The heron", From="Cy <cy@news.example>"))
    found = read(outer)
    assert (found.title, found.author, plain_text(found.body)) == ("The heron", "Cy", "It was away for years.")


def with_image(**fields: str) -> EmailMessage:
    made = mail(html='<p>Look: <img src="cid:heron@1" alt="A heron"></p>', **fields)
    made.add_related(a_png(40, 30), "image", "png", cid="<heron@1>", filename="heron.png")
    return made


def test_images_that_the_text_shows_come_with_it() -> None:
    found = read(with_image())
    [image] = images_of(found.body)
    assert (image.src, image.alt, image.width) == (found.media[0].src, "A heron", 40)


def test_attached_images_follow_the_text_and_broken_ones_are_named() -> None:
    made = mail("Look.")
    made.add_attachment(a_png(60, 30), "image", "png", filename="one.png")
    made.add_attachment(a_png(60, 40), "application", "octet-stream", filename="two.PNG")
    made.add_attachment(b"no image", "image", "png", filename="three.png")
    found = read(made)
    assert [image.height for image in images_of(found.body)] == [30, 40]
    assert len(found.media) == 2
    assert found.warnings == ("the image three.png is left out: the file is no image; use PNG, JPEG or GIF",)
    only = mail("")
    only.add_attachment(a_png(60, 30), "image", "png", filename="one.png")
    assert [image.height for image in images_of(read(only).body)] == [30]


def test_a_document_is_the_article_of_a_mail_that_says_little() -> None:
    made = mail("Please publish the attached text. Thanks, Ann")
    made.add_attachment(b"# The heron\n\nIt is back.\n", "text", "markdown", filename="heron.md")
    made.add_attachment(b"Other\n\nText.\n", "text", "plain", filename="other.txt")
    made.add_attachment(b"PK", "application", "zip", filename="all.zip")
    found = read(made)
    assert (found.title, plain_text(found.body), found.author) == ("The heron", "It is back.", "Ann Writer")
    assert found.warnings == (
        "the attachment all.zip is left out",
        "what the mail says beside its attachment is left out",
        "the attachment other.txt is left out: another one is the article",
    )


def test_a_document_is_left_out_if_the_mail_has_a_text() -> None:
    made = mail(LONG)
    made.add_attachment(b"# The heron\n\nIt is back.\n", "text", "markdown", filename="heron.md")
    assert read(made).warnings == ("the attachment heron.md is left out: the mail has a text",)


def test_a_document_that_cannot_be_read_is_named() -> None:
    made = mail("")
    made.add_attachment(b"no document", "application", "octet-stream", filename="Überschrift.docx")
    with pytest.raises(SourceError, match=r"the attachment Überschrift\.docx cannot be read"):
        read(made)


def test_flowed_text_has_its_paragraphs_back() -> None:
    assert unflowed("One \ntwo\nthree\n> a \n> b\n-- \nAnn", delsp=False) == "One two\nthree\n> a\n> b\n-- \nAnn"
    assert unflowed("Over \nflow", delsp=True) == "Overflow"
    raw = b"Subject: S\r\nContent-Type: text/plain; format=flowed\r\n\r\nIt is \r\nopen.\r\n\r\n It is long.\r\n"
    assert lines(raw) == ["It is open.", "It is long."]


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: S\r\nContent-Type: text/plain; charset=no-such\r\n\r\nIt is \xc3\xb6pen.\r\n",
        b"Subject: S\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nIt is \xf6pen.\r\n",
        b"Subject: S\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSXQgaXMgw7ZwZW4u\r\n",
        b"Content-Type: multipart/mixed\r\nSubject: S\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nIt is \xc3\xb6pen."
        b"\r\n--x--\r\n",
    ],
)
def test_wrong_charsets_and_broken_mime_are_read_as_far_as_possible(raw: bytes) -> None:
    assert lines(raw)[0] == "It is öpen."


def test_a_mail_without_any_header_is_a_text_with_its_first_words_as_title() -> None:
    found = read(b"\r\nIt is open.\r\n\r\nEverybody came.\r\n")
    assert (found.title, found.author, found.published_at) == ("It is open", "", None)


def nested(depth: int) -> bytes:
    """Parts inside parts."""
    inner = "Content-Type: text/plain\r\n\r\nText.\r\n"
    for at in range(depth):
        inner = f'Content-Type: multipart/mixed; boundary="b{at}x"\r\n\r\n--b{at}x\r\n{inner}\r\n--b{at}x--\r\n'
    return f"Subject: S\r\n{inner}".encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (nested(60), "nested too deeply"),
        (
            b"Subject: S\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 5000,
            "100 parts or more",
        ),
        (b"Subject: S\r\n\r\n" + b"x" * (25 * 2**20), "larger than 25 MB"),
        (b"Subject: S\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 5000, "nested too deeply"),
        (
            b"Subject: S\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMIIB\r\n",
            "is encrypted",
        ),
        (
            b"Subject: S\r\nContent-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: application/"
            b"pgp-encrypted\r\n\r\nVersion: 1\r\n--b--\r\n",
            "is encrypted",
        ),
        (b"Subject: S\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n", "is encrypted"),
        (b"Subject: S\r\n\r\n\r\n", "there is no text"),
        (b"", "there is no"),
    ],
    ids=["nesting", "parts", "size", "elements", "s-mime", "pgp-mime", "pgp", "empty", "nothing"],
)
def test_what_cannot_be_an_article_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        read(raw)


def test_whatever_bytes_come_they_are_an_article_or_refused_with_a_reason() -> None:
    seed = random.Random(15)
    samples = [
        bytes(with_image()),
        bytes(mail(FORWARDED_TEXT, Subject="Fwd: x")),
        bytes(mail("Plain.", html="<p>Rich.</p>")),
    ]
    for at in range(150):
        raw = bytearray(samples[at % len(samples)])
        for _ in range(seed.randint(1, 12)):
            place = seed.randrange(len(raw))
            raw[place : place + seed.randint(0, 20)] = seed.randbytes(seed.randint(0, 4))
        with suppress(SourceError):
            assert read(bytes(raw)).title


def test_a_signed_mail_is_read_without_its_signature() -> None:
    made = mail("It is open.")
    made.make_mixed()
    made.add_attachment(b"-----BEGIN PGP SIGNATURE-----", "application", "pgp-signature", filename="signature.asc")
    found = read(made)
    assert (plain_text(found.body), found.warnings) == ("It is open.", ())
    armoured = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nIt is open.\n- -- \nAnn\n"
    assert lines(mail(f"{armoured}-----BEGIN PGP SIGNATURE-----\nx\n")) == ["It is open."]


def test_a_file_name_in_another_script_is_understood() -> None:
    made: Any = mail("")
    made.add_attachment(
        b"The heron\n\nIt is back.\n", "text", "plain", filename="Ein sehr langer Name mit Ümläuten " * 4 + ".txt"
    )
    assert read(made).title == "The heron"
