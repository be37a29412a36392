"""Imports: what comes in and what does not, whatever is imported twice, killed or cancelled."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.consent import ConsentAction, ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.subscriber import Membership, Subscriber, SubscriberStatus
from distributor.domain.subscriber_export import Selection
from distributor.domain.subscriber_import import Import, ImportMode, ImportPlan, ImportSettings, ImportState
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.people import import_people
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import cancel_import, plan_import, run_import, work_on_import
from distributor.storage import consents, imports, lists, memberships, subscribers, suppressions

PLAN = ImportPlan(list_slug="readers", basis="Signed up at the counter.")


@pytest.fixture(autouse=True)
def readers(app: AppContext) -> None:
    with app.database.begin() as connection:
        lists.add(connection, slug="readers", name="Readers")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many of them even for a few rows."""
    monkeypatch.setattr(import_people, "CHUNK_ROWS", 3)


def test_a_row_that_the_database_refuses_is_a_bad_row_and_the_others_come_in(app: AppContext) -> None:
    with app.database.begin() as connection:
        # As if there were an attribute that an index has no room for.
        connection.execute(text("ALTER TABLE subscribers ADD CONSTRAINT too_long CHECK (name <> 'bo')"))
    rows = [f"{name}@example.org,{name}" for name in ("ada", "bo", "cy", "di", "eve")]
    ended = bring_in(app, "email,name\n" + "\n".join(rows))
    assert (ended.state, ended.counts.new, ended.counts.bad) == (ImportState.FINISHED, 4, 1)
    bad = list(csv.reader(ImportFiles(app.imports_dir).bad_rows(ended.id).open()))
    assert bad[1][0] == "3"
    assert "cannot store" in bad[1][1]
    assert len(states(app)) == 4


@pytest.mark.parametrize("rows", [("1", "0"), ("0", "1")])
def test_a_no_in_one_of_two_rows_with_the_same_address_counts(app: AppContext, rows: tuple[str, str]) -> None:
    first, second = rows
    ended = bring_in(app, f"email,opt_in\na@example.org,{first}\nA@example.org,{second}\nb@example.org,1\n")
    assert (ended.counts.new, ended.counts.bad, ended.outcomes) == (2, 1, {"unsubscribed": 1, "subscribed": 1})
    assert states(app) == {"a@example.org": Membership.UNSUBSCRIBED, "b@example.org": Membership.SUBSCRIBED}


@pytest.mark.parametrize("between", [2, 4, 9, 30])
@pytest.mark.parametrize("mode", list(ImportMode))
@pytest.mark.parametrize("said", ["unsubscribed", "bounced", "complained"])
def test_a_no_in_a_later_row_with_the_same_address_counts_however_far_apart_they_are(
    app: AppContext, between: int, mode: ImportMode, said: str
) -> None:
    others = "".join(f"p{number}@example.org,active,\n" for number in range(between))
    text = f"email,status,unsubscribed_at\na@example.org,active,\n{others}A@example.org,{said},2020-01-01\n"
    ended = bring_in(app, text, replace(PLAN, mode=mode))
    assert (ended.counts.new, ended.counts.bad) == (between + 1, 1)
    assert states(app)["a@example.org"] is Membership.UNSUBSCRIBED
    assert actions(app, "a@example.org")[-1] is ConsentAction.WITHDRAWN
    expected = {
        "unsubscribed": [],
        "bounced": [SuppressionReason.HARD_BOUNCE],
        "complained": [SuppressionReason.COMPLAINT],
    }
    assert reasons_against(app, "a@example.org") == expected[said]


def test_every_later_no_counts_with_its_reason(app: AppContext) -> None:
    rows = "".join(f"p{number}@example.org,active\n" for number in range(9))
    later = "a@example.org,complained\na@example.org,unsubscribed\n"
    bring_in(app, f"email,status\na@example.org,active\n{rows}{later}")
    assert states(app)["a@example.org"] is Membership.UNSUBSCRIBED
    assert reasons_against(app, "a@example.org") == [SuppressionReason.COMPLAINT]


