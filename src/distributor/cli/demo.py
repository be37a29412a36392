"""`distributor demo`: sends an article to every channel of a sandbox through real workers; checks each delivery."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.progress import track
from rich.table import Table

from distributor.bootstrap import child_environment, make_app_context, open_services, sample_article
from distributor.cli.campaign.report import follow
from distributor.cli.console import ACTOR, err, out, print_message
from distributor.cli.process_group import running_processes, worker_processes
from distributor.cli.sandbox import configure_sandbox_channels, sandbox_process, wait_for_sandbox
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, DispatchState
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import ConfigurationError
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.subscriber import Person
from distributor.flow.app_context import AppContext
from distributor.flow.articles import ingest
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.report import CampaignReport, summarise
from distributor.sandbox.registry import emulators
from distributor.settings import Settings, load_settings
from distributor.sources.formats import read_manuscript
from distributor.storage import lists, memberships, publications
from distributor.storage.schema import migrate

_FEEDS = {"feeds/all.rss": "rss.xml", "feeds/all.atom": "atom.xml", "feeds/all.json": "feed.json"}
_BATCH = 5000
_CONSENT = ConsentEvidence(method=ConsentMethod.PERSON, text="Sample subscriber of the demo.")
# The demo has failed if the states do not change for so long.
_STALL_SECONDS = 90
_NAMES = ("Ada", "Bo", "Chloé", "Dmitri", "Eun-ji", "Farid", "Grace", "Hana", "Íris", "Jürgen", "", "Łukasz")
"""First names of the sample subscribers; one has none, as some real ones have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folders:
    """The folders and files of one demo run."""

    out: Path

    @property
    def sandbox(self) -> Path:
        return self.out / "sandbox"

    @property
    def data(self) -> Path:
        return self.out / "data"

    @property
    def sandbox_ports(self) -> Path:
        return self.out / "sandbox.json"


def demo(
    article: Annotated[
        Path | None, typer.Option(help="The article, in Markdown or plain text; default: a sample.")
    ] = None,
    subscribers: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many sample subscribers get the mail.")
    ] = 200,
    out_dir: Annotated[Path, typer.Option("--out", help="The folder to write to.")] = Path("demo-out"),
) -> None:
    """Send one article on every channel to the sandbox and account for every delivery."""
    started = time.monotonic()
    file = article or sample_article()
    # An article that cannot be read is reported before any process starts.
    read_manuscript(file)
    folders = _prepare(out_dir)
    settings = _settings(load_settings(), folders)
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        migrate(app.database)
        sandbox = sandbox_process(folders.sandbox, folders.sandbox_ports, http_port=0, smtp_port=0)
        environment = child_environment(settings, services)
        processes = [sandbox, *worker_processes()]
        with running_processes(processes, logs=folders.out / "logs", environment=environment) as group:
            ports = wait_for_sandbox(folders.sandbox_ports, group)
            ingested = ingest.add_file(app, file, actor=ACTOR)
            names = configure_sandbox_channels(app, ports)
            _add_subscribers(app, subscribers)
            campaign_id = plan(
                app,
                CampaignPlan(
                    name="Demo",
                    article_slugs=(ingested.slug,),
                    channel_names=tuple(names),
                    audience=AudiencePlan(lists=("demo",), repeats=True),
                    starts_at=app.clock(),
                ),
            )
            report = follow(app, campaign_id, patience=_STALL_SECONDS)
            _collect(app, folders, ports)
        app.database.close()
    _report(report, folders, slug=ingested.slug, seconds=time.monotonic() - started)


