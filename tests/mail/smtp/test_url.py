"""The URL of a relay."""

from __future__ import annotations

import pytest

from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.url import AuthMechanism, SmtpUrl, TlsMode


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", SmtpUrl(host="mail.example.org", port=25)),
        ("SMTP://mail.example.org:587/", SmtpUrl(host="mail.example.org", port=587)),
        ("smtps://mail.example.org", SmtpUrl(host="mail.example.org", port=465, implicit_tls=True)),
        (
            "smtp://ann%40example.org:p%3A%2Fw%20d@mail.example.org:587?tls=verify",
            SmtpUrl(
                host="mail.example.org",
                port=587,
                tls=TlsMode.VERIFY,
                user="ann@example.org",
                password="p:/w d",
            ),
        ),
        ("smtp://[::1]:2525?tls=off", SmtpUrl(host="::1", port=2525, tls=TlsMode.OFF)),
        (
            "smtps://ann:token@mail.example.org?ca=/etc/our%20ca.pem&auth=xoauth2&tls=encrypt",
            SmtpUrl(
                host="mail.example.org",
                port=465,
                implicit_tls=True,
                tls=TlsMode.ENCRYPT,
                ca="/etc/our ca.pem",
                auth=AuthMechanism.XOAUTH2,
                user="ann",
                password="token",
            ),
        ),
    ],
)
def test_a_url_says_where_and_how(url: str, expected: SmtpUrl) -> None:
    assert SmtpUrl.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org",
        "http://ann:secret@mail.example.org",
        "smtp://",
        "smtp://ann:secret@",
        "smtp://ann:secret@mail.example.org:port",
        "smtp://ann:secret@mail.example.org:99999",
        "smtp://ann:secret@mail.example.org?tls=maybe",
        "smtp://ann:secret@mail.example.org?secret=1",
        "smtps://ann:secret@mail.example.org?tls=off",
        "smtp://ann:secret@mail.example.org?auth=md5",
        "smtp://mail.example.org?auth=plain",
        "smtp://ann:secret@mail.example.org/inbox",
        "smtp://ann:secret@mail.example.org#x",
        "smtp://ann:sec/ret@mail.example.org",
        "smtp://ann:12?secret@mail.example.org",
        "smtp://ann:12#secret@mail.example.org",
        "smtp://[ann:secret@mail.example.org",
    ],
)
def test_a_wrong_url_is_refused_without_a_word_of_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SmtpUrl.parse(url)
    assert "sec" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_password_is_not_shown_with_the_url() -> None:
    assert "secret" not in repr(SmtpUrl.parse("smtp://ann:secret@mail.example.org"))
