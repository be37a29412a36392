"""The header of a mail with any field values: read back by three parsers, with no field more or less."""

from __future__ import annotations

import email
import re
from email import policy
from email.header import decode_header, make_header
from email.message import Message

import fast_mail_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.composition.compose import prepare_mail
from distributor.domain.rendition import Rendition
from tests.channels.email.mailing import TOKENS, a_delivery, a_rendition

FIELDS = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Feedback-ID",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "List-Help",
    "List-Archive",
    "List-Post",
    "Precedence",
    "MIME-Version",
    "Content-Type",
    "Content-Language",
]
LINKS = ("List-Unsubscribe", "List-Help", "List-Archive")

visible = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
words = st.one_of(st.text(visible, max_size=90), st.text(st.sampled_from('ab =?_"\\,;:<>@é漢😀.'), max_size=90)).map(
    lambda text: " ".join(text.split())
)
anything = st.text(max_size=60)
locals_ = st.from_regex(r"[a-z][a-z0-9._+-]{0,20}[a-z0-9]", fullmatch=True).filter(lambda text: ".." not in text)
domains = st.sampled_from(["example.org", "müller.example", "b-ü-c.example.com", "例え.テスト"])


@st.composite
def renditions(draw: st.DrawFn) -> Rendition:
    def mailbox() -> str:
        name = draw(words).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{draw(locals_)}@{draw(domains)}>'

    return a_rendition(
        subject="@@personal:0@@",
        personal={
            "constants": {},
            "blocks": [{"part": "subject", "is_html": False, "source": "{{ subscriber.name | default('-') }}!"}],
        },
        **{"from": mailbox()},
        reply_to=mailbox(),
        submitted_by=f"office-{mailbox().rpartition('<')[2].rstrip('>')}",
        list_name=draw(words),
        list_slug=draw(st.sampled_from(["weekly", "grüße"])),
        bounce_domain=draw(domains),
    )


def names_of(message: Message) -> list[str]:
    return list(message.keys())


@given(renditions(), anything)
@settings(deadline=None, derandomize=True, max_examples=80)
def test_three_parsers_read_the_same_fields_whatever_stands_in_them(rendition: Rendition, name: str) -> None:
    raw = prepare_mail(rendition).message_for(a_delivery(fields={"name": name}), TOKENS)
    assert raw.isascii()
    header = raw.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]", raw)
    assert all(len(line) <= 76 or line.lstrip().startswith((b"<", b"List-")) for line in header.split(b"\r\n"))

    strict = email.message_from_bytes(raw, policy=policy.default)
    plain = email.message_from_bytes(raw, policy=policy.compat32)
    other = fast_mail_parser.parse_email(raw)
    assert names_of(strict) == names_of(plain) == FIELDS
    assert sorted({one.lower() for one in other.headers}) == sorted(one.lower() for one in FIELDS)
    assert strict.defects == plain.defects == []
    assert all(not value.defects for value in strict.values())
    subject = " ".join(str(make_header(decode_header(unfolded(plain["Subject"])))).split())
    assert subject == " ".join(str(strict["Subject"]).split()) == " ".join(other.subject.split())
    for field in LINKS:
        assert all(re.fullmatch(r"<(https|mailto):[!-;=?-~]+>", link) for link in unfolded(plain[field]).split(", "))
    for field in ("From", "Sender", "Reply-To", "To"):
        (address,) = strict[field].addresses
        assert address.domain.isascii()
        assert "@" in address.addr_spec


def unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value)
