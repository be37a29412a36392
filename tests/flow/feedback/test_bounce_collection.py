"""Nearly four hundred real mails taken in: none breaks us, and each ends as the collection says it should."""

from __future__ import annotations

import csv

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.domain.feedback import FeedbackKind, MatchedBy
from distributor.domain.suppression import SuppressionReason
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.feedback.feedback_harness import FeedbackHarness
from tests.paths import SHARED

COLLECTION = SHARED / "data" / "bounces"


@pytest.fixture
def truth() -> dict[str, set[tuple[str, bool]]]:
    """The kind, and whether it is hard, of each recipient that a mail tells of."""
    if not COLLECTION.exists():
        pytest.skip("the collection of bounce mails is not beside this checkout")
    expected: dict[str, set[tuple[str, bool]]] = {}
    with (COLLECTION / "truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            expected.setdefault(row["file"], set()).add((row["kind"], row["hard"] == "1"))
    return expected


DSNS = SHARED / "data" / "cases" / "dsn"


@pytest.mark.parametrize("outcome", ["delayed", "failed"])
def test_reports_of_temporary_failures_suppress_no_one(harness: CampaignHarness, outcome: str) -> None:
    files = sorted(DSNS.glob(f"*.{outcome}.eml"))
    if not files:
        pytest.skip("the reports of temporary failures are not beside this checkout")
    feedback = FeedbackHarness(harness)
    for file in files:
        raw = file.read_bytes().replace(b"later@corp.example", feedback.delivery().recipient.encode())
        taken = feedback.take(raw, envelope=feedback.return_path())
        assert taken.kind is (FeedbackKind.DELAY if outcome == "delayed" else FeedbackKind.BOUNCE), file.name
        assert taken.suppressed is None, file.name
    assert feedback.state() is (DeliveryState.SENT if outcome == "delayed" else DeliveryState.BOUNCED)
    assert feedback.reasons() == set()


def test_real_mails_to_a_return_path_end_as_they_should(
    harness: CampaignHarness, truth: dict[str, set[tuple[str, bool]]]
) -> None:
    feedback = FeedbackHarness(harness)
    path = feedback.return_path()
    right = 0
    for file, expected in sorted(truth.items()):
        taken = feedback.take((COLLECTION / file).read_bytes(), envelope=path)
        assert taken.match is MatchedBy.RETURN_PATH
        is_hard = any(hard for _, hard in expected)
        kinds = {kind for kind, _ in expected}
        meanings = {FeedbackKind.COMPLAINT} if "complaint" in kinds else {FeedbackKind.BOUNCE}
        # To the collection a notice of delay is a failure, and a report of a failed signature a complaint; not to us.
        meanings |= set() if is_hard else {FeedbackKind.NOTHING, FeedbackKind.DELAY}
        right += taken.kind in meanings and (taken.suppressed is SuppressionReason.HARD_BOUNCE) <= is_hard
        feedback.lift()
    assert right >= len(truth) * 0.97
    assert feedback.state() is DeliveryState.COMPLAINED
