"""`/v1/sources` and `/v1/source-kinds`"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field, JsonValue

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.source import LONGEST_INTERVAL, SHORTEST_INTERVAL, Publishing, SourceState
from distributor.flow.articles import source_runs, sources
from distributor.flow.articles.sources import RecognizedSource, SourceView
from distributor.sources.kinds.registry import describe_settings, kind_of, kinds
from distributor.web.api.auth import App, RequestSlot, acting, requires
from distributor.web.api.channels import SettingOut
from distributor.web.api.fields import Line, LongText, RequestBody, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(tags=["sources"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

_Reads = requires(TokenScope.ARTICLES_READ)
WriteToken = Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)]
SourceInPath = Annotated[ShortText, Path(description="The name.")]
SourceAddress = Annotated[
    LongText,
    Field(
        description="Of a site, a feed or an account: its kind and settings are found out.",
        examples=["https://blog.example.org"],
    ),
]
SourceSettings = Annotated[
    dict[ShortText, JsonValue],
    Field(
        max_length=100,
        description="By the names that `GET /v1/source-kinds` lists. Secrets are stored encrypted and never returned.",
        examples=[{"url": "https://blog.example.org/feed.xml"}],
    ),
]
Interval = Annotated[
    int,
    Field(
        ge=int(SHORTEST_INTERVAL.total_seconds()),
        le=int(LONGEST_INTERVAL.total_seconds()),
        description="How often it is read, in seconds.",
        examples=[900],
    ),
]


class SourceKindOut(BaseModel):
    """A kind of sources, and its settings."""

    kind: str = Field(examples=["feed"])
    title: str
    sentence: str = Field(description="What it reads.")
    interval_seconds: int = Field(description="How often it is read by default.")
    is_local: bool = Field(description="Whether it reads files of the server: it is added on the command line only.")
    settings: list[SettingOut]


class SourceKindsOut(BaseModel):
    """The installed kinds, in alphabetical order."""

    items: list[SourceKindOut]


class SourceResultOut(BaseModel):
    """What a run found, counted in items."""

    added: int
    revised: int
    unchanged: int
    gone: int = Field(description="The source has them no more.")
    held: int = Field(description="Changed in the source, but edited here, so that they stay as they are.")
    broken: int
    postponed: int = Field(description="Left for the next run.")
    notes: tuple[str, ...]


class SourceOut(BaseModel):
    """A source, without its secrets."""

    name: str = Field(examples=["blog-example-org"])
    kind: str = Field(examples=["feed"])
    address: str = Field(description="Where it is; empty if others bring its articles.")
    hook: str = Field(description="Where others send requests to, if it takes them.")
    settings: dict[str, JsonValue]
    secrets_set: tuple[str, ...] = Field(description="The names of the secrets it has.")
    state: SourceState
    publishing: Publishing = Field(description="What is published as it comes in; the rest are drafts.")
    interval_seconds: int
    next_run_at: datetime
    first_run_at: datetime | None = Field(description="When it was read completely for the first time.")
    last_run_at: datetime | None
    last_success_at: datetime | None
    last_result: SourceResultOut | None
    failing_since: datetime | None
    failures: int = Field(description="How many runs have failed in a row.")
    error: str = Field(description="Why the last run failed; empty if it did not.")

    @classmethod
    def of(cls, view: SourceView) -> SourceOut:
        source = view.source
        return cls(
            name=source.name,
            kind=source.kind,
            address=view.address,
            hook=view.hook,
            settings=dict(source.settings),
            secrets_set=view.secrets_set,
            state=source.state,
            publishing=source.publishing,
            interval_seconds=int(source.interval.total_seconds()),
            next_run_at=source.next_run_at,
            first_run_at=source.first_run_at,
            last_run_at=source.last_run_at,
            last_success_at=source.last_success_at,
            last_result=SourceResultOut(**asdict(source.last_result)) if source.last_result else None,
            failing_since=source.failing_since,
            failures=source.failures,
            error=view.problem or source.error,
        )


class SourcesOut(BaseModel):
    """All sources, by name."""

    items: list[SourceOut]


class SourceDescription(RequestBody):
    """Where articles are to come from: an `address`, or a `kind` with its `settings`, which also add to an address."""

    address: SourceAddress = ""
    kind: ShortText = ""
    settings: SourceSettings = Field(default_factory=dict)

    def recognized(self, app: App) -> RecognizedSource:
        """Its kind with all its settings. Raises InputError, NotFoundError, SourceError."""
        if self.kind:
            kind_of(self.kind)
            found = sources.settings_at(self.kind, self.address) if self.address else {}
            return RecognizedSource(kind=self.kind, settings={**found, **self.settings})
        known = sources.recognize(app, self.address)
        return replace(known, settings={**known.settings, **self.settings})


class SourceAddition(SourceDescription):
    """A source to be added. Without a `name` it gets one from where it is."""

    name: Line = ""
    publishing: Publishing = Field(
        Publishing.NOTHING,
        description="`new` publishes what appears, and is dated, after the first run; `all` everything.",
    )
    interval_seconds: Interval | None = None


class SourceUpdate(RequestBody):
    """What to change; all else stays, secrets too."""

    settings: SourceSettings = Field(default_factory=dict)
    unset: list[ShortText] = Field(default_factory=list, max_length=100, examples=[["language"]])
    publishing: Publishing | None = None
    interval_seconds: Interval | None = None


class TriedItemOut(BaseModel):
    """An item as it would come in."""

    ref: str = Field(description="What identifies it in its source.")
    title: str
    published_at: datetime | None
    tags: tuple[str, ...]
    address: str
    reasons: tuple[str, ...] = Field(description="What is noted, or why it is refused.")
    is_refused: bool


class SourceTrialOut(BaseModel):
    """The first items of a source."""

    kind: str
    items: list[TriedItemOut]
    notes: list[str]


_TRIED_ITEMS = 20


@router.get("/v1/source-kinds", dependencies=[_Reads])
def list_source_kinds() -> SourceKindsOut:
    """List the kinds of sources and their settings."""
    return SourceKindsOut(
        items=[
            SourceKindOut(
                kind=name,
                title=kind.title,
                sentence=kind.sentence,
                interval_seconds=int(kind.interval.total_seconds()),
                is_local=kind.is_local,
                settings=[SettingOut.model_validate(one, from_attributes=True) for one in describe_settings(name)],
            )
            for name, kind in kinds().items()
        ]
    )


@router.get("/v1/sources", dependencies=[_Reads])
def list_sources(app: App) -> SourcesOut:
    """List the sources, with what their last runs found."""
    return SourcesOut(items=[SourceOut.of(view) for view in sources.listed(app)])


@router.post("/v1/sources", status_code=201, responses=problem_responses(404, 409))
def add_source(app: App, request: Request, token: WriteToken, body: SourceAddition) -> SourceOut:
    """Add a source, which is read as soon as a worker is free. What it has already is published only with `all`.

    Sources that read files of the server are added on its command line.
    """
    found = body.recognized(app)
    view = sources.add(
        app,
        body.name or sources.name_for(app, found),
        found.kind,
        found.settings,
        publishing=body.publishing,
        interval=timedelta(seconds=body.interval_seconds) if body.interval_seconds else None,
        actor=acting(request, token),
    )
    return SourceOut.of(view)


@router.post("/v1/sources/try", responses=problem_responses(404))
def try_source(app: App, token: WriteToken, body: SourceDescription) -> SourceTrialOut:
    """Read the first items of a source that is not added. Nothing is stored."""
    found = body.recognized(app)
    sources.require_not_local(found.kind)
    tried, notes = source_runs.try_source(app, found.kind, found.settings, limit=_TRIED_ITEMS)
    items = [TriedItemOut(**asdict(one)) for one in tried]
    return SourceTrialOut(kind=found.kind, items=items, notes=[*found.notes, *notes])


@router.get("/v1/sources/{source}", dependencies=[_Reads], responses=problem_responses(404))
def show_source(app: App, source: SourceInPath) -> SourceOut:
    """Get a source."""
    return SourceOut.of(sources.show(app, source))


@router.patch("/v1/sources/{source}", responses=problem_responses(404))
def update_source(app: App, request: Request, token: WriteToken, source: SourceInPath, body: SourceUpdate) -> SourceOut:
    """Change some settings of a source, which is then read as a whole."""
    view = sources.change(
        app,
        source,
        body.settings,
        unset=body.unset,
        publishing=body.publishing,
        interval=timedelta(seconds=body.interval_seconds) if body.interval_seconds else None,
        actor=acting(request, token),
    )
    return SourceOut.of(view)


@router.delete("/v1/sources/{source}", status_code=204, responses=problem_responses(404))
def remove_source(app: App, request: Request, token: WriteToken, source: SourceInPath) -> None:
    """Remove a source with its secrets. Its articles stay."""
    sources.remove(app, source, actor=acting(request, token))


@router.post("/v1/sources/{source}/run", status_code=202, responses=problem_responses(404, 409))
def run_source(app: App, token: WriteToken, source: SourceInPath) -> SourceOut:
    """Have a source read as soon as a worker is free."""
    return SourceOut.of(sources.ask_to_run(app, source))


@router.post("/v1/sources/{source}/pause", responses=problem_responses(404))
def pause_source(app: App, request: Request, token: WriteToken, source: SourceInPath) -> SourceOut:
    """Stop reading a source by itself."""
    return SourceOut.of(sources.set_state(app, source, SourceState.PAUSED, actor=acting(request, token)))


@router.post("/v1/sources/{source}/resume", responses=problem_responses(404))
def resume_source(app: App, request: Request, token: WriteToken, source: SourceInPath) -> SourceOut:
    """Read a source by itself again, at once."""
    return SourceOut.of(sources.set_state(app, source, SourceState.ACTIVE, actor=acting(request, token)))
