"""Imports and exports on the command line: reports, exit codes, resuming."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BASIS = "Signed up at the counter."


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three good rows and a bad one."""
    file = tmp_path / "people.csv"
    file.write_text("email,name\nada@example.org,Ada\nbo@example.org,Bo\nnobody,Nobody\ncy@example.org,Cy\n")
    return file


def test_good_rows_come_in_and_bad_ones_are_reported_with_their_reasons(run: Run, people: Path) -> None:
    run("list", "create", "Readers")
    result = run("subscriber", "import", str(people), "--list", "readers", "--basis", BASIS, "--json")
    report = json.loads(result.out)
    assert result.code == 8
    assert (report["state"], report["read"], report["new"], report["bad"]) == ("finished", 4, 3, 1)
    (bad,) = csv.DictReader(Path(report["bad_rows"]).read_text().splitlines())
    assert (bad["line"], bad["email"], bad["name"]) == ("4", "nobody", "Nobody")
    assert "there is no @ in it" in bad["reason"]
    (consent,) = json.loads(run("subscriber", "consents", "ada@example.org", "--json").out)
    assert (consent["method"], consent["text"], consent["detail"]) == ("import", BASIS, {"import": 1, "line": 2})


def test_the_same_command_again_changes_nothing(run: Run, people: Path) -> None:
    run("list", "create", "Readers")
    command = ("subscriber", "import", str(people), "--list", "readers", "--basis", BASIS)
    run(*command)
    result = run(*command)
    assert "0 subscribers added, 0 updated, 3 unchanged" in result.message
    assert [one["id"] for one in json.loads(run("subscriber", "imports", "--json").out)] == [2, 1]


def test_a_dry_run_reports_and_changes_nothing(run: Run, people: Path) -> None:
    run("list", "create", "Readers")
    result = run("subscriber", "import", str(people), "--list", "readers", "--basis", BASIS, "--dry-run")
    assert "3 subscribers would be added" in result.message
    assert json.loads(run("list", "list", "--json").out)[0]["subscribed"] == 0


