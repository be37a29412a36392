"""Processes report the settings they work with, which are compared with one another."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from distributor.bootstrap import this_process
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.operations.processes import (
    SILENT_AFTER,
    compare_settings,
    has_one_secret_key,
    reporting,
    split_by_life,
)
from distributor.settings import Settings, is_secret
from distributor.storage import processes
from distributor.storage.processes import ReportedProcess, ServiceProcess

KEY, OTHER_KEY = "k" * 32, "o" * 32
SERVICES = Services(
    database_url="postgresql://user:db-password@example/db", redis_url="redis://:redis-password@example"
)


def process(kind: str = "up", *, host: str = "one", **settings: Any) -> ServiceProcess:
    values = {"secret_key": KEY, **settings}
    return replace(this_process(Settings(_env_file=None, **values), SERVICES, kind), host=host)


def differing(*found: ServiceProcess) -> Mapping[str, set[str]]:
    return {difference.setting: set(difference.values) for difference in compare_settings(found)}


def reported(app: AppContext) -> list[ReportedProcess]:
    with app.database.begin() as connection:
        return processes.all_reported(connection)


def url(app: AppContext) -> str:
    return app.database.url.render_as_string(hide_password=False)


def test_a_process_is_reported_while_it_runs(app: AppContext) -> None:
    mine = process("web")
    with reporting(url(app), mine):
        (found,) = reported(app)
        assert found.process == mine
        assert found.silent_for < SILENT_AFTER
    assert reported(app) == []


def test_what_was_killed_on_the_same_machine_is_forgotten_by_the_next_start_and_what_runs_is_not(
    app: AppContext,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = socket.gethostname()
    killed = replace(process("web", host=here), pid=ended.pid)
    elsewhere, running = replace(process("web", host="two"), pid=ended.pid), process("beat", host=here)
    with app.database.begin() as connection:
        for one in (killed, elsewhere, running):
            processes.report(connection, one)
    with reporting(url(app), process("web")):
        assert {one.process.id for one in reported(app)} >= {elsewhere.id, running.id}
        assert killed.id not in {one.process.id for one in reported(app)}


def test_a_process_that_reports_nothing_for_a_while_is_silent_and_is_forgotten_after_an_hour(app: AppContext) -> None:
    alive, quiet, old = process("web"), process("beat", host="two"), process("worker", host="three")
    with app.database.begin() as connection:
        for one, age in ((alive, timedelta()), (quiet, SILENT_AFTER), (old, timedelta(hours=2))):
            processes.report(connection, one)
            change = text("UPDATE processes SET seen_at = seen_at - :age WHERE id = :id")
            connection.execute(change, {"age": age, "id": one.id})
    running, silent = split_by_life(reported(app))
    assert running == [alive]
    assert [one.process for one in silent] == [quiet, old]
    with reporting(url(app), process("inbound")):
        assert old.id not in {one.process.id for one in reported(app)}


def test_what_was_killed_on_this_machine_is_known_to_have_ended_before_it_is_silent_for_long() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = this_process(Settings(_env_file=None, secret_key=KEY), SERVICES, "web")
    killed = ReportedProcess(process=replace(here, id=uuid4(), pid=ended.pid), silent_for=timedelta(seconds=1))
    alive = ReportedProcess(process=here, silent_for=timedelta(seconds=1))
    assert split_by_life([alive, killed]) == ([here], [killed])


def test_a_process_works_without_a_database_to_report_to() -> None:
    with reporting("postgresql://127.0.0.1:1/nothing", process("web")):
        pass


def test_no_secret_is_reported(app: AppContext) -> None:
    secrets = {
        "secret_key": "the-secret-key-of-this-installation",
        "smtp_url": "smtp://user:smtp-password@relay.example",
        "inbound_mailboxes": "imaps://user:imap-password@mail.example/INBOX",
    }
    one = process(**secrets)
    assert not [word for word in ("the-secret", "password", "relay.example") if word in str(one.settings)]
    assert all(one.settings[name].startswith("fingerprint ") for name in (*secrets, "redis_url"))
    assert one.settings == process(**secrets).settings


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if is_secret(name)])
def test_a_secret_that_is_unset_is_reported_as_that(name: str) -> None:
    assert process().settings.get(name, "") == "" or name in ("secret_key", "redis_url")


def test_equal_settings_do_not_differ() -> None:
    assert differing(process("web"), process("worker"), process("beat"), process("inbound"), process()) == {}


def test_a_setting_is_compared_among_the_processes_that_read_it() -> None:
    assert differing(process("web", site_name="A"), process("worker", site_name="B")) == {"site_name": {"A", "B"}}
    assert differing(process("web", undo_seconds=1), process("worker", undo_seconds=2)) == {}
    assert differing(process("web", undo_seconds=1), process(undo_seconds=2)) == {"undo_seconds": {"1", "2"}}
    assert differing(process("web", smtp_url="smtp://a"), process(smtp_url="smtp://b")) == {}
    assert differing(process("web"), process("worker", postal_address="1 Street")) == {
        "postal_address": {"", "1 Street"}
    }


def test_folders_and_ports_belong_to_a_machine() -> None:
    values: dict[str, Any] = {"port": 8001, "content_dir": "/elsewhere", "public_url": "http://a.example"}
    same: dict[str, Any] = {"public_url": "http://a.example"}
    assert differing(process(**values), process(host="two", **same)) == {}
    assert differing(process(**values), process(**same)).keys() == {"port", "content_dir"}


def test_a_port_that_is_chosen_at_the_start_is_no_difference() -> None:
    assert differing(process(port=0), process(port=54321)) == {}


def test_another_secret_key_is_named_alone_among_the_secrets() -> None:
    one, other = process(smtp_url="smtp://a"), process(smtp_url="smtp://a", secret_key=OTHER_KEY, site_name="B")
    assert differing(one, other).keys() == {"secret_key", "site_name"}
    assert differing(process(smtp_url="smtp://a"), process(smtp_url="smtp://b")).keys() == {"smtp_url"}


def test_only_running_processes_need_the_same_secret_key() -> None:
    one, other = process(), process(secret_key=OTHER_KEY)
    now, before = timedelta(), SILENT_AFTER
    assert has_one_secret_key([])
    assert has_one_secret_key([ReportedProcess(process=one, silent_for=now)] * 2)
    assert not has_one_secret_key([ReportedProcess(process=each, silent_for=now) for each in (one, other)])
    assert has_one_secret_key(
        [ReportedProcess(process=one, silent_for=now), ReportedProcess(process=other, silent_for=before)]
    )


def test_every_process_has_an_id_of_its_own() -> None:
    assert len({process().id, process().id, uuid4()}) == 3
