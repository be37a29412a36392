"""The email addresses and the name in a cell, as people paste them: ``"Jane Roe" <jane@example.org>``."""

from __future__ import annotations

import re
from urllib.parse import unquote

from distributor.domain.errors import AddressError

# Around a cell; line breaks stay, and are refused.
SPACES = " \t\u00a0\u2007\u202f\u3000"
# Everything that `read_addresses` changes; most cells have none of it.
_ODD = re.compile(r"""[^!-~]|[<>"();,|\\]|:|\.$|'$""")
# Invisible characters that copying brings in, anywhere in a cell: no mailbox has them.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_WITH_NAME = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>\s]*)>[\s.]*")
_LONGEST_CELL = 4000
_SEPARATOR = re.compile(r"[;,|]")
_QUOTES = "\"'" + SPACES
# Not Null, which is a name.
_NO_NAMES = frozenset({"NULL", "null", "(null)", "N/A", "n/a", "(blank)", "undefined", "\\N"})
_ERROR_VALUE = re.compile(r"#[A-ZÄÖÜ]{1,8}(?:/[A0])?[!?]?")
_IN_BRACKETS = re.compile(r"<([^<>/=]{1,100})>")


def is_bare_address(cell: str) -> bool:
    """Whether the cell can only be an address as it is."""
    return not _ODD.search(cell)


def read_addresses(cell: str) -> list[tuple[str, str]]:
    """The display names and addresses in a cell: one, or several between ``;`` ``,`` or ``|``. Raises AddressError."""
    text = _INVISIBLE.sub("", cell).strip(SPACES)
    if len(text) > _LONGEST_CELL:
        raise AddressError(f"{text[:40]}…", "the cell is too long for addresses")
    if text.count("@") < 2:
        return [_read_one(text)]
    found = dict.fromkeys(_read_one(part) for part in _parts(text) if part.strip(SPACES))
    if any("@" not in address for _, address in found):
        raise AddressError(cell, "it holds several @; write one address, or several with ; between them")
    return list({address.casefold(): (name, address) for name, address in found}.values())


def read_name(cell: str) -> str:
    """The name in a cell; empty for what stands for none, such as ``#N/A``. Words in angle brackets get round ones."""
    if cell in _NO_NAMES or (cell.startswith("#") and _ERROR_VALUE.fullmatch(cell)):
        return ""
    return _IN_BRACKETS.sub(r"(\1)", cell) if "<" in cell else cell


def _read_one(text: str) -> tuple[str, str]:
    name, address = "", text.strip(SPACES)
    if found := _WITH_NAME.fullmatch(address):
        name, address = found["name"].strip(_QUOTES), found["address"]
    # An apostrophe may belong to the address: only a pair is around it.
    while len(address) > 1 and address[0] == address[-1] and address[0] in "\"'":
        address = address[1:-1].strip(SPACES)
    if address[:7].casefold() == "mailto:":
        address = unquote(address[7:].partition("?")[0])
    return (name if name.casefold() != address.casefold() else ""), address.rstrip(".,;")


def _parts(text: str) -> list[str]:
    """The parts between separators, which do not count inside quotation marks."""
    parts, is_quoted = [""], False
    for piece in re.split(r'([;,|"])', text):
        if piece == '"':
            is_quoted = not is_quoted
        if _SEPARATOR.fullmatch(piece) and not is_quoted:
            parts.append("")
        else:
            parts[-1] += piece
    return parts
