"""Makes the app context from the settings, with embedded servers where no URL is set."""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from pydantic import SecretStr

from distributor import __version__
from distributor.channels.api import Brand, Site
from distributor.channels.registry import template_folders
from distributor.domain.brand import Logo, parse_fonts, parse_footer_links, shown_size
from distributor.domain.errors import ConfigurationError, DistributorError, SchemaError
from distributor.domain.feedback import BouncePolicy
from distributor.domain.image_file import image_type_of_url, read_image_file
from distributor.domain.ip_networks import parse_networks
from distributor.domain.site_settings import LOGO_BYTES, SiteSetting
from distributor.domain.tokens import TokenSigner
from distributor.embedded import Services, running_services
from distributor.embedded.postgres import find_postgres
from distributor.flow.app_context import AppContext
from distributor.flow.generations import finish_restore
from distributor.flow.operations.processes import SECRET_KEY, fingerprint, reporting, split_by_life
from distributor.logs import configure_logs
from distributor.private_files import make_private_folder
from distributor.rendering.environment import Templates, shipped_folder, shipped_templates
from distributor.settings import COMPLETE, Settings, is_secret, load_settings, readers
from distributor.storage import generations, processes
from distributor.storage.backup import write_backup_before_migration
from distributor.storage.channels import SecretBox
from distributor.storage.database import Database
from distributor.storage.processes import ServiceProcess
from distributor.storage.schema import check_schema, migrate, newest_revision

if TYPE_CHECKING:
    from redis import Redis


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """The servers of the settings; those without a URL run embedded until the block ends."""
    database_url = settings.database_url.get_secret_value() if settings.database_url else None
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    with ExitStack() as stack:
        if database_url is None or redis_url is None:
            embedded = stack.enter_context(running_services(settings.data_dir))
            database_url = database_url or embedded.database_url
            redis_url = redis_url or embedded.redis_url
        yield Services(database_url=database_url, redis_url=redis_url)


def make_app_context(settings: Settings, services: Services) -> AppContext:
    """The context made from these settings and servers. Raises ConfigurationError; does not connect yet.

    A process that has not configured its logs, such as a command, logs warnings and errors only unless
    DISTRIBUTOR_LOG_LEVEL is set.
    """
    if not structlog.is_configured():
        configure_logs(settings.log_level if "log_level" in settings.model_fields_set else "WARNING")
    secret = secret_key(settings)
    return AppContext(
        database=Database(services.database_url),
        connect_redis=partial(_connect_redis, services.redis_url),
        configured_site=make_site(settings),
        fixed_site_settings=fixed_site_settings(settings),
        templates=make_templates(settings),
        tokens=TokenSigner(secret),
        vault=SecretBox(secret),
        journal_dir=settings.data_dir / "journals",
        imports_dir=settings.data_dir / "imports",
        content_dir=settings.content_dir,
        content_publish=settings.content_publish,
        content_strict=settings.content_strict,
        content_fetch_images=settings.content_fetch_images,
        clock=_utc_now,
        fetch_networks=parse_networks(settings.fetch_networks),
        notice_targets=settings.notice_targets,
        bounce_policy=BouncePolicy(
            limit=settings.soft_bounce_limit, lapses_after=timedelta(days=settings.soft_bounce_days)
        ),
        undo_window=timedelta(seconds=settings.undo_seconds),
        event_retention=timedelta(days=settings.event_retention_days) if settings.event_retention_days else None,
        delivery_retention=(
            timedelta(days=settings.delivery_retention_days) if settings.delivery_retention_days else None
        ),
    )


@contextmanager
def open_app(settings: Settings | None = None) -> Iterator[AppContext]:
    """The app of these settings (default: those of this process), with its schema checked.

    An embedded database is migrated first. Raises SchemaError if another database has not the schema of this version.
    """
    settings = settings or load_settings()
    with open_app_context(settings) as app:
        require_schema(settings, app.database)
        finish_restore(app)
        yield app


@contextmanager
def open_app_context(settings: Settings) -> Iterator[AppContext]:
    """The context with its servers, which stop when the block ends."""
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        try:
            yield app
        finally:
            app.close()


