"""The options that give settings: on the command line, by the environment, a file or standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from distributor.cli.console import print_message, print_rows
from distributor.described_settings import SettingDescription
from distributor.domain.errors import InputError

# A secret is a line; a list of relays is a few.
_MAX_BYTES = 1_000_000

SetValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting; of a secret one, KEY=@VARIABLE as --set-env."),
]
SetFromEnvironment = Annotated[
    list[str] | None,
    typer.Option("--set-env", metavar="KEY=VARIABLE", help="A setting whose value is in the environment."),
]
SetFromFile = Annotated[
    list[str] | None,
    typer.Option("--set-file", metavar="KEY=FILE", help="A setting whose value is in a file; its last newline is cut."),
]
SetFromStdin = Annotated[
    str | None,
    typer.Option("--set-stdin", metavar="KEY", help="A setting to read from standard input; a terminal asks for it."),
]


def read_given(
    described: Iterable[SettingDescription],
    values: Sequence[str] | None,
    from_environment: Sequence[str] | None,
    from_file: Sequence[str] | None,
    from_stdin: str | None,
) -> dict[str, str]:
    """The settings that the options give, of those `described`. Raises InputError, whose message holds no value.

    ``KEY=@NAME`` of `values` reads a variable only where the setting is a secret: other values may begin with @.
    """
    secrets = {one.name for one in described if one.is_secret}
    given: dict[str, str] = {}
    for key, value in _read(secrets, values or (), from_environment or (), from_file or (), from_stdin):
        if key in given:
            raise InputError(f"setting {key!r} is given twice")
        given[key] = value
    return given


def print_settings(described: Iterable[SettingDescription]) -> None:
    """Print what these settings are: which are required or secret, what they mean, and their defaults."""
    rows = [(one.name, one.form, _meaning(one)) for one in described]
    print_rows(("setting", "form", "meaning"), rows, as_json=False, empty="It has no settings.")


def _meaning(one: SettingDescription) -> str:
    return "; ".join(
        part
        for part in (
            "required" + "".join(f", or {name} in its place" for name in one.alternatives) if one.is_required else "",
            "secret" if one.is_secret else "",
            one.description,
            f"kept by `{one.managing_command}`" if one.managing_command else "",
            f"default: {shown_value(one.default)}" if shown_value(one.default) else "",
        )
        if part
    )


def shown_value(value: object) -> str:
    """A value of a setting as it would be given."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _read(
    secrets: set[str],
    values: Sequence[str],
    from_environment: Sequence[str],
    from_file: Sequence[str],
    from_stdin: str | None,
) -> Iterator[tuple[str, str]]:
    for one in values:
        key, value = _split(one, option="--set", form="KEY=VALUE")
        is_reference = value.startswith("@")
        if key in secrets and is_reference:
            yield key, _variable(key, value[1:], option="--set")
            continue
        if key in secrets and _holds_secret(value):
            print_message(
                f"{key} was written on the command line, which the history of the shell keeps and other users of this "
                "machine may see: --set-stdin, --set-file and --set-env keep a secret out of it"
            )
        if is_reference and value[1:] in os.environ:
            print_message(f"{key} is {value} as it is written; --set-env {key}={value[1:]} would read the variable")
        yield key, value
    for one in from_environment:
        key, name = _split(one, option="--set-env", form="KEY=VARIABLE")
        yield key, _variable(key, name, option="--set-env")
    for one in from_file:
        key, path = _split(one, option="--set-file", form="KEY=FILE")
        yield key, _file(key, Path(path))
    if from_stdin is not None:
        yield from_stdin, _stdin(from_stdin)


def _split(text: str, *, option: str, form: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        # What was written may be a secret: only what is certainly a key is shown.
        raise InputError(f"{option} {key if equals else ''}: write {form}".replace(" :", ":"))
    return key, value


def _holds_secret(value: str) -> bool:
    """Whether a value is a secret in itself; the URL of a server without user and password is none."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return True
    return bool(value) and not (parts.scheme and parts.netloc and "@" not in parts.netloc and not parts.query)


def _variable(key: str, name: str, *, option: str) -> str:
    if name not in os.environ:
        raise InputError(
            f"{option} {key}: the environment has no variable {name!r}; a secret that begins with @ can be given by "
            "--set-stdin or --set-file"
        )
    return os.environ[name]


def _file(key: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"--set-file {key}: {path} cannot be read: {error.strerror}") from None
    return _text(content, place=f"--set-file {key}: {path}")


def _stdin(key: str) -> str:
    if sys.stdin.isatty():
        entered: str = typer.prompt(key, hide_input=True, err=True)
        return entered
    return _text(sys.stdin.buffer.read(_MAX_BYTES + 1), place=f"--set-stdin {key}: standard input")


def _text(content: bytes, *, place: str) -> str:
    """The text without the newline at its end, which editors and `echo` add."""
    if len(content) > _MAX_BYTES:
        raise InputError(f"{place} is larger than {_MAX_BYTES:,} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise InputError(f"{place} is not text in UTF-8") from None
    if not text.strip():
        raise InputError(f"{place} is empty")
    return text.removesuffix("\n").removesuffix("\r")
