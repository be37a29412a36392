"""A real IMAP and POP3 server, Debian's Dovecot, for one account."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.service import free_port
from tests.conftest import needs_package

_OWNER = "nobody" if os.geteuid() == 0 else getpass.getuser()
_CONFIG = """
protocols = imap pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
first_valid_uid = 1
default_login_user = {login}
default_internal_user = {internal}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/home
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """A running server: its ports, its CA file, and the Maildir behind it."""

    imaps: int
    pop3s: int
    ca_file: Path
    mail: Path

    def url(self, scheme: str, *, password: str = "secret") -> str:
        port = self.imaps if scheme == "imaps" else self.pop3s
        return f"{scheme}://box:{password}@localhost:{port}/?ca={self.ca_file}"

    def deliver(self, raw: bytes, name: str) -> None:
        unfinished = self.mail / "tmp" / name
        unfinished.write_bytes(raw)
        shutil.chown(unfinished, _OWNER)
        unfinished.rename(self.mail / "new" / name)

    def mails(self) -> dict[str, str]:
        """The flags of each message in the mailbox, by its name."""
        files = [path.name for part in ("new", "cur") for path in (self.mail / part).iterdir()]
        return {name.partition(":2,")[0].partition(",")[0]: name.partition(":2,")[2] for name in files}


@contextmanager
def running_dovecot(folder: Path) -> Iterator[Dovecot]:
    """The server, until the context ends; skips the test where it is not installed."""
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not Path("/usr/lib/dovecot/imap").exists() or not Path("/usr/lib/dovecot/pop3").exists():
        needs_package("dovecot-imapd dovecot-pop3d", "there is no IMAP and POP3 server to fetch mail from")
    folder.chmod(0o755)
    mail = folder / "mail"
    for part in ("cur", "new", "tmp"):
        (mail / part).mkdir(parents=True)
    (folder / "home").mkdir()
    for path in (mail, *mail.iterdir(), folder / "home"):
        shutil.chown(path, _OWNER)
    _make_certificate(folder)
    imaps, pop3s = free_port(), free_port()
    is_root = os.geteuid() == 0
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            imaps=imaps,
            pop3s=pop3s,
            owner=_OWNER,
            group="nogroup" if is_root else _group(),
            login="dovenull" if is_root else _OWNER,
            internal="dovecot" if is_root else _OWNER,
        )
    )
    process = subprocess.Popen((str(program), "-F", "-c", str(config)), stderr=subprocess.PIPE)
    try:
        wait_for_port(imaps, process, folder / "log")
        wait_for_port(pop3s, process, folder / "log")
        yield Dovecot(imaps=imaps, pop3s=pop3s, ca_file=folder / "cert.pem", mail=mail)
    finally:
        process.terminate()
        process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server listens; fails with its error messages if it has ended."""
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    stderr = process.stderr.read().decode() if process.stderr else ""
    raise AssertionError(f"dovecot did not start: {stderr} {log.read_text() if log.exists() else ''}")


def _make_certificate(folder: Path) -> None:
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run((*command.split(), *files), check=True, capture_output=True)


def _group() -> str:
    return grp.getgrgid(os.getegid()).gr_name
