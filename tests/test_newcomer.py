"""Questions of a newcomer: one search for the standard term finds the right file first.

The search is that of ``grep --count --ignore-case`` over the sources: the file with most matching lines comes first,
of two with as many the shorter one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

FOLDERS = ("src/distributor", "worker/distributor_worker")


@pytest.mark.parametrize(
    ("question", "term", "answer"),
    [
        (
            "Where does a 5xx reply lead to a suppression?",
            r"5xx reply",
            "flow/feedback/apply_feedback.py",
        ),
        ("Where does evidence of a bounce become a Reason?", r"classifier", "mail/bounces/classify.py"),
        ("Where is a DKIM signature made?", r"DKIM-Signature", "mail/dkim/signer.py"),
        ("Where do expired leases end?", r"expired lease", "storage/leases.py"),
        ("How does a worker know that its lease has run out?", r"CLOCK_BOOTTIME", "flow/delivery/lease.py"),
        ("Where are sending rates kept?", r"token bucket", "flow/delivery/rate_limiter.py"),
        ("When is a temporary failure tried again?", r"RetrySchedule", "domain/retry_policy.py"),
        ("Where does a subscriber unsubscribe?", r"unsubscribe", "flow/subscriptions/unsubscribe.py"),
        ("Who decides what quiet hours are?", r"quiet hours", "domain/send_schedule.py"),
        ("Where is Celery configured?", r"task_acks_late", "worker/distributor_worker/celery_app.py"),
        ("How is a channel of another package found?", r"entry_point", "channels/registry.py"),
        ("Where is RSS written?", r"\brss\b", "channels/feed/xml_feeds.py"),
        ("What do the keys of front matter mean?", r"front matter", "sources/front_matter/keys.py"),
    ],
)
def test_one_search_answers_a_newcomer(question: str, term: str, answer: str) -> None:
    ranking = search(term)
    assert ranking[:1] == [answer], f"{question} Searching {term!r} finds {ranking[:3]}"


def search(term: str) -> list[str]:
    """The files with lines that match, most matches first, named from the package."""
    pattern = re.compile(term, re.IGNORECASE)
    found = []
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            lines = file.read_text(encoding="utf-8").splitlines()
            matches = sum(1 for line in lines if pattern.search(line))
            if matches:
                found.append((-matches, len(lines), _name(file)))
    return [name for _, _, name in sorted(found)]


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix().removeprefix("src/distributor/")
