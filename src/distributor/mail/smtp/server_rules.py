"""Rules of an SMTP server for addresses, parameters and content (RFC 5321 and its extensions)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_MESSAGE_BYTES = 25 * 1024 * 1024
MAX_COMMAND_BYTES = 2048
MAX_LINE_BYTES = 998
MAX_RECIPIENTS = 1000

# RFC 5321 section 4.1.1.3: as a recipient, postmaster needs no domain.
_PATH = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^<>\s"@]+)@([^<>\s@]+)|(?i:postmaster))?>(?: (.*))?')
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]|\[IPv6:[0-9A-Fa-f:.]+\]")
_MAIL_PARAMETERS = frozenset(("SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"))
_RCPT_PARAMETERS = frozenset(("NOTIFY", "ORCPT"))
_MAX_LOCAL_BYTES = 64
_MAX_PATH_BYTES = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """An envelope address and its parameters; the null reverse-path is empty."""

    address: str
    parameters: Mapping[str, str]


def read_sender(argument: str) -> Path | str:
    """The argument of MAIL, or the reply that rejects it."""
    path = _read_path(argument, "FROM:", _MAIL_PARAMETERS)
    if isinstance(path, str):
        return path
    if path.address and "@" not in path.address:
        return _NOT_AN_ADDRESS
    size = path.parameters.get("SIZE", "0")
    if not size.isdecimal() or path.parameters.get("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):
        return "501 5.5.4 SIZE or BODY has an invalid value"
    # RFC 1870 section 3: at most 20 digits.
    if len(size) > 20 or int(size) > MAX_MESSAGE_BYTES:
        return f"552 5.3.4 at most {MAX_MESSAGE_BYTES} bytes"
    return path if path.address.isascii() or "SMTPUTF8" in path.parameters else _NEEDS_SMTPUTF8


def read_recipient(argument: str, *, international: bool) -> Path | str:
    """The argument of RCPT, or the reply that rejects it."""
    path = _read_path(argument, "TO:", _RCPT_PARAMETERS)
    if isinstance(path, str):
        return path
    if not path.address:
        return "501 5.1.3 a recipient needs an address"
    return path if path.address.isascii() or international else _NEEDS_SMTPUTF8


def rejection_of_content(content: bytes, *, international: bool) -> str | None:
    """The reply that rejects malformed content; None if it is well-formed."""
    lines = content.split(b"\r\n")
    if max(map(len, lines)) > MAX_LINE_BYTES:
        return f"554 5.6.0 a line has more than {MAX_LINE_BYTES} bytes (RFC 5322, section 2.1.1)"
    characters = b"".join(lines)
    if b"\n" in characters or b"\r" in characters or b"\0" in characters:
        return "554 5.6.0 a lone CR, a lone LF or NUL; lines end with CR LF (RFC 5321, section 2.3.8)"
    if not international and not content.partition(b"\r\n\r\n")[0].isascii():
        return "554 5.6.7 header fields outside of ASCII need SMTPUTF8 (RFC 6531)"
    return None


_NOT_AN_ADDRESS = "501 5.1.3 that is not an address"
_NEEDS_SMTPUTF8 = "553 5.6.7 an address outside of ASCII needs SMTPUTF8"


def _read_path(argument: str, keyword: str, known: frozenset[str]) -> Path | str:
    if not argument.upper().startswith(keyword):
        return f"501 5.5.4 expected {keyword}<address>"
    match = _PATH.fullmatch(argument[len(keyword) :].strip(" "))
    if match is None:
        return "501 5.1.7 that is not an address in angle brackets"
    address, host, rest = match[1] or "", match[2] or "", match[3] or ""
    if host and not _is_valid(address, host):
        return _NOT_AN_ADDRESS
    pairs = (word.partition("=") for word in rest.split())
    parameters = {name.upper(): value for name, _, value in pairs}
    unknown = sorted(parameters.keys() - known)
    return f"555 5.5.4 unknown parameter {unknown[0]}" if unknown else Path(address=address, parameters=parameters)


def _is_valid(address: str, host: str) -> bool:
    local = address[: -len(host) - 1]
    within = len(local.encode()) <= _MAX_LOCAL_BYTES and len(address.encode()) <= _MAX_PATH_BYTES
    dots_are_valid = local.startswith('"') or not (local.startswith(".") or local.endswith(".") or ".." in local)
    return within and dots_are_valid and _HOST.fullmatch(host) is not None
