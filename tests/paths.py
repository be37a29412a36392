"""The paths of the checkout, and of the acceptance data beside it if there is any."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
