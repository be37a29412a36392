"""`distributor bounce classify`"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

MAILS = ROOT / "tests" / "mail" / "bounces" / "mails"


def bounce(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-m", "distributor", "bounce", "classify", *arguments)
    wide = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(command, input=given, capture_output=True, check=False, env=wide)


def test_each_file_is_reported_with_its_recipients() -> None:
    bounced, other = str(MAILS / "dsn-postfix-two-recipients.eml"), str(MAILS / "other-newsletter.eml")
    done = bounce(bounced, other, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == [
        {
            "file": bounced,
            "kind": "bounce",
            "feedback_type": None,
            "recipients": [
                {
                    "recipient": "ann@example.net",
                    "status": "5.1.1",
                    "reply_code": "550",
                    "reason": "userunknown",
                    "hard": True,
                    "scope": "recipient",
                },
                {
                    "recipient": "bob@example.net",
                    "status": "5.2.2",
                    "reply_code": "552",
                    "reason": "mailboxfull",
                    "hard": False,
                    "scope": "recipient",
                },
            ],
        },
        {"file": other, "kind": "other", "feedback_type": None, "recipients": []},
    ]


def test_a_mail_comes_from_standard_input() -> None:
    done = bounce("-", "--json", given=(MAILS / "unsubscribe-mailto.eml").read_bytes())
    [shown] = json.loads(done.stdout)
    assert (shown["file"], shown["kind"], shown["recipients"][0]["reason"]) == ("-", "unsubscribe", None)


def test_a_person_gets_a_table() -> None:
    done = bounce(str(MAILS / "arf-abuse.eml"), str(MAILS / "other-empty.eml"))
    assert done.returncode == 0
    for word in ("complaint", "ann@example.net", "feedback", "other"):
        assert word in done.stdout.decode()


def test_a_file_that_cannot_be_read_is_reported_and_stops_no_other(tmp_path: Path) -> None:
    missing, bounced = str(tmp_path / "missing.eml"), str(MAILS / "plain-qmail.eml")
    done = bounce(missing, str(tmp_path), bounced, "--json")
    assert done.returncode == 2
    assert [(one["file"], one["kind"]) for one in json.loads(done.stdout)] == [
        (missing, None),
        (str(tmp_path), None),
        (bounced, "bounce"),
    ]
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ", 2)[2] for line in lines] == [
        "cannot be read: No such file or directory",
        "cannot be read: Is a directory",
    ]


def test_a_name_that_is_no_text_is_reported_as_well_as_it_can_be(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/mail-\xff.eml"
    Path(os.fsdecode(path)).write_bytes((MAILS / "other-newsletter.eml").read_bytes())
    done = bounce(os.fsdecode(path), "--json")
    assert (done.returncode, json.loads(done.stdout)[0]["kind"]) == (0, "other")
