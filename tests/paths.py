"""Where the tests find the checkout, and the acceptance data beside it where there is any."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
