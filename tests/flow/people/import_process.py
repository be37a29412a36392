"""An import in a process of its own, for tests that kill it: it writes a line after each committed chunk.

It then waits for a line on its standard input, so it is never further than the test allows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from distributor.bootstrap import make_app_context
from distributor.domain.subscriber_import import Import
from distributor.embedded import Services
from distributor.flow.people import import_people
from distributor.settings import Settings


def main() -> None:
    """Run the import of the number given, in an app on the servers given."""
    database_url, redis_url, data_dir, import_id = sys.argv[1:]
    settings = Settings(_env_file=None, data_dir=Path(data_dir), secret_key="a key that is only good for these tests")
    app = make_app_context(settings, Services(database_url=database_url, redis_url=redis_url))
    import_people.CHUNK_ROWS = 50
    import_people.run_import(app, int(import_id), watch=_report)


def _report(now: Import) -> None:
    sys.stdout.write(f"{now.counts.read}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main()
