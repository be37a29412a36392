"""Two verifiers of DKIM that know nothing of ours: dkimpy and OpenDKIM."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dkim

from tests.conftest import needs_package

_SEARCHED = "/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin"
_RESULT = re.compile(r"dkim=(\w+)[^;]*?header\.s=([\w.-]+)")


@dataclass(frozen=True)
class OpenDkim:
    """OpenDKIM in its test mode, with a file of public keys instead of the DNS."""

    program: str
    folder: Path

    @classmethod
    def at_hand(cls, folder: Path, keys: Mapping[str, str]) -> OpenDkim:
        """Skips the test where the program is missing. `keys` are the records by their names."""
        program = shutil.which("opendkim") or shutil.which("opendkim", path=_SEARCHED)
        if program is None:
            needs_package("opendkim", "a second opinion about DKIM signatures is missing")
        assert program is not None
        (folder / "keys").write_text("".join(f"{name} {record}\n" for name, record in keys.items()))
        (folder / "opendkim.conf").write_text(f"Mode v\nTestPublicKeys {folder / 'keys'}\n")
        return cls(program, folder)

    def verdicts(self, message: bytes) -> dict[str, bool]:
        """For each signature by its selector whether it holds."""
        mail = self.folder / "mail.eml"
        mail.write_bytes(message)
        done = subprocess.run(
            [self.program, "-x", str(self.folder / "opendkim.conf"), "-t", str(mail), "-vv"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {selector: result == "pass" for result, selector in _RESULT.findall(done.stdout)}


def dkimpy_verdicts(message: bytes, keys: Mapping[str, str]) -> dict[str, bool]:
    """For each signature by its selector whether dkimpy accepts it. `keys` are the records by their names."""
    judge = dkim.DKIM(message)
    signatures = [value for name, value in judge.headers if name.lower() == b"dkim-signature"]
    return {
        dkim.util.parse_tag_value(value)[b"s"].decode(): _holds(judge, place, keys)
        for place, value in enumerate(signatures)
    }


def _holds(judge: dkim.DKIM, place: int, keys: Mapping[str, str]) -> bool:
    def look_up(name: bytes, timeout: float = 5) -> bytes:
        return keys[name.decode().rstrip(".")].encode()

    try:
        return bool(judge.verify(place, dnsfunc=look_up))
    except dkim.DKIMException:
        return False
