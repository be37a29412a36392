"""Cells that a spreadsheet would run as a formula, written so that it does not, and read back as they were."""

from __future__ import annotations

import re

# OWASP's list of what begins a formula; an apostrophe before it makes it text.
_BEGINS_A_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def escaped(cell: str) -> str:
    """With an apostrophe before it if it begins as a formula does, or as one that was escaped already."""
    return f"'{cell}" if _BEGINS_A_FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """The reverse of `escaped`."""
    return cell[1:] if cell.startswith("'") and _BEGINS_A_FORMULA.match(cell) else cell