def test_corrected_bad_rows_come_in(run: Run, people: Path, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    command = ("--list", "readers", "--basis", BASIS, "--json")
    bad = Path(json.loads(run("subscriber", "import", str(people), *command).out)["bad_rows"])
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(bad.read_text().replace(",nobody,", ",nobody@example.org,"))
    result = run("subscriber", "import", str(corrected), *command)
    assert (result.code, json.loads(result.out)["new"]) == (0, 1)


def test_headers_are_mapped_and_typed(run: Run, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    file = tmp_path / "leser.csv"
    file.write_bytes("E-Mail;Ort;Alter;Egal\nada@example.org;Köln;36;x\nbo@example.org;Wien;alt;y\n".encode("cp1252"))
    result = run(
        *("subscriber", "import", str(file), "--list", "readers", "--basis", BASIS, "--json"),
        *("--map", "Ort=attributes.city", "--map", "Alter=attributes.age", "--type", "attributes.age=number"),
    )
    assert (result.code, json.loads(result.out)["encoding"]) == (8, "windows-1252")
    shown = json.loads(run("subscriber", "show", "ada@example.org", "--json").out)
    assert shown["attributes"] == {"city": "Köln", "age": 36}


CONSENT = "E-Mail,Status,Opt-in,Ort\nada@example.org,gold,ja,Ulm\nbo@example.org,lapsed,ja,Ulm\ncy@example.org,,,Ulm\n"


def test_what_columns_and_words_mean_is_shown_by_a_dry_run_and_at_the_end(run: Run, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    file = tmp_path / "people.csv"
    file.write_text(CONSENT)
    command = (
        *("subscriber", "import", str(file), "--list", "readers", "--basis", BASIS),
        *("--map-status", "gold=subscribed", "--map-status", "lapsed=unsubscribed", "--map-status", "=pending"),
    )
    for options in (("--dry-run",), ()):
        message = " ".join(run(*command, *options).message.split())
        assert "columns: E-Mail = email, Status = status, Opt-in = subscribed" in message
        assert "columns passed over: Ort" in message
        assert "Status: gold = subscribed (1), lapsed = unsubscribed (1), (empty) = pending (1)" in message
        assert "by the file they are: 1 subscribed, 2 unsubscribed" in message
    report = json.loads(run("subscriber", "imports", "2", "--json").out)
    assert report["outcomes"] == {"subscribed": 1, "unsubscribed": 2}
    assert report["columns"][2] == {"header": "Opt-in", "target": "subscribed", "source": "known"}
    assert report["words"][0] == {"header": "Status", "word": "gold", "rows": 1, "meaning": "subscribed"}
    assert "columns passed over: Ort" in run("subscriber", "imports", "2").message


def test_a_column_that_may_say_no_and_is_not_known_refuses_the_file(run: Run, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    file = tmp_path / "people.csv"
    file.write_text("email,Werbung ok\nada@example.org,A\n")
    result = run("subscriber", "import", str(file), "--list", "readers", "--basis", BASIS, "--dry-run")
    assert result.code == 2
    assert '"Werbung ok=unsubscribed"' in " ".join(result.message.split())
    assert json.loads(run("subscriber", "imports", "--json").out) == []


def test_what_is_exported_is_imported_as_it_was(run: Run, people: Path, tmp_path: Path) -> None:
    run("list", "create", "Readers")
    run("subscriber", "import", str(people), "--list", "readers", "--basis", BASIS)
    out = tmp_path / "out.csv"
    assert run("subscriber", "export", "--list", "readers", "--out", str(out)).code == 0
    shown = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [(one["email"], one["state"], one["consent_text"]) for one in shown] == [
        (f"{name}@example.org", "subscribed", BASIS) for name in ("ada", "bo", "cy")
    ]
    result = run("subscriber", "import", str(out), "--list", "readers", "--basis", BASIS, "--json")
    report = json.loads(result.out)
    assert (report["format"], report["unchanged"], result.code) == ("distributor", 3, 0)


def test_an_export_goes_to_standard_output_as_json_lines(run_process: Run, people: Path) -> None:
    run_process("list", "create", "Readers")
    run_process("subscriber", "import", str(people), "--list", "readers", "--basis", BASIS)
    result = run_process("subscriber", "export", "--list", "readers", "--format", "jsonl")
    assert [json.loads(line)["name"] for line in result.out.splitlines()] == ["Ada", "Bo", "Cy"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("people.csv", "--list", "readers"), 2, "missing --basis"),
        (("--basis", BASIS), 2, "missing the FILE and --list"),
        (("people.csv", "--list", "nobody", "--basis", BASIS), 3, "there is no list 'nobody'"),
        (("gone.csv", "--list", "readers", "--basis", BASIS), 2, "gone.csv: cannot be read"),
        (("people.csv", "--list", "readers", "--basis", BASIS, "--map", "Ort=city"), 2, "there is no column 'Ort'"),
        (
            ("people.csv", "--list", "readers", "--basis", BASIS, "--map", "name=nonsense"),
            2,
            "a column cannot be mapped to 'nonsense'",
        ),
        (("people.csv", "--list", "readers", "--basis", BASIS, "--map-status", "x=y"), 2, "mapped to the status 'y'"),
        (("people.csv", "--list", "readers", "--basis", BASIS, "--format", "excel"), 2, "unknown format"),
        (("people.csv", "--list", "readers", "--basis", BASIS, "--encoding", "klingon"), 2, "is not an encoding"),
        (("people.csv", "--list", "readers", "--basis", BASIS, "--delimiter", "::"), 2, "cannot be a delimiter"),
        (("--resume", "7"), 3, "there is no import 7"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    run: Run, people: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    run("list", "create", "Readers")
    result = run("subscriber", "import", *arguments)
    assert (result.code, says in result.message) == (code, True), result.message
    assert "Traceback" not in result.err
