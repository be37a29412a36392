"""`distributor attention`"""

from __future__ import annotations

from dataclasses import asdict

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.flow.operations.attention import needs_attention


def attention(as_json: AsJson = False) -> None:
    """List what needs a person, the most urgent first."""
    with open_app() as app:
        found = needs_attention(app)
    if as_json:
        print_json({"items": [asdict(one) for one in found.items], "more": dict(found.more)})
        return
    rows = [(one.concern.value, one.about, one.campaign_id, one.sentence) for one in found.items]
    print_rows(("concern", "about", "campaign", "sentence"), rows, as_json=False, empty="Nothing needs a person.")
    for concern, count in found.more.items():
        print_message(f"{concern.value}: {count} more")