@pytest.mark.parametrize(("mode", "state"), [(ImportMode.UPDATE, "unsubscribed"), (ImportMode.SKIP, "subscribed")])
def test_a_no_in_a_later_row_changes_who_was_here_before_only_where_the_mode_updates(
    app: AppContext, mode: ImportMode, state: str
) -> None:
    bring_in(app, "email\na@example.org\n")
    rows = "".join(f"p{number}@example.org,active\n" for number in range(9))
    bring_in(app, f"email,status\na@example.org,active\n{rows}a@example.org,unsubscribed\n", replace(PLAN, mode=mode))
    assert states(app)["a@example.org"] == state


def test_a_no_that_repeats_a_row_of_an_erased_person_brings_no_one_back(app: AppContext) -> None:
    with app.database.begin() as connection:
        suppressions.add(
            connection, [Target(hash=hash_of_key("a@example.org"))], SuppressionReason.ERASED, now=app.clock()
        )
    rows = "".join(f"p{number}@example.org,active\n" for number in range(9))
    bring_in(app, f"email,status\na@example.org,active\n{rows}a@example.org,unsubscribed\n")
    assert "a@example.org" not in states(app)
    with app.database.begin() as connection, pytest.raises(NotFoundError):
        subscribers.find(connection, "a@example.org")


def begin(app: AppContext, text: str, plan: ImportPlan = PLAN, *, name: str = "people.csv") -> Import:
    return plan_import(app, plan, name=name, pieces=[text.encode()])


def bring_in(app: AppContext, text: str, plan: ImportPlan = PLAN, *, name: str = "people.csv") -> Import:
    return run_import(app, begin(app, text, plan, name=name).id)


def person(app: AppContext, address: str) -> Subscriber:
    with app.database.begin() as connection:
        return subscribers.find(connection, address)


def states(app: AppContext) -> dict[str, Membership]:
    with app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, "readers").id, limit=1000)
    return {one.email: state for one, state in found}


def actions(app: AppContext, address: str) -> list[ConsentAction]:
    with app.database.begin() as connection:
        return [one.action for one in consents.of_subscriber(connection, subscribers.find(connection, address).id)]


def reasons_against(app: AppContext, address: str) -> list[SuppressionReason]:
    with app.database.begin() as connection:
        return [one.reason for one in suppressions.matching(connection, Target(hash=hash_of_key(address)))]


def bad_rows(app: AppContext, of: Import) -> list[Mapping[str, str]]:
    path = ImportFiles(app.imports_dir).bad_rows(of.id)
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def table(addresses: Iterable[str]) -> str:
    return "email,name\n" + "".join(f"{address},Somebody\n" for address in addresses)


MANY = [f"p{number}@example.org" for number in range(20)]


def test_new_people_come_in_with_consent_that_names_the_import_and_the_line(app: AppContext) -> None:
    done = bring_in(app, table(MANY))
    assert (done.state, done.counts.read, done.counts.new) == (ImportState.FINISHED, 20, 20)
    assert set(states(app).values()) == {Membership.SUBSCRIBED}
    with app.database.begin() as connection:
        (record,) = consents.of_subscriber(connection, subscribers.find(connection, "p7@example.org").id)
    assert (record.action, record.method, record.text) == (ConsentAction.GRANTED, ConsentMethod.IMPORT, PLAN.basis)
    assert record.detail == {"import": done.id, "line": 9}


def test_a_repeat_changes_nothing_at_all(app: AppContext) -> None:
    rows = 'email,name,tags,attributes\nada@example.org,Ada,"a,b","{""n"": 1.0}"\nbo@example.org,Bo,,\n'
    bring_in(app, rows)
    before = person(app, "ada@example.org"), actions(app, "ada@example.org")
    again = bring_in(app, rows)
    assert (again.counts.unchanged, again.counts.new, again.counts.changed) == (2, 0, 0)
    assert (person(app, "ada@example.org"), actions(app, "ada@example.org")) == before


def test_update_fills_in_and_adds_and_takes_nothing_away(app: AppContext) -> None:
    bring_in(app, 'email,name,language,tags,attributes\nada@example.org,Ada,de,a,"{""x"": 1, ""y"": 1}"\n')
    text = 'email,name,language,tags,attributes\nADA@example.org,Ada L,,"b,a","{""y"": 2}"\nbo@example.org,,,,\n'
    done = bring_in(app, text)
    found = person(app, "ada@example.org")
    assert (done.counts.changed, done.counts.new) == (1, 1)
    assert (found.name, found.language, found.tags) == ("Ada L", "de", ("a", "b"))
    assert found.attributes == {"x": 1, "y": 2}
    assert found.email == "ada@example.org"


