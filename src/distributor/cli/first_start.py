"""What `up` makes of the settings at its first start, and what it says of those that do nothing afterwards.

Channels belong to the person who runs them: once they exist, a setting never redirects them, since campaigns for the
sandbox would then go to real people. A difference is named, with the command that changes the channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from distributor.bootstrap import kept_secret_key
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.errors import ConfigurationError, NotFoundError
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import scan
from distributor.flow.operations.channel_settings import configure
from distributor.settings import Settings
from distributor.storage import channels

# The name and the kind of the channel that the first start creates for DISTRIBUTOR_SMTP_URL.
_EMAIL = "email"
_SCAN_FOR = timedelta(seconds=20)


def is_first_start(app: AppContext) -> bool:
    """Whether no channel has existed yet."""
    with app.database.begin() as connection:
        return not channels.ever_configured(connection)


def set_up(app: AppContext, settings: Settings, ports: SandboxPorts) -> None:
    """Create a channel of each kind, and import the articles of the content folder."""
    own = {_EMAIL} if settings.smtp_url is not None else set()
    if settings.smtp_url is not None:
        # Before the others: with an invalid URL nothing is created, and the next start is the first again.
        configure(app, _EMAIL, _EMAIL, {"smtp_url": settings.smtp_url.get_secret_value()})
    configure_sandbox_channels(app, ports, existing=own)
    if settings.content_dir.is_dir():
        # The service starts soon whatever is in the folder: its workers take the rest.
        scan(app, until=app.clock() + _SCAN_FOR)


def unused_settings(app: AppContext, settings: Settings) -> Iterator[str]:
    """The settings that contradict what an earlier start has stored, each in a sentence with what to do."""
    if settings.smtp_url is not None:
        yield from _unused_smtp_url(app, settings.smtp_url.get_secret_value())
    kept = kept_secret_key(settings)
    if settings.secret_key is not None and kept is not None:
        file = settings.data_dir / "secret_key"
        if kept != settings.secret_key.get_secret_value().encode():
            yield (
                f"DISTRIBUTOR_SECRET_KEY is not the key in {file}, which an earlier start made: links in mails "
                "that were sent with that key do not work, and secrets of channels that were stored with it cannot be "
                "decrypted; remove the setting to go on with the key of the file, or else remove the file"
            )


def _unused_smtp_url(app: AppContext, wanted: str) -> Iterator[str]:
    first = "is only read when the first `distributor up` creates the channel"
    try:
        with app.database.begin() as connection:
            kind = channels.find(connection, _EMAIL).kind
    except NotFoundError:
        yield (
            f"DISTRIBUTOR_SMTP_URL is {_place(wanted)}, but there is no channel {_EMAIL!r}: the setting {first}; "
            f"`distributor channel set {_EMAIL} --kind {_EMAIL} --set smtp_url=…` creates it"
        )
        return
    stored = _email_settings(app)
    if kind != _EMAIL or not stored or (stored.get("smtp_url") == wanted and not stored.get("relays")):
        return
    used = "relays of its own" if stored.get("relays") else _place(str(stored.get("smtp_url", "")))
    differing = " with another login or other options" if used == _place(wanted) else ""
    unset = "--unset relays " if stored.get("relays") else ""
    yield (
        f"DISTRIBUTOR_SMTP_URL is {_place(wanted)}{differing}, but channel {_EMAIL!r} sends to {used}: the setting "
        f"{first}; `distributor channel change {_EMAIL} {unset}--set smtp_url=…` changes the channel"
    )


def _email_settings(app: AppContext) -> Mapping[str, object]:
    """The settings and secrets of the email channel.

    None if there is no such channel, it is of another kind, or they cannot be decrypted, which the doctor reports.
    """
    with suppress(NotFoundError, ConfigurationError), app.database.begin() as connection:
        record = channels.find(connection, _EMAIL)
        if record.kind == _EMAIL:
            return {**record.settings, **(app.vault.open(record.sealed) if record.sealed is not None else {})}
    return {}


def _place(url: str) -> str:
    """A URL without its login and options, for messages."""
    try:
        parts: SplitResult = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or "…"
    except ValueError:
        return "a URL that cannot be read"
    return f"{parts.scheme}://{host}{port}"
