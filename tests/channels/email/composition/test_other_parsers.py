"""Whole mails checked by other programs: SpamAssassin gives no points for them, and two parsers find no defect."""

from __future__ import annotations

import email
import mailbox
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache

import fast_mail_parser
import pytest

from distributor.channels.api import Personalization, RenderContext, Site
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.settings import EmailSettings
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.subscriber import MailingList
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.flow.publishing.preview import imagine_article
from distributor.rendering.environment import Templates, shipped_templates
from distributor.sources.formats import read_manuscript
from tests.channels.email.mailing import NOW, TOKENS, a_delivery
from tests.conftest import ACCEPTANCE_ARTICLE, needs_package
from tests.paths import ROOT

GOLDEN_ARTICLE = ROOT / "content" / "golden.md"
CONTEXT = RenderContext(
    site=Site(
        name="The Garden Letter",
        public_url="https://letter.example",
        postal_address="7 Orchard Lane, Greenfield",
        sender="The Garden Letter <letter@letter.example>",
    ),
    templates=Templates([shipped_templates()]),
)
# What the receiver's server writes on top; the filter judges a mail that has come in.
RECEIVED = (
    "Received: from out.letter.example (out.letter.example [93.184.216.34])\n"
    "\tby mx.example.net (Postfix) with ESMTPS id 4F1C22A0B3 for <reader1@example.net>;\n"
    f"\t{format_datetime(NOW)}\n"
)
# Mails of bad form, and a rule that each must meet: what says that the rules are there and at work.
BAD = {
    "no-date": ("From: a@example.org\nTo: b@example.net\nSubject: Hello\nMessage-ID: <1@example.org>", "MISSING_DATE"),
    "no-subject": ("From: a@example.org\nTo: b@example.net\nMessage-ID: <2@example.org>", "MISSING_SUBJECT"),
    "only-html": (
        "From: a@example.org\nTo: b@example.net\nSubject: Hello\nMessage-ID: <3@example.org>\n"
        "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8",
        "MIME_HTML_ONLY",
    ),
    "white": (
        "From: a@example.org\nTo: b@example.net\nSubject: Hello\nMessage-ID: <4@example.org>\n"
        "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8",
        "HTML_FONT_LOW_CONTRAST",
    ),
}
BAD_BODY = '<html><body bgcolor="#ffffff"><p>Hello there.</p><p style="color:#fefefe">Not to be seen.</p></body></html>'


ARTICLES = {"golden": GOLDEN_ARTICLE, "acceptance": ACCEPTANCE_ARTICLE}
CONFIRMATIONS = {"confirmation-en": "en", "confirmation-de": "de", "confirmation-ar": "ar"}
PERSONAL = "personal"
NAMES = (*ARTICLES, *CONFIRMATIONS, PERSONAL)
# All that a mail may have besides its article.
COVERING = Personalization(
    parse_markdown=read_markdown,
    options=MessageOptions(
        subject="{{ subscriber.name }}: {{ article.title }}",
        greeting="Hello **{{ subscriber.name }}**,\n\n{% if subscriber.city %}how is {{ subscriber.city }}?{% endif %}",
        closing="Yours,  \n{{ site.name }}",
        attachments=(Attachment(name="Größen.pdf", media_type="application/pdf", content=b"%PDF-1.7\n" + bytes(3000)),),
    ),
)


@cache
def composed(name: str) -> bytes | None:
    """The mail as a reader gets it, tracked and with links of its own; None if its article is not at hand."""
    channel = EmailChannel(EmailSettings())
    if name in CONFIRMATIONS:
        garden = MailingList(id=1, slug="garden", name="The Garden Letter")
        rendition = channel.render_confirmation(garden, CONTEXT, language=CONFIRMATIONS[name])
    elif name == PERSONAL:
        channel = EmailChannel(EmailSettings(bounce_domain="bounces.example.org", submitted_by="office@example.com"))
        sample = imagine_article(read_manuscript(GOLDEN_ARTICLE))
        rendition = channel.render([sample], replace(CONTEXT, personalization=COVERING))
    elif ARTICLES[name].exists():
        rendition = channel.render([imagine_article(read_manuscript(ARTICLES[name]))], CONTEXT)
    else:
        return None
    return prepare_mail(rendition).message_for(a_delivery(), TOKENS)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """One mail after another."""
    chosen: str = request.param
    if composed(chosen) is None:
        pytest.skip("the acceptance article is not beside this checkout")
    return chosen


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, float]]:
    """What SpamAssassin's own rules say of each mail, good and bad: its rules by name, with their points."""
    program = shutil.which("spamassassin")
    if program is None:
        needs_package("spamassassin", "a filter to judge mails by is missing")
    assert program is not None
    folder = tmp_path_factory.mktemp("filter")
    box = mailbox.mbox(folder / "in")
    judged = {name: raw.decode().replace("\r\n", "\n") for name in NAMES if (raw := composed(name)) is not None}
    judged |= {name: f"{header}\n\n{BAD_BODY}\n" for name, (header, _) in BAD.items()}
    for name, text in judged.items():
        box.add(f"X-Name: {name}\n{RECEIVED}{text}".encode())
    box.flush()
    # No network, no memory of earlier mails, no one's own preferences.
    command = [program, "--local", "--mbox", "--prefspath=/dev/null"]
    command += ["--cf=use_bayes 0", "--cf=use_txrep 0", "--cf=report_safe 0", "--cf=add_header all Rules _TESTSSCORES_"]
    result = subprocess.run(
        command, stdin=(folder / "in").open("rb"), capture_output=True, check=True, env={"HOME": str(folder)}
    )
    (folder / "out").write_bytes(result.stdout)
    return {message["X-Name"]: points_of(message["X-Spam-Rules"]) for message in mailbox.mbox(folder / "out")}


def test_a_filter_gives_no_points(points: Mapping[str, Mapping[str, float]], name: str) -> None:
    # Below that a rule only says what it has seen, such as HTML_MESSAGE.
    assert {rule: score for rule, score in points[name].items() if score >= 0.01} == {}
    assert "HTML_MESSAGE" in points[name]


@pytest.mark.parametrize("bad", BAD)
def test_the_filter_knows_bad_form(points: Mapping[str, Mapping[str, float]], bad: str) -> None:
    assert BAD[bad][1] in points[bad]


def test_pythons_parser_finds_no_defect(name: str) -> None:
    message = read(name, policy.default.clone(raise_on_defect=True))
    for part in message.walk():
        assert part.defects == []
        assert {field: value.defects for field, value in part.items() if value.defects} == {}
        assert part.is_multipart() or part.get_content()


def test_a_second_parser_reads_the_same(name: str) -> None:
    message = read(name, policy.default)
    other = fast_mail_parser.parse_email(composed(name) or b"")
    assert other.subject == message["Subject"]
    assert other.headers["Message-ID"] == [message["Message-ID"]]
    for kind, texts in (("plain", other.text_plain), ("html", other.text_html)):
        part = message.get_body((kind,))
        assert part is not None
        assert [_folded(text) for text in texts] == [_folded(part.get_content())]


def read(name: str, rules: policy.EmailPolicy[EmailMessage]) -> EmailMessage:
    message = email.message_from_bytes(composed(name) or b"", policy=rules)
    assert isinstance(message, EmailMessage)
    return message


def points_of(rules: str) -> dict[str, float]:
    pairs = (rule.partition("=") for rule in "".join(rules.split()).split(","))
    return {name: float(score) for name, _, score in pairs if score}


def _folded(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