def test_insert_refuses_people_who_are_known(app: AppContext) -> None:
    bring_in(app, table(["ada@example.org"]))
    plan = replace(PLAN, mode=ImportMode.INSERT)
    done = bring_in(app, "email,name\nada@example.org,Changed\nbo@example.org,Bo\n", plan)
    assert (done.counts.new, done.counts.bad) == (1, 1)
    assert "is known already" in bad_rows(app, done)[0]["reason"]
    assert person(app, "ada@example.org").name == "Somebody"


def test_skip_passes_by_people_who_are_known(app: AppContext) -> None:
    bring_in(app, table(["ada@example.org"]))
    plan = replace(PLAN, mode=ImportMode.SKIP)
    done = bring_in(app, "email,name\nada@example.org,Changed\nbo@example.org,Bo\n", plan)
    assert (done.counts.new, done.counts.skipped, done.counts.bad) == (1, 1, 0)
    assert person(app, "ada@example.org").name == "Somebody"


@pytest.mark.parametrize("mode", list(ImportMode))
def test_a_dry_run_counts_what_the_run_will_and_changes_nothing(app: AppContext, mode: ImportMode) -> None:
    bring_in(app, table(MANY[:4]))
    plan = replace(PLAN, mode=mode)
    text = (
        "email,name,status\np0@example.org,Other,active\np1@example.org,Somebody,active\np2@example.org,,unsubscribed\n"
        "new@example.org,,active\nnew@example.org,,active\nnobody,,active\nlater@example.org,,pending\n"
    )
    before = states(app), person(app, "p0@example.org")
    dry = bring_in(app, text, replace(plan, is_dry_run=True))
    assert (states(app), person(app, "p0@example.org")) == before
    assert bring_in(app, text, plan).counts == dry.counts


def test_the_second_row_with_an_address_is_refused_wherever_it_stands(app: AppContext) -> None:
    done = bring_in(app, table([*MANY, "P0@EXAMPLE.org", "p18@example.org", "new@example.org", "new@example.org"]))
    assert {row["line"]: row["reason"] for row in bad_rows(app, done)} == {
        "22": "the address is in line 2 already",
        "23": "the address is in line 20 already",
        "25": "the address is in line 24 already",
    }
    assert done.counts.new == 21


def test_who_left_stays_away(app: AppContext) -> None:
    bring_in(app, table(["ada@example.org"]))
    with app.database.begin() as connection:
        memberships.unsubscribe(
            connection,
            subscribers.find(connection, "ada@example.org").id,
            lists.find(connection, "readers").id,
            ConsentEvidence(method=ConsentMethod.FORM, text=""),
            now=app.clock(),
        )
    bring_in(app, "email,name\nada@example.org,Ada\n")
    assert states(app) == {"ada@example.org": Membership.UNSUBSCRIBED}


def test_who_was_erased_is_not_made_known_again(app: AppContext) -> None:
    with app.database.begin() as connection:
        target = Target(hash=hash_of_key("ada@example.org"))
        suppressions.add(connection, [target], SuppressionReason.ERASED, now=app.clock())
    done = bring_in(app, table(["ada@example.org", "bo@example.org"]))
    assert (done.counts.new, done.counts.bad) == (1, 1)
    assert "erased at their own request" in bad_rows(app, done)[0]["reason"]


def test_who_has_no_mail_where_they_come_from_gets_none_here(app: AppContext) -> None:
    bring_in(
        app,
        "email,status\nleft@example.org,unsubscribed\nbounced@example.org,bounced\ncross@example.org,complained\n"
        "blocked@example.org,blocklisted\noff@example.org,disabled\nslow@example.org,pending\n",
    )
    found = states(app)
    assert found.pop("slow@example.org") is Membership.PENDING
    assert set(found.values()) == {Membership.UNSUBSCRIBED}
    assert reasons_against(app, "left@example.org") == []
    assert reasons_against(app, "bounced@example.org") == [SuppressionReason.HARD_BOUNCE]
    assert reasons_against(app, "cross@example.org") == [SuppressionReason.COMPLAINT]
    assert reasons_against(app, "blocked@example.org") == [SuppressionReason.IMPORTED]
    assert person(app, "off@example.org").status is SubscriberStatus.DISABLED
    assert actions(app, "left@example.org") == [ConsentAction.WITHDRAWN]
    assert actions(app, "slow@example.org") == [ConsentAction.REQUESTED]


