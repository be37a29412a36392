"""`python -m distributor.sandbox`: run the sandbox by itself."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from distributor.domain.errors import DistributorError
from distributor.sandbox.service import Sandbox, run_sandbox


def main() -> None:
    """Run until a signal; end with the exit code of the error."""
    parser = ArgumentParser(prog="distributor.sandbox", description="Emulators of an SMTP server and social networks.")
    parser.add_argument("--folder", type=Path, required=True, help="where everything that is received is stored")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--http-port", type=int, default=8025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--smtp-port", type=int, default=1025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--ports-file", type=Path, help="written with the ports as JSON once both listen")
    given = parser.parse_args()

    def announce(sandbox: Sandbox) -> None:
        if given.ports_file is not None:
            _write_whole(given.ports_file, json.dumps({"http_port": sandbox.http_port, "smtp_port": sandbox.smtp_port}))
        sys.stdout.write(f"inbox and timelines: {sandbox.http_url}/  mail: {sandbox.smtp_url}\n")
        sys.stdout.flush()

    try:
        run_sandbox(
            folder=given.folder,
            host=given.host,
            smtp_port=given.smtp_port,
            http_port=given.http_port,
            when_ready=announce,
        )
    except DistributorError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _write_whole(path: Path, content: str) -> None:
    """Write in one step, so that a process waiting for the file never reads half of it."""
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(content)
    unfinished.rename(path)


if __name__ == "__main__":
    main()