def effective_settings(settings: Settings, services: Services) -> dict[str, str]:
    """The settings that have a value, as this process works with them: also those that it made up itself."""
    values: dict[str, object] = {name: _plain(value) for name, value in settings}
    values |= {
        "public_url": settings.site_url,
        "database_url": services.database_url,
        "redis_url": services.redis_url,
        "secret_key": secret_key(settings).decode(),
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def migrate_database(
    settings: Settings, database: Database, *, with_backup: bool = True, before: Callable[[], None] | None = None
) -> Path | None:
    """Bring the database to the schema of this version; one that holds data is backed up first, after `before`.

    Returns the file of the backup; None if nothing had to be migrated, or nothing was there to lose. Raises
    SchemaError, also if the backup cannot be made: then nothing is migrated.
    """
    made: list[Path] = []

    def prepare(revision: str) -> None:
        if before is not None:
            before()
        if with_backup:
            back_up(revision)

    def back_up(revision: str) -> None:
        folder = settings.data_dir.absolute() / "backups"
        try:
            made.append(
                write_backup_before_migration(
                    database, folder, revision=revision, programs=postgres_programs(), now=_utc_now()
                )
            )
        except DistributorError as error:
            raise SchemaError(
                f"the database was not migrated, because it could not be backed up before: {error}; "
                "`distributor migrate --no-backup` migrates without a backup"
            ) from error

    migrate(database, before=prepare)
    return made[0] if made else None


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs that come with the embedded server; None: those on PATH."""
    try:
        return find_postgres()
    except ConfigurationError:
        return None


def migrate_embedded(settings: Settings, database: Database, *, with_backup: bool = True) -> Path | None:
    """As `migrate_database`, for an embedded database: refused while processes still work with the old schema."""

    def require_idle() -> None:
        with database.begin() as connection:
            found = processes.all_reported(connection) if processes.has_table(connection) else []
        running, _ = split_by_life(found)
        if running:
            raise SchemaError(
                "this version has to migrate the database, and what runs would go on with the old schema: stop "
                f"{', '.join(process.title for process in running)} first"
            )

    return migrate_database(settings, database, with_backup=with_backup, before=require_idle)


def require_schema(settings: Settings, database: Database) -> None:
    """Migrate an embedded database, and check any other. Raises SchemaError."""
    if settings.database_url is not None:
        check_schema(database)
    elif (backup := migrate_embedded(settings, database)) is not None:
        structlog.get_logger(__name__).warning("database.migrated", revision=newest_revision(), backup=str(backup))


def require_generation(app: AppContext) -> None:
    """Begin a new generation if the database was restored, or is an older snapshot, and none has begun since."""
    if finish_restore(app) is None:
        # Most commands do without Redis, whose client takes long to import.
        importlib.import_module("distributor.flow.ledger_marks").require_newest(app)


def note_key(settings: Settings, database: Database) -> None:
    """Keep the fingerprint of the secret key that the service works with, so that a restore notices another one."""
    with database.begin() as connection:
        generations.note_key(connection, key_fingerprint(settings))


def key_fingerprint(settings: Settings) -> str:
    """What tells the secret key of these settings from another one."""
    key = secret_key(settings)
    return fingerprint(key.decode(), setting=SECRET_KEY, key=key)


def child_environment(settings: Settings, services: Services) -> dict[str, str]:
    """The environment variables with which a child process works on the same database, Redis and data.

    It reads no .env: whenever it is started again, it has the settings that its parent has read.
    """
    fixed = {one.value for one in fixed_site_settings(settings)}
    # What is not set here is not set there: the team may change it in the app.
    open_to_the_team = {one.value for one in SiteSetting} - fixed
    values = effective_settings(settings, services)
    given = {
        f"DISTRIBUTOR_{name.upper()}": value
        for name, value in values.items()
        if readers(name) != ("up",) and name not in open_to_the_team
    }
    return {**given, COMPLETE: "1"}


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.absolute() if isinstance(value, Path) else value


@contextmanager
def open_process(settings: Settings, kind: str) -> Iterator[AppContext]:
    """The app of a process of this kind, which reports while the block lasts that it runs, and its settings.

    An embedded database is migrated first. Raises SchemaError if another database has not the schema of this version.
    """
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        try:
            require_schema(settings, app.database)
            require_generation(app)
            note_key(settings, app.database)
            with reporting(services.database_url, this_process(settings, services, kind)):
                yield app
        finally:
            app.close()


def this_process(settings: Settings, services: Services, kind: str, *, name: str = "") -> ServiceProcess:
    """This process as one of the service, with the settings that its kind reads; of secrets only fingerprints."""
    key, values = secret_key(settings), effective_settings(settings, services)
    reported = {name: values.get(name, "") for name in Settings.model_fields if kind in (*readers(name), "up")}
    # That it is the same database is shown by the report itself, whatever its name is on each machine.
    unknown = {"database_url"} | ({"port"} if settings.port == 0 else set())
    unknown |= {"public_url"} if settings.port == 0 and not settings.public_url else set()
    return ServiceProcess(
        id=uuid4(),
        kind=kind,
        name=name or kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        settings={
            name: fingerprint(value, setting=name, key=key) if is_secret(name) else value
            for name, value in reported.items()
            if name not in unknown
        },
        started_at=_utc_now(),
    )


def make_site(settings: Settings) -> Site:
    """The site that the settings describe: its name, URL, sender and postal address."""
    return Site(
        name=settings.site_name,
        public_url=settings.site_url,
        postal_address=settings.postal_address,
        sender=settings.sender,
        language=settings.language,
        time_zone=settings.time_zone,
        brand=make_brand(settings),
    )


def fixed_site_settings(settings: Settings) -> frozenset[SiteSetting]:
    """The settings of the site that the environment or .env sets: the team cannot change them in the app."""
    return frozenset(one for one in SiteSetting if one.value in settings.model_fields_set)


def make_brand(settings: Settings) -> Brand:
    """How the site looks. Raises ConfigurationError for a logo that cannot be read."""
    fonts, safe_fonts = parse_fonts(settings.font_stack)
    return Brand(
        logo=_read_logo(settings.site_logo) if settings.site_logo else None,
        accent=settings.accent_colour,
        fonts=fonts,
        safe_fonts=safe_fonts,
        footer_links=parse_footer_links(settings.footer_links),
    )


def make_templates(settings: Settings) -> Templates:
    """The templates of the settings come first, then those of the project, then those of added channels."""
    own = [settings.templates_dir] if settings.templates_dir else []
    return Templates([*own, shipped_templates(), *template_folders()])


def sample_article() -> Path:
    """The sample article of the project, in a checkout or in the wheel."""
    return shipped_folder("content") / "golden.md"


def secret_key(settings: Settings) -> bytes:
    """The key of the settings, or one generated once and kept in the data directory. Raises ConfigurationError."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    if settings.database_url is not None:
        raise ConfigurationError(
            "DISTRIBUTOR_SECRET_KEY is not set: with a database of your own every process needs the same key; "
            "make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(48))'`"
        )
    return _kept_key(settings.data_dir / "secret_key")


def _read_logo(setting: str) -> Logo:
    """The logo at an https:// URL, or in a file that pages then serve under a path with its hash."""
    if "://" in setting:
        return Logo(url=setting, media_type=image_type_of_url(setting))
    try:
        with Path(setting).open("rb") as file:
            body = file.read(LOGO_BYTES + 1)
    except OSError as error:
        raise _logo_error(setting, f"cannot be read: {error.strerror}") from error
    image = read_image_file(body)
    if image is None:
        raise _logo_error(setting, "is not a PNG, JPEG, GIF, WebP or SVG image")
    if len(body) > LOGO_BYTES:
        raise _logo_error(setting, f"is over {LOGO_BYTES // 1000} KB; make it smaller")
    width, height = shown_size(image.width, image.height)
    name = hashlib.sha256(body).hexdigest()[:16]
    return Logo(
        url=f"/assets/logo-{name}{image.suffix}", media_type=image.media_type, width=width, height=height, body=body
    )


def _logo_error(file: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"setting DISTRIBUTOR_SITE_LOGO: {file} {reason}")


def kept_secret_key(settings: Settings) -> bytes | None:
    """The key that was generated in the data directory; None if there is none, or it cannot be read."""
    try:
        return (settings.data_dir / "secret_key").read_bytes()
    except OSError:
        return None


def _kept_key(path: Path) -> bytes:
    try:
        make_private_folder(path.parent, is_passable=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}; set DISTRIBUTOR_DATA_DIR to a folder of yours"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_urlsafe(48).encode())
    return path.read_bytes()


def _connect_redis(url: str) -> Redis:
    client: Redis = importlib.import_module("redis").Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    return client


def _utc_now() -> datetime:
    return datetime.now(UTC)
