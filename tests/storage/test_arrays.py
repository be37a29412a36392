"""Array literals, read back by PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.flow.app_context import AppContext
from distributor.storage.arrays import array_of

WORDS = st.sampled_from(["", "NULL", "null", '"', "\\", "{}", "a,b", " ", "'", "\n\t", "é漢😀"])
TEXTS = st.lists(st.none() | WORDS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))


@given(texts=TEXTS)
@settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_texts_come_back_as_they_were(app: AppContext, texts: list[str | None]) -> None:
    assert read(app, "text", array_of(texts)) == texts


def test_numbers_booleans_and_times_come_back_as_they_were(app: AppContext) -> None:
    times = [datetime(2026, 11, 22, 9, 30, 1, 500, tzinfo=UTC), None]

    assert read(app, "bigint", array_of([1, -2, 2**62, None])) == [1, -2, 2**62, None]
    assert read(app, "boolean", array_of([True, False])) == [True, False]
    assert read(app, "timestamptz", array_of(times)) == times
    assert read(app, "text", array_of([])) == []


def read(app: AppContext, kind: str, literal: str) -> object:
    with app.database.begin() as connection:
        return connection.execute(text(f"SELECT CAST(:literal AS {kind}[])"), {"literal": literal}).scalar_one()
