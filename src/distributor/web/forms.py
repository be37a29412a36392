"""Forms: what a browser, or anybody, posts, as text that is safe to look up and to keep."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request

# PostgreSQL holds no NUL, no field of ours holds the others, and U+FFFD is what becomes of octets that are no UTF-8.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
_MOST_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """The values of each field, in order."""

    fields: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The first value of a field without space around it; empty if it was not sent."""
        values = self.fields.get(name, ())
        return values[0].strip() if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field that is not empty, each once."""
        return tuple(dict.fromkeys(value for value in self.fields.get(name, ()) if value))


async def read_form(request: Request) -> Form:
    """The form in the body of a request, urlencoded or multipart; anything else is a form without fields.

    Raises HTTPException: 400 for files, too many fields and what is no text, 413 for a body that is too large.
    """
    fields: dict[str, list[str]] = {}
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if not isinstance(value, str) or _ILLEGIBLE.search(name) or _ILLEGIBLE.search(value):
                raise HTTPException(400)
            fields.setdefault(name, []).append(value)
    return Form(fields)
