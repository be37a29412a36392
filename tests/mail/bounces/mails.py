"""The mails written for these tests, and what they mean."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "mails"
REFUSALS = Path(__file__).parent / "refusals.txt"


class ExpectedRecipient(NamedTuple):
    """What a mail reports on one recipient."""

    recipient: str
    status: str
    reply_code: str
    reason: str


def expectations() -> list[tuple[str, str, list[ExpectedRecipient]]]:
    """File, kind and recipients of every mail."""
    kinds: dict[str, str] = {}
    told: dict[str, list[ExpectedRecipient]] = defaultdict(list)
    with (FOLDER / "expected.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            kinds[row["file"]] = row["kind"]
            if row["kind"] != "other":
                told[row["file"]].append(
                    ExpectedRecipient(row["recipient"], row["status"], row["reply_code"], row["reason"])
                )
    return [(file, kind, told[file]) for file, kind in kinds.items()]


def raw(file: str) -> bytes:
    """The bytes of a mail."""
    return (FOLDER / file).read_bytes()


def files_of(kind: str) -> list[str]:
    """The mails of one kind."""
    return [file for file, one, _ in expectations() if one == kind]