def mailchimp_left(when: datetime) -> str:
    return (
        "Email Address,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME\n"
        f'ada@example.org,2,,,"{when:%Y-%m-%d %H:%M:%S}"\n'
    )


def test_who_left_there_after_agreeing_here_is_off_the_list(app: AppContext) -> None:
    bring_in(app, table(["ada@example.org"]))
    bring_in(app, mailchimp_left(datetime.now(UTC) + timedelta(days=1)))
    assert states(app) == {"ada@example.org": Membership.UNSUBSCRIBED}
    assert actions(app, "ada@example.org") == [ConsentAction.GRANTED, ConsentAction.WITHDRAWN]


def test_who_left_there_before_agreeing_here_stays_on_the_list(app: AppContext) -> None:
    bring_in(app, table(["ada@example.org"]))
    bring_in(app, mailchimp_left(datetime(2019, 1, 1, tzinfo=UTC)))
    assert states(app) == {"ada@example.org": Membership.SUBSCRIBED}


def test_the_opt_in_elsewhere_is_kept_as_evidence(app: AppContext) -> None:
    bring_in(
        app,
        "Email Address,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME\n"
        "ada@example.org,2,2020-01-02 03:04:05,192.0.2.1,\n",
    )
    with app.database.begin() as connection:
        (record,) = consents.of_subscriber(connection, subscribers.find(connection, "ada@example.org").id)
    assert record.detail["optin_time"] == "2020-01-02 03:04:05"
    assert record.detail["optin_ip"] == "192.0.2.1"


def test_an_import_needs_a_basis(app: AppContext) -> None:
    with pytest.raises(InputError, match="on what basis"):
        begin(app, table(MANY), replace(PLAN, basis=" "))


def test_bad_rows_keep_their_cells_and_no_formula(app: AppContext) -> None:
    done = bring_in(app, 'email,name\nnobody,"=HYPERLINK(""http://evil.example"")"\n')
    assert bad_rows(app, done)[0]["name"] == '\'=HYPERLINK("http://evil.example")'


def test_a_file_of_bad_rows_stays_as_it_was_committed(app: AppContext) -> None:
    begun = begin(app, table(["one", "two", "three", "four", "five"]))
    stopped = run_import(app, begun.id, until=app.clock())
    assert stopped.counts.read == 0
    # What a process wrote before it was killed, and never committed.
    ImportFiles(app.imports_dir).bad_rows(begun.id).write_text("9,never committed,nobody\n")
    done = run_import(app, begun.id)
    assert [row["email"] for row in bad_rows(app, done)] == ["one", "two", "three", "four", "five"]


def test_the_same_file_begun_and_not_ended_is_gone_on_with(app: AppContext) -> None:
    begun = begin(app, table(MANY))
    assert begin(app, table(MANY)).id == begun.id
    assert begin(app, table(MANY), replace(PLAN, mode=ImportMode.SKIP)).id != begun.id
    assert begin(app, table(MANY[1:])).id != begun.id
    run_import(app, begun.id)
    assert begin(app, table(MANY)).id != begun.id


def test_two_processes_are_not_at_one_import(app: AppContext) -> None:
    begun = begin(app, table(MANY))
    with ImportFiles(app.imports_dir).hold(begun.id):
        assert run_import(app, begun.id).counts.read == 0
    assert run_import(app, begun.id).counts.read == 20


def test_an_import_that_waits_is_rung_for_and_a_worker_goes_on_until_it_is_done(app: AppContext) -> None:
    begun = begin(app, table(MANY))
    ring = Job(JobKind.IMPORT, begun.id)
    assert ring in run_scheduler(app)
    assert work_on_import(app, begun.id, until=app.clock() + timedelta(minutes=1)) == []
    assert ring not in run_scheduler(app)
    with app.database.begin() as connection:
        assert imports.find(connection, begun.id).state is ImportState.FINISHED
    assert not ImportFiles(app.imports_dir).source(begun.id).exists()


