"""A whole service of real processes with servers of its own, any of which a test may kill."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from distributor.bootstrap import child_environment, make_app_context
from distributor.cli.process_group import ChildProcess, ProcessGroup, running_processes
from distributor.cli.sandbox import configure_sandbox_channels, sandbox_process, wait_for_sandbox
from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import CampaignPlan, DispatchState, UnknownPolicy
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.subscriber import Person
from distributor.embedded import Services, Tuning, running_services
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.report import report, summarise
from distributor.settings import Settings
from distributor.storage import articles, lists, memberships
from distributor.storage.schema import migrate
from tests.embedded.client_process import process_named

EMAIL_WORKER = ChildProcess(name="worker-email", module="distributor_worker", arguments=("work", "--queue", "email"))
OTHER_WORKER = ChildProcess(
    name="worker-rest",
    module="distributor_worker",
    arguments=("work", "--queue", "default", "--queue", "social", "--queue", "feed"),
)
WEB = ChildProcess(name="web", module="distributor.web")
BEATS = tuple(
    ChildProcess(name=f"beat-{number}", module="distributor_worker", arguments=("beat",)) for number in (1, 2)
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """The running service, and the ways to disturb it."""

    app: AppContext
    crew: ProcessGroup
    folder: Path
    ports: SandboxPorts

    def plan(self, *channels: str, is_tracked: bool = True, policy: UnknownPolicy = UnknownPolicy.ASSUME_SENT) -> int:
        return plan(
            self.app,
            CampaignPlan(
                name="under fire",
                article_slugs=("under-fire",),
                channel_names=channels,
                audience=AudiencePlan(lists=("readers",), repeats=True),
                starts_at=self.app.clock(),
                track_opens=is_tracked,
                track_clicks=is_tracked,
                unknown_policy=policy,
            ),
        )

    def counts(self, campaign_id: int, kind: str) -> Mapping[str, int]:
        """The totals of the campaign's dispatch of this kind."""
        told = report(self.app, campaign_id)
        return next(summarise(one.totals) for one in told.dispatches if one.dispatch.kind == kind)

    def totals(self, campaign_id: int) -> Mapping[str, Mapping[str, int]]:
        """The totals of each of the campaign's dispatches, by the name of its channel."""
        dispatches = report(self.app, campaign_id).dispatches
        return {one.dispatch.channel_name: summarise(one.totals) for one in dispatches}

    def is_finished(self, campaign_id: int) -> bool:
        told = report(self.app, campaign_id)
        return all(one.dispatch.state is DispatchState.FINISHED for one in told.dispatches)

    def wait_for(self, condition: Callable[[], bool], what: str, *, seconds: float = 900) -> None:
        """Restart processes that ended until the condition holds. Fails with the last lines of the logs."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not happen; logs:\n{self._log_tails()}")
            self.crew.restart_dead()
            time.sleep(0.02)

    def kill_redis(self) -> None:
        """SIGKILL, as the kernel's out-of-memory killer would."""
        os.kill(int((self.folder / "data" / "redis.lock").read_text().split()[0]), signal.SIGKILL)

    def kill_postgresql(self) -> None:
        """SIGKILL; its supervisor starts it again, and it recovers."""
        os.kill(process_named(self.folder / "data", " -D "), signal.SIGKILL)

    def inbox(self) -> list[EmailMessage]:
        """The received mails, in order."""
        files = sorted((self.folder / "sandbox" / "inbox").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]

    def mails(self) -> Counter[str]:
        """How many mails each recipient has in the inbox, by the To header."""
        return Counter(mail["To"].addresses[0].addr_spec for mail in self.inbox())

    def posts(self, network: str) -> list[Mapping[str, object]]:
        """The posts on the network."""
        posts: list[Mapping[str, object]] = httpx.get(
            f"http://127.0.0.1:{self.ports.http}/export/{network}.json"
        ).json()
        return posts

    def _log_tails(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in (self.folder / "logs").glob("*.log"))


def make_retries_due(service: Service) -> None:
    """End the wait after a temporary failure now."""
    with service.app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET next_at = now()
                WHERE id IN (SELECT id FROM deliveries WHERE state = 'deferred' FOR UPDATE SKIP LOCKED)
            """)
        )


def free_port() -> int:
    """A free TCP port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_service(
    folder: Path,
    *,
    people: int,
    parts: tuple[ChildProcess, ...],
    redis_url: str | None = None,
    **settings_of_its_own: Any,
) -> Iterator[Service]:
    """A service with an article, a list of `people` readers and a channel of each kind into the sandbox.

    `redis_url`: a Redis of the caller in place of the embedded one.
    """
    port = free_port()
    settings = Settings(
        _env_file=None,
        data_dir=folder / "data",
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        postal_address="1 Test Street, Testville",
        sender="News <news@gazette.example>",
        content_dir=folder / "content",
        **settings_of_its_own,
    )
    settings.content_dir.mkdir(parents=True)
    ready = folder / "ready.json"
    with running_services(settings.data_dir, tuning=Tuning.TEST_SPEED) as embedded:
        services = Services(database_url=embedded.database_url, redis_url=redis_url or embedded.redis_url)
        app = make_app_context(settings, services)
        migrate(app.database)
        _fill(app, people)
        sandbox = sandbox_process(folder / "sandbox", ready, http_port=0, smtp_port=0)
        environment = child_environment(settings, services)
        with running_processes((sandbox, *parts), logs=folder / "logs", environment=environment) as crew:
            ports = wait_for_sandbox(ready, crew)
            configure_sandbox_channels(app, ports)
            yield Service(app=app, crew=crew, folder=folder, ports=ports)
        app.database.close()


def _fill(app: AppContext, people: int) -> None:
    with app.database.begin() as connection:
        chosen = lists.add(connection, slug="readers", name="Readers")
        persons = [
            Person(key=f"reader{number}@example.org", email=f"reader{number}@example.org") for number in range(people)
        ]
        memberships.subscribe(
            connection,
            chosen.id,
            persons,
            ConsentEvidence(method=ConsentMethod.PERSON, text="They are made up."),
            now=app.clock(),
        )
        articles.add(
            connection,
            Manuscript(title="Under fire", body=(Paragraph((Run("Nobody is skipped and nobody is mailed twice."),)),)),
            guid="urn:uuid:00000000-0000-4000-8000-00000000f19e",
            slug="under-fire",
            source="test",
            source_ref="under-fire",
            content_hash="0",
            now=app.clock(),
        )
