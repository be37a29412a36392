"""Sources as people add, change, pause and remove them. Their kind checks settings; secrets are stored encrypted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, count
from typing import Any
from urllib.parse import urlsplit

import structlog

from distributor.described_settings import InvalidSettingsError, require_given, require_known
from distributor.domain.errors import ConfigurationError, DistributorError, InputError, SourceError, StateError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Json
from distributor.domain.source import CONTENT_FOLDER, Publishing, Source, SourceState
from distributor.domain.stored_text import checked_key
from distributor.domain.tags import slugify
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import WITHOUT_SOURCE, Origin
from distributor.flow.articles.source_mail import ARTICLE_SOURCE, mail_address
from distributor.flow.articles.source_runs import open_source, reading_of
from distributor.guarded_http import FetchError, host_of
from distributor.sources.kinds.api import (
    HookedSource,
    MailedSource,
    NamedSource,
    Reading,
    RecognizingSource,
    SiteSource,
    SourceKind,
)
from distributor.sources.kinds.feed import FeedSource, feeds_of_page
from distributor.sources.kinds.registry import describe_settings, kind_of, kinds, make_source, parse_settings
from distributor.storage import audit_log, quarantine, sources
from distributor.storage.database import Connection

_LONGEST_NAME = 100
# Articles that no source brought in have these as their source; the last one is a page of the app.
_RESERVED = frozenset({*WITHOUT_SOURCE, CONTENT_FOLDER, "new"})
# A web address as people say it: blog.example.org/news.
_WITHOUT_SCHEME = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?(?:[/?#]\S*)?")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """A source for people: `address` is where it is, and `hook` where others send requests to, if it takes them.

    `secrets_set` names the secrets it has, and `problem` says why it cannot be opened, if so.
    """

    source: Source
    address: str
    hook: str
    secrets_set: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedSource:
    """What an address seems to be: the kind of source, its settings, and what whoever adds it should know."""

    kind: str
    settings: Mapping[str, Json]
    notes: tuple[str, ...] = ()


def listed(app: AppContext) -> list[SourceView]:
    """Every source, by name."""
    with app.database.begin() as connection:
        found = sources.listed(connection)
    return [_view(app, source) for source in found]


def show(app: AppContext, name: str) -> SourceView:
    """The source of this name. Raises NotFoundError."""
    with app.database.begin() as connection:
        source = sources.find(connection, name)
    return _view(app, source)


def add(
    app: AppContext,
    name: str,
    kind: str,
    values: Mapping[str, Any],
    *,
    publishing: Publishing = Publishing.NOTHING,
    interval: timedelta | None = None,
    may_be_local: bool = False,
    actor: Actor | None = None,
) -> SourceView:
    """Add a source, which is read for the first time as soon as a worker is free.

    Files of this machine are read only with `may_be_local`. Raises InputError, NotFoundError for the kind, and
    StateError if there is a source of this name.
    """
    _require_name(name)
    if not may_be_local:
        require_not_local(kind)
    parsed = _parsed(app, kind, values)
    with app.database.begin() as connection:
        source = sources.add(
            connection,
            name=name,
            kind=kind,
            settings=parsed.settings,
            sealed=parsed.sealed,
            publishing=publishing,
            interval=interval or kind_of(kind).interval,
            host=parsed.host,
            now=app.clock(),
        )
        _record(app, connection, actor, AuditAction.SOURCE_ADDED, name, values)
    log.info("source.added", source=name, kind=kind)
    return _view(app, source)


def change(
    app: AppContext,
    name: str,
    values: Mapping[str, Any],
    *,
    unset: Collection[str] = (),
    publishing: Publishing | None = None,
    interval: timedelta | None = None,
    may_be_local: bool = False,
    actor: Actor | None = None,
) -> SourceView:
    """Change some settings of a source, give those called `unset` their defaults, and keep the others.

    Settings of one that reads files of this machine are changed only with `may_be_local`. Raises NotFoundError,
    InputError before anything is written, and ConfigurationError if secrets that are to be kept cannot be decrypted.
    """
    with app.database.begin() as connection:
        source = sources.lock(connection, name)
        if name == CONTENT_FOLDER and (values or unset or publishing):
            raise InputError(
                "the content folder is set by DISTRIBUTOR_CONTENT_DIR, _CONTENT_PUBLISH and _CONTENT_STRICT, not here"
            )
        if (values or unset) and not may_be_local:
            require_not_local(source.kind)
        kept = {**source.settings, **_secrets(app, source)}
        changed = {key: value for key, value in {**kept, **values}.items() if key not in unset}
        is_own = name != CONTENT_FOLDER
        parsed = _parsed(app, source.kind, changed) if is_own else _Parsed(settings={}, sealed=None, host="")
        sources.configure(
            connection,
            source.id,
            settings=parsed.settings,
            sealed=parsed.sealed,
            publishing=publishing or source.publishing,
            interval=interval or source.interval,
            host=parsed.host,
            now=app.clock(),
        )
        _record(app, connection, actor, AuditAction.SOURCE_CHANGED, name, {*values, *unset})
    return show(app, name)


def set_state(app: AppContext, name: str, state: SourceState, *, actor: Actor | None = None) -> SourceView:
    """Pause a source, or let it be read again, which is done at once. Raises NotFoundError."""
    with app.database.begin() as connection:
        source = sources.lock(connection, name)
        if source.state is not state:
            sources.set_state(connection, source.id, state, now=app.clock())
            _record(app, connection, actor, AuditAction.SOURCE_CHANGED, name, [state.value])
    return show(app, name)


def ask_to_run(app: AppContext, name: str) -> SourceView:
    """Have a source read as soon as a worker is free. Raises NotFoundError, and StateError while it is paused."""
    with app.database.begin() as connection:
        source = sources.lock(connection, name)
        if source.state is SourceState.PAUSED:
            raise StateError(f"source {name} is paused: resume it first")
        sources.make_due(connection, source.id, now=app.clock())
    return show(app, name)


def remove(app: AppContext, name: str, *, actor: Actor | None = None) -> Source:
    """Remove a source with its secrets. Its articles stay as they are. Raises NotFoundError, InputError."""
    with app.database.begin() as connection:
        source = sources.lock(connection, name)
        if name == CONTENT_FOLDER:
            raise InputError("the content folder is always there: pause it instead")
        sources.remove(connection, source.id)
        _record(app, connection, actor, AuditAction.SOURCE_REMOVED, name, ())
    log.info("source.removed", source=name, kind=source.kind)
    return source


def held_items(app: AppContext, name: str, *, limit: int) -> list[QuarantinedItem]:
    """The items of a source that are in quarantine, the newest first, and then the mails to it.

    The key of an item is what identifies it in its source.
    """
    with app.database.begin() as connection:
        if name == CONTENT_FOLDER:
            return quarantine.listed(connection, loop=QuarantineLoop.FILE, limit=limit)
        prefix, mails = Origin(name=name, actor="").key(""), {ARTICLE_SOURCE: name}
        items = quarantine.listed(connection, loop=QuarantineLoop.SOURCE, key_prefix=prefix, limit=limit)
        held_mails = quarantine.listed(connection, loop=QuarantineLoop.MAIL, detail=mails, limit=limit)
    return [*(replace(one, key=one.key.removeprefix(prefix)) for one in items), *held_mails][:limit]


def require_not_local(kind: str) -> None:
    """Raises InputError for a kind that reads files of this machine, and NotFoundError if there is none."""
    if kind_of(kind).is_local:
        raise InputError(
            f"a source of kind {kind} reads files of this machine: use `distributor source` on its command line"
        )


def settings_at(kind: str, address: str) -> Mapping[str, Json]:
    """The settings of a source of this kind at an address. Raises InputError if it has none there."""
    found = kind_of(kind)
    if isinstance(found, RecognizingSource) and (settings := found.recognize(address)) is not None:
        return settings
    required = next((one.name for one in describe_settings(kind) if one.is_required and not one.is_secret), None)
    if required is None:
        raise InputError(f"a source of kind {kind} is at no address: others bring its articles")
    return {required: address}


def recognize(app: AppContext, address: str, *, may_be_local: bool = False) -> RecognizedSource:
    """What kind of source is at an address, by how it is written, or by what is there: a site, or the feed of a page.

    A site whose kind needs a secret, or that gives nothing to guests, is read by its feed, and a note says so. Files of
    this machine are looked at only with `may_be_local`. An address without its scheme is asked over https. Raises
    SourceError if nothing can be found out.
    """
    for kind in kinds().values():
        if isinstance(kind, RecognizingSource) and (may_be_local or not kind.is_local):
            settings = kind.recognize(address)
            if settings is not None:
                return RecognizedSource(kind=kind.kind, settings=settings)
    if not address.lower().startswith(("http://", "https://")):
        if _WITHOUT_SCHEME.fullmatch(address):
            return recognize(app, f"https://{address}")
        raise SourceError(f"{address} is no folder of this machine, no web address and no account: say its --kind")
    notes = list[str]()
    with reading_of(app) as reading:
        page = reading.get(address)
        feeds = feeds_of_page(page)
        for kind in kinds().values():
            if not isinstance(kind, SiteSource) or (found := kind.found_at(page)) is None:
                continue
            problem = _problem_of(kind, found, reading)
            if not problem or not feeds:
                return RecognizedSource(kind=kind.kind, settings=found)
            notes.append(f"it is a site of kind {kind.kind}, which has more than its feed, but {problem}")
    return RecognizedSource(kind=FeedSource.kind, settings={"url": feeds[0] if feeds else address}, notes=tuple(notes))


def _problem_of(kind: type[SourceKind], settings: Mapping[str, Json], reading: Reading) -> str:
    """Why a source cannot be read with these settings; empty if it can."""
    needed = [one.name for one in describe_settings(kind.kind) if one.is_required and one.name not in settings]
    if needed:
        return f"needs {', '.join(needed)}"
    try:
        next(iter(make_source(kind.kind, settings).read(reading)), None)
    except SourceError as error:
        return error.reason
    return ""


def name_for(app: AppContext, recognized: RecognizedSource) -> str:
    """A name for a source that is not taken, from where it is."""
    name = ""
    try:
        source = make_source(recognized.kind, recognized.settings)
        address, name = source.address, source.suggested_name if isinstance(source, NamedSource) else ""
    except InvalidSettingsError:
        # What is missing, such as a secret, is given besides.
        address = next((value for value in recognized.settings.values() if isinstance(value, str)), "")
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    stem = slugify(name or host or address.rstrip("/").rpartition("/")[2]) or recognized.kind
    with app.database.begin() as connection:
        taken = {source.name for source in sources.listed(connection)} | _RESERVED
    stem = stem[: _LONGEST_NAME - 10]
    return next(name for name in chain([stem], (f"{stem}-{number}" for number in count(2))) if name not in taken)


def _view(app: AppContext, source: Source) -> SourceView:
    address, problem = "", ""
    try:
        kind = open_source(app, source)
        hook = f"{app.site.public_url}/webhooks/sources/{source.name}" if isinstance(kind, HookedSource) else ""
        address = mail_address(app, source) if isinstance(kind, MailedSource) else kind.address
    except DistributorError as error:
        problem, hook = str(error), ""
    secrets: Collection[str] = ()
    with suppress(ConfigurationError):
        secrets = _secrets(app, source)
    return SourceView(source=source, address=address, hook=hook, secrets_set=tuple(sorted(secrets)), problem=problem)


def _secrets(app: AppContext, source: Source) -> dict[str, str]:
    return app.vault.open(source.sealed) if source.sealed is not None else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    settings: Mapping[str, Json]
    sealed: bytes | None
    host: str


def _parsed(app: AppContext, kind: str, values: Mapping[str, Any]) -> _Parsed:
    """The settings as they are stored. Raises InputError."""
    described = require_known(describe_settings(kind), values, kind=kind)
    require_given(
        described.values(), values, what=f"a source of kind {kind}", command=f"distributor source kind {kind}"
    )
    parsed = parse_settings(kind, values)
    secret_names = {one.name for one in described.values() if one.is_secret}
    secrets = {key: str(value) for key, value in values.items() if key in secret_names and value}
    return _Parsed(
        settings=parsed.model_dump(mode="json", include=set(values) - secret_names),
        sealed=app.vault.seal(secrets) if secrets else None,
        host=_host_of(kind_of(kind)(parsed)),
    )


def _host_of(source: SourceKind) -> str:
    with suppress(FetchError):
        return host_of(source.address)
    return ""


def _require_name(name: str) -> None:
    checked_key(name, "the name of the source", limit=_LONGEST_NAME)
    if slugify(name) != name:
        raise InputError(
            f"{name!r} cannot be the name of a source: write small letters, digits and '-', such as {slugify(name)!r}"
            if slugify(name)
            else f"{name!r} cannot be the name of a source: write small letters, digits and '-'"
        )
    if name in _RESERVED:
        raise InputError(f"{name!r} is the name of what comes in without a source: choose another name")


def _record(
    app: AppContext,
    connection: Connection,
    actor: Actor | None,
    action: AuditAction,
    name: str,
    given: Collection[str],
) -> None:
    """Write into the audit log who did it; only the names of what was given."""
    if actor is not None:
        audit_log.record(connection, actor, action, subject=name, detail=", ".join(sorted(given)), now=app.clock())