def test_a_cancelled_import_leaves_who_has_come_in(app: AppContext) -> None:
    begun = begin(app, table(MANY))
    seen: list[int] = []

    def cancel_soon(now: Import) -> None:
        seen.append(now.counts.read)
        cancel_import(app, begun.id)

    ended = run_import(app, begun.id, watch=cancel_soon)
    assert ended.state is ImportState.CANCELLED
    assert 3 <= ended.counts.read < 20
    assert len(states(app)) == ended.counts.read
    assert not ImportFiles(app.imports_dir).source(begun.id).exists()


def test_an_import_that_broke_says_so_and_can_be_gone_on_with(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = begin(app, table(MANY))

    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(import_people, "merge", broken)
        with pytest.raises(RuntimeError):
            run_import(app, begun.id)
    with app.database.begin() as connection:
        assert imports.find(connection, begun.id).error == "the import failed: RuntimeError: out of order"
    assert run_scheduler(app) == []
    assert run_import(app, begun.id).counts.new == 20


def test_the_addresses_read_are_forgotten_at_the_end(app: AppContext) -> None:
    bring_in(app, table(MANY))
    with app.database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM import_keys")).scalar_one() == 0


def test_chunks_that_cannot_wait_for_one_another_begin_again(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_people, "_LOCK_SECONDS", 0)
    done = bring_in(app, table([*MANY, *MANY]))
    assert (done.counts.new, done.counts.bad) == (20, 20)
    assert [row["line"] for row in bad_rows(app, done)] == [str(line) for line in range(22, 42)]


def test_no_value_that_json_can_have_breaks_an_import(app: AppContext) -> None:
    hostile = ["\\u0000", "\\ud800", "\\u202e", "\\\\N", "\\t\\n", "'", "{}", '\\"', "\\\\"]
    fields = ["email", "name", "language", "zone", "tags", "attributes.x", "created_at", "consent_text"]
    fields += ["consent_ip_address", "state", "status", "topics", "suppressed"]
    lines = [
        f'{{"email": "{number}-{place}@example.org", "state": "subscribed", "status": "active", "{field}": {value}}}\n'
        for number, field in enumerate(fields)
        for place, text_ in enumerate(hostile)
        for value in (f'"{text_}"', f'["{text_}"]', '{"a": [null]}', "1e999", "true")
    ]
    done = bring_in(app, "".join(lines))
    assert (done.state, done.counts.read) == (ImportState.FINISHED, len(lines))
    assert done.counts.new > len(hostile)


def test_what_killed_processes_left_is_removed(app: AppContext) -> None:
    files = ImportFiles(app.imports_dir)
    done = bring_in(app, table(MANY))
    files.source(done.id).write_text("left at the very end")
    files.source(999).write_text("of an import that is only just being planned")
    begin(app, table(MANY[1:]))
    assert (files.source(done.id).exists(), files.source(999).exists()) == (False, True)


def test_an_unknown_column_that_may_say_no_refuses_the_file_before_anything_is_written(app: AppContext) -> None:
    text_ = "email,Werbung ok\nada@example.org,ja\nbo@example.org,nein\n"
    with pytest.raises(InputError, match="'Werbung ok' with the cells 'ja', 'nein'"):
        begin(app, text_)
    with app.database.begin() as connection:
        assert imports.listed(connection, limit=10) == []
    assert list(app.imports_dir.iterdir()) == []
    mapped = replace(PLAN, settings=ImportSettings(columns={"Werbung ok": "subscribed"}))
    bring_in(app, text_, mapped)
    assert states(app) == {"ada@example.org": Membership.SUBSCRIBED, "bo@example.org": Membership.UNSUBSCRIBED}


OUTCOMES = (
    "email,status,opt_in,unsubscribed_at\nyes@example.org,active,1,\nno@example.org,active,0,\n"
    "left@example.org,active,1,2024-01-02\nslow@example.org,pending,1,\nspam@example.org,complained,1,2024-01-02\n"
    "dead@example.org,bounced,0,\noff@example.org,blacklisted,1,\nodd@example.org,perhaps,1,\n,active,1,\n"
    "gone@example.org,trial,1,\nyes@example.org,active,1,\n"
)


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_an_import_keeps_how_the_file_was_understood_and_what_people_are_by_it(
    app: AppContext, is_dry_run: bool
) -> None:
    settings = ImportSettings(statuses={"trial": "ignore"})
    done = bring_in(app, OUTCOMES, replace(PLAN, settings=settings, is_dry_run=is_dry_run))
    assert done.outcomes == {
        "subscribed": 1,
        "unsubscribed": 2,
        "pending": 1,
        "complained": 1,
        "bounced": 1,
        "blocklisted": 1,
    }
    assert done.skip_reasons == {"its status is mapped to ignore": 1}
    assert (done.counts.read, done.counts.skipped, done.counts.bad) == (11, 1, 3)
    assert [(use.header, use.target) for use in done.scan.columns] == [
        ("email", "email"),
        ("status", "status"),
        ("opt_in", "subscribed"),
        ("unsubscribed_at", "unsubscribed"),
    ]
    meanings = {word.word: (word.rows, word.meaning) for word in done.scan.words if word.header == "status"}
    assert (meanings["active"], meanings["perhaps"], meanings["trial"]) == ((5, "subscribed"), (1, ""), (1, "ignore"))


def test_the_strictest_cell_of_a_row_decides_and_every_reason_counts(app: AppContext) -> None:
    bring_in(app, "email,opt_in,bounced,spam\nada@example.org,1,1,1\n")
    assert states(app) == {"ada@example.org": Membership.UNSUBSCRIBED}
    assert set(reasons_against(app, "ada@example.org")) == {SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT}


def test_both_people_of_a_row_come_in_though_a_chunk_ends_between_them(app: AppContext) -> None:
    rows = "".join(f"a{number}@example.org; b{number}@example.org\n" for number in range(10))
    done = bring_in(app, "email\n" + rows)
    assert (done.counts.read, done.counts.new) == (20, 20)


def test_a_repeated_and_an_erased_person_of_a_row_are_refused_without_the_other(app: AppContext) -> None:
    with app.database.begin() as connection:
        target = Target(hash=hash_of_key("gone@example.org"))
        suppressions.add(connection, [target], SuppressionReason.ERASED, now=app.clock())
    done = bring_in(app, "email\nada@example.org\nada@example.org; bo@example.org\ngone@example.org; cy@example.org\n")
    assert sorted(states(app)) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    assert (done.counts.new, done.counts.bad) == (3, 2)


def test_corrected_rows_of_a_file_of_people_who_left_stay_rows_of_people_who_left(app: AppContext) -> None:
    done = bring_in(app, "email,name\nnobody,Ada\n", name="unsubscribed_audience_export.csv")
    corrected = ImportFiles(app.imports_dir).bad_rows(done.id).read_text().replace("nobody", "ada@example.org")
    bring_in(app, corrected, name="corrected.csv")
    assert states(app) == {"ada@example.org": Membership.UNSUBSCRIBED}


def test_who_asked_another_service_for_deletion_is_passed_over(app: AppContext) -> None:
    done = bring_in(
        app,
        "email,active_subscription,email_disabled\ndeleted-1@deletion-request.substack.com,false,false\n"
        "ada@example.org,false,false\n",
    )
    assert (done.counts.read, done.counts.new, done.counts.skipped, done.counts.bad) == (2, 1, 1, 0)
    assert list(done.skip_reasons.values()) == [1]
    assert list(states(app)) == ["ada@example.org"]


def test_an_export_of_all_lists_does_not_subscribe_who_left(app: AppContext) -> None:
    bring_in(app, "email,status\nleft@example.org,unsubscribed\nhere@example.org,active\n")
    out = b"".join(export_people(app, Selection(), format_=ExportFormat.CSV)).decode()
    with app.database.begin() as connection:
        lists.add(connection, slug="others", name="Others")
    bring_in(app, out, replace(PLAN, list_slug="others"))
    with app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, "others").id, limit=10)
    assert {one.email: state for one, state in found} == states(app)
