"""A campaign as it goes out in earnest: PostgreSQL, Redis, Celery workers, and a sink at the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distributor.bootstrap import child_environment, make_app_context
from distributor.cli.process_group import ChildProcess, running_processes, worker_processes
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, Dispatch, DispatchState
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import Person
from distributor.embedded import running_services
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import add_file
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.plan import plan
from distributor.settings import Settings
from distributor.storage import dispatches, lists, memberships
from distributor.storage.schema import migrate

LINKS = 4
_AT_ONCE = 20_000
_WAITING = frozenset({DispatchState.SCHEDULED, DispatchState.RUNNING})
_SENTENCE = "Words that a reader reads, one after another, until the end of the line, where the next ones begin. "
# Parts of the shipped templates without which a mail can be as short as 10 KB.
_LEFT_OUT = ("head.mjml.j2", "masthead.mjml.j2")
# A paragraph is in a mail twice, as HTML and as text.
_PARAGRAPH = f"{_SENTENCE * 5}\n\n"


@contextmanager
def sending_installation(*, email_workers: int, web_port: int | None = None) -> Iterator[AppContext]:
    """A service of its own for as long as this is open, with a web server if there is a port for one.

    Before anything is sent, `set_channel` has to say where to.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder) / "data",
            content_dir=Path(folder),
            postal_address="1 Bench Street, Benchville",
            sender="Bench <news@bench.example>",
            templates_dir=_lean_templates(Path(folder)),
            # Part of every link, also where nothing listens.
            port=web_port or 8000,
        )
        with running_services(settings.data_dir) as services:
            app = make_app_context(settings, services)
            migrate(app.database)
            web = [ChildProcess(name="web", module="distributor.web")] if web_port else []
            parts = [*worker_processes(email_workers=email_workers), *web]
            environment = child_environment(settings, services)
            with running_processes(parts, logs=Path(folder) / "logs", environment=environment):
                yield app
            app.database.close()


def _lean_templates(folder: Path) -> Path:
    parts = folder / "templates" / "email" / "parts"
    parts.mkdir(parents=True)
    for name in _LEFT_OUT:
        (parts / name).touch()
    return folder / "templates"


def subscribe_readers(app: AppContext, count: int) -> None:
    """So many people on the list `bench`."""
    with app.database.begin() as connection:
        chosen = lists.add(connection, slug="bench", name="Bench")
    for start in range(0, count, _AT_ONCE):
        addresses = [f"reader{number}@example.org" for number in range(start, min(start + _AT_ONCE, count))]
        people = [Person(key=address, email=address, name=f"Reader {address[6:-12]}") for address in addresses]
        with app.database.begin() as connection:
            memberships.subscribe(
                connection,
                chosen.id,
                people,
                ConsentEvidence(method=ConsentMethod.PERSON, text="They are made up."),
                now=app.clock(),
            )


def set_channel(app: AppContext, port: int, **values: object) -> None:
    """Let `mail` send to the sink at this port."""
    configure(app, "mail", "email", {"smtp_url": f"smtp://127.0.0.1:{port}", **values})


def write_article(folder: Path, *, paragraphs: int) -> Path:
    """An article with links in it; each paragraph makes its mail about 1 KB longer."""
    text = "".join(f"{_SENTENCE}Here is [a link](https://bench.example/{link}).\n\n" for link in range(LINKS))
    path = folder / f"things-{paragraphs}.md"
    path.write_text(f"---\ntitle: Things to read\ntags: [bench]\n---\n\n{text}{_PARAGRAPH * paragraphs}")
    return path


def start_campaign(app: AppContext, article: Path) -> int:
    """Plan it for now, to everybody on the list; returns its number."""
    return plan(
        app,
        CampaignPlan(
            name="bench",
            article_slugs=(add_file(app, article).slug,),
            channel_names=("mail",),
            audience=AudiencePlan(lists=("bench",), repeats=True),
            starts_at=app.clock(),
        ),
    )


def dispatch_of(app: AppContext, campaign_id: int) -> Dispatch:
    """The one dispatch of the campaign. Ends the program if it has come to a halt."""
    # Not by a report, which counts every delivery.
    with app.database.begin() as connection:
        (dispatch,) = dispatches.of_campaign(connection, campaign_id)
    if dispatch.state not in {DispatchState.FINISHED, *_WAITING}:
        raise SystemExit(f"the campaign is {dispatch.state}: {dispatch.reason}")
    return dispatch


def wait_for_end(app: AppContext, campaign_id: int) -> Dispatch:
    """The dispatch once it is finished."""
    while (dispatch := dispatch_of(app, campaign_id)).state is not DispatchState.FINISHED:
        time.sleep(0.1)
    return dispatch


def memory_of_workers(app: AppContext) -> Mapping[int, int]:
    """Resident bytes of each process that sends mail for this app, by its number."""
    found, ours = {}, str(app.journal_dir.parent).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes()
            pages = int((folder / "statm").read_text().split()[1])
        except OSError:
            continue
        if b"work" in words and b"email" in words and ours in environment:
            found[int(folder.name)] = pages * 4096
    return found
