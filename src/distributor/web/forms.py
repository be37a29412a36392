"""Submitted forms, as text that is safe to query and to store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request

# PostgreSQL stores neither NUL nor lone surrogates (which some charsets of multipart forms decode to), no field may
# contain the other control characters, and U+FFFD stands for bytes that are not UTF-8.
_INVALID_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]")
_MAX_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """The values of each field, in order."""

    fields: Mapping[str, Sequence[str]]

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


async def read_form(request: Request) -> Form:
    """The form in the body of a request, urlencoded or multipart; anything else is a form without fields.

    Raises HTTPException: 400 for files, too many fields, invalid characters and an unsuitable charset, 413 for a body
    that is too large.
    """
    fields: dict[str, list[str]] = {}
    try:
        async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
            for name, value in form.multi_items():
                if not isinstance(value, str) or _INVALID_CHARACTER.search(name) or _INVALID_CHARACTER.search(value):
                    raise HTTPException(400)
                fields.setdefault(name, []).append(value)
    except UnicodeError as error:
        # The client names a charset that cannot decode the form.
        raise HTTPException(400) from error
    return Form(fields)
