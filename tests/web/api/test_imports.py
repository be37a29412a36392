"""Imports and exports of subscribers by the API."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import QueuePool

from distributor.flow.app_context import AppContext
from distributor.flow.people.import_people import run_import

WHERE = {"list": "weekly-letter", "basis": "They signed at the fair.", "name": "fair.csv"}
FILE = b"email,name,city\nada@example.org,Ada,Vienna\nnobody,Nobody,Graz\nbo@example.org,Bo,Linz\n"


@pytest.fixture(autouse=True)
def weekly(api: Any) -> None:
    api.post("/lists", json={"name": "Weekly letter"})


def send(api: Any, body: Any = FILE, **parameters: Any) -> Any:
    return api.post("/imports", params={**WHERE, **parameters}, content=body, headers={"Content-Type": "text/csv"})


def test_a_file_is_taken_in_and_a_worker_brings_the_people_in(api: Any, app: AppContext):
    answer = send(api, map=["city=attributes.city"])
    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["state"], taken["size"], taken["name"]) == ("waiting", len(FILE), "fair.csv")
    run_import(app, taken["id"])
    done = api.get(f"/imports/{taken['id']}").json()
    assert (done["state"], done["position"]) == ("finished", len(FILE))
    assert (done["counts"]["read"], done["counts"]["new"], done["counts"]["bad"]) == (3, 2, 1)
    assert api.get("/subscribers/ada@example.org").json()["attributes"] == {"city": "Vienna"}
    (consent,) = api.get("/subscribers/ada@example.org/consents").json()["items"]
    assert (consent["method"], consent["text"]) == ("import", "They signed at the fair.")
    assert list(app.imports_dir.glob("*.people")) == []


def test_bad_rows_can_be_had_and_mended(api: Any, app: AppContext):
    number = send(api).json()["id"]
    run_import(app, number)
    answer = api.get(f"/imports/{number}/bad-rows")
    assert answer.headers["content-type"].startswith("text/csv")
    ((line, reason, *cells),) = list(csv.reader(io.StringIO(answer.text)))[1:]
    assert (line, cells) == ("3", ["nobody", "Nobody", "Graz"])
    assert "no @" in reason


def test_a_dry_run_brings_no_one_in(api: Any, app: AppContext):
    number = send(api, dry_run=True).json()["id"]
    run_import(app, number)
    data = api.get(f"/imports/{number}").json()
    assert (data["is_dry_run"], data["counts"]["new"]) == (True, 2)
    assert api.get("/subscribers").json()["items"] == []


def test_how_a_file_is_understood_is_part_of_the_import(api: Any, app: AppContext):
    body = b"email,status,city\nada@example.org,gold,Ulm\nbo@example.org,lapsed,Ulm\ncy@example.org,odd,Ulm\n"
    taken = send(api, body=body, map_status=["gold=subscribed", "lapsed=unsubscribed", "odd=ignore"]).json()
    assert [(use["header"], use["target"]) for use in taken["scan"]["columns"]] == [
        ("email", "email"),
        ("status", "status"),
        ("city", "ignore"),
    ]
    assert [(word["word"], word["meaning"]) for word in taken["scan"]["words"]] == [
        ("gold", "subscribed"),
        ("lapsed", "unsubscribed"),
        ("odd", "ignore"),
    ]
    run_import(app, taken["id"])
    done = api.get(f"/imports/{taken['id']}").json()
    assert done["outcomes"] == {"subscribed": 1, "unsubscribed": 1}
    assert done["skip_reasons"] == {"its status is mapped to ignore": 1}


def test_the_same_file_sent_again_is_the_same_import(api: Any):
    assert send(api).json()["id"] == send(api).json()["id"]
    assert len(api.get("/imports").json()["items"]) == 1


def test_an_import_is_cancelled(api: Any, app: AppContext):
    number = send(api).json()["id"]
    assert api.post(f"/imports/{number}/cancel").json()["state"] == "cancelled"
    run_import(app, number)
    assert api.get("/subscribers").json()["items"] == []


def test_the_newest_import_comes_first_and_pages_lead_back(api: Any):
    numbers = [send(api, body=FILE + b"x%d@example.org,X,Y\n" % n).json()["id"] for n in range(3)]
    first = api.get("/imports", params={"limit": 2}).json()
    second = api.get("/imports", params={"limit": 2, "before": first["next"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == numbers[::-1]
    assert second["next"] is None


def test_a_large_file_is_not_refused_for_its_size(api: Any):
    body = b"email\n" + b"".join(b"p%d@example.org\n" % number for number in range(100_000))
    assert len(body) > 1024 * 1024
    assert send(api, body=body).json()["size"] == len(body)


@pytest.mark.parametrize(
    ("parameters", "body", "status"),
    [
        ({"list": "nothing"}, FILE, 404),
        ({"basis": ""}, FILE, 422),
        ({"basis": " "}, FILE, 422),
        ({"basis": "\x00"}, FILE, 422),
        ({"mode": "replace"}, FILE, 422),
        ({"format": "nothing"}, FILE, 422),
        ({"encoding": "nothing"}, FILE, 422),
        ({"delimiter": "xx"}, FILE, 422),
        ({"map": "city"}, FILE, 422),
        ({"map": "town=attributes.city"}, FILE, 422),
        ({"type": "attributes.city=colour"}, FILE, 422),
        ({"name": "a\nb"}, FILE, 422),
        ({"map_status": "gold"}, FILE, 422),
        ({"map_status": "gold=nothing"}, FILE, 422),
        ({}, b"email,Werbung ok\na@example.org,A\n", 422),
        ({}, b"", 422),
        ({}, b"\x00\x01\x02", 422),
        ({}, b"name\nAda\n", 422),
    ],
)
def test_a_file_that_cannot_be_read_leaves_nothing(
    api: Any, app: AppContext, parameters: dict[str, Any], body: bytes, status: int
):
    answer = send(api, body=body, **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert api.get("/imports").json()["items"] == []
    assert not app.imports_dir.exists() or list(app.imports_dir.iterdir()) == []


def test_an_encoding_that_is_not_certain_is_asked_for_with_names_in_each(api: Any):
    body = "email,name\nada@example.org,Perù\n".encode("cp1252")
    answer = send(api, body=body)
    assert answer.status_code == 422
    assert "windows-1252 (Perù); windows-1250 (Perů)" in answer.json()["detail"]
    assert send(api, body=body, encoding="windows-1252").status_code == 202


@pytest.mark.parametrize(("path", "status"), [("7", 404), ("0", 422), (str(2**63), 422), ("x", 422)])
def test_an_import_that_is_not_there_is_not_found(api: Any, path: str, status: int):
    assert api.get(f"/imports/{path}").status_code == status
    assert api.get(f"/imports/{path}/bad-rows").status_code == status
    assert api.post(f"/imports/{path}/cancel").status_code == status


def test_an_import_without_bad_rows_has_no_file_of_them(api: Any):
    assert api.get(f"/imports/{send(api).json()['id']}/bad-rows").status_code == 404


def test_people_come_out_as_csv_and_as_json_lines(api: Any, app: AppContext):
    run_import(app, send(api).json()["id"])
    answer = api.get("/exports/subscribers", params={"list": "weekly-letter"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["email"], row["name"], row["state"]) for row in rows] == [
        ("ada@example.org", "Ada", "subscribed"),
        ("bo@example.org", "Bo", "subscribed"),
    ]
    lines = api.get("/exports/subscribers", params={"format": "jsonl"}).text.splitlines()
    assert [json.loads(line)["email"] for line in lines] == ["ada@example.org", "bo@example.org"]


def test_what_comes_out_goes_in_again(api: Any, app: AppContext):
    run_import(app, send(api).json()["id"])
    out = api.get("/exports/subscribers", params={"list": "weekly-letter"}).content
    again = send(api, body=out, dry_run=True).json()["id"]
    assert run_import(app, again).counts.unchanged == 2


def test_an_export_of_no_one_is_a_header(api: Any):
    api.post("/segments", json={"name": "Nobody", "condition": "tag = nobody"})
    assert api.get("/exports/subscribers", params={"segment": "nobody"}).text.startswith("email,")
    assert api.get("/exports/subscribers", params={"segment": "nobody", "format": "jsonl"}).text == ""


@pytest.mark.parametrize("parameters", [{"list": "nothing"}, {"segment": "nothing"}])
def test_an_export_of_what_is_not_there_is_not_found(api: Any, parameters: dict[str, str]):
    answer = api.get("/exports/subscribers", params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_exports_give_back_their_connections_and_their_turns(api: Any, app: AppContext):
    for _ in range(5):
        assert api.get("/exports/subscribers").status_code == 200
        assert api.get("/exports/subscribers", params={"list": "nothing"}).status_code == 404
    pool = app.database._engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0
