"""All settings, typed, from DISTRIBUTOR_* variables and a .env file. `.env.example` names every one.

A process reads them when it starts; a change takes effect when the processes that read it are started again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Self, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from distributor.domain.address import checked_sender
from distributor.domain.brand import DEFAULT_ACCENT, parse_colour, parse_fonts, parse_footer_links
from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.domain.ip_networks import parse_networks
from distributor.domain.notice import NoticeTargets, checked_hook_url, checked_secret, parse_operators
from distributor.domain.person import clean_language
from distributor.domain.retention import SHORTEST_DELIVERY_RETENTION_DAYS
from distributor.domain.schedule import zone_named
from distributor.listening import local_url
from distributor.validation_messages import sentence_of

COMPLETE = "_DISTRIBUTOR_SETTINGS_ARE_COMPLETE"
"""The variable that tells a process to read no .env file, because its parent has handed all settings on."""

_Read = TypeVar("_Read")
_ENV_FILE = Path(".env")
_ENV_LINE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=", re.MULTILINE)
# Of the tests and measurements.
_OTHER_PREFIXES = ("DISTRIBUTOR_TEST_", "DISTRIBUTOR_FAULTS_")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - an address in a URL
_PORTS = {"http": 80, "https": 443}

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")

PROCESS_KINDS = ("web", "worker", "beat", "inbound")
"""The kinds of processes that a service consists of, as the commands are called that run them."""

# Which of them read a setting; one that is not named here is read by all. `up` reads all of them, and hands them on.
_READ_BY: Mapping[str, tuple[str, ...]] = {
    "smtp_url": ("up",),
    "content_dir": ("worker",),
    "content_publish": ("worker",),
    "content_strict": ("worker",),
    "content_fetch_images": ("web", "worker"),
    "undo_seconds": ("web",),
    "event_retention_days": ("worker",),
    "delivery_retention_days": ("worker",),
    "inbound_listen": ("inbound",),
    "inbound_mailboxes": ("inbound",),
    "inbound_poll_seconds": ("inbound",),
    "notice_addresses": ("web", "worker", "beat"),
    "notice_hook_url": ("web", "worker", "beat"),
    "notice_hook_secret": ("web", "worker", "beat"),
    "trusted_proxies": ("web",),
    "sign_ups_per_address": ("web",),
    "sign_ups_per_network": ("web",),
    "sign_ups_per_list": ("web",),
    "challenge_cost": ("web",),
}


class Settings(BaseSettings):
    """What this app is and where its parts are. Secrets of channels are not settings: they are stored."""

    model_config = SettingsConfigDict(
        env_prefix="DISTRIBUTOR_", env_file=_ENV_FILE, env_ignore_empty=True, extra="ignore"
    )

    data_dir: Path = Field(Path("var"), description="where embedded servers, journals and the generated key are kept")
    database_url: SecretStr | None = Field(None, description="postgresql://…; unset: an embedded PostgreSQL")
    redis_url: SecretStr | None = Field(None, description="redis://…; unset: an embedded Redis")
    secret_key: SecretStr | None = Field(None, description="at least 32 characters; unset: made once in data_dir")
    public_url: str = Field("", description="root of every public link; unset: host and port, as http://127.0.0.1:8000")
    host: str = Field("127.0.0.1", description="address the web server listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the web server listens on; 0: a free one, with `up`")
    site_name: str = Field("Distributor", description="who is speaking, in mails and feeds")
    site_logo: str = Field("", description="a PNG, JPEG, GIF, WebP or SVG file, or an https:// URL of one; empty: none")
    accent_colour: str = Field(
        DEFAULT_ACCENT, description="colour of links and buttons; made lighter or darker where it would not be readable"
    )
    font_stack: str = Field(
        "", description="fonts of mails and pages by commas, such as Inter, Georgia; empty: those of the system"
    )
    footer_links: str = Field(
        "",
        description="links below mails and pages, by commas: Imprint=https://example.org/imprint, Privacy=https://example.org/privacy",
    )
    postal_address: str = Field("", description="the sender's street address; the law asks for it in every mail")
    sender: str = Field("news@localhost.localdomain", description="address mails come from, may have a name")
    language: str = Field("en", description="BCP 47 language of the site")
    time_zone: str = Field(
        "UTC", description="IANA time zone of the team, such as Europe/Berlin: of times on its pages"
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:password@host:port of the email channel that the first `up` makes; unset: the sandbox",
    )
    content_dir: Path = Field(Path("content"), description="the folder source")
    content_publish: bool = Field(
        False,
        description="articles of that folder start published, those dated in the future at their date; off: drafts",
    )
    content_strict: bool = Field(
        False,
        description="refuse files of that folder whose front matter has anything that is not used; off: it is noted",
    )
    content_fetch_images: bool = Field(
        True, description="images elsewhere on the web are fetched and kept with their article; off: they stay there"
    )
    templates_dir: Path | None = Field(None, description="own templates, looked up before those that come with it")
    undo_seconds: int = Field(
        30, ge=0, le=3600, description="seconds that what is sent at once waits, so that it can be undone"
    )
    event_retention_days: int = Field(0, ge=0, description="days that opens, clicks and the like are kept; 0: for good")
    delivery_retention_days: int = Field(
        0, ge=0, description="days that deliveries are kept after the end of their campaign, at least 30; 0: for good"
    )
    inbound_listen: str = Field(
        "", description="HOST:PORT of the LMTP and SMTP server for bounces, such as 127.0.0.1:2424; empty: none"
    )
    inbound_mailboxes: SecretStr | None = Field(
        None,
        description="mailboxes polled for bounces, separated by spaces: maildir:FOLDER, imaps://USER:PASSWORD@HOST/INBOX",
    )
    inbound_poll_seconds: int = Field(60, ge=1, description="seconds between two polls of a mailbox")
    soft_bounce_limit: int = Field(
        5,
        ge=1,
        description="days with bounces that are not hard, such as a full mailbox, before an address is suppressed",
    )
    soft_bounce_days: int = Field(60, ge=1, description="days after which such a bounce no longer counts")
    trusted_proxies: str = Field(
        "127.0.0.1", description="reverse proxies whose X-Forwarded-For is believed: addresses or networks, by commas"
    )
    sign_ups_per_address: int = Field(10, ge=1, description="sign-ups for one mail address in a day")
    sign_ups_per_network: int = Field(
        30, ge=1, description="sign-ups from one network, a /24 or of IPv6 a /56, in an hour"
    )
    sign_ups_per_list: int = Field(1000, ge=1, description="sign-ups to one list in an hour")
    challenge_cost: int = Field(
        0, ge=0, le=100_000, description="ALTCHA on sign-up forms: iterations of PBKDF2 a try, such as 5000; 0: none"
    )
    fetch_networks: str = Field(
        "",
        description="private networks that links may be checked in, such as 10.0.0.0/8 of an intranet, by commas",
    )
    notice_addresses: str = Field(
        "", description="who is mailed what needs a person: addresses, by commas; empty: as set in the team's app"
    )
    notice_hook_url: str = Field(
        "", description="a web hook that is told the same (Standard Webhooks); empty: as set in the team's app"
    )
    notice_hook_secret: SecretStr | None = Field(None, description="what signs it: whsec_ and 24 to 64 bytes in base64")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def site_url(self) -> str:
        """The root of every public link, without a final slash."""
        return self.public_url or self.local_url

    @property
    def local_url(self) -> str:
        """Where a browser on this machine reaches the web server."""
        return local_url(self.host, self.port)

    @property
    def notice_targets(self) -> NoticeTargets:
        """Who is told what needs a person, as far as the environment says."""
        return NoticeTargets(
            addresses=parse_operators(self.notice_addresses),
            hook_url=self.notice_hook_url,
            hook_secret=self.notice_hook_secret.get_secret_value() if self.notice_hook_secret else "",
        )

    @property
    def inbound_address(self) -> tuple[str, int] | None:
        """Host and port of the server for inbound mail; None for no server."""
        host, _, port = self.inbound_listen.rpartition(":")
        return (host.strip("[]"), int(port)) if self.inbound_listen else None

    @field_validator("delivery_retention_days")
    @classmethod
    def _kept_long_enough(cls, days: int) -> int:
        if 0 < days < SHORTEST_DELIVERY_RETENTION_DAYS:
            raise ValueError(
                f"late bounces and retries need deliveries for {SHORTEST_DELIVERY_RETENTION_DAYS} days: set that or "
                "more, or 0 to keep them for good"
            )
        return days

    @field_validator("inbound_listen")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if address and not (host and port.isascii() and port.isdigit()):
            raise ValueError(f"{address!r} is not HOST:PORT, such as 127.0.0.1:2424")
        return address

    @field_validator("notice_addresses")
    @classmethod
    def _addresses_of_operators(cls, addresses: str) -> str:
        _read_by(parse_operators, addresses)
        return addresses

    @field_validator("notice_hook_url")
    @classmethod
    def _web_hook(cls, url: str) -> str:
        return _read_by(checked_hook_url, url)

    @field_validator("notice_hook_secret")
    @classmethod
    def _secret_of_a_web_hook(cls, secret: SecretStr | None) -> SecretStr | None:
        return SecretStr(_read_by(checked_secret, secret.get_secret_value())) if secret else None

    @model_validator(mode="after")
    def _web_hook_with_its_secret(self) -> Self:
        if bool(self.notice_hook_url) != bool(self.notice_hook_secret and self.notice_hook_secret.get_secret_value()):
            raise ValueError("NOTICE_HOOK_URL and NOTICE_HOOK_SECRET belong together: set both or none")
        return self

    @field_validator("public_url")
    @classmethod
    def _without_final_slash(cls, url: str) -> str:
        if not url:
            return ""
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        if not urlsplit(url).hostname:
            raise ValueError("names no host")
        if not 0 < _port_of(url) <= 65535:
            raise ValueError("its port must be a number from 1 to 65535")
        return url.rstrip("/")

    @field_validator("site_logo")
    @classmethod
    def _logo_from_anywhere(cls, logo: str) -> str:
        """A path is made absolute: the processes of one service may work in different folders."""
        if "://" in logo and not logo.startswith("https://"):
            raise ValueError("must be a file or start with https://")
        return logo if not logo or "://" in logo else str(Path(logo).absolute())

    @field_validator("accent_colour")
    @classmethod
    def _hex_colour(cls, colour: str) -> str:
        return parse_colour(colour)

    @field_validator("font_stack")
    @classmethod
    def _names_of_fonts(cls, fonts: str) -> str:
        parse_fonts(fonts)
        return fonts

    @field_validator("footer_links")
    @classmethod
    def _labels_and_urls(cls, links: str) -> str:
        parse_footer_links(links)
        return links

    @field_validator("sender")
    @classmethod
    def _one_address(cls, sender: str) -> str:
        return _read_by(checked_sender, sender)

    @field_validator("language")
    @classmethod
    def _language_tag(cls, language: str) -> str:
        return _read_by(clean_language, language)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        return str(_read_by(zone_named, name))

    @field_validator("trusted_proxies", "fetch_networks")
    @classmethod
    def _addresses_and_networks(cls, networks: str) -> str:
        _read_by(parse_networks, networks)
        return networks

    @field_validator("templates_dir")
    @classmethod
    def _folder_that_exists(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{folder.absolute()} is no folder")
        return folder

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in _LOG_LEVELS:
            raise ValueError(f"{level!r} is not one of {', '.join(_LOG_LEVELS)}")
        return level.upper()

    @field_validator("redis_url")
    @classmethod
    def _url_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_REDIS_SCHEMES):
            raise ValueError(f"must start with {', '.join(_REDIS_SCHEMES[:-1])} or {_REDIS_SCHEMES[-1]}")
        return url

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters")
        return key


def _read_by(parse: Callable[[str], _Read], value: str) -> _Read:
    """What a parser of the domain makes of a value; its errors become those that pydantic gathers."""
    try:
        return parse(value)
    except DistributorError as error:
        raise ValueError(str(error)) from None


def readers(name: str) -> tuple[str, ...]:
    """The kinds of processes that read a setting when they start."""
    return _READ_BY.get(name, PROCESS_KINDS)


def is_secret(name: str) -> bool:
    """Whether the values of a setting are secrets."""
    annotation = Settings.model_fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def address_problems(settings: Settings) -> list[str]:
    """What is wrong with the public address of these settings, with what to do about it."""
    if urlsplit(settings.public_url).hostname in _THIS_MACHINE and _port_of(settings.public_url) != settings.port:
        return [
            f"links in mails and feeds lead to DISTRIBUTOR_PUBLIC_URL={settings.public_url}, but the web server "
            f"listens on {settings.local_url}: leave the setting empty, or set it to the address that readers use"
        ]
    return []


def _port_of(url: str) -> int:
    """The port of a URL, that of its scheme if it names none; 0 for what is no port."""
    try:
        port = urlsplit(url).port
    except ValueError:
        return 0
    return _PORTS[urlsplit(url).scheme] if port is None else port


def unknown_settings() -> list[str]:
    """What the environment and .env set that is no setting, each in a sentence; a mistyped name is silent otherwise."""
    try:
        in_file = _ENV_LINE.findall(_ENV_FILE.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        in_file = []
    given = dict.fromkeys(name.upper() for name in (*os.environ, *in_file) if not name.startswith(_OTHER_PREFIXES))
    names = [name.removeprefix("DISTRIBUTOR_").lower() for name in given if name.startswith("DISTRIBUTOR_")]
    return [_is_no_setting(name) for name in names if name not in Settings.model_fields]


def _is_no_setting(name: str) -> str:
    similar = get_close_matches(name, Settings.model_fields, n=1)
    meant = f"; did you mean DISTRIBUTOR_{similar[0].upper()}?" if similar else ", so it does nothing"
    return f"DISTRIBUTOR_{name.upper()} is no setting{meant}"


def changed_settings() -> list[str]:
    """The variables that a process which started now would read other values of, such as after a change of .env.

    If these are invalid, one sentence about that.
    """
    before = load_settings()
    try:
        now = load_settings.__wrapped__()
    except ConfigurationError as error:
        return [str(error)]
    return [
        f"DISTRIBUTOR_{name.upper()}" for name in Settings.model_fields if getattr(now, name) != getattr(before, name)
    ]


@cache
def load_settings() -> Settings:
    """The settings of this process. Raises ConfigurationError that names the variable at fault."""
    try:
        return Settings(_env_file=None) if os.environ.get(COMPLETE) else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "DISTRIBUTOR_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"setting {name}: {sentence_of(first)}") from None
