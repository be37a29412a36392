"""How well the sample of another project is read, whose verdicts are known.

The program never sees the names of the files, nor the table.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict

import pytest

from distributor.mail.bounces import InboundReport, RecipientReport, read_inbound_report
from tests.paths import SHARED

SAMPLE = SHARED / "data" / "bounces"

pytestmark = pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"the sample of bounce mails is not at {SAMPLE}")

Row = dict[str, str]


def verdicts() -> dict[str, list[Row]]:
    """The rows of the table for each file."""
    rows: dict[str, list[Row]] = defaultdict(list)
    with (SAMPLE / "truth.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["file"]].append(row)
    return rows


def pairs(rows: list[Row], found: InboundReport) -> list[tuple[Row, RecipientReport | None]]:
    """Each row with the recipient that was found for it: the one of its name, else the one at its place."""
    by_name = {one.address.lower(): one for one in found.recipients}
    by_place = dict(enumerate(found.recipients))
    return [(row, by_name.get(row["recipient"].lower()) or by_place.get(place)) for place, row in enumerate(rows)]


def reason(recipient: RecipientReport | None) -> str:
    return recipient.reason.value if recipient and recipient.reason else ""


def same_status(told: str, found: str) -> bool:
    """Codes like 5.0.910 are the other project's own, for mails that give none: only their class is in the mail."""
    return told == found or (".0.9" in told and told[:1] == found[:1])


def test_the_sample_is_read_as_well_as_was_promised() -> None:
    kinds = reasons = hard = 0
    misses: list[str] = []
    table = verdicts()
    for file, rows in table.items():
        found = read_inbound_report((SAMPLE / file).read_bytes())
        matched = pairs(rows, found)
        kinds += all(row["kind"] == found.kind.value for row in rows)
        hard += all((row["hard"] == "1") == bool(one and one.is_hard) for row, one in matched)
        reasons += all(row["reason"] == reason(one) for row, one in matched)
        misses += [
            f"{file:28} {row['reason']:16} read as {reason(one) or found.kind.value}"
            for row, one in matched
            if row["reason"] != reason(one) or row["kind"] != found.kind.value
        ]
    mails = len(table)
    summary = f"{mails} mails: kind {kinds / mails:.1%}, reason {reasons / mails:.1%}, hard or soft {hard / mails:.1%}"
    sys.stdout.write("\n".join((summary, *misses, "")))
    assert mails > 300
    assert kinds == mails
    assert reasons / mails >= 0.95
    assert hard / mails >= 0.97


def test_recipients_and_codes_of_the_sample_are_found() -> None:
    recipients = statuses = replies = rows = 0
    for file, told in verdicts().items():
        for row, one in pairs(told, read_inbound_report((SAMPLE / file).read_bytes())):
            rows += 1
            if one is None:
                continue
            recipients += row["recipient"].lower() in ("", one.address.lower())
            statuses += same_status(row["status"], one.status)
            replies += row["reply_code"] == one.reply_code
    sys.stdout.write(f"recipient {recipients / rows:.1%}, status {statuses / rows:.1%}, reply {replies / rows:.1%}\n")
    assert recipients / rows >= 0.98
    assert statuses / rows >= 0.96
    assert replies / rows >= 0.97
