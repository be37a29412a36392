"""How many newsletters a second go the whole way: from release, through Celery, to a recorded outcome.

The yardstick runs in the same minute: smtplib on one kept connection, sending the same finished bytes to the same sink,
with no database, no queue and no per-recipient composing.
"""

from __future__ import annotations

import argparse
import smtplib
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from _surroundings import hardware, mail_sink

from distributor.bootstrap import child_environment, make_installation
from distributor.channels.email.composing.compose import compose_sample
from distributor.cli.channels import configure
from distributor.cli.processes import running_crew, worker_parts
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, DispatchState
from distributor.domain.consent import ConsentMethod, Evidence
from distributor.domain.subscriber import Person
from distributor.embedded import running_services
from distributor.flow.ingest import add_file
from distributor.flow.installation import Installation
from distributor.flow.plan import plan
from distributor.flow.report import report
from distributor.settings import Settings
from distributor.storage import campaigns, deliveries, lists, memberships
from distributor.storage.schema import migrate

ARTICLE = Path(__file__).parents[1] / "content" / "golden.md"


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        sink, port = stack.enter_context(mail_sink())
        settings = Settings(
            _env_file=None,
            data_dir=folder / "data",
            postal_address="1 Bench Street, Benchville",
            sender="Bench <news@bench.example>",
            content_dir=ARTICLE.parent,
        )
        services = stack.enter_context(running_services(settings.data_dir))
        installation = make_installation(settings, services)
        migrate(installation.database)
        parts = worker_parts(email_workers=arguments.workers)
        environment = child_environment(settings, services)
        stack.enter_context(running_crew(parts, logs=folder / "logs", environment=environment))
        _subscribe(installation, arguments.people)
        configure(installation, "mail", "email", {"smtp_url": f"smtp://127.0.0.1:{port}"})
        seconds, mail = _send_campaign(installation)
        loop = _send_with_smtplib(port, mail, arguments.people)
        installation.database.close()
    rate, yardstick = arguments.people / seconds, arguments.people / loop
    print(
        f"{arguments.people} newsletters of {len(mail) / 1024:.0f} KiB, {arguments.workers} email workers, into {sink}"
    )
    print(f"  whole path, release to recorded outcome  {rate:8.0f} a second")
    print(f"  smtplib, one kept connection, same bytes {yardstick:8.0f} a second")
    print(f"  ratio                                    {rate / yardstick:8.2f}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _subscribe(installation: Installation, people: int) -> None:
    with installation.database.begin() as connection:
        chosen = lists.add(connection, slug="bench", name="Bench")
        addresses = [f"reader{number}@example.org" for number in range(people)]
        memberships.subscribe(
            connection,
            chosen.id,
            [Person(key=address, address=address, name="Reader") for address in addresses],
            Evidence(method=ConsentMethod.PERSON, text="They are made up."),
            now=installation.clock(),
        )


def _send_campaign(installation: Installation) -> tuple[float, bytes]:
    """The seconds from release to the last recorded outcome, and the mail of one recipient."""
    slug = add_file(installation, ARTICLE).slug
    campaign_id = plan(
        installation,
        CampaignPlan(
            name="bench",
            article_slugs=(slug,),
            channel_names=("mail",),
            audience=AudiencePlan(lists=("bench",), repeats=True),
            starts_at=installation.clock(),
        ),
    )
    while True:
        dispatch = report(installation, campaign_id).dispatches[0].dispatch
        if dispatch.state is DispatchState.FINISHED:
            break
        if dispatch.state not in (DispatchState.PLANNED, DispatchState.SCHEDULED, DispatchState.RUNNING):
            raise SystemExit(f"the campaign is {dispatch.state}: {dispatch.reason}")
        time.sleep(0.05)
    assert dispatch.released_at is not None
    with installation.database.begin() as connection:
        rendition = campaigns.rendition_of(connection, dispatch.id)
        last = deliveries.last_change(connection, dispatch.id)
    return (last - dispatch.released_at).total_seconds(), compose_sample(rendition)


def _send_with_smtplib(port: int, mail: bytes, count: int) -> float:
    with smtplib.SMTP("127.0.0.1", port) as server:
        started = time.perf_counter()
        for number in range(count):
            server.sendmail("news@bench.example", f"reader{number}@example.org", mail)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
