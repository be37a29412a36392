"""Submitted forms, as text that is safe to query and to store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

# PostgreSQL stores neither NUL nor lone surrogates (which some charsets of multipart forms decode to), no field may
# contain the other control characters, and U+FFFD stands for bytes that are not UTF-8.
_INVALID_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]")
_MAX_FIELDS = 1000
# The largest number that has as many digits fits into a bigint.
LONGEST_NUMBER = 18
MOST_FILES = 50
_MAX_FIELD_BYTES = 1024 * 1024
_LONGEST_NAME = 200
# A field with one of them in its name never comes back in a page.
_SECRET_WORDS = ("password", "secret", "token", "key")


class FormFault(StrEnum):
    """Why a form is not read, where its sender can mend it."""

    TOO_MANY_FILES = "too many files"
    TOO_MANY_FIELDS = "too many fields"
    NO_FILES = "no files"
    CHARACTERS = "characters"
    BROKEN = "broken"


class FormError(HTTPException):
    """A form that cannot be read (400), with the reason for a page in words."""

    def __init__(self, fault: FormFault) -> None:
        self.fault = fault
        super().__init__(400)


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
    # Whether files were sent, kept or not.
    had_files: bool = False

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


@dataclass(frozen=True, slots=True)
class Resend:
    """A form that could not be acted on now, for a page that sends it again to the same path."""

    path: str
    fields: Sequence[tuple[str, str]]
    has_files: bool = False


def kept_fields(form: Form) -> list[tuple[str, str]]:
    """The fields of a form that a page may hold to send them again: all but passwords and other secrets."""
    return [(name, value) for name, values in form.fields.items() if not _is_secret(name) for value in values]


async def resend_of(request: Request) -> Resend | None:
    """The form of a request whose act could not be done, if a page can send it again.

    It cannot if it has a secret, which is in no page, or if it was no form of ours.
    """
    if request.method != "POST":
        return None
    try:
        form = await read_form(request, files=Files.DROPPED)
    except (HTTPException, ClientDisconnect, RuntimeError):
        # The last: its route has read the body as something else than a form.
        return None
    if not form.fields or any(_is_secret(name) for name in form.fields):
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return Resend(f"{request.scope['path']}{query}", kept_fields(form), has_files=form.had_files)


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def number_of(text: str, *, digits: int = LONGEST_NUMBER) -> int | None:
    """The number that a text is in ASCII digits, as ids and versions are; None for anything else, and for more digits.

    Python's own reading accepts signs, blanks and other scripts, and takes long for very many digits.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


async def read_form(request: Request, *, max_bytes: int | None = None, files: Files = Files.REFUSED) -> Form:
    """The form in the body of a request, urlencoded or multipart; anything else is a form without fields.

    `max_bytes` is the longest field, by default a megabyte; the whole body is limited by the route. Raises FormError
    for files that are refused, too many fields or files, invalid characters and an unsuitable charset, and
    HTTPException 413 for a body that is too large.
    """
    fields: dict[str, list[str]] = {}
    kept: dict[str, list[SubmittedFile]] = {}
    had_files = False
    max_files = 0 if files is Files.REFUSED else MOST_FILES
    longest = max_bytes or _MAX_FIELD_BYTES
    try:
        async with request.form(max_files=max_files, max_fields=_MAX_FIELDS, max_part_size=longest) as form:
            for name, value in form.multi_items():
                if _INVALID_CHARACTER.search(name):
                    raise FormError(FormFault.CHARACTERS)
                if isinstance(value, str):
                    if _INVALID_CHARACTER.search(value):
                        raise FormError(FormFault.CHARACTERS)
                    fields.setdefault(name, []).append(value)
                    continue
                had_files = had_files or bool(value.filename)
                if files is Files.KEPT and value.filename:
                    # A browser sends a part without a name for a field in which no file was chosen.
                    shown = _INVALID_CHARACTER.sub("\ufffd", value.filename)[:_LONGEST_NAME]
                    kept.setdefault(name, []).append(SubmittedFile(shown, await value.read()))
    except UnicodeError as error:
        # The client names a charset that cannot decode the form.
        raise FormError(FormFault.CHARACTERS) from error
    except HTTPException as error:
        if error.status_code != 400 or isinstance(error, FormError):
            raise
        raise FormError(_fault_of(error.detail, files)) from error
    return Form(fields, kept, had_files=had_files)


def _fault_of(detail: str, files: Files) -> FormFault:
    """What Starlette's parser of forms found, by its words: it raises one error for everything."""
    if detail.startswith("Too many files"):
        return FormFault.NO_FILES if files is Files.REFUSED else FormFault.TOO_MANY_FILES
    return FormFault.TOO_MANY_FIELDS if detail.startswith("Too many fields") else FormFault.BROKEN
