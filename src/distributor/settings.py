"""All settings, typed, from DISTRIBUTOR_* variables and a .env file. `.env.example` names every one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from distributor.domain.errors import ConfigurationError


class Settings(BaseSettings):
    """What this app is and where its parts are. Secrets of channels are not settings: they are stored."""

    model_config = SettingsConfigDict(env_prefix="DISTRIBUTOR_", env_file=".env", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="where embedded servers, journals and the generated key are kept")
    database_url: SecretStr | None = Field(None, description="postgresql://…; unset: an embedded PostgreSQL")
    redis_url: SecretStr | None = Field(None, description="redis://…; unset: an embedded Redis")
    secret_key: SecretStr | None = Field(None, description="at least 32 characters; unset: made once in data_dir")
    public_url: str = Field("http://127.0.0.1:8000", description="root of every public link")
    host: str = Field("127.0.0.1", description="address the web server listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the web server listens on")
    site_name: str = Field("Distributor", description="who is speaking, in mails and feeds")
    postal_address: str = Field("", description="the sender's street address; the law asks for it in every mail")
    sender: str = Field("news@localhost.localdomain", description="address mails come from, may have a name")
    language: str = Field("en", description="BCP 47 language of the site")
    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:password@host:port of the email channel that the first `up` makes; unset: the sandbox",
    )
    content_dir: Path = Field(Path("content"), description="the folder source")
    content_publish: bool = Field(
        False,
        description="articles of that folder start published, those dated in the future at their date; off: drafts",
    )
    templates_dir: Path | None = Field(None, description="own templates, looked up before those that come with it")
    undo_seconds: int = Field(
        30, ge=0, le=3600, description="seconds that what is sent at once waits, so that it can be undone"
    )
    event_retention_days: int = Field(0, ge=0, description="days that opens, clicks and the like are kept; 0: for good")
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
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @field_validator("public_url")
    @classmethod
    def _without_final_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters")
        return key


@cache
def load_settings() -> Settings:
    """The settings of this process. Raises ConfigurationError that names the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "DISTRIBUTOR_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"setting {name}: {first['msg']}") from None