def _report(report: CampaignReport, folders: _Folders, *, slug: str, seconds: float) -> None:
    channels = {one.dispatch.kind: summarise(one.totals) for one in report.dispatches}
    mails = len(list((folders.out / "inbox").glob("*.eml")))
    summary = {"article": slug, "seconds": round(seconds, 1), "inbox": mails, "channels": channels}
    (folders.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    _print_summary(channels)
    print_message(f"everything is in {folders.out}: inbox/, feeds/, social/, summary.json ({seconds:.1f} s)")
    for one in report.dispatches:
        if one.dispatch.state is not DispatchState.FINISHED:
            print_message(f"{one.dispatch.channel_name} is {one.dispatch.state.value}: {one.dispatch.reason}")
    if not _is_accounted_for(report, mails):
        raise typer.Exit(4)


def _is_accounted_for(report: CampaignReport, mails: int) -> bool:
    """Every dispatch is finished, every delivery is sent, and the inbox holds just the mails that were sent."""
    finished = all(one.dispatch.state is DispatchState.FINISHED for one in report.dispatches)
    sums = all(one.totals.audience == one.dispatch.audience_size for one in report.dispatches)
    sent = report.totals[DeliveryState.SENT] == report.totals.audience
    mailed = sum(one.totals[DeliveryState.SENT] for one in report.dispatches if one.dispatch.kind == "email")
    return finished and sums and sent and mailed == mails


def _prepare(out_dir: Path) -> _Folders:
    """An empty output folder. Raises ConfigurationError for a folder with files that no earlier demo wrote."""
    folder = out_dir.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / ".demo").exists():
        raise ConfigurationError(
            f"{out_dir} is not empty and not from an earlier demo: choose another folder with --out"
        )
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / ".demo").touch()
    except OSError as error:
        raise ConfigurationError(f"cannot write to {out_dir}: {error.strerror}; choose another with --out") from error
    return _Folders(out=folder)


def _settings(settings: Settings, folders: _Folders) -> Settings:
    """The settings of the demo: embedded servers, even if the environment names others."""
    return settings.model_copy(
        update={
            "data_dir": folders.data,
            "database_url": None,
            "redis_url": None,
            "secret_key": None,
            "sender": "Distributor Demo <news@example.com>",
            # No server is there. Networks count the characters of a public URL differently from those of 127.0.0.1.
            "public_url": "https://news.example.com",
        }
    )


def _add_subscribers(app: AppContext, count: int) -> None:
    with app.database.begin() as connection:
        demo_list = lists.add(connection, slug="demo", name="Demo")
        for start in track(
            range(0, count, _BATCH), "Subscribing", console=err, disable=count <= _BATCH, transient=True
        ):
            people = [_person(number) for number in range(start, min(start + _BATCH, count))]
            memberships.subscribe(connection, demo_list.id, people, _CONSENT, now=app.clock())


def _person(number: int) -> Person:
    email = f"reader{number + 1}@example.org"
    return Person(key=email, email=email, name=_NAMES[number % len(_NAMES)])


def _collect(app: AppContext, folders: _Folders, ports: SandboxPorts) -> None:
    (folders.sandbox / "inbox").rename(folders.out / "inbox")
    (folders.out / "feeds").mkdir()
    with app.database.begin() as connection:
        # A feed channel that failed has published nothing; the summary shows that.
        for path in publications.document_paths(connection, "feeds/all."):
            (folders.out / "feeds" / _FEEDS[path]).write_bytes(publications.find_document(connection, path).body)
    (folders.out / "social").mkdir()
    for kind in emulators():
        posts = _posts(ports, kind)
        (folders.out / "social" / f"{kind}.json").write_text(json.dumps(posts, ensure_ascii=False, indent=2) + "\n")


def _posts(ports: SandboxPorts, kind: str) -> Sequence[Any]:
    response = httpx.get(f"http://127.0.0.1:{ports.http}/export/{kind}.json")
    response.raise_for_status()
    posts: Sequence[Any] = response.json()
    return posts


def _print_summary(channels: dict[str, dict[str, int]]) -> None:
    columns = list(next(iter(channels.values())))
    table = Table("channel", *columns, box=None, pad_edge=False, header_style="bold")
    for kind, counts in channels.items():
        table.add_row(kind, *(str(counts[column]) for column in columns))
    out.print(table)
