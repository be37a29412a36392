"""Signing: what we sign is judged by two verifiers that are not ours."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.channels.email.composition.compose import prepare_mail
from distributor.domain.errors import ConfigurationError, InputError
from distributor.mail.dkim.canonicalization import BodyPrefix, body_digest, relaxed_field, split_message
from distributor.mail.dkim.dns_record import record_name, record_text
from distributor.mail.dkim.keys import Algorithm, RsaKey, make_key, pem_of, read_key
from distributor.mail.dkim.signer import UNSIGNED, DkimSigner, SigningIdentity
from tests.channels.email.mailing import TOKENS, a_delivery, a_rendition

from .verifiers import OpenDkim, dkimpy_verdicts

AT = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
BOTH = {"r1": True, "e1": True}
NEITHER = {"r1": False, "e1": False}
ED25519 = make_key(Algorithm.ED25519)


@dataclass(frozen=True)
class Court:
    """A signer with an RSA and an Ed25519 key, their records by name, and the other judge."""

    identities: Sequence[SigningIdentity]
    signer: DkimSigner
    keys: dict[str, str]
    opendkim: OpenDkim

    def sign(self, message: bytes) -> bytes:
        return self.signer.sign(message, at=AT)

    def judge(self, signed: bytes) -> tuple[dict[str, bool], dict[str, bool]]:
        return dkimpy_verdicts(signed, self.keys), self.opendkim.verdicts(signed)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    identities = [
        SigningIdentity(domain="example.org", selector=selector, key=make_key(algorithm))
        for selector, algorithm in (("r1", Algorithm.RSA), ("e1", Algorithm.ED25519))
    ]
    keys = {record_name(one.selector, one.domain): record_text(one.key) for one in identities}
    return Court(identities, DkimSigner(identities), keys, OpenDkim.at_hand(tmp_path_factory.mktemp("opendkim"), keys))


def a_mail() -> bytes:
    text = "Hello @@name@@, größer → @@unsubscribe@@\n" + "a line of text\n" * 30
    return prepare_mail(a_rendition(subject="Grüße, @@name@@", text=text)).message_for(a_delivery(), TOKENS)


def listed(signed: bytes) -> list[str]:
    """The names in h= of the first signature."""
    found = re.search(rb"\bh=([^;]*);", signed)
    assert found is not None
    return re.sub(rb"\s", b"", found[1]).decode().split(":")


def test_a_composed_mail_verifies_under_both_keys(court: Court) -> None:
    assert court.judge(court.sign(a_mail())) == (BOTH, BOTH)


def test_signing_only_puts_fields_in_front(court: Court) -> None:
    signed = court.sign(a_mail())
    assert signed.endswith(a_mail())
    assert max(map(len, signed.removesuffix(a_mail()).split(b"\r\n"))) <= 78


def test_the_rsa_signature_comes_first_and_none_limits_the_body(court: Court) -> None:
    signed = court.sign(a_mail())
    assert re.findall(rb"a=([a-z0-9-]+);", signed) == [b"rsa-sha256", b"ed25519-sha256"]
    assert not re.search(rb"\bl=\d", signed)


def test_the_signature_is_dated_by_its_argument(court: Court) -> None:
    assert b" t=%d;" % AT.timestamp() in court.sign(a_mail())


def test_every_field_of_a_newsletter_is_signed_and_both_of_rfc_8058(court: Court) -> None:
    names = re.findall(rb"^([A-Za-z-]+):", a_mail().partition(b"\r\n\r\n")[0], re.MULTILINE)
    signed_names = listed(court.sign(a_mail()))
    assert {name.decode().lower() for name in names} == set(signed_names)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(signed_names)


def test_the_same_mail_is_signed_with_the_same_bytes() -> None:
    for algorithm in Algorithm:
        key = make_key(algorithm)
        again = read_key(pem_of(key))
        signers = [
            DkimSigner([SigningIdentity(domain="example.org", selector="s", key=one)]) for one in (key, key, again)
        ]
        assert len({signer.sign(a_mail(), at=AT) for signer in signers}) == 1


def test_without_keys_a_mail_stays_as_it_is() -> None:
    assert UNSIGNED.sign(a_mail(), at=AT) == a_mail()


def test_a_mail_that_comes_from_nobody_is_not_signed(court: Court) -> None:
    with pytest.raises(InputError, match="without From"):
        court.sign(b"To: a@example.org\r\n\r\nHello\r\n")


# Tampering.


def test_a_changed_body_is_refused_by_both(court: Court) -> None:
    tampered = court.sign(a_mail()).replace(b"a line of text", b"a lime of text", 1)
    assert court.judge(tampered) == (NEITHER, NEITHER)


def test_text_appended_to_the_body_is_refused_by_both(court: Court) -> None:
    assert court.judge(court.sign(a_mail()) + b"more\r\n") == (NEITHER, NEITHER)


@pytest.mark.parametrize(
    "name",
    [
        "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "Feedback-ID", "List-Unsubscribe-Post",
        "List-Id", "List-Post", "Precedence", "MIME-Version", "Content-Type", "Content-Language",
    ],
)  # fmt: skip
def test_a_change_of_any_signed_field_is_refused_by_both(court: Court, name: str) -> None:
    signed = court.sign(a_mail())
    tampered = re.sub(rf"(?m)^{name}: ".encode(), f"{name}: x".encode(), signed, count=1)
    assert court.judge(tampered) == (NEITHER, NEITHER)


def test_a_field_that_the_relay_replaces_is_left_out_and_the_signature_holds(court: Court) -> None:
    mild = replace(court, signer=DkimSigner(court.identities, excluded=frozenset({b"message-id", b"date"})))
    signed = mild.sign(a_mail())
    relayed = re.sub(rb"(?m)^(Date|Message-ID): .*$", rb"\1: another\r", signed)
    assert court.judge(relayed) == (BOTH, BOTH)
    assert court.judge(relayed.replace(b"Subject: ", b"Subject: x", 1)) == (NEITHER, NEITHER)


@pytest.mark.parametrize("added", [b"From: Mallory <m@example.net>\r\n", b"Subject: Pay here\r\n"])
def test_a_second_from_or_subject_is_refused_by_both(court: Court, added: bytes) -> None:
    signed = court.sign(a_mail())
    assert court.judge(added + signed) == (NEITHER, NEITHER)
    assert court.judge(signed.replace(b"Precedence: ", added + b"Precedence: ", 1)) == (NEITHER, NEITHER)


def test_a_subject_given_to_a_mail_without_one_is_refused_by_both(court: Court) -> None:
    signed = court.sign(b"From: ann@example.org\r\n\r\nHello\r\n")
    assert court.judge(signed) == (BOTH, BOTH)
    assert court.judge(b"Subject: Pay here\r\n" + signed) == (NEITHER, NEITHER)


def test_a_relay_that_folds_anew_and_appends_blank_lines_does_no_harm(court: Court) -> None:
    signed = court.sign(a_mail())
    relayed = signed.replace(b"Example News <news@", b"Example\r\n\t  News   <news@", 1) + b"\r\n\r\n"
    assert relayed != signed
    assert court.judge(relayed) == (BOTH, BOTH)


# Properties.

_word = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x2FFF, exclude_characters="\x7f\x85\u2028\u2029"))
_fold = st.sampled_from([" ", "  ", "\t", "\r\n ", " \r\n\t", "\r\n  \t"])
_names = st.sampled_from(
    ["To", "Subject", "SUBJECT", "Date", "list-unsubscribe", "List-Unsubscribe-Post", "X-Other", "Received", "Reply-To"]
)


@st.composite
def _values(draw: st.DrawFn) -> str:
    """A value that may be empty, long, folded and not ASCII; never a line of only blanks, which RFC 5322 forbids."""
    words = draw(st.lists(_word.filter(bool), max_size=12))
    glue = draw(st.lists(_fold, min_size=len(words), max_size=len(words)))
    text = "".join(piece for pair in zip(glue, words, strict=True) for piece in pair)
    return text + draw(st.sampled_from(["", " ", "\t "]))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    fields = [f"{name}:{value}" for name, value in draw(st.lists(st.tuples(_names, _values()), max_size=8))]
    place = draw(st.integers(0, len(fields)))
    fields.insert(place, f"From:{draw(st.sampled_from(['', ' ', '  ']))}Ann <ann@example.org>")
    lines = draw(st.lists(st.sampled_from(["", "", ".", " ", "a \t b", "text ", "größer", "=20", "From x", "x" * 300])))
    body = "\r\n".join(lines) + draw(st.sampled_from(["", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n"]))
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(message=messages())
def test_whatever_is_signed_verifies(court: Court, message: bytes) -> None:
    assert court.judge(court.sign(message)) == (BOTH, BOTH)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(name=_names, value=_values())
def test_fields_are_made_canonical_as_dkimpy_does_it(name: str, value: str) -> None:
    theirs = dkim.canonicalization.Relaxed.canonicalize_headers([(name.encode(), value.encode() + b"\r\n")])
    assert relaxed_field(f"{name}:{value}".encode())[1] == b"%b:%b" % theirs[0]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b" ", b"b\r\n"])).map(b"".join))
def test_bodies_are_made_canonical_as_dkimpy_does_it(body: bytes) -> None:
    theirs = dkim.canonicalization.Simple.canonicalize_body(body)
    assert body_digest(b"head: x\r\n\r\n" + body, 11) == hashlib.sha256(theirs).digest()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(message=messages(), known=st.integers(0, 40), differs=st.booleans())
def test_an_opening_saves_time_and_changes_nothing(message: bytes, known: int, differs: bool) -> None:
    prefix = message.partition(b"\r\n\r\n")[2][:known] + b"!" * differs
    signer = DkimSigner([SigningIdentity(domain="example.org", selector="s", key=ED25519)])
    assert signer.sign(message, at=AT, body_prefix=BodyPrefix(prefix)) == signer.sign(message, at=AT)


def test_a_composed_mail_begins_with_the_opening_of_its_rendition() -> None:
    prepared = prepare_mail(a_rendition(text="The same for all.\n" * 20 + "@@unsubscribe@@\n"))
    message = prepared.message_for(a_delivery(), TOKENS)
    _, known = prepared.body_prefix.hash_of(message, split_message(message)[1])
    assert message[:known].endswith(b"The same for all.\r\nhttps://news.example.org/unsubscribe/=\r\n")


# Keys.


def test_an_rsa_key_has_2048_bits() -> None:
    key = make_key(Algorithm.RSA)
    assert len(key.sign(b"data")) * 8 == 2048


def test_private_keys_do_not_show_themselves() -> None:
    for algorithm in Algorithm:
        key = make_key(algorithm)
        secret = "".join(pem_of(key).split("\n")[1:-2])
        shown = f"{key!r} {SigningIdentity(domain='example.org', selector='s', key=key)!r} {record_text(key)}"
        assert secret[40:60] not in shown
        assert b64decode(record_text(key).partition("p=")[2]) == key.public()


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_read_is_named_without_being_shown(pem: str) -> None:
    with pytest.raises(ConfigurationError, match="DKIM key") as caught:
        read_key(pem)
    assert "AAAA" not in str(caught.value)


def test_a_short_rsa_key_is_refused() -> None:
    short = RsaKey(generate_private_key(public_exponent=65537, key_size=1024))
    with pytest.raises(ConfigurationError, match="2048 bits"):
        read_key(pem_of(short))
