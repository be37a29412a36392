"""An import that is killed again and again has the same result as an undisturbed one."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.subscriber_import import ImportPlan, ImportState
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import plan_import, run_import
from distributor.storage import imports, lists
from tests.paths import ROOT

PEOPLE = 2000
KILLS = 5
PLAN = ImportPlan(list_slug="readers", basis="Signed up at the counter.")

pytestmark = pytest.mark.chaos


def rows() -> str:
    """People, some of whom have left or bounced, with bad rows and repeated addresses between them."""
    text_ = "email,name,status,tags\n"
    for number in range(PEOPLE):
        status = {3: "unsubscribed", 5: "bounced", 8: "pending"}.get(number % 40, "active")
        address = "nobody" if number % 70 == 11 else f"p{number - (number % 90 == 60) * 55}@example.org"
        text_ += f'{address},"Person, {number}",{status},t{number % 7}\n'
    return text_


def facts(app: AppContext) -> list[tuple[object, ...]]:
    """All rows that an import writes, without ids and times."""
    with app.database.begin() as connection:
        found = connection.execute(
            text("""
                SELECT s.key, s.email, s.name, s.tags, s.status, m.state, m.consent_id IS NULL,
                       array_agg(c.action || ' ' || (c.detail ->> 'line') ORDER BY c.id),
                       (SELECT array_agg(reason) FROM suppressions x WHERE x.hash = s.hash)
                FROM subscribers s JOIN memberships m ON m.subscriber_id = s.id
                JOIN consents c ON c.subscriber_id = s.id
                GROUP BY s.id, m.list_id, m.subscriber_id ORDER BY s.key
            """)
        )
        return [tuple(row) for row in found]


def forget_everybody(app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("SET LOCAL distributor.erasing = 'on'"))
        for table in ("memberships", "consents", "suppressions", "subscribers"):
            connection.execute(text(f"DELETE FROM {table}"))


def test_an_import_survives_being_killed(app: AppContext, fresh_services: Services, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    data = rows().encode()
    # As the process has it.
    app = replace(app, imports_dir=tmp_path / "data" / "imports")
    with app.database.begin() as connection:
        lists.add(connection, slug="readers", name="Readers")
    calm = run_import(app, plan_import(app, PLAN, name="people.csv", pieces=[data]).id)
    expected = facts(app)
    assert len(expected) > 1600
    forget_everybody(app)

    begun = plan_import(app, PLAN, name="people.csv", pieces=[data])
    arguments = (fresh_services.database_url, fresh_services.redis_url, str(tmp_path / "data"), str(begun.id))
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.flow.people.import_process", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for chunk in range(dice.randint(1, 5)):
                if chunk:
                    process.stdin.write(b"\n")
                    process.stdin.flush()
                assert process.stdout.readline(), "the import ended before it was killed"
            process.kill()
    with app.database.begin() as connection:
        torn = imports.find(connection, begun.id)
    assert torn.state is ImportState.RUNNING, "the import was over before it had been killed often enough"
    done = run_import(app, begun.id)

    assert (done.state, done.counts) == (ImportState.FINISHED, calm.counts)
    assert facts(app) == expected
    files = ImportFiles(app.imports_dir)
    assert files.bad_rows(done.id).read_bytes() == files.bad_rows(calm.id).read_bytes()
