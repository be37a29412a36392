"""Servers that accept connections and then say nothing, at every stage, keep one worker from no other campaign."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from distributor.flow.operations.channel_settings import configure
from tests.chaos.mail_relay import running_relay
from tests.chaos.service import BEATS, EMAIL_WORKER, OTHER_WORKER, make_retries_due, running_service
from tests.conftest import thorough
from tests.mail.smtp.http_server import in_a_thread
from tests.mail.smtp.smtp_servers import Answer, Server, Silence

PEOPLE = 20
CONNECTIONS = 2
STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")

pytestmark = pytest.mark.chaos


class SilentServer(Server):
    """Silent at one stage until it is told to speak."""

    def __init__(self, stage: str) -> None:
        super().__init__(self._behave_at)
        self.stage = stage

    def _behave_at(self, session: int, verb: str, line: str) -> Answer:
        return Silence() if verb == self.stage and not self.is_speaking else None


@thorough
def test_one_worker_finishes_a_campaign_while_servers_are_silent_at_every_stage(tmp_path: Path) -> None:
    servers = {f"silent-{number}": SilentServer(stage) for number, stage in enumerate(STAGES)}
    parts = (EMAIL_WORKER, OTHER_WORKER, BEATS[0])
    with ExitStack() as stack:
        loops = {name: stack.enter_context(in_a_thread(server)) for name, server in servers.items()}
        relay = stack.enter_context(running_relay(tmp_path / "inbox"))
        service = stack.enter_context(running_service(tmp_path, people=PEOPLE, parts=parts))
        for name, server in servers.items():
            configure(service.app, name, "email", {"smtp_url": server.url, "connections": CONNECTIONS})
        configure(service.app, "email", "email", {"smtp_url": relay.url, "connections": CONNECTIONS})
        silent = service.plan(*servers)
        for name, server in servers.items():
            service.wait_for(lambda server=server: server.silent > 0, f"{name} is silent at {server.stage}")  # type: ignore[misc]
        spoken = service.plan("email")
        service.wait_for(lambda: service.is_finished(spoken), "the end of the other campaign")
        assert relay.mails().total() == PEOPLE
        assert not service.is_finished(silent)

        for name, loop in loops.items():
            loop.call_soon_threadsafe(servers[name].speak)

        def is_finished() -> bool:
            make_retries_due(service)
            return service.is_finished(silent)

        service.wait_for(is_finished, "the end of the campaign to silent servers")
        totals = service.totals(silent)

    for name, server in servers.items():
        assert max(Counter(taken.rcpt_to for taken in server.taken).values()) == 1, name
        assert totals[name]["sent"] + totals[name]["unknown"] == PEOPLE
        # Only where the end of the mail had been written.
        assert totals[name]["unknown"] <= (CONNECTIONS * 3 if server.stage == "." else 0)
