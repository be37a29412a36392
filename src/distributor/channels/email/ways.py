"""The ways to connect a channel of kind email: a mail server, or the API of a provider; and what each asks for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from distributor.channels.api import ConnectionWay, Question
from distributor.channels.email.providers.provider import Provider
from distributor.channels.email.providers.registry import parse_api_url, providers
from distributor.described_settings import InvalidSettingsError
from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.url import SmtpUrl

SMTP_WAY = "smtp"
# What the answers make.
_SETTING = "smtp_url"
_STARTTLS, _TLS, _PLAIN = "starttls", "tls", "plain"
_PARTS = frozenset({"key", "secret", "host", "path"})

_SMTP_QUESTIONS = (
    Question(name="host", label="Server", hint="Such as smtp.example.org: the settings of a mail program name it."),
    Question(name="port", label="Port", hint="Usually 587, or 465 with TLS from the start.", default="587"),
    Question(
        name="encryption",
        label="Encryption",
        default=_STARTTLS,
        choices=(
            (_STARTTLS, "STARTTLS, usual on port 587"),
            (_TLS, "TLS from the start, usual on port 465"),
            (_PLAIN, "None where the server offers none: only for a server of your own network"),
        ),
    ),
    Question(name="user", label="User name", hint="Often the email address. Empty: no sign-in.", is_required=False),
    Question(name="password", label="Password", is_secret=True, is_required=False),
)


def connection_ways() -> list[ConnectionWay]:
    """A server of one's own first, then the providers by name."""
    smtp = ConnectionWay(
        name=SMTP_WAY,
        title="Mail server (SMTP)",
        sentence="The server that your mail program uses too, or a relay of your company.",
        questions=_SMTP_QUESTIONS,
    )
    return [smtp, *(_way_of(one) for one in providers().values())]


def connection_settings(way: str, answers: Mapping[str, str]) -> Mapping[str, str]:
    """The settings that the answers make. Raises InvalidSettingsError by the names of questions."""
    asked = next((one for one in connection_ways() if one.name == way), None)
    if asked is None:
        raise InvalidSettingsError(f"there is no way {way!r} to connect", {"": f"there is no way {way!r} to connect"})
    given = {one.name: answers.get(one.name, "").strip() or one.default for one in asked.questions}
    missing = {one.name: "this is needed" for one in asked.questions if one.is_required and not given[one.name]}
    if missing:
        raise InvalidSettingsError("answers are missing", missing)
    return {_SETTING: _smtp_url(given) if way == SMTP_WAY else _api_url(providers()[way], given)}


def _way_of(provider: Provider) -> ConnectionWay:
    return ConnectionWay(
        name=provider.name,
        title=provider.title,
        sentence=f"Your account at {provider.title}, over its API.",
        questions=provider.questions,
    )


def _smtp_url(given: Mapping[str, str]) -> str:
    host, port, encryption = given["host"], given["port"], given["encryption"]
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
        raise InvalidSettingsError("the port is no number", {"port": "a port is a number from 1 to 65535"})
    if set(host) & set("/?#@ \\") or "://" in host:
        raise InvalidSettingsError("the server is no name", {"host": "write the name alone, such as smtp.example.org"})
    if given["password"] and not given["user"]:
        raise InvalidSettingsError("there is a password without a user", {"user": "a password needs a user name"})
    login = f"{quote(given['user'], safe='')}:{quote(given['password'], safe='')}@" if given["user"] else ""
    place = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme = "smtps" if encryption == _TLS else "smtp"
    options = "?tls=verify" if encryption == _STARTTLS else ""
    url = f"{scheme}://{login}{place}:{port}{options}"
    try:
        SmtpUrl.parse(url)
    except ConfigurationError as error:
        raise InvalidSettingsError(str(error), {"host": str(error)}) from None
    return url


def _api_url(provider: Provider, given: Mapping[str, str]) -> str:
    host = given.get("host") or urlsplit(provider.example).hostname or ""
    secret = f":{quote(given['secret'], safe='')}" if "secret" in given else ""
    path = f"/{quote(given['path'], safe='')}" if "path" in given else ""
    options = {name: value for name, value in given.items() if name not in _PARTS and value}
    query = f"?{urlencode(options)}" if options else ""
    url = f"{provider.name}://{quote(given['key'], safe='')}{secret}@{host}{path}{query}"
    try:
        parse_api_url(url)
    except ConfigurationError as error:
        raise InvalidSettingsError(str(error), {"key": str(error)}) from None
    return url
