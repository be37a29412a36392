"""Errors of PostgreSQL: a value that it refuses is a data error, a server that is away or full is an outage."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from distributor.domain.errors import DataError, DiskFullError, ServiceError
from distributor.flow.app_context import AppContext
from distributor.storage.database import savepoint

# Too long for an index whatever the compression.
INCOMPRESSIBLE = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(2000))


@pytest.mark.parametrize(
    ("statement", "value", "message"),
    [
        ("INSERT INTO tags (slug, label) VALUES (:value, 'a')", INCOMPRESSIBLE, "in tags.tags_pkey: .*too long"),
        ("INSERT INTO tags (slug, label) VALUES ('a', :value)", "a\x00b", "NUL"),
        ("INSERT INTO tags (slug, label) VALUES ('a', :value)", "a\ud800b", "half of a character"),
        ("SELECT CAST(:value AS jsonb)", json.dumps("a\x00b"), "NUL"),
        ("SELECT CAST(:value AS jsonb)", json.dumps("a\ud800b"), "22P02"),
        ("SELECT CAST(:value AS integer)", "99999999999", "out of range"),
        ("INSERT INTO tags (slug, label) VALUES ('a', CAST(:value AS text))", None, "in tags.label: .*missing"),
        ("INSERT INTO article_tags VALUES (:value, 'none', 1)", 7, "does not exist"),
        ("INSERT INTO suppressions (reason, at, note) VALUES ('x', now(), :value)", "", "target_check: .*rule"),
        ("INSERT INTO heartbeats VALUES ('a', now()), (:value, now())", "a", "heartbeats_pkey: .*already"),
    ],
)
def test_a_value_that_cannot_be_stored_is_a_data_error_that_names_the_place(
    app: AppContext, statement: str, value: object, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught, app.database.begin() as connection:
        connection.execute(text(statement), {"value": value})
    assert INCOMPRESSIBLE[:20] not in str(caught.value)


def test_a_refused_copy_is_a_data_error_too(app: AppContext) -> None:
    with pytest.raises(DataError, match="NUL"), app.database.begin() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy("COPY tags FROM STDIN") as copy:
            copy.write("a\tb\x00c\n")


@pytest.mark.parametrize(
    ("sqlstate", "kind", "message"),
    [
        ("53100", DiskFullError, "the disk of PostgreSQL at .* is full: .*; free some space"),
        ("53200", ServiceError, "does not answer"),
        ("53300", ServiceError, "does not answer"),
        ("57P01", ServiceError, "does not answer"),
        ("08006", ServiceError, "does not answer"),
        ("40P01", ServiceError, "rolled the transaction back: .*; try again"),
    ],
)
def test_an_outage_is_no_data_error(app: AppContext, sqlstate: str, kind: type[ServiceError], message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught, app.database.begin() as connection:
        connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'as it happens' USING ERRCODE = '{sqlstate}'; END $$"))
    assert type(caught.value) is kind


def test_a_mistake_in_a_statement_is_neither(app: AppContext) -> None:
    with pytest.raises(ProgrammingError), app.database.begin() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_a_refused_value_rolls_back_to_its_savepoint_and_the_transaction_goes_on(app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("INSERT INTO tags VALUES ('before', 'before')"))
        with pytest.raises(DataError), savepoint(connection):
            connection.execute(text("INSERT INTO tags VALUES ('inside', 'inside')"))
            connection.execute(text("INSERT INTO tags VALUES (:slug, 'bad')"), {"slug": INCOMPRESSIBLE})
        connection.execute(text("INSERT INTO tags VALUES ('after', 'after')"))
    with app.database.begin() as connection:
        assert connection.execute(text("SELECT slug FROM tags ORDER BY slug")).scalars().all() == ["after", "before"]
