"""Submitted forms, as text that is safe to query and to store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from starlette.exceptions import HTTPException
from starlette.requests import Request

# PostgreSQL stores neither NUL nor lone surrogates (which some charsets of multipart forms decode to), no field may
# contain the other control characters, and U+FFFD stands for bytes that are not UTF-8.
_INVALID_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]")
_MAX_FIELDS = 1000
# The largest number that has as many digits fits into a bigint.
LONGEST_NUMBER = 18
_MAX_FILES = 50
_MAX_FIELD_BYTES = 1024 * 1024
_LONGEST_NAME = 200


class Files(Enum):
    """What becomes of the files in a form: with REFUSED there must not be any, and DROPPED ones are read past."""

    REFUSED = "refused"
    DROPPED = "dropped"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class SubmittedFile:
    """A file that was chosen in a form. Its name is what the browser says: it is shown, and never trusted."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The values of each field, in order, and the files of those that take files."""

    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, Sequence[SubmittedFile]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The first value of a field, stripped; empty if it was not sent."""
        return self.exact(name).strip()

    def exact(self, name: str) -> str:
        """The first value of a field as it was sent, such as a password; empty if it was not sent."""
        values = self.fields.get(name, ())
        return values[0] if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """The values of a field that are not empty, each once."""
        return tuple(dict.fromkeys(value for value in self.fields.get(name, ()) if value))


def number_of(text: str, *, digits: int = LONGEST_NUMBER) -> int | None:
    """The number that a text is in ASCII digits, as ids and versions are; None for anything else, and for more digits.

    Python's own reading accepts signs, blanks and other scripts, and takes long for very many digits.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


async def read_form(request: Request, *, max_bytes: int | None = None, files: Files = Files.REFUSED) -> Form:
    """The form in the body of a request, urlencoded or multipart; anything else is a form without fields.

    `max_bytes` is the longest field, by default a megabyte; the whole body is limited by the route. Raises
    HTTPException: 400 for files that are refused, too many fields or files, invalid characters and an unsuitable
    charset, 413 for a body that is too large.
    """
    fields: dict[str, list[str]] = {}
    kept: dict[str, list[SubmittedFile]] = {}
    max_files = 0 if files is Files.REFUSED else _MAX_FILES
    longest = max_bytes or _MAX_FIELD_BYTES
    try:
        async with request.form(max_files=max_files, max_fields=_MAX_FIELDS, max_part_size=longest) as form:
            for name, value in form.multi_items():
                if _INVALID_CHARACTER.search(name):
                    raise HTTPException(400)
                if isinstance(value, str):
                    if _INVALID_CHARACTER.search(value):
                        raise HTTPException(400)
                    fields.setdefault(name, []).append(value)
                elif files is Files.KEPT and value.filename:
                    # A browser sends a part without a name for a field in which no file was chosen.
                    shown = _INVALID_CHARACTER.sub("\ufffd", value.filename)[:_LONGEST_NAME]
                    kept.setdefault(name, []).append(SubmittedFile(shown, await value.read()))
    except UnicodeError as error:
        # The client names a charset that cannot decode the form.
        raise HTTPException(400) from error
    return Form(fields, kept)
