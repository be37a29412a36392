"""`distributor totals verify`."""

from __future__ import annotations

import json

import psycopg

from tests.cli.conftest import Run


def test_verify_names_what_differs_until_it_is_mended(run: Run, environment: dict[str, str]) -> None:
    right = run("totals", "verify")
    assert (right.code, right.out.strip()) == (0, "All totals are what a count gives.")
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries) "
            "VALUES (7, 'failed', 'userunknown', 3)"
        )
    difference = {
        "dispatch": 7,
        "kind": "failed",
        "detail": "userunknown",
        "number": "deliveries",
        "stored": 3,
        "counted": 0,
    }
    wrong = run("totals", "verify", "--json")
    assert (wrong.code, json.loads(wrong.out)) == (1, [difference])
    assert "differences: 1; `distributor totals verify --mend` stores what was counted" in wrong.err
    mended = run("totals", "verify", "--mend")
    assert mended.code == 0
    assert "userunknown" in mended.out
    assert run("totals", "verify", "--json").out.strip() == "[]"
