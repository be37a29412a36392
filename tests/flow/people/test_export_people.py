"""Exports: which subscribers, in what form, and that an import restores the same subscribers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import NotFoundError
from distributor.domain.person import person_of
from distributor.domain.segments.parser import parse
from distributor.domain.subscriber_export import Selection
from distributor.domain.subscriber_import import Import, ImportPlan
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow.app_context import AppContext
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.flow.people.import_people import plan_import, run_import
from distributor.storage import lists, memberships, segments, subscribers, suppressions

READERS = Selection(list_slug="readers")


@pytest.fixture(autouse=True)
def readers(app: AppContext) -> None:
    with app.database.begin() as connection:
        for slug in ("readers", "others"):
            lists.add(connection, slug=slug, name=slug.title())


def exported(app: AppContext, selection: Selection, format_: ExportFormat = ExportFormat.CSV) -> bytes:
    return b"".join(export_people(app, selection, format_=format_))


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def bring_in(app: AppContext, data: bytes, *, to: str = "readers") -> Import:
    plan = ImportPlan(list_slug=to, basis="They signed up.")
    return run_import(app, plan_import(app, plan, name="people", pieces=[data]).id)


def subscribe(app: AppContext, address: str, *, name: str = "", to: str = "readers") -> int:
    evidence = ConsentEvidence(method=ConsentMethod.PERSON, text="Said so.\nTwice.", ip_address="192.0.2.1")
    with app.database.begin() as connection:
        chosen = lists.find(connection, to)
        memberships.subscribe(connection, chosen.id, [person_of(address, name=name)], evidence, now=app.clock())
        return subscribers.find(connection, address).id


def test_a_row_tells_of_state_choices_suppression_and_consent(app: AppContext) -> None:
    number = subscribe(app, "ada@example.org", name="Ada")
    subscribe(app, "ada@example.org", to="others")
    with app.database.begin() as connection:
        chosen = lists.find(connection, "readers")
        memberships.set_topics(connection, number, chosen.id, ["a", "b"])
        target = Target(hash=hash_of_key("ada@example.org"))
        suppressions.add(connection, [target], SuppressionReason.COMPLAINT, now=app.clock())
    (row,) = rows(exported(app, READERS))
    assert (row["email"], row["state"], row["topics"]) == ("ada@example.org", "subscribed", "a,b")
    assert (row["suppressed"], json.loads(row["lists"])) == (
        "complaint",
        {"others": "subscribed", "readers": "subscribed"},
    )
    assert (row["consent_action"], row["consent_method"]) == ("granted", "person")
    assert (row["consent_text"], row["consent_ip_address"]) == ("Said so.\nTwice.", "192.0.2.1")


def test_formulas_are_escaped(app: AppContext) -> None:
    subscribe(app, "=cmd@example.org", name="@SUM(A1)")
    (row,) = rows(exported(app, READERS))
    assert (row["email"], row["name"]) == ("'=cmd@example.org", "'@SUM(A1)")


def test_a_list_a_segment_or_everybody_is_told_of(app: AppContext) -> None:
    subscribe(app, "ada@example.org", name="Ada")
    subscribe(app, "bo@example.org", name="Bo", to="others")
    with app.database.begin() as connection:
        segments.save(connection, slug="bos", name="", condition=parse('name = "Bo"'), now=app.clock())
    emails = [
        [row["email"] for row in rows(exported(app, selection))]
        for selection in (READERS, Selection(segment_slug="bos"), Selection(list_slug="readers", segment_slug="bos"))
    ]
    assert emails == [["ada@example.org"], ["bo@example.org"], []]
    everybody = rows(exported(app, Selection()))
    assert [(row["email"], row["state"]) for row in everybody] == [("ada@example.org", ""), ("bo@example.org", "")]


@pytest.mark.parametrize("selection", [Selection(list_slug="nobody"), Selection(segment_slug="nobody")])
def test_an_unknown_list_or_segment_is_told(app: AppContext, selection: Selection) -> None:
    with pytest.raises(NotFoundError):
        exported(app, selection)


@pytest.mark.parametrize("format_", list(ExportFormat))
def test_more_people_than_a_page_come_out_once_each(app: AppContext, format_: ExportFormat) -> None:
    bring_in(app, b"email\n" + b"".join(b"p%d@example.org\n" % number for number in range(2500)))
    data = exported(app, READERS, format_)
    assert data.count(b"@example.org") == 2500
    assert len(data.splitlines()) == 2500 + (format_ is ExportFormat.CSV)


CELLS = st.text(alphabet=st.sampled_from("abcÄß山'=+-@\",;|é \\"), max_size=12)
LEAVES = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6), CELLS)
JSON = st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(CELLS.filter(bool), LEAVES, max_size=2))
LOCAL_PARTS = st.text(alphabet="abcXYZ'=+-_{}~é", min_size=1, max_size=10)
TAGS = st.lists(CELLS.map(str.strip).filter(bool), max_size=3, unique=True)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "email": LOCAL_PARTS,
            "name": CELLS,
            "language": st.sampled_from(["", "de", "pt-BR"]),
            "zone": st.sampled_from(["", "Europe/Vienna"]),
            "tags": TAGS,
            "attributes": st.dictionaries(CELLS.filter(bool), JSON, max_size=3),
        }
    ),
    min_size=1,
    max_size=5,
)
TURN = count()


@pytest.mark.parametrize("format_", list(ExportFormat))
@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE)
def test_what_is_imported_and_exported_and_imported_is_the_same_people(
    app: AppContext, format_: ExportFormat, people: list[dict[str, object]]
) -> None:
    slug = f"turn-{next(TURN)}"
    originals = [{**one, "email": f"{one['email']}.{number}.{slug}@example.org"} for number, one in enumerate(people)]
    with app.database.begin() as connection:
        lists.add(connection, slug=slug, name=slug)
    assert bring_in(app, written(originals), to=slug).counts.new == len(originals)

    data = exported(app, Selection(list_slug=slug), format_)
    again = bring_in(app, data, to=slug)
    assert (again.counts.unchanged, again.counts.bad) == (len(originals), 0)
    # The same for unknown subscribers.
    moved = data.replace(slug.encode(), b"moved" + slug.encode())
    assert bring_in(app, moved, to=slug).counts.new == len(originals)
    lines = exported(app, Selection(list_slug=slug), ExportFormat.JSONL).decode().splitlines()
    found = [json.loads(line) for line in lines]
    assert {key(one): known(one) for one in found} == {key(one): known(one) for one in originals}
    assert len(found) == 2 * len(originals)


def written(people: list[dict[str, object]]) -> bytes:
    """As JSON lines, which need no escaping of their own."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in people)


def key(one: Mapping[str, object]) -> str:
    return str(one["email"]).replace("moved", "")


def known(one: Mapping[str, object]) -> list[object]:
    name = str(one["name"]).strip()
    return [name, one["language"], one["zone"], one["tags"], one["attributes"]]
