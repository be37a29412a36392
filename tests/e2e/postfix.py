"""A real Postfix as a relay, and a real Dovecot behind it that takes mail by LMTP; both on folders of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.service import free_port
from tests.conftest import needs_package
from tests.inbound.dovecot import wait_for_port

_DAEMONS = Path("/usr/lib/postfix/sbin")
# All in clear text on 127.0.0.1, without DNS; warnings after a second, and nothing stays for long.
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.gazette.example
mynetworks = 127.0.0.0/8
mydestination =
relay_domains =
smtpd_reject_unlisted_recipient = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
transport_maps = inline:{{ {transports} }}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
delay_warning_time = 1s
maximal_queue_lifetime = {lifetime}s
bounce_queue_lifetime = {lifetime}s
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
local     unix  -       n       n       -       -       local
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""
_DOVECOT = """
protocols = lmtp
listen = 127.0.0.1
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot/log
ssl = no
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_login_user = dovenull
default_internal_user = dovecot
mail_plugins = quota
passdb {{
  driver = passwd-file
  args = {folder}/dovecot/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/dovecot/users
}}
plugin {{
  quota = maildir:User quota
}}
protocol lmtp {{
  mail_plugins = quota
  postmaster_address = postmaster@gazette.example
}}
service anvil {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""
_LINE = re.compile(r"\[\d+\]: ([0-9A-F]{5,}): (.*)")
_TO = re.compile(r"to=<([^>]+)>.* dsn=([\d.]+), status=(\w+)")


@dataclass(frozen=True, kw_only=True)
class Postfix:
    """A running relay."""

    port: int
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "mail.log"

    def queue(self) -> int:
        """How many messages are in the queue."""
        parts = ("maildrop", "incoming", "active", "deferred", "hold")
        return sum(path.is_file() for part in parts for path in (self.folder / "queue" / part).rglob("*"))

    def fates(self) -> Mapping[str, tuple[str, str]]:
        """Of each recipient of a message that has a sender: the last status and its enhanced status code."""
        senders: dict[str, bool] = defaultdict(bool)
        found: dict[str, tuple[str, str]] = {}
        recipients: dict[str, str] = {}
        for line in self.log.read_text().splitlines():
            if (parts := _LINE.search(line)) is None:
                continue
            queue_id, text = parts.groups()
            if text.startswith("from=<"):
                senders[queue_id] = senders[queue_id] or not text.startswith("from=<>")
            if (to := _TO.search(text)) and senders[queue_id]:
                recipients[queue_id] = to[1]
                found[to[1]] = (to[3], to[2])
            elif "status=expired" in text and queue_id in recipients:
                found[recipients[queue_id]] = ("expired", found[recipients[queue_id]][1])
        return found


@contextmanager
def running_postfix(*, transports: Mapping[str, str], lifetime_seconds: int) -> Iterator[Postfix]:
    """A relay that sends mail to each domain by its transport(5); skips the test where that is not possible."""
    if not (_DAEMONS / "master").exists():
        needs_package("postfix", "there is no Postfix to relay mail")
    if os.geteuid() != 0:
        pytest.skip("only root can start a Postfix")
    with tempfile.TemporaryDirectory(prefix="postfix-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        for part in ("conf", "queue", "data"):
            (folder / part).mkdir()
        shutil.chown(folder / "data", "postfix")
        routes = " ".join(f"{{{domain}={transport}}}" for domain, transport in transports.items())
        main = _MAIN.format(folder=folder, daemons=_DAEMONS, transports=routes, lifetime=lifetime_seconds)
        (folder / "conf" / "main.cf").write_text(main)
        (folder / "conf" / "master.cf").write_text(_MASTER.format(port=port))
        _postfix(folder, "start")
        try:
            yield Postfix(port=port, folder=folder)
        finally:
            _postfix(folder, "stop")


def _postfix(folder: Path, command: str) -> None:
    subprocess.run(("/usr/sbin/postfix", "-c", str(folder / "conf"), command), check=True, capture_output=True)


@contextmanager
def running_lmtp_dovecot(*, mailboxes: Sequence[str], full: Sequence[str]) -> Iterator[int]:
    """The port of a server that stores mail for the mailboxes, and for the full ones replies that they are full."""
    if not Path("/usr/lib/dovecot/lmtp").exists():
        needs_package("dovecot-lmtpd", "there is no LMTP server behind the relay")
    if os.geteuid() != 0:
        pytest.skip("only root can start a Dovecot that stores mail for others")
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        for part in ("dovecot", "mail"):
            (folder / part).mkdir()
        shutil.chown(folder / "mail", "nobody", "nogroup")
        user = "{address}:{{plain}}secret:65534:65534::{folder}/mail::{extra}"
        lines = [user.format(address=one, folder=folder, extra="") for one in mailboxes]
        lines += [user.format(address=one, folder=folder, extra="userdb_quota_rule=*:bytes=1") for one in full]
        (folder / "dovecot" / "users").write_text("\n".join(lines) + "\n")
        config = folder / "dovecot" / "dovecot.conf"
        config.write_text(_DOVECOT.format(folder=folder, port=port))
        process = subprocess.Popen(("/usr/sbin/dovecot", "-F", "-c", str(config)), stderr=subprocess.PIPE)
        try:
            wait_for_port(port, process, folder / "dovecot" / "log")
            yield port
        finally:
            process.terminate()
            process.wait()
